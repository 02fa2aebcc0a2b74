# Every target does its own set-up. `make` alone explains them.

.DEFAULT_GOAL := help
.PHONY: help setup demo test quick coverage check fix dev bench soak audit stamp docs lock clean

JOBS ?= 2
BIN := .venv/bin
CHECKS := check-types check-sql check-catalog check-python check-texts
QUICK ?= tests/sql tests/domain tests/catalog
OUTPUT_SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
UV ?= uv

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile

setup: ## make .venv from the lock file; instant when it is there
	@for python in python3.14 python3.13 python3.12 python3.11 python3; do \
	    "$$python" -c 'import ensurepip, venv, sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' \
	        2>/dev/null && exec "$$python" .ci/setup.py; \
	done; \
	echo "make: no Python from 3.11 to 3.14 with venv was found on PATH; install one (on Debian: python3 python3-venv)" >&2; \
	exit 1

demo: setup ## start everything, route this repository's own history, and show what happened
	@$(BIN)/python -m iu_pipelines demo

test: setup ## run the whole test suite
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(PYTEST_ARGS)

quick: setup ## run the tests that need less than a minute together
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -q $(PYTEST_ARGS) $(QUICK)

coverage: setup ## run the whole test suite and show which lines of iu_pipelines it runs
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --cov --cov-report=term:skip-covered $(PYTEST_ARGS)

check: setup ## check style, types, import contracts, SQL, steps, stamps and generated pages
	@$(MAKE) --no-print-directory -j $(JOBS) $(OUTPUT_SYNC) $(CHECKS)

.PHONY: $(CHECKS)
check-types:
	@$(BIN)/mypy
check-sql:
	@$(BIN)/sqlfluff lint --disable-progress-bar --processes 2 sql iu_pipelines
	@$(BIN)/squawk sql/*/runtime/*.sql
check-catalog:
	@$(BIN)/python -m pytest -q --no-header tests/catalog/test_laws.py -k plpgsql_check
check-python:
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/lint-imports --no-logo
check-texts:
	@$(BIN)/python .ci/style.py
	@$(BIN)/python -m iu_pipelines steps stamp --check
	@$(BIN)/python docs/generate.py --check

fix: setup ## repair what a program can: imports, formats, stamps, generated pages
	@$(BIN)/ruff check --fix --quiet || true
	@$(BIN)/ruff format --quiet
	@$(BIN)/sqlfluff fix --disable-progress-bar --quiet sql iu_pipelines || true
	@$(BIN)/python -m iu_pipelines steps stamp
	@$(BIN)/python docs/generate.py

dev: setup ## Dagster's web UI and daemon on the embedded database
	@$(BIN)/python -m iu_pipelines dev

bench: setup ## the benchmark, against its floor and its peers
	@$(BIN)/python -m bench

soak: setup ## faults and races at once, for SOAK_SECONDS (600)
	@PYTHONPATH=tests $(BIN)/python -m soak

audit: setup ## known weaknesses of the locked packages, where the network lets us ask
	@$(BIN)/python .ci/audit.py

stamp: setup ## write the checksums of edited steps
	@$(BIN)/python -m iu_pipelines steps stamp

docs: setup ## write the pages of docs/reference that are made from the code
	@$(BIN)/python docs/generate.py

lock: ## write requirements.lock anew (needs uv)
	@$(UV) pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	    --no-header --no-annotate --no-strip-extras --quiet --output-file requirements.lock

clean: ## stop the embedded server and remove what was made
	@[ ! -x $(BIN)/python ] || [ ! -d .iu ] || $(BIN)/python -m iu_pipelines stop
	@rm -rf .iu .venv .venv.lock build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: hooks
hooks: setup ## make git run the checks of .githooks before each commit
	@git config core.hooksPath .githooks
