# SPDX-License-Identifier: Apache-2.0
"""The law kit: run it over a state of your own.

Each law takes a spec and blocks and raises `AssertionError` saying which law broke; `check_state` runs them all.
Feed it many different blocks (a property-testing library is a good source; none is needed).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from sketches.block import Block
from sketches.errors import SpecMismatch
from sketches.state import Spec


def check_state(spec: Spec, blocks: Sequence[Block], *, signed: bool = False) -> None:
    """Check every law of a state.

    Parameters
    ----------
    spec : Spec
        Whose states are checked.
    blocks : sequence of Block
        Any number of blocks; three or more reach every law.
    signed : bool
        Whether `update` takes `sign`, so that the sign law holds too.

    Raises
    ------
    AssertionError
        If a law is broken.

    Examples
    --------
    >>> from sketches.block import Column, Kind
    >>> from sketches.moments import MomentsSpec
    >>> check_state(MomentsSpec(), [Block(2, {"value": Column(Kind.FLOAT, np.array([1.0, np.nan]))})] * 3)
    """
    for law in (
        check_identity,
        check_commutativity,
        check_associativity,
        check_split,
        check_codec,
        check_no_aliasing,
        check_size,
    ):
        law(spec, blocks)
    check_fence(spec)
    if signed:
        check_sign(spec, blocks)


def check_identity(spec: Spec, blocks: Sequence[Block]) -> None:
    """Merging with the empty state, on either side, changes nothing."""
    expected = _of(spec, blocks)
    _require(spec, _merged(_of(spec, blocks), spec.empty()), expected, "identity on the right")
    _require(spec, _merged(spec.empty(), _of(spec, blocks)), expected, "identity on the left")


def check_commutativity(spec: Spec, blocks: Sequence[Block]) -> None:
    """Either order of a merge is the same."""
    first, second = blocks[::2], blocks[1::2]
    forth = _merged(_of(spec, first), _of(spec, second))
    back = _merged(_of(spec, second), _of(spec, first))
    _require(spec, forth, back, "commutativity")


def check_associativity(spec: Spec, blocks: Sequence[Block]) -> None:
    """Either grouping of merges is the same."""
    a, b, c = blocks[::3], blocks[1::3], blocks[2::3]
    left = _merged(_merged(_of(spec, a), _of(spec, b)), _of(spec, c))
    right = _merged(_of(spec, a), _merged(_of(spec, b), _of(spec, c)))
    _require(spec, left, right, "associativity")


def check_split(spec: Spec, blocks: Sequence[Block]) -> None:
    """Any cut of the rows, updated apart and merged, is one pass."""
    expected = _of(spec, blocks)
    for share in (0.0, 0.3, 0.5, 1.0):
        state = spec.empty()
        for block in blocks:
            cut = int(share * block.n)
            for rows in (np.arange(cut), np.arange(cut, block.n)):
                state.merge(_of(spec, [block.take(rows)]))
        _require(spec, state, expected, f"split at {share:.0%} of each block")
    odd_first = [block.take(np.arange(block.n) % 2 == side) for block in blocks for side in (1, 0)]
    _require(spec, _of(spec, odd_first), expected, "order of the rows")


def check_codec(spec: Spec, blocks: Sequence[Block]) -> None:
    """Reading what was written is the same state, also when it is merged or updated afterwards."""
    expected = _of(spec, blocks)
    data = expected.to_bytes()
    again = spec.from_bytes(data)
    _require(spec, again, expected, "codec")
    if again.to_bytes() != data:
        msg = f"law broken for {spec}: writing a state that was read gives other bytes"
        raise AssertionError(msg)
    _require(
        spec,
        _merged(spec.from_bytes(_of(spec, blocks[::2]).to_bytes()), _of(spec, blocks[1::2])),
        _merged(_of(spec, blocks[::2]), _of(spec, blocks[1::2])),
        "codec before a merge",
    )
    for block in blocks:
        again.update(block)
        expected.update(block)
    _require(spec, again, expected, "codec before an update")


def check_no_aliasing(spec: Spec, blocks: Sequence[Block]) -> None:
    """Merging changes self alone, also afterwards, and a state can be merged with itself."""
    one, other = _of(spec, blocks[::2]), _of(spec, blocks[1::2])
    before = other.to_bytes()
    one.merge(other)
    for block in blocks:
        one.update(block)
    if other.to_bytes() != before:
        msg = f"law broken for {spec}: a merge changed the other state"
        raise AssertionError(msg)
    twice = _of(spec, blocks)
    twice.merge(twice)
    _require(spec, twice, _merged(_of(spec, blocks), _of(spec, blocks)), "merge with itself")


def check_size(spec: Spec, blocks: Sequence[Block]) -> None:
    """A state's bytes are within the bound."""
    size = len(_of(spec, blocks).to_bytes())
    if size > spec.max_bytes:
        msg = f"law broken for {spec}: expected at most {spec.max_bytes} bytes, got {size}"
        raise AssertionError(msg)


def check_fence(spec: Spec) -> None:
    """Merging a state of another fingerprint raises `SpecMismatch`."""
    stranger: Any = SimpleNamespace(spec=SimpleNamespace(fingerprint=f"not {spec.fingerprint}"))
    try:
        spec.empty().merge(stranger)
    except SpecMismatch:
        return
    except Exception as error:
        received = repr(error)
    else:
        received = "no error"
    msg = f"law broken for {spec}: fence; expected SpecMismatch when another fingerprint is merged, got {received}"
    raise AssertionError(msg)


def check_sign(spec: Spec, blocks: Sequence[Block]) -> None:
    """Adding blocks and taking them away, in any order, leaves the empty state."""
    state = _of(spec, blocks)
    for block in blocks:
        state.update(block, sign=-1)
    _require(spec, state, spec.empty(), "sign")
    state = spec.empty()
    for block in reversed(blocks):
        state.update(block, sign=-1)
    state.merge(_of(spec, blocks))
    _require(spec, state, spec.empty(), "sign before a merge")


def _of(spec: Spec, blocks: Iterable[Block]) -> Any:
    state = spec.empty()
    for block in blocks:
        state.update(block)
    return state


def _merged(one: Any, other: Any) -> Any:
    one.merge(other)
    return one


def _require(spec: Spec, received: Any, expected: Any, law: str) -> None:
    if not spec.equivalent(received, expected):
        msg = f"law broken for {spec}: {law}; expected n = {expected.n}, got n = {received.n}"
        raise AssertionError(msg)
