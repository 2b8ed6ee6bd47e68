# SPDX-License-Identifier: Apache-2.0
"""SHAP values of models that are imported or asked over HTTP, of columns of every kind."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import ModuleType

import numpy as np
import pytest

from sketches.block import Block, Column, Kind
from stream.explain.models import Endpoint, ModelError, model_of
from stream.explain.shapley import explain
from tests.windows.build import block
from windows.explained import Question
from windows.options import Computed

RNG = np.random.default_rng(0)
WEIGHTS = {"age": 0.5, "income": -2.0, "height": 0.1}


def linear(columns: dict[str, np.ndarray]) -> np.ndarray:
    return sum(weight * np.nan_to_num(columns[name]) for name, weight in WEIGHTS.items()) + 3.0


def by_job(columns: dict[str, np.ndarray]) -> np.ndarray:
    points = {"'cook'": 1.0, "'clerk'": 2.0, "None": 0.0, "True": 5.0, "1": 7.0}
    return np.array([points[repr(job)] for job in columns["job"].tolist()])


def of_classes(columns: dict[str, np.ndarray]) -> np.ndarray:
    value = linear(columns)
    return np.stack((value, -value), axis=1)


@pytest.fixture(autouse=True)
def models() -> Iterator[None]:
    module = ModuleType("models_of_tests")
    module.linear, module.by_job, module.of_classes, module.number = linear, by_job, of_classes, 3
    module.wrong = lambda columns: np.zeros(3)
    module.nan = lambda columns: np.full(len(columns["age"]), np.nan)
    sys.modules[module.__name__] = module
    yield
    del sys.modules[module.__name__]


def question(
    rows: Block, background: Block, name: str, classes: tuple[str, ...] = (), evaluations: int = 64
) -> Question:
    return Question(rows, background, Computed(model=f"models_of_tests:{name}", evaluations=evaluations), classes)


def people(n: int) -> Block:
    return block(age=RNG.normal(40, 9, n), income=RNG.integers(0, 9, n), height=RNG.normal(size=n))


def test_values_of_a_linear_model_are_its_weights_times_the_distance_from_the_background() -> None:
    rows, background = people(12), people(5)
    found = explain(question(rows, background, "linear"))
    assert found.n == 12
    for name, weight in WEIGHTS.items():
        expected = weight * (rows.columns[name].values - background.columns[name].values.mean())
        np.testing.assert_allclose(found.columns[f"attributions.{name}"].values, expected, atol=1e-9)


def test_outputs_tags_and_ids_are_no_inputs() -> None:
    rows = people(4)
    more = dict.fromkeys(("prediction.score", "tags.region", "inference_id.hash"), rows.columns["age"])
    found = explain(question(Block(4, {**rows.columns, **more}), Block(4, {**rows.columns, **more}), "linear"))
    assert set(found.columns) == {f"attributions.{name}" for name in WEIGHTS}


def test_strings_booleans_and_missing_values_come_to_the_model_as_they_are() -> None:
    rows = block(job=["cook", None, True, 1])
    found = explain(question(rows, block(job=["clerk"]), "by_job"))
    np.testing.assert_allclose(found.columns["attributions.job"].values, [-1.0, -2.0, 3.0, 5.0], atol=1e-9)


def test_missing_numbers_are_nan() -> None:
    rows = block(age=[1.0, None], income=[1, 2], height=[0.0, 0.0])
    found = explain(question(rows, block(age=[2.0], income=[1], height=[0.0]), "linear"))
    np.testing.assert_allclose(found.columns["attributions.age"].values, [-0.5, -1.0], atol=1e-9)


def test_classes_are_told_apart() -> None:
    rows = people(3)
    found = explain(question(rows, people(3), "of_classes", ("yes", "no")))
    assert len(found.columns) == 6
    yes, no = (found.columns[f"attributions.{name}.age"].values for name in ("yes", "no"))
    np.testing.assert_allclose(yes, -no, atol=1e-9)


def test_the_same_rows_have_the_same_values() -> None:
    rows, background = people(5), people(4)
    wide = {f"f{i}": Column(Kind.FLOAT, RNG.normal(size=5)) for i in range(12)}
    asked = question(
        Block(5, {**rows.columns, **wide}), Block(4, {**background.columns, **wide}).take(np.arange(4)), "linear"
    )
    first, second = explain(asked), explain(asked)
    assert all(np.array_equal(column.values, second.columns[name].values) for name, column in first.columns.items())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing", "expected module:object, got module 'models_of_tests' has no attribute 'missing'"),
        ("number", "expected a function, got int"),
        ("wrong", r"expected predictions of shape \(\d+,\), got \(3,\)"),
        ("nan", "got some that are not finite"),
    ],
)
def test_a_model_that_is_none_says_so(name: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        explain(question(people(2), people(2), name))


def test_rows_without_features_cannot_be_explained() -> None:
    with pytest.raises(ModelError, match="expected features in the sample"):
        explain(question(block(a=[1]), block(b=[1]), "linear"))


class Server(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["instances"]
        self.server.asked.append(asked)
        body = json.dumps({"predictions": [self.server.predict(row) for row in asked][: self.server.most]}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    made = HTTPServer(("127.0.0.1", 0), Server)
    made.asked, made.most = [], 10**9
    made.predict = lambda row: 2.0 * row["age"] if row["age"] is not None else 0.0
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def test_a_model_server_is_asked_for_so_many_rows_at_once(server: HTTPServer) -> None:
    url = f"http://127.0.0.1:{server.server_port}/v1/models/m:predict"
    predict = model_of(Computed(endpoint=url))
    ages = np.append(np.arange(2_000.0), np.nan)
    np.testing.assert_array_equal(predict({"age": ages}), np.append(2.0 * ages[:-1], 0.0))
    assert [len(asked) for asked in server.asked] == [1_000, 1_000, 1]
    rows = Question(block(age=[1.0, 3.0]), block(age=[2.0]), Computed(endpoint=url))
    np.testing.assert_allclose(explain(rows).columns["attributions.age"].values, [-2.0, 2.0], atol=1e-9)


def test_a_server_that_answers_something_else_is_named(server: HTTPServer) -> None:
    url = f"http://127.0.0.1:{server.server_port}/"
    server.most = 1
    with pytest.raises(ModelError, match="expected 2 predictions, got 1"):
        Endpoint(url)({"age": np.ones(2)})
    server.predict = lambda _row: "yes"
    with pytest.raises(ModelError, match=f"^{url}: expected predictions, got ValueError"):
        Endpoint(url)({"age": np.ones(1)})
    with pytest.raises(ModelError, match="expected predictions, got URLError"):
        Endpoint("http://127.0.0.1:1/")({"age": np.ones(1)})
