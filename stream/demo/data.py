# SPDX-License-Identifier: Apache-2.0
"""UCI Adult as six hours of traffic of a logistic regression: hour 4 has bad inputs, hour 5 bad labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

HOUR_MS = 3_600_000
HOURS = 6
FAULTY_HOURS = (4, 5)
LABEL_HORIZON_MS = 3 * HOUR_MS
NUMERIC = ("age", "fnlwgt", "education_num", "capital_gain", "capital_loss", "hours_per_week")
CATEGORICAL = (
    "workclass",
    "education",
    "marital_status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "native_country",
)
FEATURES = NUMERIC + CATEGORICAL


@dataclass(frozen=True, slots=True)
class Traffic:
    """Inferences in the order they happen, and what became known of them later.

    Parameters
    ----------
    ids : ndarray of str, shape (n,)
        Inference ids.
    event_time_ms, label_time_ms : ndarray of int64, shape (n,)
        When each inference happened, and when its label arrives: one to three hours later, in another order.
    features : pyarrow.Table, n rows
        What the model was given.
    score : ndarray of float64, shape (n,)
        Probability of the positive class.
    label : ndarray of str, shape (n,)
        The class that became known, "0" or "1".
    """

    ids: NDArray[np.str_]
    event_time_ms: NDArray[np.int64]
    label_time_ms: NDArray[np.int64]
    features: pa.Table
    score: NDArray[np.float64]
    label: NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What the demo plays: the baseline's rows and the traffic.

    `baseline` has the features, `label`, and `score` and `prediction` of five-fold held-out models.
    """

    baseline: pa.Table
    traffic: Traffic
    start_ms: int


def prepare(path: Path, *, seed: int, start_ms: int, name: str = "adult") -> Scenario:
    """Train the model and lay out six hours of its traffic.

    Parameters
    ----------
    path : Path
        `adult.csv.gz`.
    seed : int
        Decides which test row falls into which hour, when labels come and which are flipped.
    start_ms : int
        Start of the first hour, UTC.
    name : str
        Beginning of the inference ids.
    """
    rng = np.random.default_rng(seed)
    table = _read(path)
    train, test = (table.filter(pc.equal(table["split"], split)) for split in ("train", "test"))
    model = _pipeline().fit(_matrix(train), _target(train))
    held_out = cross_val_predict(_pipeline(), _matrix(train), _target(train), cv=5, method="predict_proba")[:, 1]
    order = rng.permutation(len(test))
    hour = np.sort(np.arange(len(test)) * HOURS // len(test)) + 1
    features = _spoil_inputs(test.take(pa.array(order)).select(FEATURES), hour == 4, rng)
    label = _target(test)[order]
    label = np.where((hour == 5) & (rng.random(len(label)) < 1 / 3), 1 - label, label)
    time_ms = start_ms + (hour - 1) * HOUR_MS + rng.integers(0, HOUR_MS, len(test))
    time_ms.sort()
    traffic = Traffic(
        ids=np.array([f"{name}-{row:05d}" for row in range(len(test))]),
        event_time_ms=time_ms,
        label_time_ms=time_ms + rng.integers(HOUR_MS, LABEL_HORIZON_MS, len(test)),
        features=features,
        score=model.predict_proba(_matrix(features))[:, 1],
        label=label.astype(str),
    )
    return Scenario(_with_outputs(train, held_out), traffic, start_ms)


def _read(path: Path) -> pa.Table:
    return pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True))


def _spoil_inputs(features: pa.Table, where: NDArray[np.bool_], rng: np.random.Generator) -> pa.Table:
    minutes = np.where(where, 60, 1) * features["hours_per_week"].to_numpy()
    gig = where & (rng.random(len(features)) < 0.1)
    workclass = pc.if_else(pa.array(gig), "Gig-worker", features["workclass"].combine_chunks())
    for name, values in (("hours_per_week", pa.array(minutes)), ("workclass", workclass)):
        features = features.set_column(features.column_names.index(name), name, values)
    return features


def _with_outputs(train: pa.Table, score: NDArray[np.float64]) -> pa.Table:
    table = train.select(FEATURES).append_column("label", pa.array(_target(train)))
    table = table.append_column("score", pa.array(score))
    return table.append_column("prediction", pa.array((score > 0.5).astype(np.int64)))


def _target(table: pa.Table) -> NDArray[np.int64]:
    return np.asarray(pc.equal(table["income"], ">50K").to_numpy()).astype(np.int64)


def _matrix(table: pa.Table) -> NDArray[Any]:
    numbers = [table[name].to_numpy().astype(object) for name in NUMERIC]
    return np.column_stack([*numbers, *(pc.fill_null(table[name], "?").to_numpy() for name in CATEGORICAL)])


def _pipeline() -> Pipeline:
    columns = np.arange(len(FEATURES))
    encode = ColumnTransformer(
        [
            ("numeric", StandardScaler(), columns[: len(NUMERIC)]),
            ("categorical", OneHotEncoder(handle_unknown="ignore"), columns[len(NUMERIC) :]),
        ]
    )
    return make_pipeline(encode, LogisticRegression(max_iter=1_000))
