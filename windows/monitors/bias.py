# SPDX-License-Identifier: Apache-2.0
"""The bias monitor: whether labels and predictions differ more between groups of people than they did."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeGuard

from sketches.contingency import ContingencyState
from windows.baselines.baseline import Baseline
from windows.baselines.bias_analysis import (
    BiasLimits,
    facet_values,
    favourable,
    is_edited,
    read_bias_analysis,
    values_to_judge,
)
from windows.baselines.sampled_flips import measure_flips
from windows.definition import ModelDefinition
from windows.monitors.monitor import Case, Judged, Terms, no_baseline
from windows.monitors.settle import Draft, beside, settle
from windows.options import Bias
from windows.partition.specs import BIAS, SAMPLE
from windows.report import Verdict
from windows.statistics.bias_estimates import bias_pvalue, distance_from_parity
from windows.statistics.bias_metrics import BIAS_METRICS, FLIP_TEST, BiasMetric
from windows.statistics.bias_statistics import (
    FacetValue,
    Found,
    Measured,
    describe_bias,
    measure_as_paper,
    measure_each,
)
from windows.statistics.correction import holm
from windows.statistics.intervals import Estimate
from windows.window_profile import WindowProfile

CHECK = "bias_drift_check"
MONITOR = "bias"
_NO_VALUES = "no row of the window or of the baseline has a value of it"


def report_bias(profile: WindowProfile, baseline: Baseline | None, terms: Terms) -> Judged:
    """Estimate the bias of a window's labelled rows, and hold it against the baseline's.

    Returns
    -------
    statistics : dict
        Of the form of `analysis.json`, with intervals.
    verdicts : list of Verdict
        One a metric and facet value; beside a literal one the calibrated, advisory.
    """
    (judged,) = report_each_bias([(profile, baseline, terms)])
    return judged


def report_each_bias(cases: Iterable[Case]) -> list[Judged]:
    """Report on the bias of many windows or segments of one definition, whose counts are estimated all at once."""
    prepared = [_Prepared.of(*case) for case in cases]
    least = max((one.options.min_cell for one in prepared), default=0)
    measured = iter(measure_each([(one.state, value) for one in prepared for value in one.values], least))
    return [one.report([next(measured) for _ in one.values]) for one in prepared]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """One window or segment, its baseline, and the facet values that are judged; why others are not by facet."""

    profile: WindowProfile
    baseline: Baseline | None
    terms: Terms
    limits: BiasLimits
    values: list[FacetValue]
    left_out: dict[str, str]

    @classmethod
    def of(cls, profile: WindowProfile, baseline: Baseline | None, terms: Terms) -> _Prepared:
        document = None if baseline is None else baseline.documents.get(MONITOR)
        limits = BiasLimits({}) if document is None else read_bias_analysis(document)
        was = None if baseline is None else baseline.states.get(BIAS)
        values, left_out = _values(profile.definition, profile.states[BIAS], was, limits)
        return cls(profile, baseline, terms, limits, values, left_out)

    @property
    def state(self) -> ContingencyState:
        """The window's counts."""
        state: ContingencyState = self.profile.states[BIAS]
        return state

    @property
    def options(self) -> Bias:
        """Of the definition."""
        return self.profile.definition.monitors.bias

    def report(self, closed: Sequence[Measured]) -> Judged:
        """Describe and judge, given the closed estimates of each value."""
        definition, state = self.profile.definition, self.state
        found = self._found(closed)
        statistics = describe_bias(favourable(definition), found, intervals=True)
        statistics["dataset"] = {"item_count": state.n, "capped": list(state.capped)}
        if self.baseline is None or MONITOR not in self.baseline.documents:
            return statistics, no_baseline(CHECK, MONITOR)
        was = self.baseline.states.get(BIAS)
        if (withheld := _withheld(self.profile, was)) is not None:
            return statistics, [_without(Verdict("*", CHECK, definition.monitors.bias.mode, "ok"), *withheld)]
        drafts: list[Draft | Verdict] = [
            _without(
                Verdict(f"* {facet.name}", CHECK, "calibrated", "ok", facet=facet.name), "insufficient", _NO_VALUES
            )
            for facet in definition.monitors.bias.facets
            if not any(value.facet == facet.name for value in self.values)
        ]
        drafts += [
            _without(Verdict(f"* {facet}", CHECK, "calibrated", "ok", facet=facet), "insufficient", reason)
            for facet, reason in self.left_out.items()
        ]
        of_everybody = (v for v in self.values if self.limits.of(v) and (was is None or _has(was, v.facet)))
        decides = next(of_everybody, None)
        for (value, metrics), measured in zip(found, closed, strict=True):
            held, least = None, self.options.min_cell
            if _has(was, value.facet):
                (before,) = self.baseline.once((value, least), partial(measure_each, [(was, value)], least))
                held = _Sample("baseline", before, was.spec.group)
            now = _Sample("window", measured, state.spec.group)
            compared = _Compared(self.options, value, now, held, self.limits.of(value), decides=value is decides)
            drafts += compared.judge(metrics)
        return statistics, settle(drafts, holm, self.terms.alpha, self.terms.earlier)

    def _found(self, closed: Sequence[Measured]) -> list[tuple[FacetValue, Found]]:
        """What is told of each value: other deviations where they are asked for, and the flip test."""
        definition = self.profile.definition
        told: list[tuple[FacetValue, Found]]
        if self.options.interval == "paper":
            told = [(value, measure_as_paper(self.state, value, self.terms.rng)) for value in self.values]
        else:
            told = [(value, measured.found) for value, measured in zip(self.values, closed, strict=True)]
        if SAMPLE in self.profile.states:
            rows = self.profile.states[SAMPLE].block()
            told = [(value, {**each, FLIP_TEST: measure_flips(rows, definition, value)}) for value, each in told]
        return told


