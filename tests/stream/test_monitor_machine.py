# SPDX-License-Identifier: Apache-2.0
"""A monitor that dies anywhere equals one that never stopped: row by row, window by window, label by label."""

from __future__ import annotations

from itertools import product

import hypothesis.strategies as st
import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sketches.block import Block, Column, Kind
from stream.testing import SIDES, MonitorDriver, Step
from tests.oracles import Reference, errors_of, facts_of
from tests.windows.ledger import OF_LABELS, LedgerSpec, joined_of, ledgers
from windows.definition import ModelDefinition
from windows.events import BlockArrived, LabelsArrived
from windows.join.row_table import DEAD

PARTITIONS = 2
SECOND = 1_000


def definitions(limited):
    window = {"size": "10s", "grace": "3s", "label_horizon": "20s", "retention": "40s", "idle_timeout": "15s"}
    limits = {"pending_rows": 6, "early_labels": 3} if limited else {}
    common = {"window": window, "limits": limits}
    binary = {"model": "m", "problem_type": "BinaryClassification", **common}
    facets = {"bias": {"facets": [{"name": "sex"}, {"name": "age", "above": 40}], "group": "region"}}
    return (
        ModelDefinition(version="1", **binary),
        ModelDefinition(version="1", effective_from_ms=110 * SECOND, monitors=facets, segments=["job"], **binary),
        ModelDefinition(version="2", **binary),
        ModelDefinition(model="prices", problem_type="Regression", segments=["region"], **common),
        ModelDefinition(model="features-only", window=window),
    )


ids = st.lists(st.integers(0, 15), min_size=1, max_size=8)
times = st.lists(st.integers(-60, 25), min_size=8, max_size=8)
classes = st.lists(st.integers(0, 2), min_size=8, max_size=8)
models = st.sampled_from(
    [("m", "1"), ("m", "1"), ("m", "2"), ("prices", "1"), ("prices", "1"), ("features-only", "1"), ("unknown", "1")]
)


def encoded(numbers):
    return np.array([list(f"{i:04d}".encode()) for i in numbers], np.uint8)


def sent(ids, times):
    """Columns of events, functions of id and time, so that a repeated id may come with other values."""
    mixed = np.array([i * 7 + t for i, t in zip(ids, times, strict=False)], np.int64)
    columns = {
        "x": Column(Kind.FLOAT, np.array([i * 10 + t for i, t in zip(ids, times, strict=False)], np.float64)),
        "prediction.score": Column(Kind.FLOAT, mixed % 10 / 10),
        "prediction.value": Column(Kind.FLOAT, mixed.astype(float), mixed % 5 > 0),
        "sex": Column(Kind.STRING, (mixed % 2).astype(np.int32), mixed % 7 > 0, ("f", "m")),
        "age": Column(Kind.INTEGER, mixed % 80),
        "job": Column(Kind.INTEGER, mixed % 3),
    }
    tags = {"tags.region": Column(Kind.STRING, (mixed % 3).astype(np.int32), None, ("eu", "us", "br"))}
    return Block(len(ids), columns), Block(len(ids), tags)


