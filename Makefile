# What a person does here. `make help` lists it; every target brings what it needs.

# An interpreter with venv, 3.13 where there is one: Lambda's, and the only one that builds the layer.
NEW_ENOUGH := 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.14 python3; do \
	$$p -c $(NEW_ENOUGH) 2>/dev/null && echo $$p && break; done)
PORT ?= 3000
BIN := .venv/bin
PARALLEL := --numprocesses auto --maxprocesses 4 --dist loadfile # each process has servers of its own
define install
	@$(BIN)/python -c $(NEW_ENOUGH) || { echo ".venv has a Python older than 3.11: rm -r .venv, then try again"; exit 1; }
	@echo "Installing $(1) into .venv: a minute or two" >&2
	@$(BIN)/python $(INSTALL) $< && touch $@ || \
		{ echo "The packages could not be installed. The messages above say why; a first start needs a network."; exit 1; }
endef
INSTALL := -m pip install --quiet --disable-pip-version-check --require-hashes -r

export PYTHONPATH := .:layers/shared

.DEFAULT_GOAL := help
.PHONY: help run migrate remove test test-slow fuzz fuzz-sql test-build test-sam check checkov format bench build seed load psql env clean-state openapi lint-openapi lock

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/.run ## the whole system on this machine: PORT=3000 DATABASE_URL= SLUICE_SEED=none ARGS=--verbose
	@exec $(BIN)/python -m local --port "$(PORT)" $(ARGS)

migrate: .venv/.run ## set up a database of your own: DATABASE_URL=postgresql://… APP=shop PLAN=1
	@$(BIN)/python -m local migrate

remove: .venv/.run ## remove what `make migrate` made: DATABASE_URL=postgresql://… DROP_APP=shop
	@$(BIN)/python -m local remove

test: .venv/.dev ## every test that a change should wait for: ARGS='-k cursor'
	@$(BIN)/python -m pytest -m "not slow" --hypothesis-profile=ci $(PARALLEL) $(ARGS)

# What depends on the server: its statements, its sessions, COPY, analysts' SQL.
MAJOR_TESTS := tests/db tests/repositories tests/imports tests/adhoc_sql tests/sessions
test-major: .venv/.dev ## the tests that meet SQL on another major: MAJOR=15 (14 to 17), or BINDIR=/usr/lib/postgresql/15/bin
	@bindir="$(BINDIR)"; test -n "$$bindir" || bindir=$$($(BIN)/python scripts/postgres_major.py $(or $(MAJOR),15)) || exit 1; \
	SLUICE_TEST_BINDIR="$$bindir" $(BIN)/python -m pytest -m "not slow" --hypothesis-profile=ci $(PARALLEL) $(ARGS) $(MAJOR_TESTS)

test-slow: .venv/.dev ## the long ones, and the property tests with examples of their own each time
	@$(BIN)/python -m pytest -m "slow or hypothesis" --timeout 0 $(ARGS)

fuzz: .venv/.dev ## thousands of requests that openapi.json allows and forbids: EXAMPLES=100 for each route
	@SLUICE_FUZZ=$(or $(EXAMPLES),100) $(BIN)/python -m pytest -m slow --timeout 0 tests/local/test_fuzz.py

fuzz-sql: .venv/.dev ## statements that nest and multiply all that analysts may use, and what they hold: MINUTES=10 SEED=1
	@SLUICE_FUZZ_SQL=$(or $(MINUTES),10) SLUICE_FUZZ_SEED=$(or $(SEED),1) $(BIN)/python -m pytest -s --show-capture=no \
		-m slow --timeout 0 tests/adhoc_sql/test_backend_usage.py

test-build: build .venv/.dev ## what sam build made, run in the local sandboxes
	@SLUICE_TEST_BUILD=1 $(BIN)/python -m pytest tests/template/test_built_artefacts.py

test-sam: .venv/.dev .venv-sam/.done ## sam local, in Docker, against the local database; the black-box suite on its start-api
	@PATH="$(CURDIR)/.venv-sam/bin:$$PATH" $(BIN)/python -m tests.sam

