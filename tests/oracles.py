# SPDX-License-Identifier: Apache-2.0
"""What must come out, computed the plain way: row by row (`Reference`), and all at once (`batch`)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from tests.windows.ledger import cells
from windows.events import BlockArrived, LabelsArrived, TimeAdvanced, WatermarkArrived


@dataclass
class Row:
    version: str
    window: int
    x: float
    positive: bool | None
    carried: dict = field(default_factory=dict)
    label: str | float | None = None
    shared: bool = False


@dataclass
class Window:
    definition: object
    rows: list = field(default_factory=list)
    late: int = 0
    duplicates: int = 0
    features_closed: bool = False
    labels_closed: bool = False
    forgotten: bool = False

    def cells(self):
        """Count tp, fn, fp, tn."""
        labelled = [r for r in self.rows if r.label is not None and r.positive is not None]
        pairs = [(r.label == self.definition.positive_class, r.positive) for r in labelled]
        return tuple(pairs.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False)))

    def joined(self):
        """Count rows with a label, each as what a state of labelled rows sees of it."""
        return Counter(
            tuple(sorted([*row.carried.items(), ("label", row.label)])) for row in self.rows if row.label is not None
        )

    def errors(self):
        """Count the labelled predictions of a regression, and sum their errors, squared errors and labels."""
        pairs = [(r.label, r.carried.get("prediction.value")) for r in self.rows if isinstance(r.label, float)]
        known = [(label, value) for label, value in pairs if value is not None]
        errors = [label - value for label, value in known]
        return len(known), sum(map(abs, errors)), sum(e * e for e in errors), sum(label for label, _ in known)

    def facts(self):
        """Everything of the window that a store can be asked for."""
        return {
            "rows": len(self.rows),
            "late": self.late,
            "duplicates": self.duplicates,
            "labelled": sum(r.label is not None for r in self.rows),
            "cells": self.cells(),
            "sum": round(sum(r.x for r in self.rows), 6),
            "features_closed": self.features_closed,
            "labels_closed": self.labels_closed,
        }


class Reference:
    """One partition, one row at a time, in dictionaries: the rules of time and of the join as `step` must obey them.

    Ids, times, the column `x` and what rows carry; limits on pending rows and early labels after each block. Later
    definitions of a version may carry other columns, but have its first's windows and limits.
    """

    def __init__(self, definitions):
        self.histories = {}
        for d in sorted(definitions, key=lambda d: d.effective_from_ms):
            self.histories.setdefault((d.model, d.version), []).append(d)
        self.definitions = {key: history[0] for key, history in self.histories.items()}
        self.models = {d.model for d in definitions}
        self.now = {(model, side): None for model in self.models for side in ("events", "labels")}
        self.silent = dict.fromkeys(self.now, 0)
        self.known = set()
        self.windows = {}
        self.pending = {}
        self.early = {}
        self.next_close = {}
        self.counted = {}

    def run(self, events):
        for event in events:
            self.step(event)
        return self

    def step(self, event):
        if isinstance(event, TimeAdvanced):
            for model in sorted(self.known):
                self.silence(model, event.side, event.elapsed_ms)
        elif isinstance(event, WatermarkArrived):
            self.known.add(event.model)
            self.move(event.model, event.side, event.event_time_ms)
        elif event.model not in self.models:
            self.count("unknown_model", len(event.ids))
        elif isinstance(event, BlockArrived):
            self.known.add(event.model)
            self.events(event)
        elif isinstance(event, LabelsArrived):
            self.known.add(event.model)
            self.labels(event)

    def count(self, what, n=1):
        self.counted[what] = self.counted.get(what, 0) + n

    def of_model(self, model):
        return [d for (m, _), d in sorted(self.definitions.items()) if m == model]

    def closing(self, definition):
        events, labels = self.now[definition.model, "events"], self.now[definition.model, "labels"]
        if definition.problem_type is None:
            return events
        return None if events is None or labels is None else min(events, labels)

    def silence(self, model, side, elapsed):
        patience = max(d.window.idle_timeout for d in self.of_model(model))
        before = self.silent[model, side]
        self.silent[model, side] += elapsed
        if before + elapsed < patience:
            return
        added = elapsed if before >= patience else before + elapsed
        now, events = self.now[model, side], self.now[model, "events"]
        goal = None if now is None else now + added
        if side == "labels":
            goal = max([t for t in (goal, events) if t is not None], default=None)
        if goal is not None:
            self.advance(model, side, goal)

    def move(self, model, side, time):
        self.silent[model, side] = 0
        self.advance(model, side, time)

    def advance(self, model, side, time):
        before = self.now[model, side]
        if before is None or time > before:
            self.now[model, side] = time
            for definition in self.of_model(model):
                self.close(definition)
            if before is None or self.deadline_between(model, before, time):
                self.expire_early(model)

    def deadline_between(self, model, before, time):
        """Early labels are looked through only when a window may fall due."""
        windows = [d.window for d in self.of_model(model)]
        return any(
            (time - offset) // w.size > (before - offset) // w.size
            for w in windows
            for offset in (w.grace, w.label_horizon, w.retention_ms)
        )

    def close(self, d):
        key, now, closing = (d.model, d.version), self.now[d.model, "events"], self.closing(d)
        while now is not None and key in self.next_close:
            start = self.next_close[key]
            end = start + d.window.size
            if end + d.window.grace > now:
                break
            expired = closing is not None and end + d.window.retention_ms <= closing
            if (*key, start) not in self.windows and not expired:
                self.windows[*key, start] = Window(d)
            if (*key, start) in self.windows:
                window = self.windows[*key, start]
                if not window.features_closed:
                    window.features_closed = True
                    window.labels_closed = d.problem_type is None
            self.next_close[key] += d.window.size
        for (*name, start), window in list(self.windows.items()):
            if tuple(name) != key or closing is None:
                continue
            end = start + d.window.size
            if window.features_closed and end + d.window.label_horizon <= closing:
                window.labels_closed = True
            if window.labels_closed and end + d.window.retention_ms <= closing:
                del self.windows[*name, start]
                for of_row in [k for k, row in self.pending.items() if k[:2] == key and row.window == start]:
                    del self.pending[of_row]

    def expire_early(self, model):
        now = self.now[model, "events"]
        if now is None:
            return
        kept = max(d.window.retention_ms for d in self.of_model(model))
        for key in [k for k, (_, at) in self.early.items() if k[0] == model and at < now - kept]:
            del self.early[key]
            self.count("early_dropped")

    def events(self, event):
        d = self.definitions[event.model, event.version]
        for i, (raw, time) in enumerate(zip(event.ids, event.event_time_ms, strict=True)):
            self.move(event.model, "events", int(time))
            start = int(time) - int(time) % d.window.size
            of_window = next((h for h in self.histories[d.model, d.version][::-1] if h.effective_from_ms <= start), d)
            self.event(d, bytes(raw), Row(d.version, start, *_values(event, i, of_window)))
        live = self.oldest_first((d.model, d.version))
        for key in live[: max(len(live) - d.limits.pending_rows, 0)]:
            del self.pending[key]
            self.count("pending_dropped")

    def oldest_first(self, key):
        """Pending rows in the order they go: of the definition with the older rows first, then as they came."""
        by_definition = {}
        for k, row in self.pending.items():
            if k[:2] == key:
                later = sum(h.effective_from_ms <= row.window for h in self.histories[key])
                by_definition.setdefault(later, []).append(k)
        groups = sorted(by_definition.values(), key=lambda group: self.pending[group[0]].window)
        return [k for group in groups for k in group]

    def event(self, d, id_, row):
        key, start = (d.model, d.version), row.window
        closing, now = self.closing(d), self.now[d.model, "events"]
        end = start + d.window.size
        window = self.windows.get((*key, start))
        if window is None and closing is not None and end + d.window.retention_ms <= closing:
            return self.count("expired")
        if window is None:
            # Opened even for a duplicate: its block is known to belong here before its id is looked up.
            window = self.windows[*key, start] = Window(d)
            if end + d.window.grace <= now:
                window.features_closed = True
                over = closing is not None and end + d.window.label_horizon <= closing
                window.labels_closed = d.problem_type is None or over
            else:
                self.next_close[key] = min(start, self.next_close.get(key, start))
        if (*key, id_) in self.pending:
            self.windows[*key, self.pending[*key, id_].window].duplicates += 1
            return self.count("duplicate")
        window.rows.append(row)
        if window.features_closed:
            window.late += 1
            self.count("late")
        self.tell(d, row, *self.waiting(d, id_))
        self.pending[*key, id_] = row
        return None

    @staticmethod
    def tell(d, row, truth, shared):
        """Give a row a label, a number for a regression and a class otherwise; what is neither changes nothing."""
        if truth is None:
            return
        if d.problem_type != "Regression":
            row.label, row.shared = truth if isinstance(truth, str) else "", shared
        elif is_number(truth):
            row.label, row.shared = float(truth), shared

    def waiting(self, d, id_):
        for owner in (d.version, None):
            if (d.model, owner, id_) in self.early:
                (label, shared), _ = self.early.pop((d.model, owner, id_))
                return label, shared
        for other in self.of_model(d.model):
            row = self.pending.get((d.model, other.version, id_))
            if row is not None and row.label is not None and row.shared:
                return row.label, True
        return None, False

    def labels(self, event):
        for i, (raw, time) in enumerate(zip(event.ids, event.event_time_ms, strict=True)):
            truth = cells(event.label)[i]
            if is_number(truth) or any(d.problem_type != "Regression" for d in self.of_model(event.model)):
                self.move(event.model, "labels", int(time))
                self.label(event.model, event.version, bytes(raw), int(time), truth)
        most = max(d.limits.early_labels for d in self.of_model(event.model))
        excess = sum(key[0] == event.model for key in self.early) - most
        for key in [key for key in self.early if key[:2] == (event.model, event.version)][: max(excess, 0)]:
            del self.early[key]
            self.count("early_dropped")

    def label(self, model, owner, id_, time, label):
        found = False
        at = max(time, self.now[model, "events"] or 0)
        for d in self.of_model(model):
            row = self.pending.get((model, d.version, id_))
            if row is None or owner not in (None, d.version):
                continue
            found = True
            if owner is not None and row.shared and row.label is not None and len(self.of_model(model)) > 1:
                held = self.early.get((model, None, id_))
                self.early[model, None, id_] = ((row.label, True), at if held is None else held[1])
            self.tell(d, row, label, owner is None)
        for other in [None, *(d.version for d in self.of_model(model))]:
            if (model, other, id_) in self.early and owner in (None, other):
                self.early[model, other, id_] = ((label, owner is None), self.early[model, other, id_][1])
                found = found or other == owner
        if not found:
            self.early[model, owner, id_] = ((label, owner is None), at)


def is_number(truth):
    return isinstance(truth, float) or truth.isdigit()


def _values(event, i, definition):
    values = {name: cells(column)[i] for name, column in event.block.columns.items()}
    score = values.get("prediction.score")
    binary = definition.problem_type == "BinaryClassification" and score is not None
    positive = score > definition.probability_threshold if binary else None
    return values["x"], positive, _carried(definition, values, {n: cells(c)[i] for n, c in event.extra.columns.items()})


def _carried(definition, values, extra):
    """What a pending row keeps of its event, as plain texts and numbers without missing ones."""
    bias = definition.monitors.bias
    carried = {name: _of(name, values, extra) for name in (*definition.segments, bias.group) if name is not None}
    carried = {name: value if value is None else str(value) for name, value in carried.items()}
    for facet in bias.facets:
        value = _of(facet.name, values, extra)
        if facet.above is not None and value is not None:
            value = f"({facet.above:g}, Infinity)" if value > facet.above else f"(-Infinity, {facet.above:g}]"
        carried[facet.name] = value
    if definition.problem_type == "Regression":
        carried["prediction.value"] = values.get("prediction.value")
    elif (score := values.get("prediction.score")) is not None:
        positive = score > definition.probability_threshold
        derived = definition.positive_class if positive else definition.negative_class
        carried |= {"prediction.score": score, "prediction.label": derived}
    return {name: value for name, value in carried.items() if value is not None}


def _of(name, values, extra):
    value = values.get(name)
    return extra.get(f"tags.{name}") if value is None else value


def facts_of(window):
    """`Window.facts` of an open window of a store."""
    counts = window.counts
    moments = window.profile.features["x"].moments if "x" in window.profile.features else None
    return {
        "rows": counts.rows,
        "late": counts.late,
        "duplicates": counts.duplicates,
        "labelled": counts.labelled,
        "cells": window.quality.cells if hasattr(window.quality, "cells") else (0, 0, 0, 0),
        "sum": round(0.0 if moments is None else moments.sum, 6),
        "features_closed": window.features_closed,
        "labels_closed": window.labels_closed,
    }


def errors_of(window):
    """`Window.errors` of an open window of a store."""
    state = window.quality
    return (state.predicted, *(float(state.sum(name)) for name in ("|e|", "e2", "y")))


def batch(ids, starts_ms, positive, label_ids, labels):
    """Rows and tp, fn, fp, tn of each window, from whole arrays: the first event and the last label of an id count.

    Parameters
    ----------
    ids, starts_ms, positive : arrays of shape (n,)
        Events in order: id, start of the window, and whether the positive class was predicted.
    label_ids, labels : arrays of shape (m,)
        Labels in order of their offsets, true for the positive class.
    """
    ids, first = np.unique(ids, return_index=True)
    known, last = np.unique(label_ids[::-1], return_index=True)
    actual = labels[::-1][last]
    where = np.clip(np.searchsorted(known, ids), 0, max(len(known) - 1, 0))
    labelled = known[where] == ids if len(known) else np.zeros(len(ids), bool)
    expected = {}
    for start in np.unique(starts_ms[first]):
        here = starts_ms[first] == start
        both = here & labelled
        truth, said = actual[where[both]], positive[first[both]]
        cells = ((truth & said).sum(), (truth & ~said).sum(), (~truth & said).sum(), (~truth & ~said).sum())
        expected[int(start)] = (int(here.sum()), tuple(int(cell) for cell in cells))
    return expected
