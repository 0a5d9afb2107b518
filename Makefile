# What people type: make run, make test. Everything lives in .venv; nothing else is changed.
# Needs Python 3.11 or newer with venv. Another interpreter: make PYTHON=python3.12 run

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
LOCK := --generate-hashes --universal --python-version 3.11 --no-header --no-emit-index-url --quiet
PYTEST_FLAGS ?=

export PIP_REQUIRE_VIRTUALENV := 1
# Else each of the hundreds of processes that the tests start would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help gpu-files setup setup-dev run test test-vllm bench pictures check lock clean

help:
	@echo "make setup      make $(VENV) with everything tertulia needs"
	@echo "make run        set up, then start tertulia: http://127.0.0.1:8080"
	@echo "make test       set up, then run all tests and checks"
	@echo "make test-vllm  tests against real model servers on the CPU (a large download once)"
	@echo "make bench      benchmarks; writes benchmarks/RESULTS.md"
	@echo "make pictures   take the pictures in docs/pictures again"
	@echo "make check      lint, formatting, types and import rules only"
	@echo "make lock       bring the lock files up to date with pyproject.toml"
	@echo "make gpu-files  passwords and folders for compose.yaml's gpu profile"
	@echo "make clean      remove $(VENV) and caches"

setup: $(VENV)/ready
	@:

setup-dev: $(VENV)/ready-dev
	@:

$(VENV)/python-ready:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Tertulia needs Python 3.11 or newer, and '$(PYTHON)' is not." >&2; \
	  echo "Name one that is: make PYTHON=python3.12 $(or $(MAKECMDGOALS),setup)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Python's venv is missing. On Debian and Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV)…"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/ready: $(VENV)/python-ready requirements.lock pyproject.toml
	@echo "Installing what Tertulia needs…"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --editable .
	@touch $@

$(VENV)/ready-dev: $(VENV)/ready requirements-dev.lock requirements-second-opinion.lock
	@echo "Installing what the tests need…"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(PIP) install --require-hashes --no-deps --ignore-requires-python --use-pep517 -r requirements-second-opinion.lock
	@touch $@

run: setup
	@exec $(BIN)/tertulia run

# TERTULIA_TEST_ARTEFACTS=FOLDER keeps the browser tests' screenshots there.
# Lint, types and import rules are tests too (tests/unit/test_house.py), so pytest's summary is all.
test: setup-dev
	@$(BIN)/python -m pytest -m "not vllm" -n auto --dist worksteal $(PYTEST_FLAGS)

test-vllm: setup-dev
	@echo "Setting up the model servers (.venv-vllm)…"
	@$(BIN)/python -m tests.vllm.setup
	@$(BIN)/python -m pytest -m vllm tests/vllm $(PYTEST_FLAGS)

bench: setup-dev
	@$(BIN)/python -m benchmarks

pictures: setup-dev
	@$(BIN)/python -m tests.browser.shots

check: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

lock: $(VENV)/python-ready
	@test -x $(VENV)/lock/bin/uv || { $(PYTHON) -m venv $(VENV)/lock && \
	  $(VENV)/lock/bin/python -m pip --disable-pip-version-check --quiet install uv; }
	$(VENV)/lock/bin/uv pip compile $(LOCK) pyproject.toml -o requirements.lock
	$(VENV)/lock/bin/uv pip compile $(LOCK) --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	$(VENV)/lock/bin/uv pip compile $(subst 3.11,3.12,$(LOCK)) --no-deps --group second-opinion -o requirements-second-opinion.lock

# Files read by containers of other users are readable; the folder that holds them is not.
gpu-files:
	@mkdir -p models && mkdir -p -m 700 secrets
	@test -s secrets/postgres_password || $(PYTHON) -c 'import secrets; print(secrets.token_hex(24), end="")' > secrets/postgres_password
	@test -s secrets/database_url || printf 'postgresql://tertulia:%s@postgres:5432/tertulia' "$$(cat secrets/postgres_password)" > secrets/database_url
	@chmod 644 secrets/postgres_password secrets/database_url
	@echo "Made secrets/ and models/. Now: docker compose --profile gpu up -d"

clean:
	rm -rf $(VENV) .venv-vllm .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
