# LayerLab. Everything a person needs is `make lab`; `make help` lists the rest.
SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
# The newest Python that the lock covers.
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
# Extra arguments: make lab LAB_ARGS="--no-browser --port 8899", make test TEST_ARGS="-k trace".
LAB_ARGS ?=
TEST_ARGS ?=
FUZZ ?= 300
# Processes that share the tests; each has a LayerLab home, and machines, of its own.
JOBS ?= 2
COMPILE = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command 'make lock' --upgrade --quiet
# One part of the tests, for several computers that share them: make test-all SHARD=1/3.
SHARD ?= 1/1
NOTEBOOKS := $(wildcard notebooks/*.ipynb labs/*/lab.ipynb)

# An environment that forbids bytecode (many container images do) costs each of the thousand processes that tests start a second.
unexport PYTHONDONTWRITEBYTECODE

LINT = $(BIN)/ruff check . && $(BIN)/ruff format --check src tests scripts benchmarks && $(BIN)/lint-imports --no-cache
# An engine, base images and a browser, side by side.
PREPARED = sh scripts/install-browser.sh & browser=$$!; $(BIN)/layerlab up; up=$$?; wait $$browser && [ $$up = 0 ]
PYTEST = sh scripts/on-quick-disk.sh $(BIN)/python -m pytest --numprocesses $(JOBS) --no-loadscope-reorder --shard $(SHARD)
# With TEST_ARGS="-k something" one of the two stages may have nothing to run; pytest calls that 5.
NONE_IS_FINE = $(if $(TEST_ARGS),|| [ $$? = 5 ])

.PHONY: help lab test test-all nightly doctor reset clean fuzz bench notebooks lock lint setup

help: ## This list.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

lab: $(VENV)/.ready ## Set up what is missing and open JupyterLab on the first notebook. LAB_ARGS are passed on.
	@$(BIN)/python -m layerlab.commands.jupyter $(LAB_ARGS)

test: $(VENV)/.test-ready ## The fast tests: lint, all pure tests, and the product on a real engine, in minutes. TEST_ARGS go to pytest.
	$(LINT)
	@$(PREPARED) && $(BIN)/python tests/prepare.py fast
	$(PYTEST) -m fast $(TEST_ARGS) $(NONE_IS_FINE)

test-all: test ## Every test; those of `make test` first. SHARD=1/3 runs a third of them, for three computers.
	@$(BIN)/python tests/prepare.py
	$(PYTEST) -m "not fast" $(TEST_ARGS) $(NONE_IS_FINE)

nightly: fuzz bench ## What takes long by nature: the explainer against 300 random projects, and the benchmarks.

doctor: $(VENV)/.ready ## Look at this computer and say what is fine and how to fix the rest.
	@$(BIN)/layerlab doctor

reset: $(VENV)/.ready ## Make the lab's machine cold: nothing but base images is left in it.
	@$(BIN)/layerlab reset

clean: ## Remove all that LayerLab ever created: machines, engine, images, caches, the virtual environment.
	@if [ -x $(BIN)/layerlab ]; then $(BIN)/layerlab clean --yes; \
	else echo "No virtual environment here, so no machine can be removed; if there is one, run \`make setup clean\`."; fi
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis benchmarks/results
	find . -name __pycache__ -prune -exec rm -rf {} +

fuzz: $(VENV)/.test-ready ## Try the explainer against the engine on FUZZ (300) random projects and edits.
	@$(BIN)/layerlab up
	LAYERLAB_FUZZ=$(FUZZ) $(BIN)/python -m pytest tests/engine/test_fuzz.py --capture=no --timeout=7200

bench: $(VENV)/.test-ready ## Measure what the README claims: ratios, side by side.
	@$(BIN)/python -m benchmarks

notebooks: $(VENV)/.test-ready ## Execute every notebook and lab afresh, for committing with outputs.
	@sh scripts/install-browser.sh
	$(BIN)/python scripts/execute_notebooks.py $(NOTEBOOKS)

lint: $(VENV)/.test-ready ## Style, what ruff finds, and who imports whom.
	$(LINT)

lock: $(VENV)/.ready ## Pin the dependencies of pyproject.toml anew, with hashes and without index addresses.
	$(COMPILE) --extra setup --output-file requirements.lock pyproject.toml
	$(COMPILE) --all-extras --constraint requirements.lock --output-file requirements-test.lock pyproject.toml

setup: $(VENV)/.ready ## Only the virtual environment.

# Both follow the computer's own pip configuration (index, certificates); every file's hash must be the lock's.
$(VENV)/.ready: requirements.lock pyproject.toml scripts/install.py
	@if [ -z "$(PYTHON)" ]; then \
		echo "LayerLab needs Python 3.11 or newer with venv. On Debian and Ubuntu: apt-get install python3 python3-venv" >&2; \
		exit 1; fi
	@echo "Setting up the virtual environment with $(PYTHON) ..."
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python scripts/install.py requirements.lock --project
	@$(BIN)/python -m layerlab.commands.jupyter --settings-only
	@touch $@

# What only tests need, on top of the lab's.
$(VENV)/.test-ready: $(VENV)/.ready requirements-test.lock
	@$(BIN)/python scripts/install.py requirements-test.lock
	@touch $@
