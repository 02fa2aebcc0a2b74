# Targets that need .venv create it first. `make` alone lists the targets.

.DEFAULT_GOAL := help
.PHONY: help setup demo test quick coverage trains check fix site dev bench soak vulnerabilities stamp docs lock hooks clean

# One process more than processors, because tests also wait for servers and browsers.
JOBS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
BIN := .venv/bin
CHECKS := check-types check-sql check-catalog check-python check-texts
QUICK ?= tests/sql tests/domain tests/catalog tests/db/test_*.py tests/steps/test_step_*.py tests/hosting
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder
OUTPUT_SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
UV ?= $(BIN)/uv

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

setup: ## create .venv from the lock file, unless it is up to date
	@for python in python3.14 python3.13 python3.12 python3.11 python3; do \
	    "$$python" -c 'import ensurepip, venv, sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' \
	        2>/dev/null && exec "$$python" .ci/setup.py; \
	done; \
	echo "make: no Python from 3.11 to 3.14 with venv was found on PATH; install one (on Debian: python3 python3-venv)" >&2; \
	exit 1

demo: setup ## route this repository's git history on an embedded database, and print the result
	@$(BIN)/python -m iu_pipelines demo

test: setup ## run the whole test suite
	@$(PYTEST) $(PYTEST_ARGS)

quick: setup ## run the tests that need less than a minute together
	@$(PYTEST) -q $(PYTEST_ARGS) $(QUICK)

coverage: setup ## run the whole test suite and show which lines of iu_pipelines it runs
	@$(PYTEST) --cov --cov-report=term:skip-covered $(PYTEST_ARGS)

trains: setup ## run the tests of Dagster on its oldest and newest supported train (needs a network)
	@JOBS=$(JOBS) $(BIN)/python .ci/trains.py

check: setup ## check style, types, import contracts, SQL, steps, stamps and generated pages
	@$(MAKE) --no-print-directory -j $(JOBS) $(OUTPUT_SYNC) $(CHECKS)

.PHONY: $(CHECKS)
check-types:
	@$(BIN)/mypy
check-sql:
	@PYTHONWARNINGS=ignore:resource_tracker $(BIN)/sqlfluff lint --disable-progress-bar --processes 2 sql iu_pipelines docs
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
	@$(BIN)/sqlfluff fix --disable-progress-bar --quiet sql iu_pipelines docs || true
	@$(BIN)/python -m iu_pipelines steps stamp
	@$(BIN)/python docs/generate.py

site: setup ## build the documentation site, and say where it is
	@$(BIN)/python docs/build_site.py

dev: setup ## run Dagster's web UI and daemon on the embedded database
	@$(BIN)/python -m iu_pipelines dev

bench: setup ## run the benchmark, and write docs/performance.md
	@$(BIN)/python -m bench

soak: setup ## run workers, writers and faults at once for SOAK_SECONDS (600)
	@PYTHONPATH=tests $(BIN)/python -m soak

vulnerabilities: setup ## report known vulnerabilities of the locked packages (needs a network)
	@$(BIN)/python .ci/vulnerabilities.py

stamp: setup ## write the checksums of edited steps
	@$(BIN)/python -m iu_pipelines steps stamp

docs: setup ## generate the pages and tables that are made from the code
	@$(BIN)/python docs/generate.py

lock: setup ## update requirements.lock (needs a network)
	@$(UV) pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	    --no-header --no-annotate --no-strip-extras --quiet --output-file requirements.lock

clean: ## stop the embedded server, and remove .iu, .trains, .venv, builds, the site and caches
	@[ ! -x $(BIN)/python ] || [ ! -d .iu ] || $(BIN)/python -m iu_pipelines stop
	@rm -rf .iu .trains .venv .venv.lock build dist site .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

hooks: setup ## make git run the checks of .githooks before each commit
	@git config core.hooksPath .githooks
