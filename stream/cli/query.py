# SPDX-License-Identifier: Apache-2.0
"""`sketchwatch query`: the merged sketches of any range of windows."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import typer

from sketches.features import FeatureState
from stream.cli.options import Bootstrap, Config, Json, Model, Version, settings_of, time_ms
from stream.cli.output import print_json, print_records, say
from stream.commands.query import Merged
from stream.commands.query import query as merge_windows
from stream.kafka.connection import connect
from windows.outputs import LABEL
from windows.quality.problems import problem_of
from windows.report import iso
from windows.statistics.feature_statistics import feature_statistics
from windows.statistics.inferred_type import infer_type

_SHARES = (0.05, 0.5, 0.95)
_TOP = 3
_EVER = 2**62


def query(
    *,
    model: Model,
    version: Version = "1",
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="First window; UTC.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Before this window; UTC.")] = None,
    feature: Annotated[list[str] | None, typer.Option("--feature", "-f", help="Only these.")] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Show the rows that were kept, and nothing else.")] = False,
    bootstrap: Bootstrap = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Merge the sketches of a range of closed windows, and describe each feature and the quality.

    Example: sketchwatch query --model churn --from 2026-11-01 --to 2026-11-08
    """
    from_ms = 0 if start is None else time_ms(start)
    to_ms = _EVER if end is None else time_ms(end)
    settings = settings_of(config, bootstrap)
    connect(settings)
    merged = merge_windows(settings, model, version, from_ms, to_ms)
    for name, count in merged.refused.items():
        say(f"{name}: {count} windows left out, a changed definition sketched them differently")
    if sample:
        _show_sample(merged, feature, as_json=as_json)
        return
    names = [name for name in sorted(merged.features) if not feature or name in feature]
    if as_json:
        _print_json(merged, names)
        return
    if not merged.windows:
        say("no window of this range has closed")
        return
    first, last = iso(merged.windows[0]), iso(merged.windows[-1])
    say(
        f"{len(merged.windows)} windows from {first} to {last}: {merged.rows} rows, {merged.labelled} labelled, "
        f"{merged.late} late"
    )
    states = [(name, merged.features[name]) for name in names]
    print_records([_numbers(name, state, merged.rows) for name, state in states if state.numbers], as_json=False)
    print_records([_texts(name, state, merged.rows) for name, state in states if state.categories.n], as_json=False)
    if not feature:
        print_records(_metrics(merged), as_json=False)


def _show_sample(merged: Merged, features: list[str] | None, *, as_json: bool) -> None:
    if merged.sample is None:
        say("no rows are kept: set enabled = true under [sample] in the definition")
        return
    rows = list(merged.sample.rows.values())
    names = [name for name in merged.sample.columns if not features or name in features]
    say(f"{len(rows)} of {merged.sample.n} rows, those whose ids have the smallest hashes")
    for name in merged.sample.refused:
        say(f"column {name!r} found no room")
    shown = [{name: row[name] for name in names if name in row} for row in rows]
    if as_json:
        print_records(shown, as_json=True)
    else:
        print_records([{name: row.get(name) for name in names} for row in shown], as_json=False)


def _print_json(merged: Merged, names: list[str]) -> None:
    counts = {"rows": merged.rows, "labelled": merged.labelled, "late": merged.late}
    print_json({"windows": [iso(start) for start in merged.windows]} | counts)
    for name in names:
        state = merged.features[name]
        described = feature_statistics(name, state, merged.rows, _inferred(name, state))
        if state.numbers:
            values = state.quantiles.quantile(_SHARES).tolist()
            described["quantiles"] = dict(zip(map(str, _SHARES), values, strict=True))
        print_json(described)
    if len(names) == len(merged.features):
        print_records(_metrics(merged), as_json=True)


def _numbers(name: str, state: FeatureState, rows: int) -> dict[str, Any]:
    moments = state.moments
    ends = {"mean": moments.mean, "sd": moments.std, "min": moments.minimum}
    quantiles = dict(zip(("5 %", "50 %", "95 %"), state.quantiles.quantile(_SHARES).tolist(), strict=True))
    return {"feature": name, "missing": _missing(state, rows), **ends, **quantiles, "max": moments.maximum}


def _texts(name: str, state: FeatureState, rows: int) -> dict[str, Any]:
    top = sorted(state.categories.counts().items(), key=lambda item: -item[1])[:_TOP]
    frequent = [f"{value} ({count})" for value, count in top]
    missing, distinct = _missing(state, rows), round(state.distinct.estimate)
    return {"feature": name, "missing": missing, "distinct": distinct, "most frequent": frequent}


def _missing(state: FeatureState, rows: int) -> int:
    return rows - (state.types.n - state.types.missing)


def _metrics(merged: Merged) -> list[dict[str, Any]]:
    if merged.quality is None or not merged.quality.n:
        return []
    # The closed forms draw nothing.
    measured = problem_of(merged.quality).measure(merged.quality, "closed", np.random.default_rng(0))
    return [
        {"metric": name, "value": found.value, "sd": found.sd, "low": found.low, "high": found.high, "n": found.n}
        for name, found in measured.metrics.items()
        if found.defined
    ]


def _inferred(name: str, state: FeatureState) -> str:
    return infer_type(state.types, categorical=state.spec.categorical or state.spec.hashed or name == LABEL)