.PHONY: e2e
e2e: .venv/.dev ## the black-box suite on any deployment: URL=https://… KEY=… LIMITED_KEY=… ORIGIN=https://… SAM_LOCAL=1
	@test -n "$(URL)" -a -n "$(KEY)" || { echo "Which deployment, and with which API key? make e2e URL=https://… KEY=…"; exit 1; }
	@SLUICE_E2E_URL="$(URL)" SLUICE_E2E_KEY="$(KEY)" SLUICE_E2E_LIMITED_KEY="$(LIMITED_KEY)" SLUICE_E2E_ORIGIN="$(ORIGIN)" \
		SLUICE_E2E_SAM_LOCAL="$(SAM_LOCAL)" \
		$(BIN)/python -m pytest tests/e2e $(ARGS)

check: .venv/.dev .venv-sam/.done ## what CI checks: format, lint, types, conventions, connections, the template
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/ruff check --quiet
	@$(BIN)/mypy
	@$(BIN)/python -m pytest $(PARALLEL) tests/conventions
	@$(BIN)/python scripts/connection_budget.py
	@SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam validate --lint

checkov: .venv-checkov/.done .venv/.dev ## what checkov says of the template's security; .checkov.yaml has what is not asked, and why
	@rm -rf .aws-sam/stages && $(BIN)/python scripts/render_template.py .aws-sam/stages
	@.venv-checkov/bin/checkov

format: .venv/.dev ## make the code look right
	@$(BIN)/ruff check --quiet --fix
	@$(BIN)/ruff format --quiet

bench: .venv/.bench ## Sluice beside its peers, in one run of half an hour: ARGS='--deep --imports'
	@if $(HAS_BUILDER); then $(MAKE) --no-print-directory build; \
		else echo "Without the built functions: there is no python3.13 to build them (make build says more)"; fi
	@$(BIN)/python -m benchmarks $(ARGS)

