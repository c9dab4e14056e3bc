# LayerLab. `make lab` is all you need; `make help` lists the rest.
SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
# The documentation has its own environment, so that its tools can't change the lab's packages.
DOCS := .venv-docs
LOWEST := .venv-lowest
# The newest Python that's installed and that the lock covers.
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
# Extra arguments: make lab LAB_ARGS="--no-browser --port 8899", make test TEST_ARGS="-k trace".
LAB_ARGS ?=
TEST_ARGS ?=
FUZZ ?= 300
# How many minutes `make soak` takes.
SOAK ?= 10
# How many processes share the tests; each has its own LayerLab home and machines.
JOBS ?= 2
COMPILE = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command 'make lock' --upgrade --quiet
# Which part of the tests to run, to share them among several computers: make test-all SHARD=1/3.
SHARD ?= 1/1
NOTEBOOKS := $(wildcard notebooks/*.ipynb labs/*/lab.ipynb)

# Many container images turn bytecode off, which would cost a second in each of the thousand processes that the tests start.
unexport PYTHONDONTWRITEBYTECODE

LINT = $(BIN)/ruff check . && $(BIN)/ruff format --check src tests scripts benchmarks && $(BIN)/mypy && $(BIN)/lint-imports --no-cache
# Prepares an engine with its base images and a browser, in parallel.
PREPARED = sh scripts/install-browser.sh & browser=$$!; $(BIN)/layerlab up; up=$$?; wait $$browser && [ $$up = 0 ]
PYTEST = sh scripts/on-quick-disk.sh $(BIN)/python -m pytest --numprocesses $(JOBS) --no-loadscope-reorder --shard $(SHARD)
# With TEST_ARGS="-k something", one of the two stages may have nothing to run; pytest then exits with 5.
NONE_IS_FINE = $(if $(TEST_ARGS),|| [ $$? = 5 ])

.PHONY: help lab test test-all nightly doctor reset clean fuzz soak bench notebooks wheel-test lowest docs lock lint setup

help: ## Show this list.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

lab: $(VENV)/.ready ## Set up whatever is missing and open JupyterLab on the first notebook. LAB_ARGS go to JupyterLab.
	@$(BIN)/layerlab course start . -- $(LAB_ARGS)

test: $(VENV)/.test-ready ## Run the fast tests: lint, all pure tests, and the product on a real engine, in minutes. TEST_ARGS go to pytest.
	$(LINT)
	@$(PREPARED) && $(BIN)/python tests/prepare.py fast
	$(PYTEST) -m fast --cov --cov-report= $(TEST_ARGS) $(NONE_IS_FINE)
	@echo "The fast tests run $$($(BIN)/coverage report --format=total) % of src/layerlab."

test-all: test ## Run every test, those of `make test` first. SHARD=1/3 runs a third of them, to share them among three computers.
	@$(BIN)/python tests/prepare.py
	$(PYTEST) -m "not fast" $(TEST_ARGS) $(NONE_IS_FINE)

nightly: docs fuzz soak bench ## Check the documentation's links and run what takes long: 300 random projects, builds while things are killed, benchmarks.

doctor: $(VENV)/.ready ## Check this computer: what's fine, and how to fix the rest.
	@$(BIN)/layerlab doctor

reset: $(VENV)/.ready ## Empty the lab's machine: only its base images are left.
	@$(BIN)/layerlab reset

clean: ## Remove everything that LayerLab created: machines, engine, images, caches, the virtual environment.
	@if [ -x $(BIN)/layerlab ]; then $(BIN)/layerlab clean --yes; \
	else echo "There's no virtual environment here, so machines can't be removed. If you have any, run \`make setup clean\`."; fi
	rm -rf $(VENV) $(DOCS) $(LOWEST) site .pytest_cache .ruff_cache .mypy_cache .hypothesis benchmarks/results
	find . -name __pycache__ -prune -exec rm -rf {} +

