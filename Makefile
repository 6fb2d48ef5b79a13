# Each target is a line or two over plain commands; README.md shows them without make.
PYTHON ?= python3
# Where to get torch from, for those who do not want its default build: the index that pytorch.org names for CPU.
TORCH_INDEX ?=
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: repro test bench plots pins clean

repro: .venv/repro.stamp  ## set up, get the data, run the DAG, print the scores
	@python -m classifier params
	@python data/fetch.py
	@python -m review repro
	@python -m classifier scores

test: .venv/test.stamp  ## set up, then lint, types and tests
	ruff check . && ruff format --check . && mypy
	pytest -n auto --dist loadfile

bench: .venv/test.stamp  ## figures for the docs: cross-validation, time, memory
	python -m benchmarks.crossval
	python -m benchmarks.pipeline
	python -m benchmarks.scaling
	python -m benchmarks.prediction

plots: .venv/repro.stamp  ## one page with all plots
	dvc plots show

pins:  ## compile requirements*.in into exact pins
	$(PYTHON) -m venv .venv/pins && .venv/pins/bin/pip install --quiet pip-tools==7.6.2
	.venv/pins/bin/pip-compile $(PIN_OPTIONS) requirements.in -o requirements.txt
	sed -i 's/^\(torch==[0-9.]*\)+[a-z0-9]*/\1/' requirements.txt
	.venv/pins/bin/pip-compile $(PIN_OPTIONS) requirements-dev.in -o requirements-dev.txt

clean:  ## remove the environment, not the data
	rm -rf .venv

PIN_OPTIONS = --quiet --allow-unsafe --strip-extras --annotation-style line \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

.venv/repro.stamp: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(if $(TORCH_INDEX),pip install --quiet --index-url $(TORCH_INDEX) $$(grep ^torch== requirements.txt | cut -d' ' -f1))
	pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/test.stamp: .venv/repro.stamp requirements-dev.txt
	pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@
