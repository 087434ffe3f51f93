# Needs Python 3.11 or newer, make and git; everything else is set up inside the clone.
PYTHON ?= python3
# What a caller has set for other Pythons does not reach the ones of this clone.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV
.DEFAULT_GOAL := help
.PHONY: help up down clean test check contracts lock soak setup

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

setup:
	@$(PYTHON) local/bootstrap.py run

up: setup ## Set up, start and deploy the hub on this machine, and play the demo
	@.venv/bin/orderhub up

down: ## Stop exactly what `up` started; the state stays
	@test ! -x .venv/bin/orderhub || .venv/bin/orderhub down

clean: ## Stop, and forget all state
	@test ! -x .venv/bin/orderhub || .venv/bin/orderhub clean

test: ## Run every test, on a hub of its own
	@$(PYTHON) local/bootstrap.py test
	@.venv/bin/python -m pytest tests

check: ## Lint, types, import law, contracts and lock files in step
	@$(PYTHON) local/bootstrap.py test
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@PYTHONPATH=functions:. .venv/bin/lint-imports --no-cache
	@.venv/bin/python -m local.contracts --check
	@.venv/bin/python -m local.locks

contracts: setup ## Generate the API document, event catalog and schemas from the code
	@.venv/bin/python -m local.contracts

lock: ## Compile the lock files anew
	@$(PYTHON) local/bootstrap.py test
	@PATH="$(CURDIR)/.venv/bin:$$PATH" requirements/lock.sh

soak: ## Run the property tests ten times as long
	@$(PYTHON) local/bootstrap.py test
	@HYPOTHESIS_PROFILE=soak .venv/bin/python -m pytest tests/property
