# SPDX-License-Identifier: Apache-2.0
"""A monitor of a user's own whose parts fail when they are told to, for tests of what a failure may touch."""

from __future__ import annotations

from dataclasses import dataclass

from windows.report import Verdict


@dataclass(frozen=True)
class FragileSpec:
    fails: str
    most: float
    fingerprint = "fragile/1"
    max_bytes = 32

    def empty(self):
        return FragileState(self)

    def from_bytes(self, data, /):
        self.check("from_bytes")
        state = self.empty()
        state.n = int(data)
        return state

    def equivalent(self, a, b, /):
        return a.n == b.n

    def check(self, where):
        if self.fails == where:
            raise ArithmeticError(f"{where} fails")


class FragileState:
    def __init__(self, spec):
        self.spec, self.n = spec, 0

    def update(self, block, /, sign=1):
        for name in ("x", "label"):
            column = block.columns.get(name)
            if self.spec.fails == f"update {name}" and column is not None and (column.values > self.spec.most).any():
                raise ArithmeticError(f"{name} is too large")
        self.n += sign * block.n

    def merge(self, other, /):
        self.spec.check("merge")
        self.n += other.n

    def to_bytes(self):
        self.spec.check("to_bytes")
        return b"%d" % self.n


class Fragile:
    of_labels = False

    def spec(self, options, /):
        return FragileSpec(options.get("fails", ""), options.get("most", 0.0))

    def judge(self, state, baseline, options, /):
        state.spec.check("judge")
        verdict = Verdict("x", "fragile_check", "calibrated", "ok", pvalue=float(options.get("pvalue", 0.5)))
        return {"n": state.n}, [verdict]


class FragileLabels(Fragile):
    of_labels = True
