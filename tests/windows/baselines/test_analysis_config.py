# SPDX-License-Identifier: Apache-2.0
"""`analysis_config.json` as options of the bias monitor."""

from __future__ import annotations

import numpy as np
import pytest

from sketches.block import Column, Kind
from windows.baselines.analysis_config import is_continuous, read_analysis_config
from windows.errors import BaselineError

CONFIG = {
    "version": "1.0",
    "headers": ["Age", "Sex", "Race", "Target"],
    "label": "Target",
    "label_values_or_threshold": [1],
    "facet": [{"name_or_index": "Sex", "value_or_threshold": [0]}, {"name_or_index": 2}],
    "group_variable": "Age",
    "methods": {"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": "all"}},
}


def test_facets_label_and_group_variable_become_options():
    config = read_analysis_config(CONFIG)
    assert config.label == "Target"
    assert [(facet.name, facet.values) for facet in config.bias.facets] == [("Sex", ("0",)), ("Race", ())]
    assert (config.bias.group, config.bias.positive_labels, config.bias.metrics) == ("Age", ("1",), ())


def test_a_single_value_of_a_continuous_column_is_a_threshold():
    config = read_analysis_config(CONFIG | {"label_values_or_threshold": [0.5]}, continuous=["Target", "Sex"])
    assert config.bias.label_above == 0.5
    assert config.bias.positive_labels == ()
    assert config.bias.facets[0].above == 0.0


def test_several_values_of_a_facet_are_one_group_as_there():
    (facet,) = read_analysis_config(
        CONFIG | {"facet": [{"name_or_index": "Race", "value_or_threshold": [2, "b"]}]}
    ).bias.facets
    assert (facet.values, facet.together) == (("2", "b"), True)


def test_one_stage_alone_asks_for_its_metrics():
    methods = {"pre_training_bias": {"methods": "all"}, "report": {"name": "report"}}
    asked = read_analysis_config(CONFIG | {"methods": methods}).bias.metrics
    assert asked == ("CDDL", "CI", "DPL", "JS", "KL", "KS", "LP", "TVD")
    ungrouped = {"methods": methods, "group_variable": None}
    assert read_analysis_config(CONFIG | ungrouped).bias.metrics == ("CI", "DPL", "JS", "KL", "KS", "LP", "TVD")


def test_one_facet_need_not_be_a_list_and_columns_may_be_numbers():
    config = read_analysis_config(CONFIG | {"facet": {"name_or_index": 1}, "label": 3, "group_variable": 0})
    assert (config.bias.facets[0].name, config.label, config.bias.group) == ("Sex", "Target", "Age")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"label": None}, "name or number in label, got None"),
        ({"label": 9}, "got 9 of 4 headers"),
        ({"facet": ["Sex"]}, "a facet with a name_or_index, got 'Sex'"),
        ({"facet": [{"name_or_index": "Sex", "value_or_threshold": [{}]}]}, "texts and numbers as values"),
        ({"methods": {"pre_training_bias": {"methods": ["XYZ"]}}}, "metrics.0: .*got 'XYZ'"),
    ],
)
def test_another_form_is_refused_by_its_key(change, said):
    with pytest.raises(BaselineError, match=said):
        read_analysis_config(CONFIG | change)


def test_fractions_and_many_distinct_integers_are_continuous():
    assert is_continuous(Column(Kind.FLOAT, np.zeros(3)))
    assert is_continuous(Column(Kind.INTEGER, np.arange(200) % 10))
    assert not is_continuous(Column(Kind.INTEGER, np.arange(201) % 10))
    assert not is_continuous(Column(Kind.INTEGER, np.arange(3), np.zeros(3, bool)))
    assert not is_continuous(Column(Kind.STRING, np.zeros(2, np.int32), None, ("a",)))
