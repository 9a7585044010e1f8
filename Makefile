# renditor: what one types. Everything happens in .venv; nothing is installed outside it except by `make test`
# (Chromium and PostgreSQL, from the distribution's packages, for the tests that need them).

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
LOCKS  := requirements/run.txt requirements/build.txt
# Tests run in this many processes: encoders use the other half of each core.
JOBS   ?= 2

# Python keeps what it has compiled: every process of ours would compile everything anew otherwise.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test check format bench lock audit clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.run ## Set everything up and start renditor (PORT=8000 DATA=data HOST=127.0.0.1)
	@exec $(BIN)/renditor serve $(if $(HOST),--host '$(HOST)') $(if $(PORT),--port '$(PORT)') $(if $(DATA),--data '$(DATA)')

test: $(VENV)/.dev ## Set everything up and run every test (ARGS="-k name" for some)
	@.ci/setup-browser
	@.ci/setup-postgres
	$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

check: $(VENV)/.dev ## Lint, format check, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## Format the code and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev ## Run the benchmarks and print their tables
	@for file in bench/[a-z]*.py; do echo "== $$file"; $(BIN)/python -m bench.$$(basename $$file .py) || exit 1; done

lock: ## Renew the hash locks in requirements/ (needs uv)
	@.ci/lock

audit: ## Look up known holes of all locked packages (needs network), and write build/sbom.json
	@.ci/audit $(PYTHON)

clean: ## Remove the environment and all caches (never data)
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache tests/browser/node_modules

$(VENV)/.run: $(LOCKS) pyproject.toml
	@.ci/install $(PYTHON) $(VENV) $(LOCKS)
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	@.ci/install $(PYTHON) $(VENV) $(LOCKS) requirements/dev.txt
	@touch $@
