# What people type. Each target installs what it needs into .venv from the hashed locks, without root.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --disable-pip-version-check --quiet
INSTALL = ops/install.sh $(BIN)/python
LOCK = ops/lock.sh
# Most tests wait for a server or a child process: use more workers than cores.
WORKERS ?= 4
ARGS ?=
# Modules are compiled when first imported, not all at once: a first demo starts sooner.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo check test sim e2e stories labs bench lint format lock docs site clean release-patch validate deploy diagnose

help: ## Show this list.
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.dev ## Create .venv with everything for work on bb8deploy.

demo: $(VENV)/.runtime ## Release this workspace into an embedded Home Assistant host, and show it.
	@$(BIN)/bb8deploy demo $(ARGS)

check: $(VENV)/.dev ## Before a commit: format, lint, types and unit tests, in about a minute.
	@$(BIN)/ruff format --quiet .
	@$(MAKE) --no-print-directory lint
	@$(BIN)/pytest tests/unit -n $(WORKERS) --dist worksteal -q $(ARGS)

test: $(VENV)/.dev ## Run the tests: unit, contracts, real ssh servers, brokers and embedded hosts. None needs root.
	@$(BIN)/pytest -m "not e2e" -n $(WORKERS) --dist worksteal -q $(ARGS)

sim: $(VENV)/.dev ## Play seeded schedules of commands, faults and kills: N=20000, SEED=7, or ARGS=--mutants.
	@$(BIN)/python -m tests.sim $(if $(SEED),--seed $(SEED),--n $(or $(N),20000)) $(ARGS)

e2e: stories labs ## Both of the following.

stories: $(VENV)/.dev ## Play whole stories of commands on embedded hosts: kills, faults, troubles, a day's work.
	@$(BIN)/pytest -m e2e --ignore=tests/e2e -n $(WORKERS) --dist worksteal -q $(ARGS)

labs: $(VENV)/.dev ## Run the real parts: Docker, Home Assistant Core, BlueZ and AppArmor in a kernel of their own, the demo.
	@$(BIN)/pytest tests/e2e -n 2 --dist loadfile -q $(ARGS)

bench: $(VENV)/.dev ## Measure the figures; writes reports/bench/*.json.
	@$(BIN)/python -m ops.bench.all $(ARGS)

lint: $(VENV)/.dev ## Check style, format, dependencies, workflows and types.
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/deptry src >/dev/null 2>&1 || $(BIN)/deptry src
	@$(BIN)/zizmor --offline .github action.yml >/dev/null 2>&1 || $(BIN)/zizmor --offline .github action.yml
	@PYTHONPATH=src:addon $(BIN)/lint-imports --no-cache >$(VENV)/imports || { cat $(VENV)/imports; exit 1; }
	@$(BIN)/mypy --strict src
	@$(BIN)/mypy --strict addon/bb8_core

format: $(VENV)/.dev ## Format the code.
	@$(BIN)/ruff format .

docs: $(VENV)/.dev ## Generate the generated pages of docs/ again.
	@$(BIN)/python -m ops.docs.generate

site: $(VENV)/.site ## Build the website of docs/ into site/; a broken link or a page without a place in the nav fails.
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict $(ARGS) 2>$(VENV)/site.log || { cat $(VENV)/site.log; exit 1; }

lock: $(VENV)/.dev ## Resolve the dependencies again and write the locks.
	@$(LOCK)

clean: ## Remove .venv, caches and reports.
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage site
	@find reports -mindepth 1 ! -name .gitkeep -delete

release-patch: $(VENV)/.runtime ## bb8deploy release patch
	@$(BIN)/bb8deploy release patch $(ARGS)

validate: $(VENV)/.runtime ## bb8deploy validate
	@$(BIN)/bb8deploy validate $(ARGS)

deploy: $(VENV)/.runtime ## bb8deploy deploy
	@$(BIN)/bb8deploy deploy $(ARGS)

diagnose: $(VENV)/.runtime ## bb8deploy diagnose
	@$(BIN)/bb8deploy diagnose $(ARGS)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "bb8deploy needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3"; exit 1; }
	@echo "creating $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	@$(INSTALL) requirements.lock --no-deps --require-hashes --no-compile -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.site: requirements-site.lock $(wildcard ops/site/package*.json) | $(BIN)/python
	@$(INSTALL) requirements-site.lock --no-deps --require-hashes --no-compile -r requirements-site.lock
	@ops/site/install_mermaid.sh $(VENV)/site
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(BIN)/python
	@$(INSTALL) requirements-dev.lock --no-deps --require-hashes --no-compile -r requirements-dev.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.runtime
