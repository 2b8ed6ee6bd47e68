# SPDX-License-Identifier: Apache-2.0
"""A suggestion names every monitor of the definition that gets no baseline, and why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sketches.block import Block, Column, Kind
from tests.windows.build import column
from windows.baselines.roles import Roles
from windows.baselines.suggest import suggest
from windows.definition import ModelDefinition

N = 12_000
ROLES = Roles(label="label", score="score")


def rows(**more: Column) -> Block:
    rng = np.random.default_rng(1)
    score = rng.random(N)
    known = {
        "age": column(rng.normal(0, 1, N)),
        "score": column(score),
        "label": column((rng.random(N) < score).astype(int)),
        "sex": column(rng.choice(["f", "m"], N)),
        "tags.region": column(rng.choice(["eu", "us"], N)),
        "embeddings.text": Column(Kind.VECTOR, rng.normal(0, 1, (N, 4)).astype(np.float32)),
        "attributions.age": column(rng.normal(0, 1, N)),
    }
    return Block(N, {**known, **more})


def warnings(held: Block, roles: Roles = ROLES, **definition: Any) -> tuple[str, ...]:
    kind = {"problem_type": "BinaryClassification"} | definition
    return suggest([held], model="m", roles=roles, definition=ModelDefinition(model="m", **kind)).warnings


EVERYTHING: dict[str, Any] = {
    "segments": ("region",),
    "monitors": {
        "bias": {"facets": [{"name": "sex"}], "group": "tags.region"},
        "attribution_drift": {"enabled": True},
        "embedding_drift": {"embeddings": {"text": 4}},
    },
}


def test_data_with_everything_a_definition_asks_for_have_no_warning():
    assert warnings(rows(), **EVERYTHING) == ()


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ("attributions.age", ["monitors.attribution_drift: no columns attributions.<feature> with numbers"]),
        ("embeddings.text", ["monitors.embedding_drift: no column embeddings.text"]),
        ("sex", ["monitors.bias.facets: no column or tag 'sex'"]),
        ("tags.region", ["segments: no column or tag 'region'", "monitors.bias.group: no column or tag 'tags.region'"]),
    ],
)
@pytest.mark.parametrize("empty", [False, True])
def test_a_column_without_which_a_monitor_has_no_baseline_is_named(gone, said, empty):
    held = rows()
    columns = {name: one for name, one in held.columns.items() if name != gone}
    if empty:
        was = held.columns[gone]
        columns[gone] = Column(was.kind, was.values, np.zeros(N, bool), was.categories)
    told = warnings(Block(N, columns), **EVERYTHING)
    assert [text.split(" in the data")[0].split(", so")[0] for text in told] == said
    assert all(text.endswith("no baseline") for text in told)


def test_vectors_of_another_length_are_named():
    monitors = {"embedding_drift": {"embeddings": {"text": 8}}}
    assert warnings(rows(), monitors=monitors) == (
        "monitors.embedding_drift: no list of 8 numbers in column embeddings.text, so it has no baseline",
    )


def test_without_labels_bias_and_quality_have_none():
    told = warnings(rows(), Roles(score="score"), monitors={"bias": {"facets": [{"name": "sex"}]}})
    assert told == (
        "no rows with label and prediction: model quality has no baseline",
        "monitors.bias: no rows with a label, so it has no baseline",
    )


@pytest.mark.parametrize("prediction", [None, "predicted"])
def test_a_declared_class_without_scores_is_named(prediction):
    many = {"problem_type": "MulticlassClassification", "classes": ("a", "b", "c")}
    scores = {f"prediction.scores.{name}": column(np.full(N, 0.5)) for name in "ab"}
    classes = np.array(["a", "b", "c"])[np.arange(N) % 3]
    held = Block(N, {"x": column(np.arange(N) * 1.0), "y": column(classes), "predicted": column(classes), **scores})
    roles = Roles(label="y", prediction=prediction, classes=many["classes"])
    told = warnings(held, roles, **many)
    missing = "classes: no column prediction.scores.c, so scores of classes are not read and "
    if prediction is None:
        assert told == (
            "no rows with label and prediction: model quality has no baseline",
            missing + "model quality has no baseline",
        )
    else:
        assert told == (missing + "metrics of scores have no baseline",)
