PYTHON ?= python3
BIN := .venv/bin

.PHONY: install demo test lint clean

install: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: install
	$(BIN)/sketchwatch demo

test: install
	$(BIN)/python -m pytest -n 4 --dist loadfile -m 'not kafka'
	$(BIN)/python -m pytest -m kafka

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf .venv demo-output .pytest_cache .mypy_cache .ruff_cache .hypothesis
