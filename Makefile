# `make run` and `make test` are all that a fresh machine needs. `make help` lists the other targets.

PYTHON ?= python3
VENV := .venv
# DVC runs the first `python` on the PATH, which must be the one with the requirements.
export PATH := $(abspath $(VENV)/bin):$(PATH)
SAMPLE_WEIGHTS := weights/mobilenet_v2_0.35_rendered.weights.h5
SWEEP_FILE := $(or $(value SWEEP),sweep.yaml)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help install run test quick check dataset merge-dataset review relabel next verify remote doctor cluster sweep report export bench docs crash-test fuzz sample lock clean

help:
	@echo "make run                    install, pull the sample, run the pipeline, print the metrics"
	@echo "make install                install the requirements into .venv, and merge drivers for results into Git"
	@echo "make test                   install, check the code and run all tests"
	@echo "make quick                  run the tests that take seconds"
	@echo "make check                  check style and types"
	@echo "make dataset SOURCE=folder  make dataset_images/ from your own folder or zip file of class folders;"
	@echo "  [ADD=1]                   add the images to the dataset, in which every image keeps its split;"
	@echo "  [GROUPS=groups.csv]       the images of one group (columns path,group) go to the same split;"
	@echo "  [DECISIONS=decided.csv]   go on after a conflict, with the decisions in dataset_conflicts.csv;"
	@echo "  [BACKBONE=MobileNetV2]    set this backbone in params.yaml, with ImageNet weights and fitting values;"
	@echo "  [RECIPE=study]            train as the study did, with InceptionResNetV2 unless BACKBONE is set;"
	@echo "  [KEEP_PARAMS=1]           leave params.yaml as it is"
	@echo "make merge-dataset          merge the images of two branches, after git merge has stopped with a conflict in"
	@echo "  [DECISIONS=decided.csv]   dataset_images.dvc; go on after a conflict, with dataset_conflicts.csv"
	@echo "make review                 write review/index.html, a page to judge suspected labels and near-duplicates"
	@echo "make relabel VERDICTS=file  apply the verdicts.csv that this page downloads: move, remove and group images"
	@echo "make next SOURCE=folder     rank unlabelled images by what their labels would teach the model;"
	@echo "  [COUNT=50]                how many to rank"
	@echo "make bench SOURCE=folder    measure the pipeline against the study's method, on a folder of photographs"
	@echo "make verify                 run the last commit from scratch and report which outs are reproduced"
	@echo "make remote URL=address     add the team's DVC remote: ssh://, s3://, webdav(s)://, or a shared folder"
	@echo "make doctor                 check that all data and models are there and whole, here and on the remote;"
	@echo "  [REPAIR=1]                replace damaged copies by whole ones"
	@echo "make cluster WORKERS=n      run a Ray cluster of n workers on this machine until Ctrl-C, to try engine.name: ray"
	@echo "make sweep [SWEEP=file]     run the trials of sweep.yaml as DVC experiments, and compare their recipes"
	@echo "make report [REV=HEAD~1]    write report/index.html, one page that needs no network; compare with a commit;"
	@echo "  [FORMAT=md]               write report/report.md instead: the comment of a pull request, as Markdown"
	@echo "make export                 write the selected model as Keras, ONNX and LiteRT files into export/"
	@echo "make docs                   write the reference in docs/reference/ from the code"
	@echo "make crash-test             kill stages at random, fill their disk, and compare their outs (maintainers)"
	@echo "make fuzz                   damage images, parameters and other files at random for ten minutes (maintainers)"
	@echo "make sample                 draw the embedded sample and pretrain its backbone (maintainers)"
	@echo "make lock                   resolve requirements*.in into requirements*.txt"
	@echo "make clean                  remove .venv"

# The value of a variable as one word of the shell, whatever characters it has.
quoted = '$(subst ','\'',$(value $(1)))'

# Pulls only what is missing. Data that are present, changed or not, are left to `dvc repro`.
pull = @for file in $(1); do test -e "$${file%.dvc}" || dvc pull "$$file" || exit 1; done

# Git runs a merge driver only if the clone's own configuration defines it; .gitattributes just names it. Git starts it
# at the top of the repository, of which the project may be a folder: its path from there becomes one word of the shell.
install: $(VENV)/run
	@folder=$$(git rev-parse --show-prefix | sed "s/'/'\\\\''/g; s/%/%%/g") && git config merge.dvc-lock.driver \
		"cd './$$folder' && $(VENV)/bin/python -m commands.merge_lock \"\$$OLDPWD/%O\" \"\$$OLDPWD/%A\" \"\$$OLDPWD/%B\""
	@git config merge.generated.driver true
	@python -m commands.plots_page

