# SPDX-License-Identifier: Apache-2.0
"""The users' own monitors, judged within the model's error budget."""

from __future__ import annotations

from dataclasses import replace

from sketches.envelope import unseal
from windows.baselines.baseline import Baseline
from windows.definition import ModelDefinition
from windows.extensions import load
from windows.monitors.each_segment import each_segment
from windows.monitors.monitor import Judged, Monitor, Terms, is_of, one_by_one
from windows.monitors.settle import Draft, settle
from windows.options import Custom
from windows.partition.specs import CUSTOM, segment_part
from windows.report import Verdict
from windows.statistics.correction import holm
from windows.window_profile import WindowProfile


def custom_monitors(definition: ModelDefinition) -> tuple[Monitor, ...]:
    """Give a definition's own monitors, by name."""
    return tuple(_monitor(name, custom) for name, custom in sorted(definition.monitors.custom.items()))


def _monitor(name: str, custom: Custom) -> Monitor:
    part, extension = CUSTOM + name, load(custom.use)
    needs = (part, segment_part(part, ""))

    def judge(profile: WindowProfile, baseline: Baseline | None, terms: Terms) -> Judged:
        was = None if baseline is None else _opened(baseline, profile, needs).states.get(part)
        statistics, verdicts = extension.judge(profile.states[part], was, custom.options)
        return statistics, settle([_test(verdict) for verdict in verdicts], holm, terms.alpha, terms.earlier)

    segments = each_segment(one_by_one(judge), lambda _: (part,), name)
    return Monitor(
        name,
        family="custom",
        of_labels=extension.of_labels,
        enabled=lambda _: True,
        needs=lambda _: needs,
        judge=judge,
        by_segment=lambda profile, baseline, terms: segments(profile, _opened(baseline, profile, needs), terms),
    )


def _opened(baseline: Baseline, profile: WindowProfile, mine: tuple[str, ...]) -> Baseline:
    """Open the states that are still in their envelopes; without those that were made with other options."""
    opened = dict(baseline.states)
    for part, data in baseline.states.items():
        if isinstance(data, bytes) and is_of(part, mine):
            envelope, spec = unseal(data), profile.states[part].spec if part in profile.states else None
            del opened[part]
            if spec is not None and envelope.fingerprint == spec.fingerprint:
                opened[part] = spec.from_bytes(envelope.payload)
    return replace(baseline, states=opened)


def _test(verdict: Verdict) -> Draft | Verdict:
    if verdict.pvalue is None or verdict.outcome != "ok":
        return verdict
    if not 0 <= verdict.pvalue <= 1:
        reason = f"expected a p-value in [0, 1], got {verdict.pvalue}"
        return verdict._replace(outcome="insufficient", pvalue=None, reason=reason)
    return Draft(verdict._replace(mode=verdict.mode or "calibrated"))
