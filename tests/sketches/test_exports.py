# SPDX-License-Identifier: Apache-2.0
"""The public face of the package is complete and sorted."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import sketches

# Seams between the states of one column; users build on the states.
INTERNAL = {
    "cell_counts",
    "exact_sums",
    "fingerprint",
    "kll_layout",
    "packing",
    "reading",
    "runs",
    "score_losses",
    "texts",
}


def test_all_lists_every_public_class_and_exists() -> None:
    for name in sketches.__all__:
        assert hasattr(sketches, name)
    modules = {module.name for module in pkgutil.iter_modules(sketches.__path__)}
    assert modules >= INTERNAL
    defined = {
        name
        for module in modules - INTERNAL
        for name, thing in inspect.getmembers(importlib.import_module(f"sketches.{module}"), inspect.isclass)
        if thing.__module__ == f"sketches.{module}" and not name.startswith("_")
    }
    assert defined <= set(sketches.__all__)


def test_all_is_free_of_repetition() -> None:
    assert len(set(sketches.__all__)) == len(sketches.__all__)
