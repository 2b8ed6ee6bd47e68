# SPDX-License-Identifier: Apache-2.0
"""What the columns are called that hold a model's predictions."""

from __future__ import annotations

LABEL, SCORE, VALUE = "prediction.label", "prediction.score", "prediction.value"
SCORES = "prediction.scores."
"""Beginning of the columns of the scores of each class."""

OUTPUTS = frozenset({LABEL, SCORE, VALUE})
