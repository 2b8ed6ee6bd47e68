# SPDX-License-Identifier: Apache-2.0
"""Fingerprints: short names of a spec's parameters, so that changed parameters never mix."""

from __future__ import annotations

import hashlib
import json


def fingerprint(kind: str, **parameters: object) -> str:
    """Name a kind of state and its parameters in 16 hexadecimal digits.

    Examples
    --------
    >>> fingerprint("moments", column="age") == fingerprint("moments", column="age")
    True
    >>> fingerprint("moments", column="age") == fingerprint("moments", column="hours")
    False
    """
    text = json.dumps([kind, parameters], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
