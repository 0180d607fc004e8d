# What a person or a machine does with a clone. `make help` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

# Compiled once, not at every start: containers are often told otherwise, and tests take long to compile.
unexport PYTHONDONTWRITEBYTECODE

TESTS ?=
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes
COMPILE := compile pyproject.toml --quiet --universal --generate-hashes --no-strip-extras --no-emit-index-url --no-header

.PHONY: help run test test-all lint types format sandbox-coverage bench bench-sandbox bench-sync bench-reads bench-backfill chaos translations test-clients wheel lock clean

help: ## List these targets
	@sed -nE 's/^([a-z-]+):.*## (.*)$$/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

run: .venv/run.stamp ## Start the portal on http://localhost:5000 (PORT=8000 chooses another); Ctrl-C stops it
	@trap 'exit 0' INT; $(BIN)/flask --app app up

test: .venv/dev.stamp lint types ## Lint, type-check and run the everyday tests (TESTS="tests/flows -k trial": a part; CI=true: all, with coverage)
	@$(PYTEST) $(if $(TESTS),$(TESTS),$(if $(CI),--cov --cov-report=term:skip-covered,--everyday))

test-all: .venv/dev.stamp lint types ## The same with every test: both databases, real browser, long proofs
	@$(PYTEST)

lint: .venv/dev.stamp ## Check style and formatting
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet

types: .venv/dev.stamp ## Check types, strictly
	@$(BIN)/mypy

format: .venv/dev.stamp ## Reformat the code and fix what can be fixed
	@$(BIN)/ruff check --fix --quiet
	@$(BIN)/ruff format --quiet

wheel: .venv/dev.stamp ## Build the package into dist/ and run an app on it alone (fetches the build backend)
	@rm -rf dist
	@$(BIN)/python -m pip --disable-pip-version-check wheel . --no-deps --quiet --wheel-dir dist
	@$(BIN)/python -m pytest -q tests/examples/wheel.py

sandbox-coverage: .venv/dev.stamp ## Write docs/sandbox/coverage.md: what of Stripe's API the sandbox answers
	@$(BIN)/python -m tests.sandbox.coverage >docs/sandbox/coverage.md.new
	@mv docs/sandbox/coverage.md.new docs/sandbox/coverage.md

quotes: .venv/dev.stamp ## Make SEEDS=1000 random changes of plans, each invoiced as quoted (SEED=7 makes one alone)
	@$(BIN)/python -m tests.domain.quotes.random_changes --seeds $(SEEDS) $(if $(SEED),--seed $(SEED))

translations: .venv/dev.stamp ## Bring billing/translations up to date with the words in the code, and name what is still to translate
	@$(BIN)/python -m tests.translations.catalogs

test-clients: .venv/dev.stamp tests/clients/node_modules/.stamp ## Try Stripe's SDK for Node and its command line on the sandbox
	@$(BIN)/python -m tests.clients.run

tests/clients/node_modules/.stamp: tests/clients/package-lock.json
	@cd tests/clients && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

bench: bench-sandbox bench-sync bench-reads bench-backfill ## Measure everything that is measured, one after the other: an hour or so

bench-sandbox: .venv/dev.stamp ## Measure the sandbox: calls, and 10,000 subscriptions advanced by a month
	@$(BIN)/python -m tests.bench.sandbox

bench-sync: .venv/dev.stamp ## Measure the sync engine: accepting, applying, being exact (needs PostgreSQL)
	@$(BIN)/python -m tests.bench.sync

bench-reads: .venv/dev.stamp ## Measure gates and pages at a million invoices, beside a thousand
	@$(BIN)/python -m tests.bench.reads

bench-backfill: .venv/dev.stamp ## Measure how fast, and in how much memory, a million objects come over from Stripe
	@$(BIN)/python -m tests.bench.backfill

SEEDS ?= 1000
SEED ?=
chaos: .venv/dev.stamp ## Try the sync engine on SEEDS=1000 random lives in disorder (SEED=7 tries one alone)
	@$(BIN)/python -m tests.sync.chaos --seeds $(SEEDS) $(if $(SEED),--seed $(SEED))
	@$(if $(SEED),,$(BIN)/python -m pytest -q tests/sync/test_convergence.py -k whatever --hypothesis-profile=chaos)

lock: ## Resolve pyproject.toml into the two hash-pinned lock files (needs uv)
	@uv pip $(COMPILE) --output-file requirements.txt
	@uv pip $(COMPILE) --group dev --constraint requirements.txt --output-file requirements-dev.txt
	@! grep -n '://' requirements.txt requirements-dev.txt || { echo 'A lock file must hold no URL.' >&2; exit 1; }

clean: ## Remove the environment and every cache; data in instance/ stays
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.* htmlcov dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment. A stamp is newer than the lock it installed, so a second start installs nothing.
.venv/run.stamp: requirements.txt | .venv/bin/python
	@echo 'Installing what the portal needs ...'
	@$(PIP) -r requirements.txt
	@touch $@

.venv/dev.stamp: requirements-dev.txt | .venv/bin/python
	@echo 'Installing what the tests need ...'
	@$(PIP) -r requirements-dev.txt
	@touch $@ .venv/run.stamp

.venv/bin/python:
	@for python in python3.{20..11} python3 python; do \
		if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			exec "$$python" -m venv .venv; \
		fi; \
	done; \
	echo 'Python 3.11 or newer is needed (with its venv module: on Debian, apt install python3-venv).' >&2; exit 1
