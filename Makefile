# What you do here. Every target sets up what it needs first; set-up is quick when nothing changed.
PYTHON := .venv/bin/python
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench docs screenshots lock clean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 22

setup: ## Install system programs, the virtual environment, front-end assets and the sample SaaS
	@python3 scripts/setup

demo: setup ## Run a real SaaS under real traffic, kill it, watch golive respond (ARGS=--headless: unattended)
	@$(PYTHON) -m examples.demo $(ARGS)

test: setup ## Run all tests (ARGS="-k spool" to choose)
	@$(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 25 $(ARGS)

check: setup ## Lint, types, layers, migrations, licences, lock files
	@$(PYTHON) scripts/check.py $(ARGS)

bench: setup ## Measure ingest against the engine's own limit
	@$(PYTHON) -m bench.ingest $(ARGS)

docs: setup ## Build the documentation into site/
	@$(PYTHON) scripts/reference.py
	@NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict --quiet $(ARGS)
	@echo "docs: site/index.html"

screenshots: setup ## Take the pictures in docs/screenshots from a running demo
	@$(PYTHON) scripts/screenshots.py $(ARGS)

lock: setup ## Pin requirements again after a change of pyproject.toml (ARGS=--upgrade for newer versions)
	@$(PYTHON) scripts/lock.py $(ARGS)

clean: ## Remove everything that can be made again
	@python3 scripts/setup --clean
