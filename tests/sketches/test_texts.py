# SPDX-License-Identifier: Apache-2.0
"""Strings as categories stay short, encodable and apart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sketches.texts import LONGEST, canonical, keyed

ANY = st.text(alphabet=st.characters(), max_size=200) | st.just("\ud800") | st.just("x\udfff" * 40)


@given(ANY)
def test_any_text_becomes_short_and_encodable_and_stays_so(text: str) -> None:
    short = canonical(text)
    assert len(short) <= LONGEST
    assert short.encode().decode() == short
    assert canonical(short) == short


@given(st.text(max_size=LONGEST))
def test_a_short_text_is_kept(text: str) -> None:
    assert canonical(text) == text


def test_long_texts_with_one_beginning_stay_apart() -> None:
    assert canonical("x" * 100 + "a") != canonical("x" * 100 + "b")


@given(ANY, ANY)
def test_keyed_hashes_agree_exactly_when_the_texts_do(one: str, other: str) -> None:
    assert (keyed(one, b"k") == keyed(other, b"k")) == (one == other)
    assert keyed(one, b"k" * 100) != keyed(one, b"k")
