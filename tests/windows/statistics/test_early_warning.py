# SPDX-License-Identifier: Apache-2.0
"""Evidence inside an open window is an e-value: on average at most one without drift, and large with it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.special import betaln

from windows.statistics.early_warning import CUTS, KAPPA, evidence, to_blame


def one(k: int, n: int, share: float, radius: float) -> float:
    return math.exp(evidence([[[k]]], [[n]], [[share]], [radius], slices=1).of_all[0])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.83])
def test_the_average_over_all_samples_is_one_where_the_baseline_is_exact(share: float) -> None:
    n = 40
    chances = stats.binom.pmf(np.arange(n + 1), n, share)
    assert sum(chance * one(k, n, share, 0.0) for k, chance in enumerate(chances)) == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize("truth", [0.45, 0.48, 0.5, 0.53, 0.55])
def test_the_average_is_at_most_one_for_every_share_within_the_radius(truth: float) -> None:
    n = 40
    chances = stats.binom.pmf(np.arange(n + 1), n, truth)
    assert sum(chance * one(k, n, 0.5, 0.05) for k, chance in enumerate(chances)) <= 1.0 + 1e-12


def test_one_e_value_is_the_mixture_over_the_likeliest_share_of_the_baseline() -> None:
    k, n, share, radius = 37, 60, 0.4, 0.05
    mixture, _ = quad(lambda p: stats.beta.pdf(p, KAPPA * share, KAPPA * (1 - share)) * p**k * (1 - p) ** (n - k), 0, 1)
    likeliest = max(p**k * (1 - p) ** (n - k) for p in np.linspace(share - radius, share + radius, 10_001))
    assert one(k, n, share, radius) == pytest.approx(mixture / likeliest, rel=1e-6)


def test_every_look_is_that_of_the_reference_simulation() -> None:
    """The loop of the simulation behind the design, with its suffix sums and its average."""
    rng = np.random.default_rng(21)
    slices, features, radius = 12, 20, 0.016
    shares = np.tile(CUTS, (features, 1))
    total = np.full((slices, features), 50)
    below = rng.binomial(50, np.tile(CUTS, (slices, features, 1)))
    below[4:, 3] = rng.binomial(50, 0.8 * np.array(CUTS), size=(8, 9))
    looks = evidence(below, total, shares, np.full(features, radius), slices=slices)
    for look in range(slices):
        k = below[: look + 1][::-1].cumsum(0)[::-1]
        t = total[: look + 1][::-1].cumsum(0)[::-1][:, :, None] * np.ones_like(k)
        p0 = np.clip(k / t, np.maximum(1e-9, shares - radius), np.minimum(1 - 1e-9, shares + radius))
        logs = (
            betaln(KAPPA * shares + k, KAPPA * (1 - shares) + t - k)
            - betaln(KAPPA * shares, KAPPA * (1 - shares))
            - k * np.log(p0)
            - (t - k) * np.log1p(-p0)
        )
        top = logs.max()
        by_feature = np.exp(logs - top).sum((0, 2)) / (slices * 9)
        assert looks.by_feature[look] == pytest.approx(np.log(by_feature) + top, rel=1e-9)
        assert looks.of_all[look] == pytest.approx(np.log(by_feature.mean()) + top, rel=1e-9)
    assert looks.of_all[-1] > math.log(100)
    assert to_blame(looks.by_feature[-1], 0.01) == [3]


def test_a_cut_that_tells_nothing_is_left_out() -> None:
    alone = evidence([[[80]]], [[100]], [[0.5]], [0.02], slices=1)
    beside = evidence([[[80, 100, 0, 7]]], [[100]], [[0.5, 1.0, 0.0, math.nan]], [0.02], slices=1)
    assert beside.of_all[0] == pytest.approx(alone.of_all[0] - math.log(4), rel=1e-12)


def test_nothing_is_told_of_no_rows_no_telling_cut_and_no_slice() -> None:
    assert evidence([[[0]]], [[0]], [[0.5]], [0.1], slices=2).of_all[0] == pytest.approx(-math.log(2))
    assert evidence([[[9]]], [[9]], [[1.0]], [0.1], slices=2).of_all[0] == -math.inf
    assert evidence(np.zeros((0, 1, 1)), np.zeros((0, 1)), [[0.5]], [0.1], slices=2).of_all.shape == (0,)


def test_millions_of_rows_neither_overflow_nor_alarm_within_the_radius() -> None:
    looks = evidence([[[5_050_000]], [[500]]], [[10_000_000], [1_000]], [[0.5]], [0.01], slices=2)
    assert np.isfinite(looks.of_all).all()
    assert looks.of_all[0] < 0
    assert evidence([[[6_000_000]]], [[10_000_000]], [[0.5]], [0.01], slices=1).of_all[0] > 1_000


def test_blame_grows_with_the_number_of_shifted_features() -> None:
    assert to_blame([math.log(301), math.log(149), 0.0], 0.01) == [0]
    assert to_blame([math.log(152), math.log(151), 0.0], 0.01) == [0, 1]
    assert to_blame([0.0, 1.0], 0.01) == [1]
