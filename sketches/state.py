# SPDX-License-Identifier: Apache-2.0
"""What a mergeable state is.

A *state* is a sufficient statistic of rows: everything a metric needs, in bounded memory, with an identity and a
merge. Its *spec* is the frozen set of parameters it was made with.

Laws, for every spec and any blocks (`sketches.checks` runs them):

- identity: merging with `spec.empty()`, on either side, changes nothing that can be observed;
- commutativity and associativity of `merge`;
- split: any cut of the rows into blocks, updated apart and merged, is equivalent to one pass;
- codec: `from_bytes(to_bytes())` is equivalent, also when merged afterwards;
- no aliasing: `merge` changes self alone;
- size: `len(to_bytes()) <= spec.max_bytes`;
- fence: merging states of different fingerprints raises `SpecMismatch`;
- sign, for label-dependent states: adding a block and then subtracting it is `empty()`.

KLL is randomised and has no seed, so equivalence is of claims (n, min, max, ranks within the stated error), not of
bytes.
"""

from __future__ import annotations

from typing import Any, Protocol, Self, TypeVar, runtime_checkable

from sketches.block import Block
from sketches.errors import SpecMismatch

S = TypeVar("S", bound="State")


@runtime_checkable
class Spec(Protocol):
    """The frozen, hashable parameters of a state."""

    @property
    def fingerprint(self) -> str:
        """Identify the parameters: it enters store keys and envelopes, so changed parameters never mix."""

    @property
    def max_bytes(self) -> int:
        """Bound the length of a state's bytes."""

    def empty(self) -> Any:
        """Make the identity of merge."""

    def from_bytes(self, data: bytes, /) -> Any:
        """Read a state; raises `CorruptState`."""

    def equivalent(self, a: Any, b: Any, /) -> bool:
        """Compare two states by what can be observed of them."""


@runtime_checkable
class State(Protocol):
    """A sufficient statistic with an identity and a merge."""

    @property
    def spec(self) -> Any:
        """The parameters this state was made with."""

    @property
    def n(self) -> int:
        """Rows seen."""

    def update(self, block: Block, /) -> None:
        """Add the rows of a block."""

    def merge(self, other: Self, /) -> None:
        """Add another state's rows, changing self alone; raises `SpecMismatch`."""

    def to_bytes(self) -> bytes:
        """Write the state."""


@runtime_checkable
class SignedState(State, Protocol):
    """A state that can also take rows away, for labels that are corrected."""

    def update(self, block: Block, /, sign: int = 1) -> None:
        """Add (+1) or take away (-1) the rows of a block."""


def require_same_spec(a: State, b: State, /) -> None:
    """Raise `SpecMismatch` unless two states have the same fingerprint."""
    if a.spec != b.spec and a.spec.fingerprint != b.spec.fingerprint:
        msg = (
            f"cannot merge {type(a).__name__}: expected fingerprint {a.spec.fingerprint!r}, got {b.spec.fingerprint!r}"
        )
        raise SpecMismatch(msg)
