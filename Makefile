# Two commands do everything: `make demo` and `make test`. Neither needs a GPU, a model hub or root.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# A lock file to install exactly from, as CI does: make test CONSTRAINTS=requirements.lock
CONSTRAINTS ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check
DEMO_BRIEF ?= assets/briefs/coffee.zh.yaml
DEMO_KIT ?= kits/coffee

.PHONY: help demo app test test-fast lint format bench pull clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/.installed: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14) and "AIGC Studio needs Python 3.10 to 3.13; set PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --progress-bar off $(addprefix -c ,$(CONSTRAINTS)) -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install --quiet --progress-bar off $(addprefix -c ,$(CONSTRAINTS)) -e '.[dev]'
	@touch $@

pull: $(VENV)/.installed  ## bring the embedded models (2 GB, once)
	$(BIN)/studio models pull

demo: pull  ## set up, make the sample campaign, say where it is
	$(BIN)/studio make campaign $(DEMO_BRIEF) --out $(DEMO_KIT)
	@echo
	@echo "Your campaign kit:   $(CURDIR)/$(DEMO_KIT)/index.html"
	@echo "Start the app with:  make app"

app: pull  ## start the studio in the browser
	$(BIN)/studio app --open

test: $(VENV)/.installed-dev pull lint  ## set up and run every test
	$(BIN)/python -m pytest

test-fast: $(VENV)/.installed-dev  ## the tests on fakes and tiny models
	$(BIN)/python -m pytest -m 'not acceptance'

lint: $(VENV)/.installed-dev  ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-dev pull  ## print the budgets, measured here
	$(BIN)/python -m benchmarks

clean:  ## remove what the tools left behind
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build
