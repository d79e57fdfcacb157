# The two commands of the README, each from nothing: `make paper` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Half of the suite's time is waiting for clocks and sockets, so tests get two workers a core; the long runs get one.
JOBS ?= 2
WORKERS ?= 4

.PHONY: help paper test browser prove matrix mutants rows bench lint diagrams readme clean

help:
	@echo "make paper     watch the bot trade against the stand-in exchange for a minute"
	@echo "make test      the whole suite, with ruff and mypy --strict"
	@echo "make browser   the operator's page in a real Chromium, with screenshots in logs/browser"
	@echo "make prove     the long runs that the suite samples"
	@echo "make matrix    every fault at every moment of a ticket, judged by what the account holds (ARGS=--bots: others too)"
	@echo "make mutants   every row of every table wrong in every way, and what catches each (ARGS=--table Mode: one table)"
	@echo "make rows      which rows the tests and a simulation fire, drawn into logs/coverage"
	@echo "make bench     what counts, measured beside what a user would otherwise have (ARGS=--quick: a look; --only NAME)"
	@echo "make diagrams  draw the state diagrams again from the tables"
	@echo "make readme    write the generated tables into both READMEs"
	@echo "make clean     remove the virtual environment and caches"

$(VENV)/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

paper: $(VENV)/installed
	$(BIN)/python -m runner paper $(ARGS)

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

browser: $(VENV)/installed
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null || \
		{ echo "make browser needs Chromium and its driver: apt-get install chromium chromium-driver" >&2; exit 1; }
	$(BIN)/python -m pytest -n 0 -m browser tests/browser $(ARGS)

# The two longest as commands of their own: they show how far they are, and say what they have seen.
prove: $(VENV)/installed
	$(BIN)/python -m mmfsm.explore --model tickets --coarse --tickets 3 --faults 2 --bound 0
	$(BIN)/python -m runner simulate --seeds 2000 --minutes 10 --jobs $(JOBS)
	$(BIN)/python -m runner simulate --seeds 20 --minutes 10 --twice --jobs $(JOBS)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m prove --override-ini timeout=900 $(ARGS)

matrix: $(VENV)/installed
	$(BIN)/python -m tests.matrix $(ARGS)

mutants: $(VENV)/installed
	$(BIN)/python -m tests.prove.mutants --jobs $(JOBS) $(ARGS)

rows: $(VENV)/installed
	rm -rf logs/rows
	MMFSM_ROWS=logs/rows $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal
	$(BIN)/python -m runner simulate --seeds 40 --minutes 2 --jobs $(JOBS) --rows logs/rows/simulated.json
	$(BIN)/python -m mmfsm.diagrams --coverage logs/rows/*.json

bench: $(VENV)/installed
	$(BIN)/python -m tests.bench --json logs/bench.json $(ARGS)

diagrams: $(VENV)/installed
	$(BIN)/python -m mmfsm.diagrams

readme: $(VENV)/installed
	$(BIN)/python -m tests.support.readme

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache
