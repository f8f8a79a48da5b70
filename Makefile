# The commands of the project. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
READY := $(VENV)/.ready
PEOPLE ?= 1060000
HOME_DIR ?= home
SIDE_BY_SIDE := -n 2 --dist loadfile

.PHONY: help docs setup demo ui test test-all check format lock bench-scale clean

help: ## list the commands
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.lock pyproject.toml
	@command -v $(UV) >/dev/null 2>&1 || { echo "installing uv"; $(PYTHON) -m venv .uv 2>/dev/null && .uv/bin/pip install --quiet uv || $(PYTHON) -m pip install --quiet --target .uv uv; }
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) $(VENV)
	@echo "installing the locked environment (about a minute the first time)"
	@VIRTUAL_ENV=$(VENV) $(UV) pip sync --quiet --require-hashes requirements.lock
	@VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --no-deps --no-build-isolation --editable . 
	@touch $@

setup: $(READY) ## make the environment from the lock

demo: $(READY) ## 20,000 artificial people, four weekly deliveries, lists, dashboard, model card
	@$(BIN)/anticipate --home $(HOME_DIR) demo

ui: $(READY) ## open the Dagster UI on this machine
	@$(BIN)/anticipate --home $(HOME_DIR) ui

test: $(READY) ## the tests that every change must pass (at most ten minutes)
	@$(BIN)/python -m pytest -q $(SIDE_BY_SIDE) -m "not slow"

test-all: $(READY) ## every test: kill, fuzz, Spark (at most an hour)
	@$(BIN)/python -m pytest -q $(SIDE_BY_SIDE)

check: $(READY) ## format, lint, types, tests
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(MAKE) --no-print-directory test

format: $(READY) ## format the code and mend what can be mended
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lock: ## resolve the dependencies anew into requirements.lock
	@$(UV) pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet --output-file requirements.lock

docs: $(READY) ## the handbook as a static site in build/handbook
	@$(BIN)/anticipate docs build/handbook

bench-scale: $(READY) ## the whole path at PEOPLE=1060000, stage by stage, beside the floor
	@$(BIN)/python -m tests.bench.scale --people $(PEOPLE)

clean: ## remove the environment and the demonstration home
	@rm -rf $(VENV) .uv home .pytest_cache .ruff_cache .mypy_cache
