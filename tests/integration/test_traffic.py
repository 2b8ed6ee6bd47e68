# SPDX-License-Identifier: Apache-2.0
"""The oracle's own count agrees with what lies on the topics, read back by the product's codec and joined by a dict."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from tests.integration import encoding
from tests.integration.observed import all_records
from tests.integration.traffic import Traffic
from tests.integration.truth import confusion
from topics.batches import EventBatch, LabelBatch, Message
from topics.codec import decode_events, decode_labels


@pytest.mark.parametrize(
    ("inference_id", "four", "twelve"), [("a", 0, 4), ("inference-1", 2, 6), ("é", 3, 3), ("x" * 256, 2, 2)]
)
def test_the_oracles_partitioner_meets_the_golden_vectors(inference_id: str, four: int, twelve: int) -> None:
    assert encoding.partition_of(inference_id, 4) == four
    assert encoding.partition_of(inference_id, 12) == twelve


def messages(bootstrap: str, topic: str) -> list[Message]:
    return [
        Message(topic, r.partition, r.offset, 2**42, r.key, r.value, tuple(r.headers.items()))
        for r in sorted(all_records(bootstrap, topic), key=lambda r: (r.partition, r.offset))
    ]


def texts(ids: np.ndarray) -> list[str]:
    return [row.tobytes().decode() for row in ids]


def cells_of(values: Any) -> list[Any]:
    return [
        values.categories[v] if ok else None
        for v, ok in zip(
            values.values, values.valid if values.valid is not None else np.ones(len(values.values), bool), strict=True
        )
    ]


def test_what_is_written_decodes_to_the_truth(mock_broker: str, topics: str) -> None:
    traffic = Traffic(mock_broker, f"{topics}.inference", f"{topics}.labels", seed=3, hours=3, chunks=30)
    for _ in range(30):
        traffic.step(100)
    traffic.finish()
    truth = traffic.truth

    predictions: dict[str, str | None] = {}
    ages: list[int] = []
    repeats = 0
    for batch in decode_events(messages(mock_broker, traffic.inference)).batches:
        assert isinstance(batch, EventBatch)
        age = batch.columns["age"]
        valid = age.valid if age.valid is not None else np.ones(len(batch.ids), bool)
        predicted = cells_of(batch.columns["prediction.label"])
        for place, inference_id in enumerate(texts(batch.ids)):
            repeats += inference_id in predictions
            if inference_id not in predictions and valid[place]:
                ages.append(int(age.values[place]))
            predictions[inference_id] = predicted[place]
    labels: dict[str, str | None] = {}
    for batch in decode_labels(messages(mock_broker, traffic.labels)).batches:
        assert isinstance(batch, LabelBatch)
        labels |= dict(zip(texts(batch.ids), cells_of(batch.label), strict=True))

    windows = truth.windows.values()
    assert len(predictions) == sum(w.rows for w in windows) > 2_500
    assert repeats == sum(w.duplicates for w in windows) > 0
    assert sum(w.late for w in windows) > 0
    assert labels == truth.labels
    assert Counter(ages) == sum((Counter(w.features["age"].values) for w in windows), Counter()) - Counter(
        {None: 10**9}
    )
    decided = [(row, label) for window in windows for row, label in truth.labelled(window) if row.predicted is not None]
    assert all(predictions[row.id] == row.predicted for row, _ in decided)
    assert confusion((str(predictions[row.id]), label) for row, label in decided)[0] > 0
