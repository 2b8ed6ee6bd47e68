# SPDX-License-Identifier: Apache-2.0
"""Strings as categories: one bounded form a value, and what type a string spells."""

from __future__ import annotations

import hashlib
import re

LONGEST = 64
POOLED = "(other)"
"""Name of all values for which there was no room; it stands for none of them."""
# Integers below are written in full; every int64 is.
_WRITTEN_IN_FULL = 1e21
_DIGITS_START = frozenset("+- 0123456789")
_NUMBER = re.compile(r"([-+]?) ?(\d+)((?:\.\d+)?(?:[Ee][-+]?\d+)?)", re.ASCII)


def canonical(text: str) -> str:
    """Bound a value: at most 64 characters of valid Unicode, a longer one cut and marked with its hash.

    Examples
    --------
    >>> canonical("Private")
    'Private'
    >>> len(canonical("x" * 1000))
    64
    """
    if len(text) <= LONGEST:
        # Lone surrogates come from JSON escapes; no encoder takes them.
        return text if text.isascii() else text.encode("utf-8", "replace").decode()
    data = text.encode("utf-8", "replace")
    return f"{data.decode()[: LONGEST - 17]}~{hashlib.blake2b(data, digest_size=8).hexdigest()}"


def written(value: bool | float | str) -> str:  # noqa: FBT001
    """Write a value as the category it is: 1, 1.0 and "1" are one, and so are true and "true".

    Examples
    --------
    >>> written(1.0), written(0.5), written(True), written("1")
    ('1', '0.5', 'true', '1')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    whole = isinstance(value, int) or (value.is_integer() and abs(value) < _WRITTEN_IN_FULL)
    return str(int(value)) if whole else repr(value)


def class_name(value: bool | float | str) -> str:  # noqa: FBT001
    """Write a value as the class it is: 1, 1.0, true and "1" are one, "true" and "1.0" are texts.

    Examples
    --------
    >>> class_name(1.0), class_name(True), class_name("1"), class_name("true"), class_name(0.5)
    ('1', '1', '1', 'true', '0.5')
    """
    return written(int(value) if isinstance(value, bool) else value)


def keyed(text: str, key: bytes) -> str:
    """Replace a value by its keyed hash (BLAKE2b, 128 bits), equal for equal values and keys only.

    Examples
    --------
    >>> keyed("Alice", b"secret") == keyed("Alice", b"secret"), keyed("Alice", b"") == keyed("Alice", b"secret")
    (True, False)
    """
    secret = hashlib.blake2b(key).digest()
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, key=secret).hexdigest()


def spelled(text: str) -> tuple[str, float | None]:
    """Tell the type a string spells, by Deequ's regular expressions, and its number if it has one.

    Returns
    -------
    kind : {"string_integral", "string_fractional", "string_boolean", "string_other"}
    value : float or None
        Of a numeric string; infinite beyond the range of float64.

    References
    ----------
    .. [1] awslabs/deequ, catalyst/StatefulDataType.scala: `.5` and `5.` are no numbers, `- 5` is one.

    Examples
    --------
    >>> spelled("-12"), spelled("1.5e3"), spelled("true"), spelled(".5")
    (('string_integral', -12.0), ('string_fractional', 1500.0), ('string_boolean', None), ('string_other', None))
    """
    if text in ("true", "false"):
        return "string_boolean", None
    if text[:1] in _DIGITS_START and (match := _NUMBER.fullmatch(text)):
        sign, whole, rest = match.groups()
        return "string_fractional" if rest else "string_integral", float(sign + whole + rest)
    return "string_other", None