def _has(was: ContingencyState | None, facet: str) -> TypeGuard[ContingencyState]:
    """Whether the baseline counted a facet: a definition may have got it since."""
    return was is not None and facet in was.spec.facets


def _values(
    definition: ModelDefinition, state: ContingencyState, was: ContingencyState | None, limits: BiasLimits
) -> tuple[list[FacetValue], dict[str, str]]:
    """The facet values of the window and of the baseline that are judged, and of which facets some are not, and why."""
    most, chosen, left_out = definition.monitors.bias.max_values, list[FacetValue](), dict[str, str]()
    for facet in definition.monitors.bias.facets:
        written = limits.facets.get(facet.name, {})
        came = values_to_judge(facet, state, most, written)
        known = values_to_judge(facet, was, most, written) if _has(was, facet.name) else []
        judged = list(dict.fromkeys((*known, *came)))
        if not facet.values and facet.above is None:
            judged = judged[:most]
            if unjudged := len({*state.table(facet.name).values, *known} - set(judged)):
                left_out[facet.name] = f"{unjudged} more values are not judged: use above = ..., or name values"
        chosen += facet_values(facet, judged, written)
    return chosen, left_out


def _withheld(profile: WindowProfile, was: ContingencyState | None) -> tuple[str, str] | None:
    """Outcome and reason where nothing may be judged."""
    mine = profile.states[BIAS].spec
    if was is not None and (set(was.spec.positive_labels), was.spec.label_above) != (
        set(mine.positive_labels),
        mine.label_above,
    ):
        return "insufficient", "the baseline is of other favourable labels: suggest it with this definition"
    if not profile.labels_closed:
        return "skipped", "labels may still arrive: the label horizon has not passed"
    coverage = profile.labelled / profile.rows if profile.rows else 0.0
    least = profile.definition.monitors.bias.min_coverage
    return None if coverage >= least else ("insufficient", f"label coverage {coverage:.3f}, needs {least}")


class _Sample(NamedTuple):
    """One of the two samples of a test: a facet value of the window or of the baseline."""

    name: str
    measured: Measured
    group: str | None

    def tested(self, metric: BiasMetric, least: int) -> Estimate | str:
        """Give the estimate of a metric, or why it cannot be tested."""
        found = self.measured.found[metric.name]
        if isinstance(found, str):
            return f"{self.name}: {found}"
        if metric.name in self.measured.small:
            return f"{self.name}: fewer than {least} rows in a count it divides by"
        return found


