# `make run` and `make test` are all that a fresh machine needs; `make help` lists the rest.

PYTHON ?= python3
VENV := .venv
# DVC runs `python` as it finds it: it must find the one with the requirements.
export PATH := $(abspath $(VENV)/bin):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help run test check dataset lock clean

help:
	@echo "make run                    install, pull the sample, run the pipeline, print the metrics"
	@echo "make test                   install, check the code and run all tests"
	@echo "make check                  the style and type checks alone"
	@echo "make dataset SOURCE=folder  make dataset_images/ from your own folder of class folders"
	@echo "make lock                   resolve requirements*.in into requirements*.txt"
	@echo "make clean                  remove .venv"

run: $(VENV)/run
	dvc pull --quiet dataset_images.dvc weights/*.dvc
	dvc repro
	@python -m commands.summary

test: $(VENV)/test check
	dvc pull --quiet dataset_images.dvc weights/*.dvc
	python -m pytest

check: $(VENV)/test
	ruff check .
	ruff format --check .
	mypy

dataset: $(VENV)/run
	@test -n "$(SOURCE)" || { echo "Say which folder: make dataset SOURCE=folder" >&2; exit 1; }
	@python -m commands.dataset "$(SOURCE)"

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
