# SPDX-License-Identifier: Apache-2.0
"""The quality of past windows: known once labels are in, and what a window's is held against."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sketches.block import Block
from tests.windows.build import column, definition, window_of
from windows.history import PastWindow
from windows.monitors.anomaly import judge_anomaly, summary_of
from windows.monitors.past_quality import quality_statistics
from windows.monitors.settle import NEVER
from windows.window_profile import WindowProfile

MODEL = definition(data_drift={"anomaly": {"modes": ["z_score"]}})
ACCURACY = ("model_quality", "accuracy")


def window(seed: int, flipped: float = 0.0, n: int = 300, model=MODEL, **fields: object) -> WindowProfile:
    rng = np.random.default_rng(seed)
    score = rng.beta(2, 3, n)
    label = (rng.random(n) < score).astype(int)
    label = np.where(rng.random(n) < flipped, 1 - label, label)
    held = Block(n, {"label": column(label), "score": column(score)})
    return replace(window_of(held, model), **fields)


def quality(profile: WindowProfile) -> dict:
    return quality_statistics(profile, np.random.default_rng(0))


PAST = [summary for i in range(40) if isinstance(summary := summary_of(window(i)), PastWindow)]


def test_the_metrics_of_a_window_are_told_once_its_labels_are_in():
    found = quality(window(1))
    assert {column for column, _ in found} == {"model_quality"}
    assert {"accuracy", "recall", "precision", "auc"} <= {metric for _, metric in found}
    assert found[ACCURACY].error == pytest.approx(0.027, abs=0.004)


@pytest.mark.parametrize(
    "silent",
    [
        window(1, labels_closed=False),
        window(1, labelled=250),
        window(1, n=150),
        window(1, model=definition(model_quality={"enabled": False})),
        replace(window(1), states={}),
    ],
    ids=["labels may come", "coverage", "few rows", "switched off", "no problem"],
)
def test_nothing_is_told_of_a_quality_that_may_not_be_judged(silent):
    assert quality(silent) == {}


def judged(profile: WindowProfile) -> dict[str, str]:
    return {verdict.subject: verdict.outcome for verdict in judge_anomaly(profile, PAST, 0.012, NEVER)[1]}


def test_a_window_with_flipped_labels_is_unlike_the_past():
    assert judged(window(100))["model_quality"] == "ok"
    assert judged(window(101, flipped=0.4))["model_quality"] == "violation"


def test_before_the_labels_are_in_the_features_alone_are_compared():
    assert set(judged(window(102, labels_closed=False))) == {"prediction.label", "prediction.score"}
