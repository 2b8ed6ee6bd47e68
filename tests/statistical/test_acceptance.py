# SPDX-License-Identifier: Apache-2.0
"""The acceptance regions can fail: they hold a claim that is true, and refuse one that is far from it."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from tests.statistical.acceptance import FALSE_FAILURE, at_least, at_most

pytestmark = pytest.mark.statistical


@pytest.mark.parametrize(("n", "rate"), [(500, 0.005), (1_500, 0.0125), (300, 0.002), (300, 0.97)])
def test_a_claim_that_just_holds_is_refused_no_more_often_than_stated(n, rate):
    refused = [binom.pmf(k, n, rate) for k in range(n + 1) if not at_most(k, n, rate)]
    assert 0.0 < sum(refused) <= FALSE_FAILURE
    assert sum(binom.pmf(k, n, rate) for k in range(n + 1) if not at_least(k, n, rate)) <= FALSE_FAILURE


@pytest.mark.parametrize(("claimed", "true", "n"), [(0.0125, 0.03, 1_500), (0.005, 0.03, 500), (0.002, 0.04, 300)])
def test_an_alarm_rate_beyond_the_budget_is_refused_most_of_the_time(claimed, true, n):
    accepted = sum(binom.pmf(k, n, true) for k in range(n + 1) if at_most(k, n, claimed))
    assert accepted < 0.1


def test_four_times_a_budget_of_two_percent_is_no_chance():
    assert at_most(11, 200, 0.02)
    assert not at_most(16, 200, 0.02)
    assert at_least(95, 100, 0.99)
    assert not at_least(93, 100, 0.99)
