# SPDX-License-Identifier: Apache-2.0
"""`import sketchwatch` gives exactly what it says, of names its packages say are public."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import sketchwatch

ROOT = Path(__file__).parents[1]
PACKAGES = ("sketches", "topics", "windows")


def test_the_face_exports_what_it_imports_and_nothing_else() -> None:
    tree = ast.parse((ROOT / "sketchwatch.py").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module != "__future__"]
    imported = {alias.name for node in imports for alias in node.names}
    assert imported == set(sketchwatch.__all__)
    assert len(tree.body) == len(imports) + 3, "docstring, __future__, imports and __all__ are all there is"


@pytest.mark.parametrize("name", sketchwatch.__all__)
def test_a_name_of_the_face_is_public_in_its_package_and_documented(name: str) -> None:
    homes = [module for module in map(importlib.import_module, PACKAGES) if name in module.__all__]
    assert len(homes) == 1
    assert getattr(homes[0], name) is getattr(sketchwatch, name)
    assert inspect.getdoc(getattr(sketchwatch, name))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_every_name_it_says_it_has_in_order(package: str) -> None:
    module = importlib.import_module(package)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
    assert len(set(module.__all__)) == len(module.__all__)


def test_a_model_server_that_imports_the_face_loads_no_worker() -> None:
    program = "import sys, sketchwatch; print({'faust', 'aiokafka', 'stream', 'typer'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "set()"
