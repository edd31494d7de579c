# crm-analytics: `make` alone explains the verbs.
# An active virtual or conda environment is used as it is; otherwise .venv is made here.

ifdef VIRTUAL_ENV
ENV := $(VIRTUAL_ENV)
else ifneq ($(filter-out base,$(CONDA_DEFAULT_ENV)),)
ENV := $(CONDA_PREFIX)
else
ENV := .venv
endif
BIN := $(ENV)/bin
PYTHON ?= python3
STAMP := $(ENV)/.crm-analytics-installed
DATA ?= company cdnow
TWO := -n 2 --dist loadgroup --no-loadscope-reorder   # a file, or what it names a group, stays on one worker
PLAIN := not spark and not browser and not slow and not weekly and not postgres   # as pytest by itself
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONDONTWRITEBYTECODE   # else each of hundreds of processes compiles the package anew: 1.5 s of 4

.DEFAULT_GOAL := help
.PRECIOUS: $(STAMP)-%
.PHONY: help setup report test test-thorough lab bench docs lint test-spark test-postgres test-browser test-slow test-weekly notebooks constraints clean

help:  ## this list
	@echo "crm-analytics. First: make report, then open the page it names."
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | \
	  while IFS='|' read -r verb says; do printf '  make %-13s %s\n' "$$verb" "$$says"; done

setup: $(STAMP)  ## make the environment and install, with pinned versions

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv --upgrade-deps $(ENV) || \
	  { echo "python3 -m venv failed; on Debian: apt-get install python3-venv"; exit 1; }
	@echo "Installing into $(ENV) (a few minutes the first time)"
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@$(BIN)/crm key >/dev/null || true
	@touch $@

$(STAMP)-%: $(STAMP)   # what an extra brings, on top
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev,$*]'
	@touch $@

install-%: $(STAMP)-%
	@:

report: setup  ## write the demo data and run the reports on them (DATA=company, cdnow, cdnow-master, lemonade)
	@set -e; for data in $(DATA); do \
	  $(BIN)/crm demo $$data >/dev/null; $(BIN)/crm report --all --data $$data >/dev/null; done
	@echo "Open $(CURDIR)/reports/index.html"

test: setup  ## the tests: laws, published numbers, messages (minutes)
	$(BIN)/python -m pytest $(TWO) -m "$(PLAIN) and not thorough"

test-thorough: setup  ## every report on every kind of base, nights, privacy, long laws, the notebooks
	$(BIN)/python -m pytest $(TWO) -m "$(PLAIN) and thorough" tests
	$(BIN)/crm demo cdnow && $(BIN)/crm demo company
	$(BIN)/python -m pytest -n 2 --dist loadfile --nbval --nbval-current-env \
	  --nbval-sanitize-with tests/notebooks/nbval.ini notebooks

lab: setup  ## JupyterLab on notebooks/
	@test -d data/cdnow || $(BIN)/crm demo cdnow
	@test -d data/company || $(BIN)/crm demo company
	$(BIN)/jupyter lab notebooks

bench: setup  ## speed against lifetimes and the naive pipeline, as ratios
	$(BIN)/python -m benchmarks

docs: setup  ## the site, offline and searchable, in docs/_build
	$(BIN)/python -m sphinx -q -W -b html docs docs/_build
	@echo "Open $(CURDIR)/docs/_build/index.html"

lint: setup  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test-spark: install-spark  ## the same numbers on Spark (needs Java 17; installs the spark extra)
	@java -version 2>/dev/null || { echo "Java 17 is needed; on Debian: apt-get install openjdk-17-jre-headless"; exit 1; }
	$(BIN)/python -m pytest -m spark tests/spark

test-postgres: install-postgres  ## a PostgreSQL warehouse on loopback (needs its server; installs the postgres extra)
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || \
	  { echo "PostgreSQL is needed; on Debian: apt-get install postgresql"; exit 1; }
	$(BIN)/python -m pytest -m postgres tests/postgres

test-browser: setup  ## the pages in real Chromium (needs Node.js and Chromium)
	@command -v node >/dev/null || { echo "Node.js is needed; on Debian: apt-get install nodejs npm"; exit 1; }
	@command -v chromium >/dev/null || { echo "Chromium is needed; on Debian: apt-get install chromium"; exit 1; }
	$(BIN)/python -m pytest $(TWO) -m "browser and not weekly" tests/browser

test-slow: setup  ## a fresh environment from environment.yml, big data, every report under other conditions
	$(BIN)/python -m pytest $(TWO) -m "slow and not alone" tests
	$(BIN)/python -m pytest -m "slow and alone" tests

test-weekly: setup  ## long simulations whose results are committed (not part of .ci/run)
	$(BIN)/python -m pytest -m weekly tests

notebooks: setup  ## run the notebooks; keep the text nbval compares and pictures for GitHub (needs Chromium)
	@command -v chromium >/dev/null || { echo "Chromium is needed; on Debian: apt-get install chromium"; exit 1; }
	$(BIN)/crm demo cdnow && $(BIN)/crm demo company
	$(BIN)/python -m tests.notebooks.normalise

constraints:  ## pin the newest working set again (needs uv)
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --no-header --no-annotate --upgrade --quiet \
	  | (echo "# Every version of a working set, for any platform. Made by: make constraints"; cat) > constraints.new
	mv constraints.new constraints.txt

clean:  ## remove what was made here: .venv, demo data, reports; contact lists and own files stay
	rm -rf .venv build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis node_modules
	$(PYTHON) -m crm_analytics.tables.demo_marker data/company data/cdnow data/cdnow-master data/lemonade
	find reports -mindepth 1 ! -name README.md ! -path 'reports/lists' ! -path 'reports/lists/*' ! -path 'reports/.crm*' -delete
