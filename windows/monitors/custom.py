# SPDX-License-Identifier: Apache-2.0
"""The users' own monitors, judged within the model's error budget."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sketches.envelope import unseal
from sketches.state import Spec
from windows.baselines.baseline import Baseline
from windows.definition import ModelDefinition
from windows.extensions import load
from windows.monitors.monitor import Judged, Monitor, Terms
from windows.monitors.settle import Draft, settle
from windows.options import Custom
from windows.partition.specs import CUSTOM
from windows.report import Verdict
from windows.statistics.correction import holm
from windows.window_profile import WindowProfile


def custom_monitors(definition: ModelDefinition) -> tuple[Monitor, ...]:
    """Give a definition's own monitors, by name."""
    return tuple(_monitor(name, custom) for name, custom in sorted(definition.monitors.custom.items()))


def _monitor(name: str, custom: Custom) -> Monitor:
    part, extension = CUSTOM + name, load(custom.use)

    def judge(profile: WindowProfile, baseline: Baseline | None, terms: Terms) -> Judged:
        was = None if baseline is None else baseline.states.get(part)
        if isinstance(was, bytes):
            was = _opened(was, extension.spec(custom.options))
        statistics, verdicts = extension.judge(profile.states[part], was, custom.options)
        return statistics, settle([_test(verdict) for verdict in verdicts], holm, terms.alpha, terms.earlier)

    return Monitor(
        name,
        family="custom",
        of_labels=extension.of_labels,
        enabled=lambda _: True,
        needs=lambda _: (part,),
        judge=judge,
    )


def _opened(data: bytes, spec: Spec) -> Any:
    """Open the baseline's state; None if it was made with other options."""
    envelope = unseal(data)
    return spec.from_bytes(envelope.payload) if envelope.fingerprint == spec.fingerprint else None


def _test(verdict: Verdict) -> Draft | Verdict:
    if verdict.pvalue is None or verdict.outcome != "ok":
        return verdict
    if not 0 <= verdict.pvalue <= 1:
        reason = f"expected a p-value in [0, 1], got {verdict.pvalue}"
        return replace(verdict, outcome="insufficient", pvalue=None, reason=reason)
    return Draft(replace(verdict, mode=verdict.mode or "calibrated"))
