# SPDX-License-Identifier: Apache-2.0
"""A monitor of a user's own that judges labels: whether those of a class have become more frequent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from sketches.errors import SpecMismatch
from windows.report import Verdict


@dataclass(frozen=True)
class OnesSpec:
    value: str

    max_bytes = 48

    @property
    def fingerprint(self):
        return f"ones/1/{self.value}"

    def empty(self):
        return OnesState(self)

    def from_bytes(self, data, /):
        state = self.empty()
        state.n, state.ones = (int(part) for part in data.split(b","))
        return state

    def equivalent(self, a, b, /):
        return (a.n, a.ones) == (b.n, b.ones)


class OnesState:
    def __init__(self, spec):
        self.spec, self.n, self.ones = spec, 0, 0

    def update(self, block, /, sign=1):
        label = block.columns.get("label")
        if label is not None and block.n:
            self.n += sign * block.n
            self.ones += sign * int((np.array([*label.categories, ""])[label.values] == self.spec.value).sum())

    def merge(self, other, /):
        if other.spec != self.spec:
            raise SpecMismatch(f"expected {self.spec}, got {other.spec}")
        self.n, self.ones = self.n + other.n, self.ones + other.ones

    def to_bytes(self):
        return b"%d,%d" % (self.n, self.ones)


class Ones:
    of_labels = True

    def spec(self, options, /):
        return OnesSpec(str(options["value"]))

    def judge(self, state, baseline, options, /):
        statistics = {"ones": state.ones, "item_count": state.n}
        if baseline is None or not state.n:
            return statistics, [Verdict("label", "ones_check", "calibrated", "insufficient", reason="no rows")]
        p = binomtest(state.ones, state.n, (baseline.ones + 1) / (baseline.n + 2), "greater").pvalue
        return statistics, [Verdict("label", "ones_check", "calibrated", "ok", "share", state.ones / state.n, pvalue=p)]