class MonitorMachine(RuleBasedStateMachine):
    @initialize(limited=st.booleans(), seed=st.integers(0, 99))
    def start(self, limited, seed):
        self.written_down = ledgers(of_labels=True)
        self.definitions = definitions(limited)
        self.driver = MonitorDriver(self.definitions, PARTITIONS, seed=seed)
        self.reference = {}
        self.now, self.clock = 100 * SECOND, 0

    def at(self, step):
        self.now = max(self.now, self.now + step * SECOND // 2)
        return self.now + min(step, 0) * SECOND

    @rule(ids=ids, times=times, model=models)
    def send_events(self, ids, times, model):
        n = len(ids)
        at_ms = np.array([self.at(step) for step in times[:n]], np.int64)
        self.driver.send(BlockArrived(*model, encoded(ids), at_ms, *sent(ids, times)))

    @rule(
        ids=ids,
        classes=classes,
        delay=st.integers(0, 50),
        model=models,
        shared=st.booleans(),
        numeric=st.booleans(),
    )
    def send_labels(self, ids, classes, delay, model, shared, numeric):
        n = len(ids)
        label = Column(Kind.STRING, np.array(classes[:n], np.int32), None, ("0", "1", "none"))
        if numeric:
            label = Column(Kind.FLOAT, 5.0 * np.array(classes[:n]))
        at_ms = np.full(n, self.now + (delay - 30) * SECOND, np.int64)
        name, version = model
        self.driver.send(LabelsArrived(name, None if shared else version, encoded(ids), at_ms, label))

    @rule(ids=ids, times=times, classes=classes, model=models, numeric=st.booleans(), sides=st.permutations(SIDES))
    def send_both_and_process_all(self, ids, times, classes, model, numeric, sides):
        self.send_events(ids, times, model)
        self.send_labels(ids, classes, 30, model, shared=False, numeric=numeric)
        for number, side in product(range(PARTITIONS), sides):
            while self.driver.process(number, side):
                pass

    @rule(side=st.sampled_from(SIDES), ahead=st.integers(-5, 30), model=st.sampled_from(["m", "prices"]))
    def send_watermark(self, side, ahead, model):
        self.driver.watermark(side, model, self.now + ahead * SECOND)

    @rule(number=st.integers(0, PARTITIONS - 1), side=st.sampled_from(SIDES), records=st.integers(1, 3))
    def process(self, number, side, records):
        self.driver.process(number, side, records)

    @rule(number=st.integers(0, PARTITIONS - 1), side=st.sampled_from(SIDES), seconds=st.integers(1, 20))
    def pass_in_silence(self, number, side, seconds):
        self.driver.silence(number, side, seconds * SECOND)

    @rule(number=st.integers(0, PARTITIONS - 1), die_after=st.sampled_from([None, None, None, *Step]))
    def checkpoint(self, number, die_after):
        self.driver.checkpoint(number, die_after=die_after)

    @rule(number=st.integers(0, PARTITIONS - 1))
    def crash(self, number):
        self.driver.crash(number)

    @rule(seconds=st.sampled_from([0, 1, 20]))
    def judge(self, seconds):
        self.clock += seconds * SECOND
        for report in self.driver.judge(self.clock):
            assert report.status != "Failed", report.error

    @rule()
    def crash_evaluate(self):
        told = len(self.driver.reports)
        self.driver.judge(self.clock)
        reports = self.driver.reports[told:]
        self.driver.crash_evaluate(self.clock)
        again = self.driver.judge(self.clock)
        assert not again, f"told again after a restart: {again}, before it: {reports}"

    @invariant()
    def every_store_equals_the_reference(self):
        for number, partition in enumerate(self.driver.partitions):
            reference = self.reference_of(number, partition.history)
            assert windows_of(partition.store) == {key: w.facts() for key, w in reference.windows.items()}
            assert joined(partition.store) == {key: told(w) for key, w in reference.windows.items() if waits(w)}
            assert pending_of(partition.store) == {
                key: (row.window, row.label, row.shared if row.label is not None else False)
                for key, row in reference.pending.items()
            }
            assert early_of(partition.store) == reference.early

    def reference_of(self, number, history):
        # A reference is carried on while its history only grows, and begun anew after a crash took some back.
        known, reference = self.reference.get(number, ([], None))
        if (
            reference is None
            or len(known) > len(history)
            or any(a is not b for a, b in zip(known, history, strict=False))
        ):
            known, reference = [], Reference(self.definitions)
        reference.run(history[len(known) :])
        self.reference[number] = (list(history), reference)
        return reference

    def teardown(self):
        if not hasattr(self, "driver"):
            return
        with self.written_down:
            self.everything_published_is_the_truth()

    def everything_published_is_the_truth(self):
        self.driver.run(self.clock)
        self.every_store_equals_the_reference()
        for number, partition in enumerate(self.driver.partitions):
            self.published_is_the_truth(number, partition)
            counted = {}
            for effect in partition.counted:
                counted[effect.what] = counted.get(effect.what, 0) + effect.rows
            assert counted == self.reference_of(number, partition.history).counted

    def published_is_the_truth(self, number, partition):
        published = {}
        for source, partial in self.driver.profiles:
            if source == number:
                key = partial.model, partial.version, partial.window_start_ms
                published.setdefault(key, {})[partial.part] = partial
        for key, window in self.reference_of(number, partition.history).windows.items():
            if not window.features_closed or not (window.rows or key in published):
                continue
            rows = published[key]["rows"]
            facts = window.facts()
            assert (rows.features_closed, rows.labels_closed) == (window.features_closed, window.labels_closed)
            held = partition.store.models[key[0]].versions[key[1]].windows[key[2]]
            counts = type(held.counts).from_bytes(rows.payload)
            assert (counts.rows, counts.late) == (facts["rows"], facts["late"])
            if window.labels_closed and held.quality is not None and facts["labelled"]:
                quality = held.quality.spec.from_bytes(published[key]["quality"].payload)
                ledger = LedgerSpec().from_bytes(published[key][OF_LABELS].payload)
                assert (counts.labelled, getattr(quality, "cells", facts["cells"]), ledger.rows) == (
                    facts["labelled"],
                    facts["cells"],
                    window.joined(),
                )


def windows_of(store):
    return {
        (name, version, start): facts_of(window)
        for name, model in store.models.items()
        for version, state in model.versions.items()
        for start, window in state.windows.items()
    }


def joined(store):
    """Rows with a label as the states of each window were told of them, and the errors of regressions."""
    return {
        (name, version, start): (joined_of(w), errors_of(w) if w.definition.problem_type == "Regression" else None)
        for name, model in store.models.items()
        for version, state in model.versions.items()
        for start, w in state.windows.items()
        if waits(w)
    }


def told(window):
    return window.joined(), window.errors() if window.definition.problem_type == "Regression" else None


def waits(window):
    return window.definition.problem_type is not None


def pending_of(store):
    rows = {}
    for name, model in store.models.items():
        for version, state in model.versions.items():
            for table in state.pending.tables.values():
                for row in np.flatnonzero(table.at_ms[: table.n] != DEAD):
                    label, shared = decoded(model, table, row)
                    rows[name, version, table.ids[row].tobytes()] = (int(table.at_ms[row]), label, shared)
    return rows


def early_of(store):
    return {
        (name, owner, table.ids[row].tobytes()): (decoded(model, table, row), int(table.at_ms[row]))
        for name, model in store.models.items()
        for (owner, _), table in model.early.tables.items()
        for row in np.flatnonzero(table.at_ms[: table.n] != DEAD)
    }


def decoded(model, table, row):
    label = int(table.label[row])
    if label < 0:
        return None, False
    value = table.value[row] if table.layout.numeric else np.nan
    name = model.classes.names[label >> 1]
    # A pending row of a regression has a number whatever its label's form; a label that waits has both.
    is_number = not np.isnan(value) and (not name or "prediction.value" in table.layout.numbers)
    return (float(value) if is_number else name), bool(label & 1)


TestMonitorMachine = MonitorMachine.TestCase
TestMonitorMachine.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)
