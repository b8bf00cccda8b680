# Every target sets up .venv by itself: Python 3.11 or newer is all it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ONCE ?=
SEED ?=
JOBS ?= 3

.PHONY: help page built demo shots test lint format types contracts unit bench bars chaos docs lock clean

help: ## Show the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 14

$(STAMP): requirements/dev.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

page: $(STAMP) ## Build the page out of web/, unless it is built
	$(BIN)/python scripts/build_page.py

built: $(STAMP)
	@$(BIN)/python scripts/build_page.py || echo "The page could not be built, so the hub has none, and its tests are skipped: make page"

demo: built ## Hub, app, a real image, its measurements, the URL (ONCE=1: end by itself)
	$(BIN)/python examples/demo.py $(if $(ONCE),--once,)

shots: built ## Pictures of every screen of the page, light and dark, desktop and phone, in build/shots
	$(BIN)/python -m scripts.shoot_page build/shots

test: lint types contracts unit ## Everything that has to be green

lint: $(STAMP) ## Style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(STAMP) ## Mend the style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(STAMP) ## mypy, strict
	$(BIN)/mypy

contracts: $(STAMP) ## Who may import whom; generated pages are fresh
	$(BIN)/lint-imports
	$(BIN)/python scripts/generate_reference.py --check

unit: built ## Unit, contract, scenario and documentation tests, JOBS=3 at a time; then those that need to be alone
	$(BIN)/python -m pytest -m "not alone" -n $(JOBS) --dist loadfile --no-loadscope-reorder
	$(BIN)/python -m pytest -m alone

bench: $(STAMP) ## Calls, throughput, streams, start and memory, each beside its floor
	$(BIN)/python -m benchmarks.run

chaos: $(STAMP) ## Kill hubs under load at full size, on SQLite and PostgreSQL (SEED=n to repeat a run)
	$(BIN)/python -m benchmarks.chaos $(if $(SEED),--seed $(SEED),)
	$(BIN)/python -m benchmarks.chaos $(if $(SEED),--seed $(SEED),) --database embedded

bars: $(STAMP) ## One row for every invariant and bar, with seed and N
	$(BIN)/python -m benchmarks.bars

docs: $(STAMP) ## Write the generated pages of docs/reference
	$(BIN)/python scripts/generate_reference.py

lock: ## Renew the lock file (versions and hashes, no addresses)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --upgrade \
		--python-version 3.11 --all-extras --group dev pyproject.toml -o requirements/dev.lock

clean: ## Remove what the targets made
	rm -rf web/node_modules src/arkitekt_next/hub/pages/built
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis
