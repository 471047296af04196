# Each target works alone on a machine that has Python 3.11 or later and make: it makes .venv, installs, and runs.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# The tests start hundreds of interpreters: they would compile everything anew, as pytest does its own files.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test test-fast test-matrix chaos lint types benchmarks gallery clean

help:
	@echo "make demo         run configs/quickstart.yaml and draw its graphs"
	@echo "make test         all tests, on SQLite and PostgreSQL (8 to 12 minutes on 2 cores; the first time 2 more, to install)"
	@echo "make test-fast    the unit tests (1 minute; the first time 2 more, to install)"
	@echo "make test-matrix  all tests under each Python 3.11-3.13 found here, with SQLAlchemy 2.0 and 2.1"
	@echo "make chaos        hundreds of kills at random moments, on both databases (minutes)"
	@echo "make lint types   style, import directions, types"
	@echo "make benchmarks   speed, as ratios to a baseline in the same run"
	@echo "make gallery      run all of configs/, redraw the pictures of docs/gallery.md (minutes)"

demo: .venv/installed-examples
	$(BIN)/experiments run configs/quickstart.yaml
	$(BIN)/experiments graphs quickstart

test: .venv/installed-test
	$(BIN)/python -m tests

test-fast: .venv/installed-test
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/unit

test-matrix:
	$(PYTHON) .ci/matrix.py

chaos: .venv/installed-test
	$(BIN)/python -m tests.chaos

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: .venv/installed-dev
	$(BIN)/mypy

benchmarks: .venv/installed-test
	$(BIN)/python benchmarks/start.py
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/metrics.py
	$(BIN)/python benchmarks/creation.py
	$(BIN)/python benchmarks/graphs.py
	$(BIN)/python benchmarks/intervals.py
	$(BIN)/python benchmarks/coverage.py
	$(BIN)/python benchmarks/sessions.py
	$(BIN)/python benchmarks/scale.py
	$(BIN)/python benchmarks/many_workers.py

gallery: .venv/installed-examples
	$(BIN)/python .ci/gallery.py

clean:
	rm -rf .venv .matrix build *.egg-info

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv

.venv/installed-%: setup.cfg pyproject.toml | .venv/bin/python
	$(PIP) install -e '.[$*]'
	@touch $@
