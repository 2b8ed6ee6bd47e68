# SPDX-License-Identifier: Apache-2.0
"""German Credit as traffic of a model that asks for every monitor: a healthy hour, and one with a bug in the data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.csv

from stream.commands.applying import apply
from stream.commands.baselines import publish_baseline, suggest_baseline
from stream.commands.replay import replay
from stream.commands.tables import Roles
from stream.commands.traffic import traffic_of
from stream.settings import Settings
from tests.german import DIMENSION, FOLDER, german
from windows.definition import ModelDefinition

MODEL = "credit"
HOUR_MS = 3_600_000
HOUR_S = 5.0
INPUTS = ("credit_amount", "age", "duration_months")
GROUPS = ("personal_status_sex", "foreign_worker")
ROLES = Roles(label="label", prediction="prediction", score="probability")
DEFINITION = ModelDefinition(
    model=MODEL,
    problem_type="BinaryClassification",
    window={"label_horizon": "10m"},
    segments=("foreign_worker",),
    monitors={
        "data_drift": {"distances": {"psi": 0.2}, "early_warning": {"enabled": True}},
        "model_quality": {"last_rows": 200, "every": 50},
        "bias": {"facets": [{"name": "personal_status_sex", "values": ["A92"]}]},
        "attribution_drift": {"enabled": True},
        "embedding_drift": {"embeddings": {"text": DIMENSION}},
    },
)


def table(rows: np.ndarray, attributions: np.ndarray, *, months: int = 1) -> pa.Table:
    """Applications with what the model made of them; ages in years, or in so many parts of one."""
    data, outputs = german(), pa.csv.read_csv(FOLDER / "german_predictions.csv").take(pa.array(rows))
    columns = {name: np.array(data.columns[name], float)[rows] for name in INPUTS}
    columns["age"] = columns["age"] * months
    columns |= {name: np.array(data.columns[name])[rows] for name in GROUPS}
    columns |= {name: outputs[name] for name in ("label", "prediction", "probability")}
    columns |= {f"attributions.{name}": attributions[rows, place] for place, name in enumerate(data.names)}
    return pa.table(columns | {"embeddings.text": data.english[rows].astype(np.float32).tolist()})


def play(settings: Settings, start_ms: int) -> None:
    """Publish baseline and definition, then two hours of events and labels in a few seconds each."""
    data = german()
    fitted, live = np.flatnonzero(data.train), np.flatnonzero(~data.train)
    publish_baseline(settings, suggest_baseline(table(fitted, data.attributions), ROLES, DEFINITION).baseline)
    apply(settings, DEFINITION)
    hours = (table(live, data.attributions), table(live, data.recorded_as_a11(), months=12))
    at_ms = start_ms + np.arange(len(hours) * len(live)) * HOUR_MS // len(live)
    rows = pa.concat_tables(hours).append_column("event_time", pa.array(at_ms))
    traffic = traffic_of(rows, replace(ROLES, event_time="event_time"), name=MODEL, label_delay_ms=60_000)
    replay(settings, traffic, MODEL, "1", speed=HOUR_MS / 1_000 / HOUR_S)
