# SPDX-License-Identifier: Apache-2.0
"""The law kit finds a state that breaks a law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
import pytest

from sketches import BinaryQualitySpec, Block, Column, Kind, SpecMismatch, check_state


@dataclass(frozen=True)
class RowsSpec:
    """A counter of rows, whose methods a test may replace by broken ones."""

    fingerprint: str = "rows"
    max_bytes: int = 64
    broken: dict[str, Callable[..., Any]] = field(default_factory=dict, hash=False)

    def empty(self) -> Rows:
        return Rows(self)

    def from_bytes(self, data: bytes, /) -> Rows:
        state = Rows(self)
        state.n = self.broken.get("read", int)(data.decode())
        return state

    def equivalent(self, a: Rows, b: Rows, /) -> bool:
        return a.n == b.n


class Rows:
    def __init__(self, spec: RowsSpec) -> None:
        self.spec = spec
        self.n = 0

    def update(self, block: Block, /, sign: int = 1) -> None:
        self.n += self.spec.broken.get("rows", lambda block, sign: sign * block.n)(block, sign)

    def merge(self, other: Rows, /) -> None:
        if self.spec.fingerprint != other.spec.fingerprint and "fence" not in self.spec.broken:
            raise SpecMismatch("other rows")
        self.n = self.spec.broken.get("merge", lambda a, b: a.n + b.n)(self, other)

    def to_bytes(self) -> bytes:
        return self.spec.broken.get("write", lambda n: str(n).encode())(self.n)


def grow_other(a: Rows, b: Rows) -> int:
    b.n += a is not b
    return a.n + b.n - 1


CALLS = count()
BLOCKS = [Block(3), Block(5), Block(4)]
BROKEN: dict[str, dict[str, Callable[..., Any]]] = {
    "identity on the right": {"merge": lambda a, b: a.n + b.n + 1},
    "identity on the left": {"merge": lambda a, b: a.n and a.n + b.n},
    "commutativity": {"merge": lambda a, b: a.n + b.n + (a.n > b.n > 0)},
    "associativity": {"merge": lambda a, b: a.n + b.n - (a.n == b.n + 4 or b.n == a.n + 4)},
    "split": {"rows": lambda block, sign: sign * block.n**2},
    "codec": {"read": lambda text: int(text) + 1},
    "gives other bytes": {"write": lambda n: f"{n}{' ' * next(CALLS)}".encode()},
    "changed the other state": {"merge": grow_other},
    "at most": {"write": lambda n: str(n).zfill(65).encode()},
    "fence": {"fence": print},
    "sign": {"rows": lambda block, sign: block.n},
}


def test_a_lawful_state_passes() -> None:
    check_state(RowsSpec(), BLOCKS, signed=True)
    check_state(RowsSpec(), [], signed=True)


@pytest.mark.parametrize("law", BROKEN)
def test_a_broken_law_is_named(law: str) -> None:
    with pytest.raises(AssertionError, match=law):
        check_state(RowsSpec(broken=BROKEN[law]), BLOCKS, signed=True)


def test_a_state_that_depends_on_the_order_of_rows_is_found() -> None:
    def rises(block: Block, sign: int) -> int:
        values = block.columns["value"].values
        return sign * int(np.sum(values[1:] > values[:-1]))

    block = Block(4, {"value": Column(Kind.INTEGER, np.arange(4))})
    with pytest.raises(AssertionError, match=r"split|order of the rows"):
        check_state(RowsSpec(broken={"rows": rises}), [block] * 3)


def test_an_unsigned_check_does_not_ask_for_the_sign_law() -> None:
    check_state(RowsSpec(broken={"rows": lambda block, sign: block.n}), BLOCKS)
    check_state(BinaryQualitySpec(), BLOCKS, signed=True)
