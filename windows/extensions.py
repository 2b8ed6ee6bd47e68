# SPDX-License-Identifier: Apache-2.0
"""Monitors of the user's own: a state that keeps the laws, and a function over it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Protocol, runtime_checkable

import numpy as np

from sketches.block import Block, Column, Kind
from sketches.checks import check_state
from sketches.groups import ID_HASH
from sketches.state import Spec
from windows.definition import ModelDefinition
from windows.errors import ExtensionError

GROUP = "sketchwatch.monitors"
_ROWS = 64


@runtime_checkable
class CustomMonitor(Protocol):
    """What a user writes: an object with these, or a class without arguments that makes one."""

    @property
    def of_labels(self) -> bool:
        """Whether the state is of joined rows; then it must be able to take rows away (`update(block, sign=-1)`)."""

    def spec(self, options: Mapping[str, Any], /) -> Spec:
        """Give the spec of the state; its fingerprint must name every option that changes what is kept."""

    def judge(self, state: Any, baseline: Any, options: Mapping[str, Any], /) -> tuple[dict[str, Any], list[Any]]:
        """Give statistics and verdicts of a window's state.

        `baseline` is the state of the baseline's rows, None if there is none. A `Verdict` with a p-value and outcome
        "ok" takes part in the error budget, which decides it; any other stands as it is.
        """


@cache
def load(use: str) -> CustomMonitor:
    """Find a monitor by the name of its entry point in the group `sketchwatch.monitors`, or as `module:object`.

    Whoever calls this with a name from outside must have checked that the operator allows it.

    Raises
    ------
    ExtensionError
        If there is none, or it is no monitor.
    """
    try:
        if ":" in use:
            module, _, name = use.partition(":")
            found = getattr(import_module(module), name)
        else:
            (entry,) = entry_points(group=GROUP, name=use)
            found = entry.load()
        made = found() if isinstance(found, type) else found
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        msg = f"monitor {use!r}: expected an entry point of the group {GROUP!r} or module:object, got {error}"
        raise ExtensionError(msg) from error
    if not isinstance(made, CustomMonitor):
        msg = f"monitor {use!r}: expected of_labels, spec(options) and judge(state, baseline, options), got {made!r}"
        raise ExtensionError(msg)
    return made


def check_extensions(definition: ModelDefinition, allowed: Collection[str]) -> None:
    """Check the code that a definition names before any of it runs: monitors of its own, and a model to explain.

    Parameters
    ----------
    definition : ModelDefinition
        From outside: it may name any code.
    allowed : collection of str
        The names that the operator allows.

    Raises
    ------
    ExtensionError
        If one is not allowed, cannot be loaded, breaks a law, or waits for labels of a model without a problem type.
    """
    for name, custom in definition.monitors.custom.items():
        if custom.use not in allowed:
            msg = (
                f"monitors.custom.{name}: expected use to be one of extensions = {sorted(allowed)}, got {custom.use!r}"
            )
            raise ExtensionError(msg)
        if load(custom.use).of_labels and definition.problem_type is None:
            msg = f"monitors.custom.{name}: expected a problem_type, since the monitor judges labels"
            raise ExtensionError(msg)
        check_extension(custom.use, custom.options, definition.columns.declared)
    computed = definition.monitors.attribution_drift.computed
    if computed.use is not None and computed.use not in allowed:
        msg = (
            "monitors.attribution_drift.computed: expected its model or endpoint to be one of extensions = "
            f"{sorted(allowed)}, got {computed.use!r}"
        )
        raise ExtensionError(msg)


def check_extension(use: str, options: Mapping[str, Any], columns: tuple[str, ...] = ()) -> None:
    """Run the law kit over the state of a monitor, on rows of every kind of column.

    Parameters
    ----------
    use : str
        Name of the monitor.
    options : mapping
        What its spec is made with.
    columns : tuple of str
        Features that it may look at.

    Raises
    ------
    ExtensionError
        If it cannot be loaded, breaks a law or fails on a block.
    """
    monitor = load(use)
    rng = np.random.default_rng(0)
    blocks = [_block(rng, columns, kind, n) for kind, n in enumerate((_ROWS, 1, 0, _ROWS, _ROWS))]
    try:
        check_state(monitor.spec(options), blocks, signed=monitor.of_labels)
    except Exception as broken:  # whatever a user's code raises, the monitor cannot be had
        msg = f"monitor {use!r}: expected a state that keeps the laws of sketches.state: {broken}"
        raise ExtensionError(msg) from broken


def _block(rng: np.random.Generator, columns: tuple[str, ...], kind: int, n: int) -> Block:
    makers = (
        lambda: Column(Kind.FLOAT, np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)), rng.random(n) < 0.9),
        lambda: Column(Kind.INTEGER, rng.integers(-5, 5, n)),
        lambda: Column(Kind.STRING, rng.integers(0, 2, n).astype(np.int32), rng.random(n) < 0.9, ("0", "1")),
        lambda: Column(Kind.BOOLEAN, rng.random(n) < 0.5),
    )
    made = {name: makers[(i + kind) % len(makers)]() for i, name in enumerate(columns)}
    made |= {name: makers[2]() for name in ("label", "prediction.label")}
    made |= {name: Column(Kind.FLOAT, rng.random(n)) for name in ("prediction.score", "prediction.value")}
    return Block(n, made | {ID_HASH: Column(Kind.INTEGER, rng.integers(0, 2**62, n))})