@dataclass(frozen=True, slots=True)
class _Compared:
    """One facet value of a window against the baseline's."""

    options: Bias
    value: FacetValue
    now: _Sample
    was: _Sample | None
    limits: Mapping[str, float | None]
    decides: bool

    def judge(self, found: Found) -> Iterator[Draft | Verdict]:
        """Judge every metric that is asked for: the verdict that counts, and beside a literal one the calibrated."""
        for name, metric in BIAS_METRICS.items():
            if self.options.metrics and name not in self.options.metrics:
                continue
            if metric.conditional and self.options.group is None:
                if name in self.options.metrics:
                    yield _without(self._verdict(name, found[name], "calibrated"), "insufficient", str(found[name]))
                continue
            calibrated = self._calibrated(metric)
            if self._is_literal(name):
                yield self._literal(name, found[name], ratio=metric.ratio)
                yield beside(calibrated)
            else:
                yield calibrated
        if FLIP_TEST in (self.options.metrics or found):
            yield self._flips(found.get(FLIP_TEST, "no sample of rows was kept"))

    def _flips(self, found: Estimate | str) -> Verdict:
        """Judge the flip test by the paper's rule only: its deviation takes the neighbours as given."""
        if self.options.mode == "literal" or self.was is None:
            return self._literal(FLIP_TEST, found)
        verdict = self._verdict(FLIP_TEST, found, "calibrated")
        if isinstance(found, str):
            return _without(verdict, "insufficient", found)
        return _without(verdict, "skipped", "judged in the literal mode only")

    def _is_literal(self, name: str) -> bool:
        """Whether the definition says so, or a person or another system set the limit."""
        if self.options.mode == "literal" or self.was is None:
            return True
        if name not in self.limits:
            return False
        before = self.was.measured.found[name]
        return is_edited(self.limits[name], before.value if isinstance(before, Estimate) else None)

    def _calibrated(self, metric: BiasMetric) -> Draft | Verdict:
        verdict = self._verdict(metric.name, self.now.measured.found[metric.name], "calibrated")
        if metric.twin is not None:
            return _without(verdict, "skipped", f"says no more than {metric.twin}, which decides")
        if metric.of_everybody and not self.decides:
            return _without(verdict, "skipped", "is the same for every facet: the first of the baseline decides")
        if self.was is None:
            return _without(verdict, "insufficient", "the baseline has no counts of it")
        if metric.conditional and self.was.group != self.options.group:
            return _without(verdict, "insufficient", f"the baseline has the group variable {self.was.group}")
        now, before = (sample.tested(metric, self.options.min_cell) for sample in (self.now, self.was))
        if isinstance(now, str) or isinstance(before, str):
            return _without(verdict, "insufficient", now if isinstance(now, str) else str(before))
        pvalue = bias_pvalue(metric, now, before, self.options.floor)
        told = _needs(now.value, before.value)
        return Draft(verdict._replace(pvalue=pvalue, baseline_n=before.n, threshold=before.value, description=told))

    def _literal(self, name: str, now: Estimate | str, *, ratio: bool = False) -> Verdict:
        """The paper's rule: a violation if the interval and the allowed range have nothing in common."""
        verdict = self._verdict(name, now, "literal")
        limit = self.limits.get(name)
        if limit is None:
            return _without(verdict, "insufficient", "the baseline has no value of it")
        if isinstance(now, str):
            return _without(verdict, "insufficient", now)
        if now.interval is None:
            return _without(verdict, "insufficient", "a resample has no value of it")
        low, high = now.interval
        allowed = abs(limit)
        if ratio and not self.options.literal_di:
            allowed = distance_from_parity(limit, ratio=True)
            low, high = (math.log(end) if end > 0 else -math.inf for end in (low, high))
        violated = low > allowed or high < -allowed
        return verdict._replace(outcome="violation") if violated else verdict

    def _verdict(self, name: str, found: Estimate | str, mode: str) -> Verdict:
        limit = self.limits.get(name)
        subject = f"{name} {self.value.facet}={self.value.text}"
        verdict = Verdict(
            subject, CHECK, mode, "ok", name, threshold=limit, facet=self.value.facet, facet_value=self.value.text
        )
        if isinstance(found, str):
            return verdict
        return verdict._replace(
            value=found.value,
            error=found.sd,
            interval=found.interval,
            n=found.n,
            description=_needs(found.value, limit),
        )


def _needs(value: float, limit: float | None) -> str:
    return f"Metric value {_text(value)} doesn't meet the baseline constraint requirement {_text(limit)}"


def _text(value: float | None) -> str:
    """Write a number as the managed monitor does."""
    return str(value).replace("inf", "Infinity")


def _without(verdict: Verdict, outcome: str, reason: str) -> Verdict:
    return verdict._replace(outcome=outcome, reason=reason, description="")  # type: ignore[arg-type]
