# The commands of this repository. `make help` lists them; each target installs what it needs.

# A Python with venv, preferably 3.13: Lambda's version, and the only one that builds the layer.
NEW_ENOUGH := 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.14 python3; do \
	$$p -c $(NEW_ENOUGH) 2>/dev/null && echo $$p && break; done)
PORT ?= 3000
# A container sets SLUICE_VENV, as a folder that it shares with its host may have the host's .venv.
VENV := $(or $(SLUICE_VENV),.venv)
BIN := $(VENV)/bin
# Each process starts its own servers. tests/conftest.py has the order of the files.
PARALLEL := --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
CONVENTIONS := tests/conventions $(wildcard tests/*/documents)
# uv installs in seconds what takes pip minutes (decision 3). `make run UV=` keeps to pip.
UV ?= $(shell command -v uv)
INSTALL = scripts/install.py --uv "$(UV)"
define install
	@$(BIN)/python -c $(NEW_ENOUGH) || { echo "$(VENV) has a Python older than 3.11: rm -r $(VENV), then try again"; exit 1; }
	@$(BIN)/python $(INSTALL) $< "$(1)" && touch $@
endef

export PYTHONPATH := .:layers/shared:tests/apps

# The application of all commands. Without APP it is that of [tool.sluice] in pyproject.toml, but `make migrate`
# then sets up no application's tables. An APP that another program put into the environment is an error.
APPLICATIONS := $(sort $(filter-out sluice,$(notdir $(patsubst %/application.py,%,\
	$(wildcard layers/shared/*/application.py tests/apps/*/application.py)))))
ifeq ($(filter adopt,$(MAKECMDGOALS)),) # which may make a new one
ifdef APP
ifneq ($(words $(APP)) $(filter $(APPLICATIONS),$(APP)),1 $(APP))
$(error the variable APP is '$(APP)', which is no application; unset it, or set it to one of: $(APPLICATIONS))
endif
export SLUICE_APP := $(APP)
endif
endif
DEFAULT_APP := $(shell sed -n '/^\[tool.sluice\]/,/^\[/s/^app = "\([a-z0-9_]*\)".*/\1/p' pyproject.toml)
# The application if it is not the default one. Its artefacts are in deploy/ then.
OTHER_APP := $(filter-out $(DEFAULT_APP),$(APP))
OTHER_APPS := $(filter-out $(DEFAULT_APP),$(APPLICATIONS))
DEPLOYED := $(filter-out $(DEFAULT_APP) sluice,$(notdir $(patsubst %/application.py,%,$(wildcard layers/shared/*/application.py))))
ARTEFACTS := $(if $(OTHER_APP),deploy/$(OTHER_APP)/)

.DEFAULT_GOAL := help
.PHONY: help artefacts run migrate remove test test-suites test-local test-pages test-slow fuzz fuzz-pages fuzz-tenants mutate-tenants fuzz-sql test-build test-sam check checkov format bench build seed load psql env invoke clean-state derive openapi resource adopt drift eject sql lint-openapi lock

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.run ## run the whole system on this machine: PORT=3000 APP=shop DATABASE_URL= SLUICE_SEED=none ARGS=--verbose
	@exec $(BIN)/python -m local --port "$(PORT)" $(ARGS)

migrate: $(VENV)/.run ## set up an existing database: DATABASE_URL=postgresql://… APP=shop PLAN=1
	@$(BIN)/python -m local migrate

remove: $(VENV)/.run ## remove what `make migrate` created: DATABASE_URL=postgresql://… DROP_APP=shop
	@$(BIN)/python -m local remove

# A session has one application (tests/conftest.py). 5 is pytest's code for no tests: ARGS='-k cursor' may have them in
# one session only. The last lines name the failed tests of all sessions. PYTHONDONTWRITEBYTECODE would make each
# process compile all tests again, which takes as long as a thousand of them.
sessions = failed=; ran=0; SLUICE_TEST_FAILED=$$(mktemp); export SLUICE_TEST_FAILED; unset PYTHONDONTWRITEBYTECODE; \
	for app in $(or $(2),sample agency studio ""); do \
		code=0; SLUICE_APP="$$app" $(BIN)/python -m pytest $(1) || code=$$?; \
		case $$code in 0) ran=1;; 5) ;; *) ran=1; failed="$$failed $${app:-shop}";; esac; \
	done; \
	test -z "$$failed" || { cat "$$SLUICE_TEST_FAILED"; echo "Failed sessions:$$failed"; }; \
	rm "$$SLUICE_TEST_FAILED"; \
	test $$ran = 1 || { echo "No session has such a test" >&2; exit 1; }; test -z "$$failed"

# These start processes, and take seconds each: pages in Chromium, and the local system with the commands. Each test is
# in one of these targets, in make test, make test-suites, make check or make test-slow (tests/conventions).
PAGE_TESTS := tests/pages
ADOPT_TESTS := $(sort $(wildcard tests/catalog/test_adopt_*.py))
LOCAL_TESTS := tests/local tests/scripts tests/shop/http/test_order_crashes.py tests/shop/migrations/test_make_run.py
APART := $(CONVENTIONS) $(PAGE_TESTS) $(ADOPT_TESTS) $(LOCAL_TESTS)
NOT_SLOW = -m "not slow" --hypothesis-profile=ci $(PARALLEL)

# make test has the quick suites, on the agency. make test-suites has the long ones, all of them on the shop, and on the
# studio those that its tenants could change most. make test-slow has those on the sample, and the others on the studio.
LONG_SUITES := $(patsubst %,tests/suites/test_%.py,import openapi_requests oracle plans values)
STUDIO_SUITES := $(patsubst %,tests/suites/test_%.py,crud conditional idempotency operation_ids relations) \
	tests/suites/graph/test_filters.py
FAST = $(NOT_SLOW) $(if $(findstring tests/,$(ARGS)),,$(APART:%=--ignore=%) \
	$$(case "$$app" in (agency) echo $(LONG_SUITES:%=--ignore=%);; (*) echo --ignore=tests/suites;; esac))
SUITES = $(NOT_SLOW) \
	$$(case "$$app" in (agency) echo $(LONG_SUITES);; (studio) echo $(STUDIO_SUITES);; (*) echo tests/suites;; esac)
test: $(VENV)/.dev ## run the tests of the engine and the applications, except slow ones: ARGS='-k cursor' or files
	@$(call sessions,$(FAST) $(ARGS))

test-suites: $(VENV)/.dev ## run the suites on the other applications, and the long ones: ARGS='-k cursor'
	@$(call sessions,$(SUITES) $(ARGS),agency studio "")

test-local: $(VENV)/.dev ## run the tests of the local system and of the commands: ARGS='-k cursor'
	@$(call sessions,$(NOT_SLOW) $$(test "$$app" && echo $(ADOPT_TESTS) || echo $(LOCAL_TESTS)) $(ARGS),sample "")

test-pages: $(VENV)/.dev $(VENV)-docs/.done ## run the tests of the pages in Chromium: ARGS='-k console'
	@SLUICE_APP= $(BIN)/python -m pytest $(NOT_SLOW) $(PAGE_TESTS) $(ARGS)

# The floor is in pyproject.toml. The sandboxes' processes are not measured, as most tests call handlers in their own.
.PHONY: coverage
MEASURED := --cov --cov-append --cov-report=
coverage: $(VENV)/.dev ## measure which lines and branches make test and make test-suites reach, and check the floor: ARGS='-k cursor' (without floor)
	@$(BIN)/python -m coverage erase
	@$(call sessions,$(FAST) $(MEASURED) $(ARGS))
	@$(call sessions,$(SUITES) $(MEASURED) $(ARGS),agency studio "")
	@$(BIN)/python -m coverage report $(if $(ARGS),--fail-under=0)

# The tests that depend on the server's version: statements, sessions, COPY, ad-hoc SQL, each kind of column. The
# agency has every kind, so the suites run on it only.
MAJOR_TESTS := tests/engine/db tests/engine/sql tests/engine/imports tests/engine/adhoc_sql \
	tests/shop/sql tests/shop/imports tests/shop/adhoc_sql tests/shop/sessions \
	tests/agency tests/studio $$(test "$$app" != agency || echo tests/suites)
test-major: $(VENV)/.dev ## run the SQL tests on another major version: MAJOR=15 (14 to 17), or BINDIR=/usr/lib/postgresql/15/bin
	@bindir="$(BINDIR)"; test -n "$$bindir" || bindir=$$($(BIN)/python scripts/postgres_major.py $(or $(MAJOR),15)) || exit 1; \
	export SLUICE_TEST_BINDIR="$$bindir"; $(call sessions,-m "not slow" --hypothesis-profile=ci $(PARALLEL) $(ARGS) $(MAJOR_TESTS))

test-slow: $(VENV)/.dev ## run the slow tests, and the property tests with new random examples
	@$(if $(ARGS),,for app in sample studio; do \
		SLUICE_APP=$$app $(BIN)/python -m pytest -m "not slow" $(PARALLEL) tests/suites || exit 1; \
	done)
	@$(call sessions,-m "slow or hypothesis" --hypothesis-profile=default --timeout 0 $(ARGS))

.PHONY: test-tutorial
test-tutorial: $(VENV)/.dev ## follow the tutorials in a fresh clone, as a newcomer: each command as written, in order
	@SLUICE_APP= $(BIN)/python -m pytest --timeout 0 tests/local/test_tutorial.py $(ARGS)

.PHONY: test-adopted
test-adopted: $(VENV)/.dev ## adopt schemas and run the suites on each: SCHEMAS='crm.sql postgresql://…/crm' EXAMPLES=4 ARGS='--pytest "-n 2"'
	@SLUICE_FUZZ="$(EXAMPLES)" $(BIN)/python -m tests.adopted $(or $(SCHEMAS),tests/adopted/ten.sql) --pytest "$(PARALLEL)" $(ARGS)

fuzz: $(VENV)/.dev ## send valid and invalid requests generated from openapi.json: EXAMPLES=100 per route
	@SLUICE_FUZZ=$(or $(EXAMPLES),100) $(BIN)/python -m pytest -m slow --timeout 0 tests/local/test_fuzz.py
	@SLUICE_APP=agency SLUICE_FUZZ=$(or $(EXAMPLES),100) $(BIN)/python -m pytest -m slow --timeout 0 tests/suites/test_openapi_requests.py

fuzz-pages: $(VENV)/.dev ## compare pages of random sorts with PostgreSQL's order of the whole list: CASES=20000 SEED=1
	@SLUICE_APP=agency SLUICE_PAGE_CASES=$(or $(CASES),20000) SLUICE_PAGE_SEED=$(SEED) $(BIN)/python -m pytest --timeout 0 tests/suites/test_oracle.py

fuzz-tenants: $(VENV)/.dev ## compare a tenant's responses with those of a database without other tenants: REQUESTS=100000 SEED=1
	@SLUICE_APP=studio SLUICE_TENANT_REQUESTS=$(or $(REQUESTS),100000) SLUICE_TENANT_SEED=$(or $(SEED),1) \
		$(BIN)/python -m pytest -s --show-capture=no --timeout 0 tests/studio/test_two_tenants.py

mutate-tenants: $(VENV)/.dev ## remove each place of the tenant from the statements: a test must fail. REQUESTS=4000
	@SLUICE_APP=studio SLUICE_MUTATE=1 SLUICE_TENANT_REQUESTS=$(or $(REQUESTS),4000) \
		$(BIN)/python -m pytest -s --show-capture=no -m slow --timeout 0 tests/studio/test_mutants.py

fuzz-sql: $(VENV)/.dev ## run generated ad-hoc SQL and measure the server's memory: MINUTES=10 SEED=1
	@SLUICE_APP=sample SLUICE_FUZZ_SQL=$(or $(MINUTES),10) SLUICE_FUZZ_SEED=$(or $(SEED),1) $(BIN)/python -m pytest -s --show-capture=no \
		-m slow --timeout 0 tests/engine/adhoc_sql/test_backend_usage.py

test-build: build $(VENV)/.dev ## run the output of sam build in the local sandboxes: APP=shop
	@SLUICE_APP= SLUICE_TEST_BUILD=$(or $(APP),$(DEFAULT_APP)) $(BIN)/python -m pytest tests/template/test_built_application.py \
		$(if $(OTHER_APP),,tests/template/test_built_artefacts.py)

test-sam: $(VENV)/.dev $(VENV)-sam/.done ## run sam local in Docker, and the black-box suite on its start-api
	@PATH="$(abspath $(VENV)-sam)/bin:$$PATH" $(BIN)/python -m tests.sam

.PHONY: e2e
e2e: $(VENV)/.dev ## run the black-box suite on a deployment: URL=https://… KEY=… LIMITED_KEY=… ORIGIN=https://… SAM_LOCAL=1
	@test -n "$(URL)" -a -n "$(KEY)" || { echo "Set URL and KEY: make e2e URL=https://… KEY=…"; exit 1; }
	@SLUICE_E2E_URL="$(URL)" SLUICE_E2E_KEY="$(KEY)" SLUICE_E2E_LIMITED_KEY="$(LIMITED_KEY)" SLUICE_E2E_ORIGIN="$(ORIGIN)" \
		SLUICE_E2E_SAM_LOCAL="$(SAM_LOCAL)" \
		$(BIN)/python -m pytest tests/e2e $(ARGS)

check: $(VENV)/.dev $(VENV)-sam/.done ## run CI's checks: format, lint, types, conventions, connection budget, template
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/ruff check --quiet
	@$(BIN)/mypy
	@$(call derived,--check)
	@$(BIN)/python -m pytest -m "not slow" $(PARALLEL) $(CONVENTIONS)
	@for app in "" $(DEPLOYED); do SLUICE_APP=$$app $(BIN)/python scripts/connection_budget.py || exit 1; \
		SAM_CLI_TELEMETRY=0 $(VENV)-sam/bin/sam validate --lint --template-file $${app:+deploy/$$app/}template.yaml || exit 1; done

checkov: $(VENV)-checkov/.done $(VENV)/.dev ## check the template's security with checkov; .checkov.yaml lists the skipped rules
	@rm -rf .aws-sam/stages && $(BIN)/python scripts/render_template.py .aws-sam/stages
	@$(VENV)-checkov/bin/checkov

.PHONY: audit sbom
audit: $(VENV)-audit/.done ## look for known vulnerabilities of the pinned packages; needs a network
	@$(VENV)-audit/bin/pip-audit --strict --disable-pip --require-hashes $(AUDITED:%=-r %)

# Everything that runs on AWS is in the files of the layers and functions; dev.txt has the local system and the tests, too.
AUDITED := requirements/dev.txt requirements/sam.txt
SBOMS := $(patsubst %/requirements.txt,.sbom/%.json,$(wildcard layers/*/requirements.txt functions/*/requirements.txt))
sbom: $(SBOMS) ## write the software bills of materials of the layers and functions (CycloneDX) to .sbom/
	@echo $(SBOMS)

# A requirements file has no dependency graph; cyclonedx-py would warn of that for each file.
.sbom/%.json: %/requirements.txt pyproject.toml | $(VENV)-audit/.done
	@mkdir -p $(@D)
	@PYTHONWARNINGS=ignore::UserWarning $(VENV)-audit/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible -o $@ $<

format: $(VENV)/.dev ## format the code and fix lint errors
	@$(BIN)/ruff check --quiet --fix
	@$(BIN)/ruff format --quiet

bench: $(VENV)/.bench ## compare Sluice with its peers, in half an hour: QUICK=1 for a look in five minutes
	@if test -n "$(QUICK)"; then echo "A quick look: the built functions are not measured"; \
		elif $(HAS_BUILDER); then $(MAKE) --no-print-directory build; \
		else echo "Skipping the built functions: python3.13 is missing (see make build)"; fi
	@$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(ARGS)

artefacts:
	@test -f $(ARTEFACTS)template.yaml || { echo "$(ARTEFACTS)template.yaml is missing: only applications in layers/shared" \
		"can be deployed, and \`make derive\` writes it" >&2; exit 1; }

# Only Lambda's Python version can compile the layer; without it, build in a container.
HAS_BUILDER = test -n "$(CONTAINER)" || python3.13 -c 'import ensurepip' 2>/dev/null
build: $(VENV)-sam/.done artefacts ## build the functions and layers with sam build: APP=shop; CONTAINER=1 builds in Docker, without python3.13
	@$(HAS_BUILDER) || { echo "sam build needs Lambda's Python, and python3.13 with pip was not found."; \
		echo "Install Python 3.13, or build in Docker: make $(or $(filter deploy test-build,$(MAKECMDGOALS)),build) CONTAINER=1"; exit 1; }
	@PATH="$(abspath $(VENV)-sam)/bin:$$PATH" SAM_CLI_TELEMETRY=0 SLUICE_APP=$(or $(APP),$(DEFAULT_APP)) $(VENV)-sam/bin/sam build \
		$(if $(OTHER_APP),--template-file $(ARTEFACTS)template.yaml --base-dir . --config-file "$(CURDIR)/samconfig.toml") \
		$(if $(CONTAINER),--use-container --container-env-var SLUICE_RELEASE="$$SLUICE_RELEASE" \
			--container-env-var SLUICE_APP=$(or $(APP),$(DEFAULT_APP)))
	@du -sh .aws-sam/build/*/ | sed "s/^/  /"

# The release's name is written into the layer, so that a changed parameter alone publishes new versions, too.
# A recipe's line that names $(MAKE) itself also runs in `make -n`, which would deploy.
THIS_MAKE = $(MAKE)
.PHONY: deploy
deploy: $(if $(STAGE),$(VENV)/.run $(VENV)-sam/.done) ## build, show the changes, migrate, deploy: STAGE=production (a section of samconfig.toml)
	@test -n "$(STAGE)" || { echo "Set STAGE to a section of samconfig.toml: make deploy STAGE=production"; exit 1; }
	@$(BIN)/python scripts/connection_budget.py
	@SLUICE_RELEASE="$$(date -u +%Y-%m-%dT%H:%M:%SZ) $$(git describe --always --dirty 2>/dev/null)" \
		$(BIN)/python scripts/deploy.py "$(STAGE)" --sam $(VENV)-sam/bin/sam --make "$(THIS_MAKE)" $(ARGS)

# API keys and dead letters: of a deployment with STACK=sluice, otherwise of the running local system.
OF_STACK = $(if $(STACK),--stack "$(STACK)")
comma := ,
empty :=
.PHONY: key keys rotate-key revoke-key dead-letters redrive
key: $(VENV)/.run ## create an API key and print it once: SCOPES='catalog:read orders:write' TENANT= CLIENT=shop STACK=sluice ARGS='--days 365'
	@test -n "$(SCOPES)" || { echo "Set SCOPES: make key SCOPES='catalog:read orders:write'" >&2; exit 1; }
	@$(BIN)/python scripts/api_keys.py create "$(or $(CLIENT),$(if $(STACK),client,local))" \
		--scopes "$(subst $(empty) $(empty),$(comma),$(strip $(SCOPES)))" $(if $(TENANT),--tenant "$(TENANT)") $(OF_STACK) $(ARGS)

keys: $(VENV)/.run ## list the API keys: STACK=sluice
	@$(BIN)/python scripts/api_keys.py list $(OF_STACK)

rotate-key: $(VENV)/.run ## replace an API key: ID=3f1c6a527d0e STACK=sluice
	@test -n "$(ID)" || { echo "Set ID, which \`make keys\` lists: make rotate-key ID=3f1c6a527d0e" >&2; exit 1; }
	@$(BIN)/python scripts/api_keys.py rotate "$(ID)" $(OF_STACK) $(ARGS)

revoke-key: $(VENV)/.run ## revoke an API key: ID=3f1c6a527d0e STACK=sluice
	@test -n "$(ID)" || { echo "Set ID, which \`make keys\` lists: make revoke-key ID=3f1c6a527d0e" >&2; exit 1; }
	@$(BIN)/python scripts/api_keys.py revoke "$(ID)" $(OF_STACK)

ISSUER_PORT ?= 3900
.PHONY: issuer token
issuer: $(VENV)/.run ## serve the key set of a token issuer for this machine: ISSUER_PORT=3900
	@exec $(BIN)/python scripts/local_issuer.py serve --port "$(ISSUER_PORT)"

token: $(VENV)/.run ## print a token of that issuer: SCOPES='catalog:read' SUBJECT=ada CLAIMS='{"org_id": "7"}' ARGS='--minutes 60'
	@$(BIN)/python scripts/local_issuer.py token --port "$(ISSUER_PORT)" --scopes "$(SCOPES)" --subject "$(or $(SUBJECT),local-user)" \
		$(if $(CLAIMS),--claims $(call quoted,$(CLAIMS))) $(ARGS)

dead-letters: $(VENV)/.run ## list the messages of imports that failed five times: STACK=sluice
	@$(BIN)/python scripts/dead_letters.py list $(OF_STACK)

redrive: $(VENV)/.run ## move such messages back into the queue, all or one: ID=3f1c6a52 STACK=sluice
	@$(BIN)/python scripts/dead_letters.py redrive $(ID) $(OF_STACK)

seed: $(VENV)/.run ## insert demo data into the running system: PRODUCTS=100000 ORDERS=200000
	@$(BIN)/python scripts/seed.py --products $(or $(PRODUCTS),0) --orders $(or $(ORDERS),0)

load: $(VENV)/.run ## import a file into the running system, with a progress bar: FILE=products.csv RESOURCE=products
	@test -n "$(FILE)" || { echo "Set FILE: make load FILE=products.csv RESOURCE=products"; exit 1; }
	@$(BIN)/python scripts/load.py "$(FILE)" $(if $(RESOURCE),--resource "$(RESOURCE)") $(ARGS)

psql: $(VENV)/.run ## open psql on the running system's database, as its owner: ARGS="-c 'TABLE categories'"
	@exec $(BIN)/python -m local psql $(ARGS)

.PHONY: example-database
example-database: $(VENV)/.run ## create a small database on the running system's server, to try `make adopt` on, and print its URL
	@$(BIN)/python -m scripts.example_database

env: $(VENV)/.run ## print a function's environment variables as export lines: FUNCTION=ProductsFunction
	@$(BIN)/python -m local env $(FUNCTION)

invoke: $(VENV)/.run ## run a handler in this process, for a debugger: FUNCTION=ProductsFunction EVENT=events/products_list.json ARGS=--pdb
	@exec $(BIN)/python -m scripts.invoke "$(FUNCTION)" "$(EVENT)" $(ARGS)

clean-state: ## delete the data of the stopped local system
	@$(or $(wildcard $(BIN)/python),$(PYTHON)) -m local.clean

# "" is the default application. It is the last one, because docs/modules.md has the modules of all.
derived = for app in $(or $(OTHER_APP),$(OTHER_APPS)) ""; do SLUICE_APP="$$app" $(BIN)/python -m scripts.derive $(1) || exit 1; done
derive: $(VENV)/.dev ## write what the declarations determine: APP= of one application; DEFAULT=shop makes it the one at the top
ifdef DEFAULT
	@$(BIN)/python -m scripts.derive --default "$(DEFAULT)"
	@$(MAKE) --no-print-directory derive DEFAULT= APP=
else
	@$(call derived,)
endif

openapi: derive # the former name

resource: $(VENV)/.dev ## add a table, its declaration and migration: NAME=suppliers FIELDS='name:text!:unique rating:numeric(3,2)' SINGULAR= GROUP= SCOPE= TENANT=
	@test -n "$(NAME)" || { echo "Set NAME and FIELDS: make resource NAME=suppliers FIELDS='name:text! country:text'"; exit 1; }
	@$(BIN)/python -m scripts.resource "$(NAME)" --fields "$(FIELDS)" --singular "$(SINGULAR)" --group "$(GROUP)" --scope "$(SCOPE)" --tenant "$(TENANT)"

# A value as one word of the shell. The URL is read from the environment, where other users do not see it.
quoted = '$(subst ','\'',$(1))'
adopt: $(VENV)/.dev ## plan the API of existing tables, or write it: FROM=postgresql://… TABLES='crm.*' APP= KEY= GROUP= TENANT= SHARED= WRITE=1 WITH_DDL=1 NAME= ARGS=--json
	@$(BIN)/python -m catalog adopt --tables $(call quoted,$(TABLES)) --app $(call quoted,$(APP)) --key $(call quoted,$(KEY)) \
		--group $(call quoted,$(GROUP)) --name $(call quoted,$(NAME)) --tenant $(call quoted,$(TENANT)) --shared $(call quoted,$(SHARED)) \
		$(if $(WRITE),--write) $(if $(WITH_DDL),--with-ddl) $(ARGS)

drift: $(VENV)/.dev ## compare the declarations with a live catalogue: FROM=postgresql://… APP=crm ARGS=--json; exit code 1 if a response would change
	@$(BIN)/python -m catalog drift --app $(call quoted,$(APP)) $(ARGS)

eject: $(VENV)/.dev ## write a resource as plain SQL and handlers, which are yours: NAME=deals APP=shop
	@$(BIN)/python -m scripts.eject $(call quoted,$(NAME))

sql: $(VENV)/.dev ## print the SQL statements of a resource: RESOURCE=users; RAW=1: one line each
	@test -n "$(RESOURCE)" || { echo "Set RESOURCE: make sql RESOURCE=users" >&2; exit 1; }
	@$(BIN)/python -m scripts.sql $(RESOURCE) $(if $(RAW),--raw)

.PHONY: docs
docs: $(VENV)-docs/.done ## build the documentation as a site in .site/html, with its links checked
	@NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/python scripts/build_docs.py

lint-openapi: artefacts ## lint openapi.json with Spectral, which needs npx: APP=shop
	@npx --yes @stoplight/spectral-cli@6.16.3 lint --fail-severity warn --ruleset tests/spectral.yaml $(ARTEFACTS)openapi.json

# LANG is also the locale in most environments, so only the command line's counts.
.PHONY: sdk
sdk: $(VENV)/.sdk ## generate a typed client of the API: LANG=ts or LANG=py, APP=shop OUT=folder DOCUMENT=openapi.json
	@LANG=C.UTF-8 $(BIN)/python -m scripts.sdk --lang $(call quoted,$(if $(filter command,$(origin LANG)),$(LANG))) \
		--out $(call quoted,$(OUT)) --document $(call quoted,$(DOCUMENT))

lock: $(VENV)/.dev ## pin the newest releases that pyproject.toml allows, with their hashes
	@$(BIN)/python scripts/pin_requirements.py

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Sluice needs Python 3.11 or newer, with venv (Debian: apt install python3-venv)"; exit 1; }
	@$(PYTHON) -c $(NEW_ENOUGH) 2>/dev/null || { echo "PYTHON=$(PYTHON) is not Python 3.11 or newer with venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt | $(VENV)/bin/python
	$(call install,of the local system)

$(VENV)/.dev: requirements/dev.txt | $(VENV)/bin/python
	$(call install,of the tests)
	@touch $(VENV)/.run $(VENV)/.sdk

$(VENV)/.sdk: requirements/sdk.txt | $(VENV)/bin/python
	$(call install,of the generator of clients)
	@touch $(VENV)/.run

$(VENV)/.bench: requirements/bench.txt | $(VENV)/bin/python
	$(call install,of the benchmarks)

$(VENV)-docs/.done: requirements/docs.txt
	@test -x $(VENV)-docs/bin/python || $(PYTHON) -m venv $(VENV)-docs
	@$(VENV)-docs/bin/python $(INSTALL) $< "of the documentation site" && touch $@

$(VENV)-audit/.done: requirements/audit.txt
	@test -x $(VENV)-audit/bin/python || $(PYTHON) -m venv $(VENV)-audit
	@$(VENV)-audit/bin/python $(INSTALL) $< "of pip-audit and cyclonedx-py" && touch $@

$(VENV)-checkov/.done: requirements/checkov.txt requirements/pip.txt
	@test -x $(VENV)-checkov/bin/python || $(PYTHON) -m venv $(VENV)-checkov
	@$(VENV)-checkov/bin/python $(INSTALL) requirements/pip.txt "of pip"
	@$(VENV)-checkov/bin/python $(INSTALL) $< "of checkov" && touch $@

# SAM CLI pins old releases of Sluice's libraries, so it has its own environment. The pip of Python 3.11 does not
# support pins with extras, so a newer pip is installed first.
$(VENV)-sam/.done: requirements/sam.txt requirements/pip.txt
	@test -x $(VENV)-sam/bin/python || $(PYTHON) -m venv $(VENV)-sam
	@$(VENV)-sam/bin/python $(INSTALL) requirements/pip.txt "of pip"
	@$(VENV)-sam/bin/python $(INSTALL) $< "of SAM CLI" && touch $@
