# SPDX-License-Identifier: Apache-2.0
"""Hashed values are pseudonyms, as the documentation says: equal in windows and baselines, and open to guesses."""

from __future__ import annotations

import numpy as np

from sketches.texts import keyed
from tests.windows.build import baseline_of, block, window_of
from windows.definition import Columns, ModelDefinition

POSTCODES = np.array(["94103", "10115", "94103"])


def test_windows_and_baselines_of_a_model_give_a_value_the_same_pseudonym() -> None:
    model = ModelDefinition(model="m", columns=Columns(hash=("postcode",)))
    window = window_of(block(postcode=POSTCODES), model).profile.features["postcode"]
    baseline = baseline_of(block(postcode=POSTCODES), hashed=("postcode",)).features["postcode"]
    assert window.categories.counts() == baseline.categories.counts()
    assert not {"94103", "10115"} & window.categories.counts().keys()


def test_who_knows_the_models_name_can_test_a_guess() -> None:
    model = ModelDefinition(model="m", columns=Columns(hash=("postcode",)))
    window = window_of(block(postcode=POSTCODES), model).profile.features["postcode"]
    assert window.categories.counts()[keyed("94103", b"m")] == 2
