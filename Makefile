# tinykit: `make demo` and `make test` are all you need; both install what they miss (apt packages, .venv).

PYTHON := .venv/bin/python
# Tools that come with the environment, such as esptool, are found as in an activated one.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
JOBS ?= 2

.PHONY: help demo test check fuzz nightly format bench setup setup-dev clean

help:
	@echo "make demo    teacher -> student -> int8 -> C -> emulated board -> report (examples/digits)"
	@echo "make test    lint, types, C checks, and the whole test suite"
	@echo "make check   lint, types and C checks alone"
	@echo "make bench   ours beside TFLM + CMSIS-NN, for every model and core"
	@echo "make fuzz    100,000 damaged models through the reader"
	@echo "make nightly fuzz, all whole models under the sanitizers, all kernels at -O3"
	@echo "make format  format Python and C"
	@echo "make clean   remove what the demo and the tests made"

setup:
	@scripts/bootstrap.sh train

setup-dev:
	@scripts/bootstrap.sh dev

demo: setup
	@.venv/bin/tinykit run examples/digits/recipe.toml --output build/digits

check: setup-dev
	@scripts/check.sh

test: setup-dev
	@scripts/check.sh
	$(PYTHON) -m pytest -q -n $(JOBS) --dist loadgroup

bench: setup-dev
	@$(PYTHON) scripts/bench.py

fuzz: setup-dev
	$(PYTHON) -m tests.graph.fuzz --cases 100000

nightly: fuzz
	TINYKIT_SANITIZE=1 $(PYTHON) -m pytest -q -n $(JOBS) --dist loadgroup tests/zoo -m "not emulated"
	TINYKIT_HOST_LEVEL=-O3 $(PYTHON) -m pytest -q -n $(JOBS) --dist loadgroup tests/kernels -m "not emulated"

format: setup-dev
	@.venv/bin/ruff check -q --fix . ; .venv/bin/ruff format -q .
	@git ls-files '*.c' '*.h' | xargs -r clang-format -i

clean:
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