run: install
	$(call pull,dataset_images.dvc weights/*.dvc)
	dvc repro
	@python -m commands.summary
	@python -m commands.differences

test: check
	python -m pytest --numprocesses 2 --dist loadgroup

quick: $(VENV)/test
	python -m pytest --numprocesses 2 --dist loadgroup -m "not slow"

check: $(VENV)/test
	ruff check .
	ruff format --check .
	mypy

option = $(if $(value $(1)),$(2) $(call quoted,$(1)))
dataset_options = $(call option,GROUPS,--groups) $(call option,DECISIONS,--decisions) \
	$(call option,BACKBONE,--backbone) $(call option,RECIPE,--recipe) $(if $(value KEEP_PARAMS),--keep-params) \
	$(if $(value ADD),--add)
dataset: $(VENV)/run
	@test -n $(call quoted,SOURCE) || { echo "SOURCE is missing: name a folder with make dataset SOURCE=folder" >&2; exit 1; }
	$(call pull,weights/*.dvc $(if $(value ADD),dataset_images.dvc))
	@python -m commands.dataset $(dataset_options) -- $(call quoted,SOURCE)

merge-dataset: $(VENV)/run
	@python -m commands.merge_dataset $(call option,DECISIONS,--decisions)

review: $(VENV)/run
	$(call pull,dataset_images.dvc)
	@python -m commands.label_review

relabel: $(VENV)/run
	@test -n $(call quoted,VERDICTS) || { echo "VERDICTS is missing: name the file with make relabel VERDICTS=verdicts.csv" >&2; exit 1; }
	@python -m commands.relabel -- $(call quoted,VERDICTS)

next: $(VENV)/run
	@test -n $(call quoted,SOURCE) || { echo "SOURCE is missing: name a folder with make next SOURCE=folder" >&2; exit 1; }
	@python -m commands.label_next $(call option,COUNT,--count) -- $(call quoted,SOURCE)

verify: $(VENV)/run
	@python -m commands.verify

remote: $(VENV)/run
	@test -n $(call quoted,URL) || { echo "URL is missing: name a server or a folder with make remote URL=address" >&2; exit 1; }
	@python -m commands.remote -- $(call quoted,URL)

doctor: $(VENV)/run
	@python -m commands.doctor $(if $(value REPAIR),--repair)

cluster: $(VENV)/ray
	@test -n $(call quoted,WORKERS) || { echo "WORKERS is missing: say how many with make cluster WORKERS=n" >&2; exit 1; }
	@python -m commands.cluster -- $(call quoted,WORKERS)

# Optuna is for a search alone.
sweep: $(VENV)/run
	$(call pull,dataset_images.dvc weights/*.dvc)
	@! grep -qs '^search:' -- $(call quoted,SWEEP_FILE) || $(MAKE) --no-print-directory $(VENV)/sweep
	@python -m commands.sweep --file $(call quoted,SWEEP_FILE)

report: $(VENV)/run
	@python -m commands.report $(call option,REV,--rev) $(call option,FORMAT,--format)

export: $(VENV)/run
	@python -m commands.export

# Takes about an hour on two cores. The ImageNet weights of MobileNetV2 come from KERAS_HOME or the network.
photographs = $(call quoted,$(if $(value SOURCE),SOURCE,WASTE_PHOTOS))
bench: $(VENV)/run
	@test -n $(photographs) || { echo "SOURCE is missing: name a folder of photographs with make bench SOURCE=folder" >&2; exit 1; }
	python -m benchmarks $(photographs)

docs: $(VENV)/run
	python -m commands.reference

crash-test: $(VENV)/run
	python -m benchmarks.crashes benchmarks/results/crashes.json

fuzz: $(VENV)/test
	python -m pytest tests/project/test_fuzz*.py --hypothesis-profile=long

sample: $(VENV)/run
	rm -rf sample/drawn
	python -m sample.draw sample/drawn
	python -m commands.dataset sample/drawn --keep-params
	python -m sample.pretrain $(SAMPLE_WEIGHTS)
	python -m commands.embed dataset_images $(SAMPLE_WEIGHTS)

# Ray, Optuna and the clients of the remotes keep the pins of requirements.txt, and the tests those of all of them.
OPTIONAL := ray sweep s3 ssh webdav
compile = uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header
lock: $(VENV)/test
	$(compile) -o requirements.txt requirements.in
	for kind in $(OPTIONAL); do \
		$(compile) -c requirements.txt -o requirements-$$kind.txt requirements-$$kind.in || exit 1; \
	done
	$(compile) -c requirements.txt $(OPTIONAL:%=-c requirements-%.txt) -o requirements-test.txt requirements-test.in

clean:
	rm -rf $(VENV)

# One stamp for each requirements file: a newer requirements file is installed again.
$(VENV)/run: requirements.txt | $(VENV)/bin/python
	python -m pip install --quiet --require-hashes -r requirements.txt
	@touch $@

$(VENV)/ray: requirements-ray.txt $(VENV)/run
	python -m pip install --quiet --require-hashes -r requirements-ray.txt
	@touch $@

$(VENV)/sweep: requirements-sweep.txt $(VENV)/run
	python -m pip install --quiet --require-hashes -r requirements-sweep.txt
	@touch $@

$(VENV)/test: requirements-test.txt $(VENV)/run
	python -m pip install --quiet --require-hashes -r requirements-test.txt
	@touch $@

# The pinned requirements have wheels for these versions only: on others, pip would try to compile, and fail in C.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else \
		"$(PYTHON) is Python %d.%d, and the pinned requirements exist for Python 3.11, 3.12 and 3.13 only: " % v + \
		"install one of these and name it, as in make run PYTHON=python3.13.")'
	$(PYTHON) -m venv $(VENV)
