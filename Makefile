.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
RUN := .venv/.run
DEV := .venv/.dev
# what the user sees of pip are errors; the lock's hashes are checked, its list is complete
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps
PYTEST = $(BIN)/python -m pytest -q -n auto --dist worksteal

.PHONY: help setup demo compose-demo test test-long test-all test-containers check format docs mutants bench chaos fuzz quality lock clean

help:  ## print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(DEV)  ## put everything, run-time and development, into .venv

$(RUN): requirements.lock pyproject.toml deploy/pins.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "eventjob needs Python 3.11 or newer")'
	@echo "setting up .venv: some 30 seconds"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python deploy/pins.py up hatchling editables > .venv/pins.txt
	@$(PIP) --require-hashes -r .venv/pins.txt
	@$(PIP) --no-build-isolation -e .
	@touch $@

$(DEV): $(RUN)
	@echo "setting up the development packages: some 40 seconds"
	@$(BIN)/python deploy/pins.py up dev > .venv/pins.txt
	@$(PIP) --require-hashes -r .venv/pins.txt
	@touch $@

demo: $(RUN)  ## run the main job on the sample site, or on any session page: make demo URL=https://…
	$(BIN)/python -m demo $(if $(URL),--url "$(URL)")

compose-demo: $(RUN)  ## the same in containers: AIRGAPPED=1 builds all images from Debian and wheels
	@deploy/run.sh $(BIN)/python -m demo --containers

test: setup  ## run the tests, but for the long ones, on all cores
	$(PYTEST)

test-long: setup  ## run the long tests: crashes under load, clusters, two of everything
	HYPOTHESIS_PROFILE=thorough $(PYTEST) -m long

test-all: setup  ## run both
	HYPOTHESIS_PROFILE=thorough $(PYTEST) -m "not bench and not containers"

test-containers: setup  ## run the suites that are on containers, or on processes where there is no Docker
	@if docker info > /dev/null 2>&1; then deploy/run.sh $(BIN)/python -m pytest -q tests/containers -m containers; \
	else $(BIN)/python -m pytest -q tests/containers -m containers; fi

check: setup  ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup  ## put the code in shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

mutants: setup  ## put 30 faults into a copy, one by one, and see that tests fail: make mutants ONLY=word for some
	$(BIN)/python tests/mutants/run_mutants.py '$(ONLY)'

docs: setup  ## generate docs/settings.md from the settings' declaration
	$(BIN)/python docs/generate_settings.py > docs/settings.tmp && mv docs/settings.tmp docs/settings.md

bench: setup  ## measure, and print the numbers; BASE=<commit> compares CPU times with that commit
ifdef BASE
	PAIRS=$(PAIRS) SIZE=$(SIZE) PYTHONPATH=tests:tests/benchmarks $(BIN)/python tests/benchmarks/stopwatch/stopwatch.py $(BASE)
else
	@$(BIN)/python deploy/pins.py bench > .venv/pins.txt
	@$(PIP) --require-hashes -r .venv/pins.txt
	$(BIN)/python -m pytest -q tests/benchmarks -m bench
endif

fuzz: setup  ## send the running product thousands of generated requests: make fuzz KEYS=1 with API keys, SEED=… repeats a run
	KEYS=$(KEYS) $(BIN)/python tests/fuzz/fuzz_report.py $(SEED)

chaos: setup  ## break everything while 1,000 jobs run, and say what held: make chaos MINUTES=10 SEED=…
	MINUTES=$(MINUTES) SEED=$(SEED) SERVERS=$(SERVERS) PYTHONPATH=tests $(BIN)/python -m chaos

quality: setup  ## extract all real pages at hand, and print how much of them is exactly right
	$(BIN)/python tests/quality/report.py

lock:  ## resolve requirements.lock anew (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --all-extras --group dev --group bench pyproject.toml --output-file requirements.lock --quiet

clean:  ## remove what setup, the tests and the demo made; ./data stays
	rm -rf .venv demo-data* .pytest_cache .mypy_cache .ruff_cache .hypothesis
