# Everything a bare machine with python3 (3.11 or newer) and make needs: `make run`, `make test`.
# The virtual environment is made on first use. uv is used where it is installed, and never needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
ifneq ($(UV),)
MAKE_VENV = uv venv --quiet --allow-existing --python $(PYTHON) $(VENV)
INSTALL = uv pip install --quiet --python $(BIN)/python
else
MAKE_VENV = $(PYTHON) -m venv $(VENV)
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

.PHONY: run test check fuzz bench clean

run: $(VENV)/.run          ## serve; more options by ARGS="--port 24333"
	@$(BIN)/morello serve $(ARGS)

test: $(VENV)/.test        ## lint, types and all tests
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(ARGS)

check: $(VENV)/.test       ## lint and types only
	$(BIN)/ruff check .
	$(BIN)/mypy

FUZZ_EXAMPLES ?= 300
DIFFERENTIAL_CASES ?= 10000

fuzz: $(VENV)/.test        ## fuzzing of the contract, and both stacks compared, with many more cases of each
	MORELLO_FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) MORELLO_DIFFERENTIAL_CASES=$(DIFFERENTIAL_CASES) \
		$(BIN)/python -m pytest tests/fuzz $(wildcard tests/contract/test_differential*.py) $(ARGS)

bench: $(VENV)/.test       ## the figures that stand in the README
	$(BIN)/python tests/bench/bench.py $(ARGS)

$(VENV)/bin/python:
	$(MAKE_VENV)

$(VENV)/.run: $(VENV)/bin/python pyproject.toml .ci/constraints.txt
	$(INSTALL) --constraint .ci/constraints.txt --editable .
	@touch $@

$(VENV)/.test: $(VENV)/bin/python pyproject.toml .ci/constraints.txt
	$(INSTALL) --constraint .ci/constraints.txt --editable '.[test]'
	@touch $@ $(VENV)/.run

clean:                     ## remove what the above made
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
