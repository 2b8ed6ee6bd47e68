# SPDX-License-Identifier: Apache-2.0
"""A baseline suggested from a table reaches the workers whole, under the next version."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from sketches.block import Block, Column, Kind
from stream.commands.applying import apply, read_definitions
from stream.commands.baselines import import_baseline, publish_baseline, suggest_baseline, with_facets
from stream.commands.tables import Roles, TableError
from stream.kafka.publishing import publish
from stream.kafka.transactions import Outgoing
from stream.settings import Settings
from topics.subjects import Topics
from windows.baselines.baseline_files import read_baseline
from windows.baselines.suggest import suggest
from windows.definition import Columns, ModelDefinition
from windows.errors import BaselineError
from windows.partition.specs import profile_spec

HOUR_MS = 3_600_000
DEFINITION = ModelDefinition(model="m", columns=Columns(categorical=("zone",), drop=("secret",)))


@pytest.fixture
def settings(mock_broker: str, topics: str) -> Settings:
    return Settings(bootstrap_servers=mock_broker, topic_prefix=topics, group=topics)


def _table(n: int = 300) -> pa.Table:
    rng = np.random.default_rng(5)
    score = rng.random(n)
    return pa.table(
        {
            "age": rng.integers(18, 90, n),
            "zone": rng.integers(0, 5, n),
            "secret": rng.integers(0, 5, n),
            "p": score,
            "y": (rng.random(n) < score).astype(int),
            "row": np.arange(n),
        }
    )


ROLES = Roles(label="y", score="p", ignore=("row",))


def test_features_are_the_columns_without_a_role_and_not_dropped() -> None:
    baseline = suggest_baseline(_table(), ROLES, DEFINITION).baseline
    assert set(baseline.features) == {"age", "zone", "prediction.score", "prediction.label"}
    assert baseline.n == 300
    assert baseline.features["zone"].categories.n == 300
    assert baseline.quality is not None
    assert sum(baseline.quality.cells) == 300


def test_a_regressions_prediction_and_label_are_numbers() -> None:
    definition = DEFINITION.model_copy(update={"problem_type": "Regression"})
    baseline = suggest_baseline(_table(), Roles(label="age", prediction="p", ignore=("row",)), definition).baseline
    assert set(baseline.features) == {"zone", "y", "prediction.value"}
    error = _table()["age"].to_numpy() - _table()["p"].to_numpy()
    assert baseline.quality_constraints is not None
    limits = {name: limit.threshold for name, limit in baseline.quality_constraints.metrics.items()}
    assert list(limits) == ["mae", "mse", "rmse", "r2"]
    assert limits["mae"] == pytest.approx(abs(error).mean(), rel=1e-9)


def test_a_published_baseline_is_read_back_with_the_same_states(settings: Settings) -> None:
    apply(settings, DEFINITION)
    suggested = suggest_baseline(_table(), ROLES, DEFINITION).baseline
    assert publish_baseline(settings, suggested).baseline_version == "1"
    assert publish_baseline(settings, suggested).baseline_version == "2"
    found = read_definitions(settings).baseline(DEFINITION)
    assert found is not None
    assert (found.baseline_version, found.n) == ("2", 300)
    assert found.features.keys() == suggested.features.keys()
    for name, state in found.features.items():
        assert state.spec.equivalent(state, suggested.features[name])


def test_a_role_without_its_column_is_refused() -> None:
    with pytest.raises(TableError, match="--label income: no such column"):
        suggest_baseline(_table(), Roles(label="income"), DEFINITION)


def _wide(names: list[str]) -> dict[str, Column]:
    return dict.fromkeys(names, Column(Kind.FLOAT, np.array([1.0])))


FEATURES = [f"z{place:03}" for place in range(250)]
JUNK = [f"a{place:03}" for place in range(300)]
WIDE = suggest([Block(1, _wide(FEATURES))], model="m").baseline


def _kept(definition: ModelDefinition) -> set[str]:
    state = profile_spec(definition).empty()
    state.update(Block(1, _wide(JUNK)))
    state.update(Block(1, _wide(FEATURES)))
    state.update(Block(1, _wide(JUNK)))
    return set(state.features)


def test_all_features_of_a_baseline_have_room_whatever_else_arrives(settings: Settings) -> None:
    publish_baseline(settings, WIDE)
    applied = apply(settings, DEFINITION.model_copy(update={"columns": Columns(declared=("own",))}))
    assert applied.columns.declared[0] == "own"
    assert _kept(applied) == {*FEATURES, *JUNK[:200]}


def test_a_definition_that_is_there_makes_room_for_a_new_baseline(settings: Settings) -> None:
    apply(settings, DEFINITION)
    publish_baseline(settings, WIDE)
    (applied,) = read_definitions(settings).catalog.history("m", "1")
    assert _kept(applied) == {*FEATURES, *JUNK[:200]}
    assert applied.columns.drop == DEFINITION.columns.drop


def test_a_definition_of_windows_that_have_begun_keeps_its_columns(settings: Settings) -> None:
    apply(settings, DEFINITION)
    value = json.dumps({"inference_id": "1", "event_time": 10 * HOUR_MS, "model": "m"}).encode()
    publish(settings, [Outgoing(Topics(settings.topic_prefix).inference, -1, b"k", value)])
    publish_baseline(settings, WIDE)
    publish_baseline(settings, WIDE)
    first, second = read_definitions(settings).catalog.history("m", "1")
    assert (first, second.effective_from_ms) == (DEFINITION, 12 * HOUR_MS)
    assert set(FEATURES) <= set(second.columns.declared)


def test_a_managed_monitors_files_are_sorted_into_folders_and_can_be_published(tmp_path: Path) -> None:
    statistics = {"common": {"num_present": 3, "num_missing": 0}}
    statistics |= {"distribution": {"kll": {"sketch": {"data": [[1.0], [2.0]]}}}}
    age = {"name": "age", "inferred_type": "Integral"}
    documents = {
        "a/statistics.json": {"dataset": {"item_count": 3}, "features": [age | {"numerical_statistics": statistics}]},
        "a/constraints.json": {"version": 0.0, "features": [age | {"completeness": 1.0}]},
        "b/constraints.json": {
            "binary_classification_constraints": {
                "recall": {"threshold": 0.571, "comparison_operator": "LessThanThreshold"}
            }
        },
    }
    for name, document in documents.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(document))
    out = tmp_path / "out"
    files = import_baseline([tmp_path / "a", tmp_path / "b"], out, model="m", version="1")
    assert sorted(path.relative_to(out).as_posix() for path in files) == [
        "data_quality/constraints.json",
        "data_quality/statistics.json",
        "model_quality/constraints.json",
    ]
    baseline = read_baseline(out, model="m")
    assert baseline.features["age"].quantiles.levels() == [[1.0], [2.0]]
    assert baseline.quality_constraints is not None
    # A folder as a job left it can be published as it is.
    assert read_baseline(tmp_path / "b", model="m").quality_constraints == baseline.quality_constraints


def test_nothing_is_written_of_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "constraints.json").write_text('{"features": [{"name": "a", "completeness": "x"}]}')
    with pytest.raises(BaselineError, match="constraints of feature 'a'"):
        import_baseline([tmp_path], tmp_path / "out", model="m", version="1")
    assert not (tmp_path / "out").exists()


def test_the_scores_of_many_classes_are_outputs_and_the_highest_is_the_prediction() -> None:
    names, rng = ("ant", "bee", "cat"), np.random.default_rng(6)
    scores = rng.dirichlet(np.ones(3), 500)
    label = np.array([names[rng.choice(3, p=row)] for row in scores])
    table = pa.table(
        {"x": rng.normal(size=500), "y": label} | {f"p_{name}": scores[:, i] for i, name in enumerate(names)}
    )
    definition = ModelDefinition(model="m", problem_type="MulticlassClassification", classes=names)
    roles = Roles(label="y", scores="p_")
    baseline = suggest_baseline(table, roles, definition).baseline
    assert set(baseline.features) == {"x", "prediction.label", *(f"prediction.scores.{name}" for name in names)}
    assert baseline.quality is not None
    assert baseline.quality.losses.n == 500
    right = np.array(names)[scores.argmax(1)] == label
    assert sum(n for (actual, predicted), n in baseline.quality.cells.items() if actual == predicted) == right.sum()
    fewer = definition.model_copy(update={"classes": names[:2]})
    with pytest.raises(TableError, match=r"--scores p_: expected the classes of the definition, \['ant', 'bee'\], got"):
        suggest_baseline(table, roles, fewer)
    with pytest.raises(TableError, match="--scores q_: no column begins so; expected some of x, y, p_ant"):
        suggest_baseline(table, Roles(label="y", scores="q_"), definition)


def test_facets_may_be_named_without_a_definition_of_them() -> None:
    table = pa.table(
        {"sex": ["f", "m", "f", "m"], "age": [30, 50, 60, 20], "y": [0, 1, 1, 0], "p": [0.1, 0.9, 0.2, 0.8]}
    )
    definition = with_facets(ModelDefinition(model="m"), ["sex=f", "age>40"])
    baseline = suggest_baseline(table, Roles(label="y", score="p"), definition).baseline
    facets = baseline.documents["bias"]["pre_training_bias_metrics"]["facets"]
    assert {name: [entry["value_or_threshold"] for entry in found] for name, found in facets.items()} == {
        "sex": ["f"],
        "age": ["(40, Infinity)"],
    }


@pytest.mark.parametrize("text", ["", "=f", "sex=", "age>", "age>old"])
def test_a_facet_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(TableError, match="--facet"):
        with_facets(ModelDefinition(model="m"), [text])
