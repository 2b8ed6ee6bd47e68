# SPDX-License-Identifier: Apache-2.0
"""Classes that follow from scores: the highest of many, as NumPy finds it."""

from __future__ import annotations

import numpy as np
import pytest

from sketches.block import Block, Column, Kind
from tests.windows.traffic import SECOND, definition, encoded, labels, run, store_of, windows
from windows.events import BlockArrived

CLASSES = ("b", "a", "c")
MODEL = {"problem_type": "MulticlassClassification", "classes": CLASSES}


def arrived(scores, predicted=(), names=CLASSES):
    scores = np.asarray(scores, float)
    columns = {f"prediction.scores.{name}": Column(Kind.FLOAT, scores[:, i]) for i, name in enumerate(names)}
    if predicted:
        codes = np.array([CLASSES.index(name or "a") for name in predicted], np.int32)
        valid = np.array([name is not None for name in predicted])
        columns["prediction.label"] = Column(Kind.STRING, codes, valid, CLASSES)
    n = len(scores)
    return BlockArrived("m", "1", encoded(range(n)), np.full(n, 100 * SECOND), Block(n, columns))


def outputs(event, **changes):
    store = store_of(definition(**MODEL | changes))
    run(store, event)
    counts = windows(store)[100].profile.features.get("prediction.label")
    return {} if counts is None else counts.categories.counts()


def test_the_highest_score_is_the_predicted_class_and_joined_as_such():
    scores = np.random.default_rng(1).dirichlet(np.ones(3), 200)
    expected = [CLASSES[i] for i in scores.argmax(1)]
    store = store_of(definition(**MODEL))
    run(store, arrived(scores), labels(range(200), expected, 100))
    window = windows(store)[100]
    assert window.profile.features["prediction.label"].categories.counts() == {
        name: expected.count(name) for name in sorted(CLASSES, key=lambda name: (-expected.count(name), name))
    }
    quality = window.quality
    assert quality.cells == {(name, name): expected.count(name) for name in CLASSES}
    assert quality.losses.n == 200


def test_of_equal_scores_the_class_declared_first_is_predicted():
    assert outputs(arrived([[0.2, 0.4, 0.4], [0.4, 0.4, 0.2]])) == {"a": 1, "b": 1}


def test_a_prediction_that_was_sent_stands():
    assert outputs(arrived([[0.9, 0.1, 0.0]] * 3, ("c", None, "a"))) == {"a": 1, "b": 1, "c": 1}


@pytest.mark.parametrize(
    ("event", "changes"),
    [
        (arrived([[0.5, np.nan, 0.5]]), {}),
        (arrived([[0.5, 0.5]], names=("a", "b")), {}),
        (arrived([[0.5, 0.2, 0.3]]), {"classes": ()}),
    ],
)
def test_without_a_score_of_every_declared_class_none_is_predicted(event, changes):
    assert outputs(event, **changes) == {}
