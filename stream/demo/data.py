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

from stream.commands.tables import Roles

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


BASELINE_ROLES = Roles(label="label", prediction="prediction", score="score")
TRAFFIC_ROLES = Roles(
    label="label",
    prediction="prediction",
    score="score",
    inference_id="inference_id",
    event_time="event_time",
    label_time="label_time",
)


@dataclass(frozen=True, slots=True)
class Trained:
    """The model, and what is known of it before it meets traffic.

    Parameters
    ----------
    model : Pipeline
        Fitted to the train split.
    baseline : pyarrow.Table
        The train split with the columns that `BASELINE_ROLES` names: score and prediction of five-fold held-out models.
    test : pyarrow.Table
        The test split.
    """

    model: Pipeline
    baseline: pa.Table
    test: pa.Table


def train(path: Path) -> Trained:
    """Fit the model to the train split of `adult.csv.gz`."""
    table = pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True))
    fit, test = (table.filter(pc.equal(table["split"], split)) for split in ("train", "test"))
    inputs, target = _matrix(fit), _target(fit)
    held_out = cross_val_predict(_pipeline(), inputs, target, cv=5, method="predict_proba")[:, 1]
    return Trained(_pipeline().fit(inputs, target), _with_outputs(fit.select(FEATURES), target, held_out), test)


def lay_out(trained: Trained, *, seed: int, start_ms: int, name: str = "adult") -> pa.Table:
    """Make six hours of traffic of the test split, with the columns that `TRAFFIC_ROLES` names.

    Parameters
    ----------
    trained : Trained
        The model that serves.
    seed : int
        Decides which test row falls into which hour, when labels come and which are flipped.
    start_ms : int
        Start of the first hour, UTC.
    name : str
        Beginning of the inference ids.

    Returns
    -------
    pyarrow.Table
        In order of time; labels become known one to three hours later, in another order.
    """
    rng = np.random.default_rng(seed)
    test = trained.test.take(pa.array(rng.permutation(len(trained.test))))
    hour = np.arange(len(test)) * HOURS // len(test) + 1
    features = _spoil_inputs(test.select(FEATURES), hour == 4, rng)
    label = _target(test)
    label = np.where((hour == 5) & (rng.random(len(label)) < 1 / 3), 1 - label, label)
    time_ms = np.sort(start_ms + (hour - 1) * HOUR_MS + rng.integers(0, HOUR_MS, len(test)))
    traffic = _with_outputs(features, label, _scores(trained, features))
    known_ms = time_ms + rng.integers(HOUR_MS, LABEL_HORIZON_MS, len(test))
    ids = [f"{name}-{row:05d}" for row in range(len(test))]
    for column, values in (("inference_id", ids), ("event_time", time_ms), ("label_time", known_ms)):
        traffic = traffic.append_column(column, pa.array(values))
    return traffic


def serve(trained: Trained, rows: pa.Table) -> pa.Table:
    """Give rows of the data set the outputs of the model, and the label, under the names of `BASELINE_ROLES`."""
    features = rows.select(FEATURES)
    return _with_outputs(features, _target(rows), _scores(trained, features))


def _scores(trained: Trained, features: pa.Table) -> NDArray[np.float64]:
    scores: NDArray[np.float64] = trained.model.predict_proba(_matrix(features))[:, 1]
    return scores


def _spoil_inputs(features: pa.Table, where: NDArray[np.bool_], rng: np.random.Generator) -> pa.Table:
    minutes = np.where(where, 60, 1) * features["hours_per_week"].to_numpy()
    gig = where & (rng.random(len(features)) < 0.1)
    workclass = pc.if_else(pa.array(gig), "Gig-worker", features["workclass"].combine_chunks())
    for name, values in (("hours_per_week", pa.array(minutes)), ("workclass", workclass)):
        features = features.set_column(features.column_names.index(name), name, values)
    return features


def _with_outputs(features: pa.Table, label: NDArray[np.int64], score: NDArray[np.float64]) -> pa.Table:
    outputs = {"label": label, "score": score, "prediction": (score > 0.5).astype(np.int64)}
    for name, values in outputs.items():
        features = features.append_column(name, pa.array(values))
    return features


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
