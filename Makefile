# Everything runs in .venv, which each target sets up by itself; a second call finds it ready.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint types clean

demo: $(READY)
	rm -rf runs/quickstart
	$(BIN)/mobaigc-sim run scenarios/quickstart.yaml --out runs/quickstart
	@echo "Look at runs/quickstart/figures/gallery.png first; the other figures lie beside it."

test: export OMP_NUM_THREADS = 1
test: $(READY)
	$(BIN)/python -m pytest -n auto

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

clean:
	rm -rf runs build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "mobaigc_sim needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name another one: make $(firstword $(MAKECMDGOALS)) PYTHON=/path/to/python3.12" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,rl]'
	@$(BIN)/python -c 'import cv2' 2>/dev/null || { \
	  echo "OpenCV finds no libGL on this system: taking its headless build"; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall \
	    -c constraints.txt opencv-python-headless; }
	touch $@
