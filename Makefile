# Works with GNU make 3.81 (macOS) and newer. Needs Python 3.10 to 3.13, nothing else.

VENV ?= .venv
RECORDING ?= ddsp/recordings/singing.flac
OUT ?= demo
DEMO_ARGS ?=
PYTEST_ARGS ?=
# Processes that run tests, each of some GB; 0 runs them in pytest's own.
WORKERS ?= 2
BIN := $(VENV)/bin

# The newest interpreter for which TensorFlow exists and which can make an environment.
# Say `make PYTHON=/path/to/python ...` to take another one.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.10 python3 python; do \
  $$p -c 'import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' \
    >/dev/null 2>&1 && echo $$p && break; done)

.DEFAULT_GOAL := help
.PHONY: help demo test lint format docs test-matrix clean

help:  ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.train  ## resynthesise the bundled singing and play it on a violin
	@rm -f $(OUT)/violin.wav
	$(BIN)/ddsp fit $(RECORDING) --out $(OUT) --overwrite $(DEMO_ARGS)
	$(BIN)/ddsp transfer $(RECORDING) --instrument violin --out $(OUT)/violin.wav \
	  --report $(OUT)/report.html --add_to_report
	@echo
	@echo "The report is $(OUT)/report.html: open it in a browser."

test: $(VENV)/.dev  ## run all tests
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile \
	  --no-loadscope-reorder $(PYTEST_ARGS)

lint: $(VENV)/.dev  ## look for mistakes and for lines that are not formatted
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.dev  ## format everything and mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.docs  ## build the documentation: site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

test-matrix: $(VENV)/.dev  ## test the wheel on the oldest and the newest platform
	$(BIN)/nox --session tests

clean:  ## remove environments, caches and what was built
	rm -rf $(VENV) .nox build dist demo site *.egg-info
	rm -rf .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment is installed again only when the requirements change.
$(VENV)/.train $(VENV)/.docs $(VENV)/.dev: $(VENV)/.%: pyproject.toml $(VENV)/pyvenv.cfg
	@echo "Installing ddsp with its extra '$*' into $(VENV): a few minutes, once."
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable '.[$*]'
	@touch $@

$(VENV)/pyvenv.cfg:
	@test -n "$(PYTHON)" || { \
	  echo "No Python from 3.10 to 3.13 with the modules venv and ensurepip was found."; \
	  echo "Debian and Ubuntu: sudo apt install python3 python3-venv"; \
	  echo "macOS: brew install python@3.13"; \
	  echo "Or name one: make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
