# SPDX-License-Identifier: Apache-2.0
"""A definition that could never do what it says is refused, with what was expected."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from windows.definition import ModelDefinition


def drift(**options: Any) -> dict[str, Any]:
    return {"monitors": {"data_drift": options}}


def groups(**features: list[str]) -> dict[str, Any]:
    return {"monitors": {"attribution_drift": {"enabled": True, "groups": features}}}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"segments": [""]}, "at least 1 character"),
        ({"segments": [f"c{i}" for i in range(11)]}, "at most 10 items"),
        *(
            ({"monitors": {monitor: {"min_rows": 0}}}, "greater than or equal to 1")
            for monitor in ("data_quality", "data_drift", "model_quality", "attribution_drift", "embedding_drift")
        ),
        (groups(status=[]), "at least 1 item"),
        (groups(status=["A11", "A12"], job=["A12"]), r"each feature in one of groups, got \['A12'\]"),
        (drift(distances={"jensen_shannon": 0.84}), "jensen_shannon can reach, at most 0.833, got 0.84"),
        (drift(distances={"hellinger": 2}), "hellinger can reach, at most 1.0, got 2"),
        ({"monitors": {"bias": {"facets": [{"name": "sex", "values": ["f", "f"]}]}}}, "each value of facet 'sex' once"),
        ({"monitors": {"bias": {"facets": [{"name": "n", "values": [18, "18.0"]}]}}}, "each value of facet 'n' once"),
        ({"monitors": {"bias": {"positive_labels": [True, "1"]}}}, r"each class once, .* got \['1', '1'\]"),
        (
            {"monitors": {"bias": {"metrics": ["CDDL"]}}},
            r"bias.group for the metrics \['CDDL'\], got none: name a column",
        ),
        ({"monitors": {"bias": {"metrics": ["FT"]}}}, "sample.enabled = true for the metric 'FT'"),
        ({"classes": ["a", "a"]}, r"each class once, .* got \['a', 'a'\]"),
        ({"positive_class": float("nan")}, "expected a class, got nan"),
        ({"positive_class": ["1"]}, "a valid string"),
    ],
)
def test_nonsense_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ModelDefinition.model_validate({"model": "m", **fields})


@pytest.mark.parametrize(
    "fields",
    [
        {"segments": [f"c{i}" for i in range(10)]},
        groups(status=["A11", "A1*"], job=["A17*"]),
        drift(distances={"jensen_shannon": 0.833, "hellinger": 1, "psi": 40.0, "wasserstein": 7}),
    ],
)
def test_the_largest_that_makes_sense_is_accepted(fields: dict[str, Any]) -> None:
    assert ModelDefinition.model_validate({"model": "m", **fields}).model == "m"


@pytest.mark.parametrize(("written", "meant"), [(1, "1"), (1.0, "1"), (True, "1"), ("1", "1"), ("true", "true")])
def test_classes_have_one_form_however_they_are_written(written: Any, meant: str) -> None:
    monitors = {
        "model_quality": {"absent_label": written},
        "bias": {"positive_labels": [written], "facets": [{"name": "sex", "values": [written]}]},
    }
    fields = {"model": "m", "positive_class": written, "classes": [written, 0.5], "monitors": monitors}
    definition = ModelDefinition.model_validate(fields)
    assert (definition.positive_class, definition.classes) == (meant, (meant, "0.5"))
    assert definition.monitors.model_quality.absent_label == meant
    assert definition.monitors.bias.positive_labels == (meant,)
    assert definition.monitors.bias.facets[0].values == (meant,)
    assert ModelDefinition.model_validate_json(definition.model_dump_json()) == definition