# The layer's bytecode is of Lambda's Python, so only that Python builds it; a container has one.
HAS_BUILDER = test -n "$(CONTAINER)" || python3.13 -c 'import ensurepip' 2>/dev/null
build: .venv-sam/.done ## sam build: what a deployment uploads; CONTAINER=1 builds in Docker, without a python3.13
	@$(HAS_BUILDER) || { echo "sam build needs Lambda's Python, and there is no python3.13 here that runs and has pip."; \
		echo "Install Python 3.13, or build in Docker: make $(or $(filter deploy test-build,$(MAKECMDGOALS)),build) CONTAINER=1"; exit 1; }
	@PATH="$(CURDIR)/.venv-sam/bin:$$PATH" SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam build \
		$(if $(CONTAINER),--use-container --container-env-var SLUICE_RELEASE="$$SLUICE_RELEASE")
	@du -sh .aws-sam/build/*/ | sed "s/^/  /"

# The release's name goes into the layer, so that a deployment which changes a parameter alone makes new versions, too.
.PHONY: deploy
deploy: .venv/.run .venv-sam/.done ## build, show the changes, migrate, deploy: STAGE=production, of samconfig.toml
	@test -n "$(STAGE)" || { echo "Which environment of samconfig.toml? make deploy STAGE=production"; exit 1; }
	@$(BIN)/python scripts/connection_budget.py
	@SLUICE_RELEASE="$$(date -u +%Y-%m-%dT%H:%M:%SZ) $$(git describe --always --dirty 2>/dev/null)" \
		$(BIN)/python scripts/deploy.py "$(STAGE)" --sam .venv-sam/bin/sam --make "$(MAKE)" $(ARGS)

# API keys, and messages that failed: of a deployment with STACK=sluice, else of the local system while it runs.
OF_STACK = $(if $(STACK),--stack "$(STACK)")
comma := ,
empty :=
.PHONY: key keys rotate-key revoke-key dead-letters redrive
key: .venv/.run ## a new API key, shown once: SCOPES='catalog:read orders:write' TENANT= CLIENT=shop STACK=sluice ARGS='--days 365'
	@test -n "$(SCOPES)" || { echo "Which scopes? make key SCOPES='catalog:read orders:write'" >&2; exit 1; }
	@$(BIN)/python scripts/api_keys.py create "$(or $(CLIENT),$(if $(STACK),client,local))" \
		--scopes "$(subst $(empty) $(empty),$(comma),$(strip $(SCOPES)))" $(if $(TENANT),--tenant "$(TENANT)") $(OF_STACK) $(ARGS)

keys: .venv/.run ## the API keys that there are: STACK=sluice
	@$(BIN)/python scripts/api_keys.py list $(OF_STACK)

rotate-key: .venv/.run ## a new API key in place of one: ID=3f1c6a527d0e STACK=sluice
	@$(BIN)/python scripts/api_keys.py rotate "$(ID)" $(OF_STACK) $(ARGS)

revoke-key: .venv/.run ## refuse an API key: ID=3f1c6a527d0e STACK=sluice
	@$(BIN)/python scripts/api_keys.py revoke "$(ID)" $(OF_STACK)

dead-letters: .venv/.run ## messages about files that failed five times: STACK=sluice
	@$(BIN)/python scripts/dead_letters.py list $(OF_STACK)

redrive: .venv/.run ## put such messages back into the queue, all or one: ID=3f1c6a52 STACK=sluice
	@$(BIN)/python scripts/dead_letters.py redrive $(ID) $(OF_STACK)

seed: .venv/.run ## demo data into the running system: PRODUCTS=100000 ORDERS=200000
	@$(BIN)/python scripts/seed.py --products $(or $(PRODUCTS),0) --orders $(or $(ORDERS),0)

load: .venv/.run ## a file into the running system, with a progress bar: FILE=products.csv RESOURCE=products
	@test -n "$(FILE)" || { echo "Which file? make load FILE=products.csv RESOURCE=products"; exit 1; }
	@$(BIN)/python scripts/load.py "$(FILE)" --resource $(or $(RESOURCE),products) $(ARGS)

psql: .venv/.run ## psql on the running system's database, as its owner: ARGS="-c 'TABLE categories'"
	@exec $(BIN)/python -m local psql $(ARGS)

env: .venv/.run ## a function's environment as export lines: FUNCTION=ProductsFunction
	@$(BIN)/python -m local env $(FUNCTION)

clean-state: ## remove the local system's data; not while it runs
	@$(or $(wildcard $(BIN)/python),$(PYTHON)) -m local.clean

openapi: .venv/.dev ## write openapi.json from the handlers' declarations, and docs/modules.md
	@$(BIN)/python scripts/openapi.py
	@$(BIN)/python scripts/module_map.py

lint-openapi: ## what the OpenAPI community's linter says of openapi.json; needs npx
	@npx --yes @stoplight/spectral-cli@6.16.3 lint --fail-severity warn --ruleset tests/spectral.yaml openapi.json

lock: .venv/.dev ## pin the newest releases that pyproject.toml allows, with their hashes
	@$(BIN)/python scripts/pin_requirements.py

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Sluice needs Python 3.11 or newer, with venv (Debian: apt install python3-venv)"; exit 1; }
	@$(PYTHON) -c $(NEW_ENOUGH) 2>/dev/null || { echo "PYTHON=$(PYTHON) is not Python 3.11 or newer with venv"; exit 1; }
	@$(PYTHON) -m venv .venv

.venv/.run: requirements/run.txt | .venv/bin/python
	$(call install,what the local system needs)

.venv/.dev: requirements/dev.txt | .venv/bin/python
	$(call install,what the tests need)
	@touch .venv/.run

.venv/.bench: requirements/bench.txt | .venv/bin/python
	$(call install,what the benchmarks need)

.venv-checkov/.done: requirements/checkov.txt requirements/pip.txt
	@echo "Installing checkov, which takes minutes"
	@test -x .venv-checkov/bin/python || $(PYTHON) -m venv .venv-checkov
	@.venv-checkov/bin/python $(INSTALL) requirements/pip.txt
	@.venv-checkov/bin/python $(INSTALL) $< && touch $@

# SAM CLI pins old releases of libraries we use, so it lives apart. The pip that came with Python 3.11 does not know
# a pin for one with extras, hence a newer one first.
.venv-sam/.done: requirements/sam.txt requirements/pip.txt
	@echo "Installing SAM CLI"
	@test -x .venv-sam/bin/python || $(PYTHON) -m venv .venv-sam
	@.venv-sam/bin/python $(INSTALL) requirements/pip.txt
	@.venv-sam/bin/python $(INSTALL) $< && touch $@
