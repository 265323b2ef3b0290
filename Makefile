# `make run` and `make test` are all that a fresh machine needs; `make help` lists the rest.

PYTHON ?= python3
VENV := .venv
# DVC runs `python` as it finds it: it must find the one with the requirements.
export PATH := $(abspath $(VENV)/bin):$(PATH)
SAMPLE_WEIGHTS := weights/mobilenet_v2_0.35_rendered.weights.h5
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help run test check dataset verify report export bench crash-test fuzz sample lock clean

help:
	@echo "make run                    install, pull the sample, run the pipeline, print the metrics"
	@echo "make test                   install, check the code and run all tests"
	@echo "make check                  the style and type checks alone"
	@echo "make dataset SOURCE=folder  make dataset_images/ from your own folder of class folders;"
	@echo "  [GROUPS=groups.csv]       the images of one group (columns path,group) go to the same split"
	@echo "make bench SOURCE=folder    measure the pipeline against the study's way, on a folder of photographs"
	@echo "make verify                 run the last commit from scratch, and say whether all of it came out the same"
	@echo "make report [REV=HEAD~1]    write report/index.html, one page that opens anywhere"
	@echo "make export                 write the selected model as Keras and LiteRT files, into export/"
	@echo "make crash-test             kill stages at random, fill their disk, and see that they end the same (maintainers)"
	@echo "make fuzz                   damage images and parameters at random for ten minutes (maintainers)"
	@echo "make sample                 draw the embedded sample anew and pretrain its backbone (maintainers)"
	@echo "make lock                   resolve requirements*.in into requirements*.txt"
	@echo "make clean                  remove .venv"

# A variable as one word of the shell, whatever is in it
quoted = '$(subst ','\'',$(value $(1)))'

# What is missing is pulled; what is there, changed or not, is left to `dvc repro`.
pull = @for file in $(1); do test -e "$${file%.dvc}" || dvc pull "$$file" || exit 1; done

run: $(VENV)/run
	$(call pull,dataset_images.dvc weights/*.dvc)
	dvc repro
	@python -m commands.summary

test: check
	python -m pytest --numprocesses 2 --dist loadgroup

check: $(VENV)/test
	ruff check .
	ruff format --check .
	mypy

dataset: $(VENV)/run
	@test -n $(call quoted,SOURCE) || { echo "Say which folder: make dataset SOURCE=folder" >&2; exit 1; }
	$(call pull,weights/*.dvc)
	@python -m commands.dataset $(call quoted,SOURCE) $(if $(value GROUPS),--groups $(call quoted,GROUPS))

verify: $(VENV)/run
	@python -m commands.verify

report: $(VENV)/run
	@python -m commands.report $(if $(value REV),--rev $(call quoted,REV))

export: $(VENV)/run
	@python -m commands.export

# About an hour on two cores; the ImageNet weights of MobileNetV2 come from KERAS_HOME or the network.
photographs = $(call quoted,$(if $(value SOURCE),SOURCE,WASTE_PHOTOS))
bench: $(VENV)/run
	@test -n $(photographs) || { echo "Say which photographs: make bench SOURCE=folder" >&2; exit 1; }
	python -m benchmarks $(photographs)

crash-test: $(VENV)/run
	python -m benchmarks.crashes benchmarks/results/crashes.json

fuzz: $(VENV)/test
	python -m pytest tests/test_fuzz.py --hypothesis-profile=long

sample: $(VENV)/run
	rm -rf sample/drawn
	python -m sample.draw sample/drawn
	python -m commands.dataset sample/drawn
	python -m sample.pretrain $(SAMPLE_WEIGHTS)
	python -m commands.embed dataset_images $(SAMPLE_WEIGHTS)

lock: $(VENV)/test
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		-o requirements.txt requirements.in
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		-c requirements.txt -o requirements-test.txt requirements-test.in

clean:
	rm -rf $(VENV)

# A stamp a requirements file: what is installed is as new as what it asks for.
$(VENV)/run: requirements.txt | $(VENV)/bin/python
	python -m pip install --quiet --require-hashes -r requirements.txt
	@touch $@

$(VENV)/test: requirements-test.txt $(VENV)/run
	python -m pip install --quiet --require-hashes -r requirements-test.txt
	@touch $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
