# Two commands are enough: `make run` and `make test`. Needs Python 3.11 or newer, and make.
.DEFAULT_GOAL := help
.PHONY: help run test check bench bench-peers bench-overload bench-shadow bench-batch bench-features soak bench-growth bench-flame demo pipeline mlflow lint types floors format lock setup setup-pipeline setup-dev clean

PYTHON ?= python3
UV := 0.13.8
BIN := .venv/bin
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python
BUILD := pyproject.toml setup.py $(wildcard app/adapters/engines/_*.[ch])
# One more than there are cores: many tests wait for a server, a window or a clock.
JOBS := $(shell $(PYTHON) -c 'import os; print(len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else os.cpu_count() + 1)')
export APP_ENV ?= dev
T ?=
DATA ?= ../shared/data

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

run: setup ## install, train a first model if there is none, and serve on 127.0.0.1:5000
	@$(BIN)/python scripts/first_model.py
	@exec $(BIN)/python -m app.serve

# Where compiled tests may not be kept, each worker compiles all of them again.
test: setup-dev ## install, and run the whole suite; T=path for a part of it
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/pytest $(if $(T),$(T),--numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder --cov --cov-report=term)

demo: setup-pipeline ## show the life of a model from records to drift; DATA=folder for real data besides
	@$(BIN)/python scripts/demo.py --data $(DATA)

pipeline: setup-pipeline ## run the stages of dvc.yaml that have changed
	@$(BIN)/dvc repro

mlflow: setup-pipeline ## open MLflow's page on 127.0.0.1:5555, from an environment of its own
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .venv-mlflow
	@$(BIN)/uv pip install --quiet --python .venv-mlflow/bin/python "mlflow==$$($(BIN)/python -c 'from importlib.metadata import version; print(version("mlflow-skinny"))')"
	@MLFLOW_DISABLE_TELEMETRY=true exec .venv-mlflow/bin/mlflow server --backend-store-uri sqlite:///runtime/mlflow.db \
	  --artifacts-destination runtime/mlflow --host 127.0.0.1 --port 5555 --workers 1

check: setup-dev lint types floors ## lint, types, floors

bench: setup-dev ## measure the gateway alone: speed, time per step, cost of each protection, start, memory, workers
	@$(BIN)/python -m benchmarks.gateway
	@$(BIN)/python -m benchmarks.protections
	@$(BIN)/python -m benchmarks.footprint

bench-peers: setup-dev ## measure other model servers beside it, each in an environment of its own; writes docs/performance.md
	@$(BIN)/python -m benchmarks.peers --page

bench-overload: setup-dev ## measure it at three times its capacity; writes docs/performance.md
	@$(BIN)/python -m benchmarks.overload --page

bench-shadow: setup-dev ## what a shadow adds to its champion's answers; writes docs/performance.md
	@$(BIN)/python -m benchmarks.shadow --page

bench-batch: setup-dev ## measure batch scoring beside what the engine does alone; writes docs/performance.md
	@$(BIN)/python -m benchmarks.batch --page

bench-features: setup-dev ## look features up while a million entities are materialised
	@$(BIN)/python -m benchmarks.features

soak: setup-dev ## the slow proofs: versions under load, 10 million rows killed and resumed, 100,000 messages, DVC
	@SOAK_PHASE_SECONDS=12 $(BIN)/pytest test/e2e/test_change.py
	@BATCH_ROWS=10000000 $(BIN)/pytest test/e2e/test_batch.py
	@KAFKA_MESSAGES=100000 $(BIN)/pytest test/integration/test_kafka.py
	@SOAK_LINE=1 $(BIN)/pytest test/e2e/test_whole_line.py
	@SOAK_EVIDENTLY=1 $(BIN)/pytest test/unit/lifecycle/test_drift_html.py

bench-growth: setup-dev ## measure how its cost grows with rows, features, trees, subjects; writes docs/performance.md
	@$(BIN)/python -m benchmarks.growth --page

bench-flame: setup-dev ## draw where a worker's time goes; writes docs/performance.md
	@$(BIN)/python -m benchmarks.flame --page

lint: setup-dev
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/codespell --skip '*.svg' app benchmarks client configs docs jwt_tools scripts test *.md *.yaml Makefile

types: setup-dev
	@$(BIN)/mypy --no-error-summary

floors: setup-dev
	@$(BIN)/lint-imports > .venv/floors.txt || { cat .venv/floors.txt; exit 1; }

format: setup-dev ## put the code into shape
	@$(BIN)/ruff format --quiet
	@$(BIN)/ruff check --fix --quiet

lock: setup-dev ## pin requirements*.in into requirements*.txt, with hashes
	@for part in requirements requirements-pipeline requirements-dev; do \
	  $(BIN)/uv pip compile --quiet --generate-hashes --no-header --universal \
	    --python-version 3.11 $$part.in --output-file $$part.txt; done

clean: ## remove the environment and everything made while running
	@rm -rf .venv runtime build *.egg-info app/adapters/engines/*.so

setup: .venv/runtime-ready ## install what serving needs

setup-pipeline: .venv/pipeline-ready ## install what the life cycle needs besides, such as Parquet

setup-dev: .venv/dev-ready ## install what tests and checks need

.venv/uv-ready:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Gatehouse needs Python 3.11 or newer")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV)
	@touch $@

.venv/runtime-ready: .venv/uv-ready requirements.txt $(BUILD)
	@$(INSTALL) --require-hashes --compile-bytecode -r requirements.txt
	@$(INSTALL) --no-deps -e .
	@touch $@

.venv/pipeline-ready: .venv/uv-ready requirements-pipeline.txt $(BUILD)
	@$(INSTALL) --require-hashes --compile-bytecode -r requirements-pipeline.txt
	@$(INSTALL) --no-deps -e .
	@touch $@ .venv/runtime-ready

.venv/dev-ready: .venv/uv-ready requirements-dev.txt $(BUILD)
	@$(INSTALL) --require-hashes --compile-bytecode -r requirements-dev.txt
	@$(INSTALL) --no-deps -e .
	@touch $@ .venv/runtime-ready
