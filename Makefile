# One entry for people and for CI. `make` alone lists the targets.
# Stamps in .make/ remember what is done; each depends on the files that decide it.

PYTHON ?= python3
VENV ?= .venv
# For `make serve`; empty: as the settings say. Read from make's command line only, since shells set HOST as well.
HOST :=
PORT :=
WORKERS :=
# Where `make serve` and `make notebooks` keep the sample. Never the database of the settings, which is for a site's own
# archive, and so from make's command line only as well.
DATABASE := sqlite:///var/sample.db
# For `make audit`.
ADVISORIES :=
# For `make attack`, `fuzz`, `kills` and `soak`; empty: as those programs have it.
CASES :=
KILLS :=
MINUTES :=
# What to install PyTorch from, as pip takes it: make install TORCH=torch==2.12.0
TORCH ?=

bin := $(VENV)/bin
python := $(bin)/python
pip := $(python) -m pip
pinned_torch = $(shell sed -n 's/^\(torch==.*\)/\1/p' constraints.txt)
# A PyTorch of your own choice is not held to the lock's.
constraints := $(if $(TORCH),.make/constraints.txt,constraints.txt)
# What is imported is compiled then: compiling all files of PyTorch and its like takes longer than to install them.
install = $(pip) install --no-compile --constraint $(constraints)
address := $(if $(HOST),RECOMMENDER_HOST=$(HOST)) $(if $(PORT),RECOMMENDER_PORT=$(PORT)) \
	$(if $(WORKERS),RECOMMENDER_WORKERS=$(WORKERS))
# One process more than processors: many tests wait for a server, a browser or a clock.
processes = $(shell $(python) -c 'import os; print(min(4, os.cpu_count() + 1))')
# Whole files go to a process each, the longest first; the table names what to look at when the run grows longer.
pytest = $(bin)/pytest --numprocesses $(processes) --dist loadfile --no-loadscope-reorder \
	--durations 20 --durations-min 1
sample := $(wildcard recommender/sample/*.*)
on_sample := RECOMMENDER_DATABASE_URL='$(DATABASE)'
# The sample is loaded once, and again where its file has been deleted; each time where the database is no file.
emptied := $(if $(wildcard $(DATABASE:sqlite:///%=%)),,always)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install serve test test-long reader lint format types bench attack kills soak fuzz notebooks lock sbom audit \
	clean programs always

help: ## print this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r target text; do \
		printf '  make %-10s %s\n' "$$target" "$$text"; done

install: .make/install ## make .venv and install the service into it

serve: .make/sample ## install, load the sample articles, serve them; HOST=, PORT= and WORKERS= change where
	$(on_sample) RECOMMENDER_DEMONSTRATION=true $(address) $(bin)/recommender serve

test: .make/test programs lint types ## install what tests need, then lint, check types and run the tests
	$(pytest)

test-long: .make/test programs ## run the tests that `make test` leaves out: the whole of what it does a part of
	$(pytest) -m long
	$(pytest) -m 'hypothesis and not long' --hypothesis-profile search

reader: ## install llama.cpp's server and a small language model (300 MB), which a part of test-long asks
	@PYTHON='$(PYTHON)' sh scripts/reader_programs.sh .make/reader

lint: .make/test ## check style and format
	$(bin)/ruff check
	$(bin)/ruff format --check

types: .make/test ## check types
	$(bin)/mypy

format: .make/test ## put the code into the project's format
	$(bin)/ruff check --fix
	$(bin)/ruff format

bench: .make/test ## run the benchmarks and print their tables
	$(python) -m benchmarks

attack: .make/test ## try what may hit a service, and 10,000 requests of schemathesis; CASES=0 leaves those out
	$(python) -m benchmarks.attack $(if $(CASES),--cases $(CASES))

kills: .make/test ## kill what changes the database at random moments; KILLS= on each database
	$(python) -m benchmarks.kills $(if $(KILLS),--kills $(KILLS))

soak: .make/test ## run a service for MINUTES= on each database, through bursts, rests, builds and switches
	$(python) -m benchmarks.soak $(if $(MINUTES),--minutes $(MINUTES))

fuzz: .make/test ## hold the answers to CASES= requests of schemathesis to the OpenAPI file
	$(python) -m benchmarks.fuzz $(if $(CASES),--cases $(CASES))

notebooks: .make/test .make/sample ## run the notebooks from the top and render them into docs/notebooks
	$(on_sample) $(python) scripts/notebooks.py --render

lock: $(VENV)/pyvenv.cfg ## renew constraints.txt; PyTorch keeps its version unless TORCH gives one
	$(python) scripts/lock.py $(TORCH)

sbom: .make/test ## write the bill of materials, deploy/sbom.cdx.json, anew after the lock has changed
	$(python) scripts/sbom.py

audit: .make/test ## check the lock against ADVISORIES: a file, folder or zip in OSV's format; needs no network
	$(python) scripts/audit.py $(ADVISORIES)

clean: ## remove caches and build output; .venv and the data stay
	rm -rf .make .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

programs:
	@sh scripts/test_programs.sh

$(VENV)/pyvenv.cfg:
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

.make/constraints.txt: constraints.txt
	@mkdir -p .make
	grep -v '^torch==' constraints.txt > $@

.make/pip: $(constraints) $(VENV)/pyvenv.cfg
	@mkdir -p .make
	@$(pip) --version >/dev/null 2>&1 || $(python) -m ensurepip
	@$(install) --quiet --upgrade pip
	@touch $@

# PyTorch comes first, because left to itself pip takes the CUDA build of several GB on Linux. Where there is no
# GPU, the CPU build is asked for; if pip's configured sources don't have it, the plain one has to do.
.make/torch: .make/pip $(if $(TORCH),always)
ifneq ($(TORCH),)
	$(pip) install $(TORCH)
else
	@if nvidia-smi -L >/dev/null 2>&1 || ! $(install) '$(pinned_torch)+cpu' 2>/dev/null; then \
		echo "$(install) '$(pinned_torch)'"; $(install) '$(pinned_torch)'; fi
endif
	@touch $@

.make/install: pyproject.toml $(constraints) .make/torch
	@echo 'Installing the service and what it needs'
	@$(install) --quiet --editable .
	@touch $@

.make/test: .make/install
	@echo 'Installing what the tests need'
	@$(install) --quiet --editable '.[test]'
	@touch $@

.make/sample: $(sample) $(emptied) | .make/install
	$(on_sample) $(bin)/recommender ingest --sample
	$(on_sample) $(bin)/recommender build
	@touch $@