fuzz: $(VENV)/.test-ready ## Test the explainer against the engine on FUZZ (300) random projects and edits.
	@$(BIN)/layerlab up
	LAYERLAB_FUZZ=$(FUZZ) $(BIN)/python -m pytest tests/engine/test_fuzz.py --capture=no --timeout=7200

soak: $(VENV)/.test-ready ## Build in 4 processes on 3 machines for SOAK (10) minutes while things are killed: no wrong record, nothing left.
	@$(BIN)/layerlab up
	LAYERLAB_SOAK=$(SOAK) $(BIN)/python -m pytest tests/engine/test_soak.py --capture=no

bench: $(VENV)/.test-ready ## Measure the README's claims: ratios, side by side.
	@$(BIN)/python -m benchmarks

notebooks: $(VENV)/.test-ready ## Execute every notebook and lab again, to commit them with their outputs.
	@sh scripts/install-browser.sh
	$(BIN)/python scripts/execute_notebooks.py $(NOTEBOOKS)

wheel-test: $(VENV)/.test-ready ## Test the wheel as a stranger installs it. LAYERLAB_WHEEL names one that's already built.
	@$(BIN)/layerlab up
	$(BIN)/python -m pytest tests/engine/test_wheel.py $(TEST_ARGS)

lowest: $(LOWEST)/.ready ## Run the pure tests with the oldest versions of the libraries that pyproject.toml allows.
	$(LOWEST)/bin/python -m pytest -m "fast and not engine and not browser" --numprocesses $(JOBS) $(TEST_ARGS)

docs: $(DOCS)/.ready ## Build the documentation into site/ and check every link in it.
	@rm -rf site
	$(DOCS)/bin/mkdocs build --strict
	@$(DOCS)/bin/python scripts/check_site.py site

lint: $(VENV)/.test-ready ## Check style, ruff's rules, types, and which room imports which.
	$(LINT)

lock: $(VENV)/.ready ## Pin the dependencies of pyproject.toml again, with hashes and without index addresses.
	$(COMPILE) --extra course --extra setup --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra setup --extra test --constraint requirements.lock --output-file requirements-test.lock pyproject.toml
	$(COMPILE) --extra setup --extra test --resolution lowest-direct --output-file requirements-lowest.lock pyproject.toml
	$(COMPILE) --extra setup --constraint requirements.lock --output-file requirements-tool.lock pyproject.toml
	$(COMPILE) --extra setup --extra docs --constraint requirements-test.lock --output-file requirements-docs.lock pyproject.toml

setup: $(VENV)/.ready ## Set up only the virtual environment.

# Fails with a message unless there is a Python that can create an environment.
# Deletes an old environment; one made with sudo is root's, and a line for each of its files would hide the reason.
REMOVED = rm -rf $(@D) 2>/dev/null || { echo "$(@D) can't be deleted. If it was made with sudo: sudo rm -rf $(@D)" >&2; exit 1; }
HAVE_PYTHON = if [ -z "$(PYTHON)" ]; then \
	echo "LayerLab needs Python 3.11 or newer with venv. On Debian and Ubuntu: apt-get install python3 python3-venv" >&2; \
	exit 1; fi

# All environments follow the computer's own pip configuration (index, certificates); every file's hash must match the lock.
$(VENV)/.ready: requirements.lock pyproject.toml scripts/install.py
	@$(HAVE_PYTHON)
	@echo "Setting up the virtual environment with $(PYTHON) ..."
	@$(REMOVED)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python scripts/install.py requirements.lock --project
	@touch $@

# Packages that only the tests need, on top of the lab's.
$(VENV)/.test-ready: $(VENV)/.ready requirements-test.lock
	@$(BIN)/python scripts/install.py requirements-test.lock
	@touch $@

# The other environments, each from the lock of its name: .venv-docs, .venv-lowest.
.venv-%/.ready: requirements-%.lock pyproject.toml scripts/install.py
	@$(HAVE_PYTHON)
	@$(REMOVED)
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python scripts/install.py requirements-$*.lock --project
	@touch $@
