# SPDX-License-Identifier: Apache-2.0
"""A baseline suggested from a table reaches the workers whole, under the next version."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from stream.commands.applying import apply, read_definitions
from stream.commands.baselines import publish_baseline, suggest_baseline
from stream.commands.tables import Roles, TableError
from stream.settings import Settings
from windows.definition import Columns, ModelDefinition

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
