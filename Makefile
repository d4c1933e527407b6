# Needs Python >= 3.11 and pip; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

.DEFAULT_GOAL := help
.PHONY: help demo test lint types unit bench bench-search bench-shadow bench-serve picture bench-batching clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("kairos needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[serve]" --group dev --constraint constraints.txt
	@touch $@

demo: $(READY) ## install, then plan the pool of the first example
	$(BIN)/kairos plan examples/01_rm2_budget.toml

test: lint types unit ## install, then lint, check the types, run the tests

lint: $(READY) ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY) ## static types
	$(BIN)/mypy

unit: $(READY) ## tests only
	$(BIN)/pytest

bench: $(READY) ## print the figures that the claims about speed rest on
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python benchmarks/plan_speed.py
	$(BIN)/python benchmarks/engine_speed.py
	$(BIN)/python benchmarks/decision_cost.py

bench-search: $(READY) ## print how many pools each search measures (ten minutes)
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python benchmarks/search_cost.py

bench-batching: $(READY) ## renew the simulated table of docs/batching.md: what merging and splitting are worth
	$(BIN)/python benchmarks/batching.py --write

bench-shadow: $(READY) ## renew the tables of docs/shadow.md: what each part of the policy buys (fifteen minutes)
	$(BIN)/python benchmarks/shadow.py --write

bench-serve: $(READY) ## print what kairos serve costs: added latency, queries/s, memory
	$(BIN)/python benchmarks/proxy_speed.py

picture: $(READY) ## renew docs/batching.svg and the table of capacities beside it
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python benchmarks/batching_picture.py

clean: ## remove what the targets made
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache
