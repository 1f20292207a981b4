# `make demo` and `make test` need nothing but a Python >= 3.11: each makes .venv, or reuses it, by itself.
# Another interpreter: make test PYTHON=/path/to/python3.12      Another folder: make test VENV=/tmp/venv

VENV ?= .venv
PYTHON ?=
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CANDIDATES := $(if $(PYTHON),$(PYTHON),python3.11 python3.12 python3.13 python3 python)

.PHONY: help demo test test-slow lint typecheck bench install clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

demo: $(STAMP) ## roll the learned world out beside the true one: out/demo.mp4, out/demo.png
	$(BIN)/worldsim demo

test: lint typecheck ## lint, types and the tests: what has to pass before a commit
	$(BIN)/python -m pytest

test-slow: $(STAMP) ## the tests that take minutes
	$(BIN)/python -m pytest -m slow --timeout 1800

lint: $(STAMP) ## ruff
	$(BIN)/ruff check .

typecheck: $(STAMP) ## basedpyright, on our own packages
	$(BIN)/basedpyright --level error --pythonpath $(BIN)/python

bench: $(STAMP) ## how fast the voxel world, the learned world, training and learning agents are here
	@for name in voxel learned training agents; do echo "== $$name"; $(BIN)/python benchmarks/$$name.py || exit 1; done

install: $(STAMP) ## only the virtual environment

clean: ## remove what make demo and the tests leave behind; keeps .venv, recordings and checkpoints
	rm -f out/demo.* out/play.*
	rm -rf .pytest_cache .ruff_cache
	find worldsim envs agents tests -name __pycache__ -prune -exec rm -rf {} +

# Up to date as long as neither list of dependencies has changed. A moved or broken .venv is made anew.
$(STAMP): pyproject.toml constraints.txt
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    for name in $(CANDIDATES); do \
	        if "$$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	            found="$$name"; break; \
	        fi; \
	    done; \
	    if [ -z "$$found" ]; then \
	        echo "worldsim needs Python >= 3.11 with its venv module; looked for: $(CANDIDATES)." >&2; \
	        echo "Install one (Debian, Ubuntu: apt install python3 python3-venv; or https://python.org)," >&2; \
	        echo "or name it: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; \
	        exit 1; \
	    fi; \
	    echo "Making $(VENV) with $$found …"; \
	    "$$found" -m venv --clear $(VENV); \
	}
	@echo "Installing worldsim into $(VENV) (a few minutes the first time) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
