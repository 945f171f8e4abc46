# Everything a person needs, by one word each. Needs Python >= 3.10, git and make: Node, protoc and all tools come from
# the package index into .venv; Chromium, for the browser tests only, from the system's packages. The clients in other
# languages need Go, Rust, Node and Ruby besides: scripts/install_toolchains.sh says what is missing.

PYTHON ?= python3
STEPS ?=
PYTEST_ARGUMENTS ?=
# Most tests wait for processes: two at a time take half as long. A file's tests stay together, in its order.
PYTEST_WORKERS ?= 2
ROUNDS ?= 60

BIN := .venv/bin
HOOK := $(BIN)/python hatch_build.py

INSTALLED := .venv/.installed
TORCH := .venv-torch/bin/python
TORCH_INSTALLED := .venv-torch/.installed
SPARK := .venv-spark/bin/python
SPARK_INSTALLED := .venv-spark/.installed
TOOLS := .venv/.tools
STUBS := python_client/trackd/v1/__init__.py
WEB := service/trackd_service/web/index.html
PROTOS := $(shell find proto -name '*.proto')
WEB_SOURCES := $(shell find web \( -name node_modules -o -name dist -o -name coverage \) -prune \
                 -o -type f ! -name '*.tsbuildinfo' -print)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo gallery test check lint fix web-test clients clients-test test-clients test-s3 test-server test-spark test-torch chromium s3-server postgres oidc-provider soak bench clean

help: ## Lists the targets.
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

setup: $(TOOLS) $(STUBS) $(WEB) ## Makes .venv, the protobuf stubs and the web app, where they are missing or stale.

demo: $(STUBS) $(WEB) ## Trains a small classifier for about a minute and tracks it; STEPS=200 makes it short.
	@$(BIN)/trackd up
	@echo "The live page: $$($(BIN)/trackd ui --print)"
	@$(BIN)/python examples/demo.py $(if $(STEPS),--steps $(STEPS))
	@echo "The live page: $$($(BIN)/trackd ui --print)"

gallery: $(TOOLS) $(STUBS) $(WEB) ## Logs every kind of record there is, images to charts, into two runs.
	@$(BIN)/trackd up
	@echo "The live page: $$($(BIN)/trackd ui --print)"
	@$(BIN)/python examples/gallery.py
	@echo "The live page: $$($(BIN)/trackd ui --print)"

test: lint web-test chromium s3-server postgres oidc-provider clients-test ## Runs every check and every test.
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGUMENTS)

check: lint ## Runs format, lint, strict types, buf, and the tests of the architecture and the documents.
	$(BIN)/python -m pytest tests/test_architecture.py tests/test_docs.py

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code
	$(HOOK) npm run check

fix: setup ## Repairs what the formatters and linters can repair.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/buf format --write

CLIENTS := go_client rust_client typescript_client
PYTHON_PATH = $(abspath $(BIN)/python)

clients: setup ## Builds the clients in other languages, their samples and their drivers.
	@PATH="$$(scripts/install_toolchains.sh)" && export PATH && \
	for client in $(CLIENTS); do $(MAKE) --no-print-directory -C $$client build PYTHON=$(PYTHON_PATH) || exit 1; done && \
	examples/ruby_client/generate.sh

clients-test: clients
	@PATH="$$(scripts/install_toolchains.sh)" && export PATH && \
	for client in $(CLIENTS); do $(MAKE) --no-print-directory -C $$client check test PYTHON=$(PYTHON_PATH) || exit 1; done

test-clients: clients-test ## Builds and tests the clients in other languages, each by itself and by the conformance suite.
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist worksteal tests/conformance $(PYTEST_ARGUMENTS)

test-s3: setup s3-server ## Tests the upload and the reading back against real S3 servers, through faults.
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadfile tests/s3 $(PYTEST_ARGUMENTS)

test-server: setup s3-server postgres chromium oidc-provider ## Tests the team server: real replicas over PostgreSQL and S3, through faults.
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadfile tests/server $(PYTEST_ARGUMENTS)

oidc-provider: setup
	$(HOOK) npm ci --prefix ../tests/server/oidc_provider --no-audit --no-fund

s3-server: $(TOOLS)
	@scripts/install_s3_server.sh

web-test: setup
	$(HOOK) npm run test

postgres:
	@scripts/install_postgres.sh

chromium:
	@scripts/install_chromium.sh

test-torch: $(TORCH_INSTALLED) $(STUBS) $(WEB) ## Runs the tests of `watch`, with the PyTorch of Debian's packages.
	$(TORCH) -m pytest tests/pytorch $(PYTEST_ARGUMENTS)

$(TORCH_INSTALLED): pyproject.toml
	@/usr/bin/python3 -c 'import torch, ensurepip' 2>/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-torch python3-venv; }
	/usr/bin/python3 -m venv --system-site-packages .venv-torch
	$(TORCH) -m pip --quiet install 'pip>=25.1'
	$(TORCH) -m pip --quiet install --no-compile --group build
	$(TORCH) -m pip --quiet install --no-compile --no-build-isolation --group build --group torch --editable .
	@touch $@

test-spark: setup s3-server $(SPARK_INSTALLED) ## Tests what docs/open_format.md says of Spark (845 MB of packages; needs Java).
	$(SPARK) -m pytest tests/spark $(PYTEST_ARGUMENTS)

$(SPARK_INSTALLED): pyproject.toml
	@java -version 2>/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends default-jre-headless; }
	$(PYTHON) -m venv .venv-spark
	$(SPARK) -m pip --quiet install 'pip>=25.1'
	$(SPARK) -m pip --quiet install --no-compile --group build
	$(SPARK) -m pip --quiet install --no-compile --no-build-isolation --group build --group spark --editable .
	@touch $@

soak: $(TOOLS) $(STUBS) ## Runs the crash tests ROUNDS (60) times as long: an hour and more.
	TRACKD_TEST_ROUNDS=$(ROUNDS) $(BIN)/python -m pytest -s tests/crash $(PYTEST_ARGUMENTS)

bench: setup ## Runs every script of bench/ and prints its figures beside the floors of the same run.
	@for script in $(filter-out bench/bench_watch.py,$(wildcard bench/bench_*.py)); do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

clean: ## Removes everything that was made, .venv included.
	rm -rf .venv build dist web/dist web/node_modules service/trackd_service/web python_client/trackd/v1
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache
	rm -rf go_client/build rust_client/target typescript_client/dist typescript_client/node_modules examples/ruby_client/generated

$(INSTALLED): pyproject.toml scripts/create_environment.sh
	@PYTHON="$(PYTHON)" scripts/create_environment.sh demo
	@touch $@

$(TOOLS): $(INSTALLED)
	@PYTHON="$(PYTHON)" scripts/create_environment.sh dev
	@touch $@

$(STUBS): $(PROTOS) hatch_build.py $(INSTALLED)
	$(HOOK) stubs

$(WEB): $(WEB_SOURCES) hatch_build.py $(INSTALLED)
	$(HOOK) web
	@touch $@
