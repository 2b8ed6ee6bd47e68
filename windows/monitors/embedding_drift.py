# SPDX-License-Identifier: Apache-2.0
"""The embedding drift monitor: whether vectors still point where the baseline's did."""

from __future__ import annotations

from functools import partial
from typing import Any

from sketches.embeddings import EmbeddingState
from windows.baselines.baseline import Baseline
from windows.baselines.embeddings import vectors_of
from windows.monitors.monitor import Judged, Terms, no_baseline
from windows.monitors.numeric_drift import drift_text
from windows.monitors.settle import Draft, beside, settle
from windows.options import EmbeddingDrift
from windows.partition.specs import EMBEDDING
from windows.report import Verdict
from windows.statistics.correction import holm
from windows.statistics.embedding_shift import MeanShift, mean_shift, mean_similarity, spread_of
from windows.statistics.intervals import Estimate
from windows.window_profile import WindowProfile

MONITOR = "embedding_drift"
CHECK = "embedding_drift_check"
_ENOUGH_VECTORS = 4


def report_embedding_drift(profile: WindowProfile, baseline: Baseline | None, terms: Terms) -> Judged:
    """Compare the mean direction of every embedding with the baseline's.

    Parameters
    ----------
    profile : WindowProfile
        The window.
    baseline : Baseline or None
        With the states of the embeddings.
    terms : Terms
        Level of the tests of all embeddings together (Holm).

    Returns
    -------
    statistics : dict
        Counts of every embedding; similarity and shift where there is a baseline.
    verdicts : list of Verdict
        `embedding_drift_check` of every embedding: the similarity against `min_similarity` where that is set, and the
        test of the shift, advisory beside it.
    """
    options = profile.definition.monitors.embedding_drift
    described: dict[str, Any] = {}
    verdicts: list[Draft | Verdict] = []
    held = {} if baseline is None else baseline.states
    for name in sorted(options.embeddings):
        window: EmbeddingState = profile.states[EMBEDDING + name]
        described[name] = vectors_of(window)
        was = held.get(EMBEDDING + name)
        if was is None:
            verdicts += [verdict._replace(subject=name) for verdict in no_baseline(CHECK, f"embedding {name!r}")]
        elif (reason := _not_comparable(window, was, options)) is not None:
            verdicts.append(Verdict(name, CHECK, _mode(options), "insufficient", n=window.n, reason=reason))
        else:
            assert baseline is not None
            spread = baseline.once(EMBEDDING + name, partial(spread_of, was))
            similarity, shift = mean_similarity(window, was), mean_shift(window, was, spread)
            described[name] |= _comparison(similarity, shift)
            verdicts += _judge(name, similarity, shift, was.n, options)
    statistics = {"version": 0.0, "dataset": {"item_count": profile.rows}, "embeddings": described}
    return statistics, settle(verdicts, holm, terms.alpha, terms.earlier)


def _not_comparable(window: EmbeddingState, was: EmbeddingState, options: EmbeddingDrift) -> str | None:
    if window.n < options.min_rows:
        return f"{window.n} vectors, needs {options.min_rows}"
    if was.spec.dimension != window.spec.dimension:
        return f"the baseline's vectors have {was.spec.dimension} numbers, the window's {window.spec.dimension}"
    if was.n < _ENOUGH_VECTORS or not was.spec.probes:
        return f"the baseline has {was.n} vectors, needs {_ENOUGH_VECTORS}"
    return None


def _comparison(similarity: Estimate, shift: MeanShift | None) -> dict[str, Any]:
    """Put both comparisons into words that reports use."""
    interval = None if similarity.interval is None else list(similarity.interval)
    described: dict[str, Any] = {
        "mean_similarity": {
            "value": similarity.value,
            "standard_deviation": similarity.sd,
            "interval": interval,
        }
    }
    return described if shift is None else described | {"mean_shift": shift._asdict()}


def _mode(options: EmbeddingDrift) -> str:
    return "calibrated" if options.min_similarity is None else "literal"


def _judge(
    name: str, similarity: Estimate, shift: MeanShift | None, m: int, options: EmbeddingDrift
) -> list[Draft | Verdict]:
    """Give the verdict that counts, and beside a literal one the test."""
    tested = _tested(name, shift, similarity.n, m, options)
    if options.min_similarity is None:
        return [tested]
    low = options.min_similarity
    literal = Verdict(
        name,
        CHECK,
        "literal",
        "violation" if similarity.value < low else "ok",
        "mean_cosine_similarity",
        similarity.value,
        threshold=low,
        interval=similarity.interval,
        n=similarity.n,
        baseline_n=m,
        description=f"Embedding similarity {similarity.value:.6g} is below threshold: {low:.6g}",
    )
    return [literal, beside(tested)]


def _tested(name: str, shift: MeanShift | None, n: int, m: int, options: EmbeddingDrift) -> Draft | Verdict:
    if shift is None:
        reason = "the baseline's vectors all point the same way"
        return Verdict(name, CHECK, "calibrated", "insufficient", n=n, baseline_n=m, reason=reason)
    verdict = Verdict(
        name,
        CHECK,
        "calibrated",
        "ok",
        "mean_shift",
        shift.relative,
        threshold=options.min_shift,
        pvalue=shift.pvalue,
        n=n,
        baseline_n=m,
        description=drift_text(shift.relative, options.min_shift),
    )
    return Draft(verdict, large_enough=shift.relative > options.min_shift)
