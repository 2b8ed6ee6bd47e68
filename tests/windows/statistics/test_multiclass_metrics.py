# SPDX-License-Identifier: Apache-2.0
"""Metrics of many classes: the published example, scikit-learn, finite differences and the bootstrap."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from windows.statistics.binary_metrics import BETAS
from windows.statistics.multiclass_metrics import (
    MULTICLASS_METRICS,
    WEIGHTED,
    best_constant,
    bootstrap,
    closed_form,
    constant_classifier,
    paper,
    per_class,
    weighted_f,
)

DOCUMENTED = np.array([[1180, 510], [268, 138]])
MATRICES = st.integers(2, 5).flatmap(
    lambda k: st.lists(st.integers(0, 12), min_size=k * k, max_size=k * k).map(lambda c: np.array(c).reshape(k, k))
)
DIGITS = np.random.default_rng(4).multinomial(4_000, (np.eye(6) * 0.8 + 0.04 / 1.2).ravel() / 6).reshape(6, 6)


def rows(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    actual, predicted = np.indices(confusion.shape)
    return np.repeat(actual.ravel(), confusion.ravel()), np.repeat(predicted.ravel(), confusion.ravel())


def sklearns(actual: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        found = {"accuracy": accuracy_score(actual, predicted)}
        for name, beta in BETAS.items():
            p, r, f, _ = precision_recall_fscore_support(actual, predicted, beta=beta, average="weighted")
            found |= {"weighted_precision": p, "weighted_recall": r, f"weighted_{name}": f}
    return found


def test_the_managed_monitors_documented_example():
    expected = {
        "accuracy": 0.6288167938931297,
        "weighted_recall": 0.6288167938931297,
        "weighted_precision": 0.6983172269629505,
        "weighted_f0_5": 0.6803947317178771,
        "weighted_f1": 0.6571162346664904,
        "weighted_f2": 0.6384024354394601,
    }
    found = closed_form(DOCUMENTED)
    assert {name: found[name].value for name in expected} == pytest.approx(expected, rel=1e-12)


def test_the_documented_constant_classifier_has_our_metrics_of_the_class_it_takes():
    """The example takes its less frequent class, so its constant is not the best; the formulas are the same."""
    expected = {
        "accuracy": 0.19370229007633588,
        "weighted_recall": 0.19370229007633588,
        "weighted_precision": 0.03752057718081697,
        "weighted_f0_5": 0.04473443104152011,
        "weighted_f1": 0.06286421244683643,
        "weighted_f2": 0.10570313141262414,
    }
    found = constant_classifier(268 + 138, 2096)
    assert {name: found[name].value for name in expected} == pytest.approx(expected, rel=1e-12)
    assert best_constant(DOCUMENTED)["accuracy"].value == (1180 + 510) / 2096


@settings(max_examples=150, deadline=None)
@given(MATRICES)
def test_every_metric_is_scikit_learns(confusion):
    found = closed_form(confusion)
    if not confusion.sum():
        assert not any(estimate.defined for estimate in (found | best_constant(confusion)).values())
        return
    actual, predicted = rows(confusion)
    expected = sklearns(actual, predicted)
    assert {name: found[name].value for name in expected} == pytest.approx(expected, rel=1e-12, abs=1e-15)
    constant = DummyClassifier(strategy="most_frequent").fit(actual[:, None], actual).predict(actual[:, None])
    expected = sklearns(actual, constant)
    found = best_constant(confusion)
    assert {name: found[name].value for name in expected} == pytest.approx(expected, rel=1e-12, abs=1e-15)


@settings(max_examples=60, deadline=None)
@given(MATRICES)
def test_the_metrics_of_each_class_are_scikit_learns(confusion):
    if not confusion.sum():
        return
    actual, predicted = rows(confusion)
    names = [f"c{i}" for i in range(len(confusion))]
    found = per_class(confusion, names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        for beta_name, beta in BETAS.items():
            scores = precision_recall_fscore_support(
                actual, predicted, beta=beta, labels=range(len(names)), zero_division=np.nan
            )
            for name, p, r, f in zip(names, *scores[:3], strict=True):
                if name not in found:
                    assert np.isnan(p)
                    assert np.isnan(r)
                    continue
                assert found[name]["precision"].value == pytest.approx(p, rel=1e-12, nan_ok=True)
                assert found[name]["recall"].value == pytest.approx(r, rel=1e-12, nan_ok=True)
                assert found[name][beta_name].value == pytest.approx(f, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("metric", WEIGHTED)
def test_the_gradient_is_that_of_finite_differences(metric):
    """The stated variance is the sum of gradient^2 x cell, so a gradient by differences must give the same."""
    beta, step = WEIGHTED[metric], 1e-3
    variance = 0.0
    for cell, count in np.ndenumerate(DIGITS):
        up, down = DIGITS.astype(float), DIGITS.astype(float)
        up[cell] += step
        down[cell] -= step
        slope = (weighted_f(up, beta).value - weighted_f(down, beta).value) / (2 * step)
        variance += slope**2 * count
    assert weighted_f(DIGITS, beta).sd == pytest.approx(math.sqrt(variance), rel=1e-6)


def test_the_bootstrap_agrees_with_the_closed_forms():
    closed, resampled = closed_form(DIGITS), bootstrap(DIGITS, np.random.default_rng(7), 20_000)
    for name in MULTICLASS_METRICS:
        assert resampled[name].value == pytest.approx(closed[name].value, rel=1e-12)
        assert resampled[name].sd == pytest.approx(closed[name].sd, rel=0.03)
        width = closed[name].high - closed[name].low
        assert resampled[name].low == pytest.approx(closed[name].low, abs=0.05 * width)
        assert resampled[name].high == pytest.approx(closed[name].high, abs=0.05 * width)


def test_the_papers_deviation_is_half_of_the_closed_one_on_average():
    closed = closed_form(DIGITS)
    rng = np.random.default_rng(8)
    drawn = [paper(DIGITS, rng) for _ in range(400)]
    for name in MULTICLASS_METRICS:
        assert drawn[0][name].value == pytest.approx(closed[name].value, rel=1e-12)
        variance = np.mean([estimates[name].sd ** 2 for estimates in drawn])
        # A share of .8 leaves a quarter of the variance, of which five values without correction show four fifths.
        assert variance == pytest.approx(closed[name].sd ** 2 / 4 * 4 / 5, rel=0.15)


@given(MATRICES)
def test_the_interval_holds_the_value_and_stays_in_range(confusion):
    for estimate in closed_form(confusion).values():
        if estimate.defined:
            assert 0.0 <= estimate.low <= estimate.value + 1e-12
            assert estimate.value <= estimate.high + 1e-12
            assert estimate.high <= 1.0 + 1e-12
            assert estimate.sd >= 0.0


def test_the_constants_deviation_is_that_of_repeated_samples():
    share, n = 0.4, 2_000
    drawn = np.random.default_rng(9).binomial(n, share, 20_000)
    stated = constant_classifier(int(n * share), n)
    for name in MULTICLASS_METRICS:
        values = [constant_classifier(int(k), n)[name].value for k in drawn[:4_000]]
        assert stated[name].sd == pytest.approx(np.std(values), rel=0.05)


def test_groups_of_one_class_each_change_nothing_and_one_group_of_all_is_accuracy():
    for beta in WEIGHTED.values():
        alone = weighted_f(DIGITS, beta, np.random.default_rng(1).permutation(6))
        assert tuple(alone) == pytest.approx(tuple(weighted_f(DIGITS, beta)), rel=1e-12)
        together = weighted_f(DIGITS, beta, np.zeros(6, int))
        accuracy = closed_form(DIGITS)["accuracy"]
        assert together.value == pytest.approx(accuracy.value, rel=1e-12)
        assert together.sd == pytest.approx(accuracy.sd, rel=1e-12)


def test_no_rows_have_no_metrics():
    nothing = np.zeros((3, 3), int)
    rng = np.random.default_rng(1)
    for estimates in (closed_form(nothing), bootstrap(nothing, rng), paper(nothing, rng), best_constant(nothing)):
        assert not any(estimate.defined for estimate in estimates.values())
    assert per_class(nothing, ("a", "b", "c")) == {}
    assert closed_form(np.zeros((0, 0), int))["accuracy"].defined is False
