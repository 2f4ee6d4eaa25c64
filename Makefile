# `make demo` and `make test` from a fresh clone: both make .venv and install into it what is missing, and nothing else.
# The installation is repeated only when pyproject.toml or constraints.txt changed. Another Python: `make test PYTHON=python3.12`.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.installed
PIP := $(RUN) -m pip --quiet --quiet --disable-pip-version-check install --constraint constraints.txt

.PHONY: help demo test test-slow test-wheel test-oldest check docs install clean
.DEFAULT_GOAL := help

help:
	@echo "make demo       track an object through a simulated hyperspectral clip; results in demo_output/"
	@echo "make test       run the tests"
	@echo "make test-slow  run those that take minutes, such as two steps of each full recipe"
	@echo "make test-wheel build a wheel, install it into an empty environment and try it there"
	@echo "make test-oldest  run the tests with the oldest versions that pyproject.toml promises, in .venv.oldest"
	@echo "make check      run the linter, the formatter's check and the type checker"
	@echo "make docs       build the documentation as a site in site/, with every link checked"
	@echo "make install    make .venv with everything that the three above use"
	@echo "make clean      remove .venv and what tools left behind"

demo: $(STAMP)
	@$(RUN) -m spectrack demo

# One thread a worker: two workers fill two cores, and more threads would only make them wait for each other.
test: $(STAMP)
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(RUN) -m pytest --quiet --numprocesses 2 --dist worksteal -m 'not slow and not wheel' $(ARGS)

test-slow: $(STAMP)
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(RUN) -m pytest --quiet -m slow $(ARGS)

# The only tests that need the package index: a built wheel in an empty environment.
test-wheel: $(STAMP)
	@$(RUN) -m pytest --quiet -m wheel $(ARGS)

# An environment of its own, with the versions of constraints-oldest.txt, some of which setuptools builds from source.
# This torch may bring gigabytes of GPU libraries.
test-oldest:
	@test -x .venv.oldest/bin/python || $(PYTHON) -m venv .venv.oldest
	@.venv.oldest/bin/python -m pip --quiet install --constraint constraints-oldest.txt torch hatchling editables setuptools wheel
	@.venv.oldest/bin/python -m pip --quiet install --constraint constraints-oldest.txt --no-build-isolation --editable '.[dev,train]'
	@# Its files again: supervision has brought opencv-python, a newer one, which lies in the same folder.
	@.venv.oldest/bin/python -m pip --quiet install --constraint constraints-oldest.txt --force-reinstall --no-deps opencv-python-headless
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 .venv.oldest/bin/python -m pytest --quiet --numprocesses 2 -m 'not slow and not wheel' $(ARGS)

check: $(STAMP)
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy

docs: $(STAMP)
	@$(PIP) --no-build-isolation --editable '.[docs]'
	@NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict --quiet
	@echo "site/index.html"

install: $(STAMP)

# torch comes first and alone, pinned: pip would otherwise be free to fetch a build with several gigabytes of GPU libraries.
# The build backend is pinned and installed too, so that nothing is fetched behind the back of constraints.txt.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("spectrack: expected Python 3.11 or later, found %d.%d; name another, as in make PYTHON=python3.12" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@test -x $(RUN) || { echo "making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing into $(VENV), once: about 2.2 GB on disk, two to five minutes"
	@echo "  1 of 4: torch, the largest download (some 200 MB)"
	@$(PIP) torch==2.13.0
	@echo "  2 of 4: the build backend"
	@$(PIP) hatchling editables
	@echo "  3 of 4: spectrack and what it runs on"
	@$(PIP) --no-build-isolation --editable .
	@echo "  4 of 4: what the tests and the checks use"
	@$(PIP) --no-build-isolation --editable '.[dev]'
	@touch $(STAMP)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find spectrack tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
