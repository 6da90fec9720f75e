# Every target sets itself up: on a fresh Debian with python3 (3.11 or newer) and make, each works as it stands.
# .venv/ holds two sets: what Tieout needs to run (make demo) and, added to it, what its makers need (the rest).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
DATA ?=
ARGS ?=
EVENTS ?= 100000000
SIZE ?= 100m
VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet --constraint constraints.txt
ROOT := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# A copied or moved checkout would run the programs of the old one: its environment is made anew.
ifneq ($(filter-out $(CURDIR),$(shell cat $(VENV)/.place 2>/dev/null)),)
$(shell rm -rf $(VENV))
endif

.PHONY: help setup demo prove test replay test-long check format bench bench-long bench-live bench-build bench-scale clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

setup: $(VENV)/.dev ## prepare .venv with everything (the other targets do so themselves)

demo: $(VENV)/.runtime ## from usage to traced invoices in demo-home/; DATA=folder takes real usage
	@$(VENV)/bin/tieout demo $(if $(DATA),--data "$(DATA)") $(ARGS)

test: $(VENV)/.dev ## all tests
	@$(VENV)/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

prove: $(VENV)/.dev ## a pack of one demo invoice, verified by stock tools alone (docs/how-to/prove-one-invoice.sh)
	@test -d demo-home || $(VENV)/bin/tieout demo > /dev/null
	@sh docs/how-to/prove-one-invoice.sh

replay: $(VENV)/.dev ## replay real usage against what a plain script expects; DATA=folder (docs/how-to/replay-real-usage.md)
	@$(VENV)/bin/python -m tests.real_usage "$(if $(DATA),$(DATA),../shared/data)" .replay-sets
	@for set in azure apache taxi; do $(VENV)/bin/tieout replay run .replay-sets/$$set --gate $(ARGS) || exit; done

test-long: $(VENV)/.dev ## the sweeps of faults in full (every kill, loss of power, failed sync), the laws with more examples
	@TIEOUT_TEST_LONG=1 $(VENV)/bin/python -m pytest -n 2 --dist load tests/faults tests/laws $(ARGS)

check: $(VENV)/.dev ## style, types, layers, and the rules of the house
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/python -m pytest --quiet tests/tidy

format: $(VENV)/.dev ## rewrite the sources in the style that check asks for
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

bench: $(VENV)/.dev ## measure side by side with PostgreSQL and ClickHouse's engine; writes bench.json
	@$(VENV)/bin/python -m bench.run $(ARGS)

bench-long: $(VENV)/.dev ## close, follow and ask 100 million events of 100,000 customers; built first, once (an hour or so)
	@$(VENV)/bin/python -m bench.close --size 100m $(ARGS)
	@$(MAKE) --no-print-directory bench-live

bench-live: $(VENV)/.dev ## lag, look-ups, looks at rules and entitlements of SIZE=100m events; built first, once
	@$(VENV)/bin/python -m bench.live --size $(SIZE) $(ARGS)
	@$(VENV)/bin/python -m bench.entitlements --size $(SIZE) $(ARGS)

bench-build: $(VENV)/.dev ## build a log of EVENTS=100000000 in .bench/log, resumable; later benches use it
	@$(VENV)/bin/python -m bench.build --events $(EVENTS) $(ARGS)

bench-scale: $(VENV)/.dev ## how rate, size, recovery and memory change from 1 to 10 to 100 million events
	@$(VENV)/bin/python -m bench.scale $(ARGS)

clean: ## remove everything that make made
	rm -rf $(VENV) .replay-sets .bench bench.json bench-scale.json bench-close.json bench-live.json bench-entitlements.json demo-home .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.runtime: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Tieout needs Python 3.11 or newer; PYTHON=... names another one than $(PYTHON)." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Installing python3-venv, which $(PYTHON) lacks" >&2; \
	  $(ROOT) apt-get update -qq; \
	  $(ROOT) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null; }
	@echo "Setting up $(VENV) (once; a minute or so)" >&2
	@[ -x $(VENV)/bin/python ] && $(VENV)/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "$(CURDIR)" > $(VENV)/.place
	@$(INSTALL) hatchling
	@$(INSTALL) --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@command -v hledger >/dev/null && command -v minisign >/dev/null && command -v unzip >/dev/null || { \
	  echo "Installing hledger, which has to accept what the ledger exports, and minisign for evidence packs" >&2; \
	  $(ROOT) apt-get update -qq; \
	  $(ROOT) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq hledger minisign unzip >/dev/null; }
	@echo "Adding the tools of development (once; a minute or so)" >&2
	@$(INSTALL) --no-build-isolation --editable '.[postgres,dev]'
	@touch $@
