# SPDX-License-Identifier: Apache-2.0
"""The package says what it exports, and exports what it says."""

from __future__ import annotations

import inspect
import pkgutil
import types

import topics


def test_every_exported_name_exists_and_is_sorted() -> None:
    assert [name for name in topics.__all__ if not hasattr(topics, name)] == []
    constants = [name for name in topics.__all__ if name.isupper()]
    classes = [name for name in topics.__all__ if not name.isupper() and name[0].isupper()]
    functions = [name for name in topics.__all__ if name[0].islower()]
    assert topics.__all__ == sorted(constants) + sorted(classes) + sorted(functions)


def test_everything_public_in_the_package_is_exported() -> None:
    modules = {module.name for module in pkgutil.iter_modules(topics.__path__)}
    public = {
        name
        for name, value in vars(topics).items()
        if not name.startswith("_") and not (isinstance(value, types.ModuleType) and name in modules)
    }
    assert public == set(topics.__all__)


def test_everything_exported_says_what_it_is() -> None:
    documented = [getattr(topics, name) for name in topics.__all__ if not name.isupper()]
    assert [value for value in documented if not inspect.getdoc(value)] == []
