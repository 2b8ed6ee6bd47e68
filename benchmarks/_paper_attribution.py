# SPDX-License-Identifier: Apache-2.0
"""Section 4.4 and appendix C of the paper: scores of rankings, and what German Credit's model rests on."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict

import numpy as np

from benchmarks._paper_bias import EXAMPLES
from benchmarks.figures import Reproduced
from sketches.attributions import AttributionsSpec, AttributionsState
from sketches.block import Block, Column, Kind
from windows.statistics.ndcg import ndcg

# The symbolic codes of an attribute share their digits before the last: A11 to A14 are checking_status.
_CHECKING = ("A12", "A13", "A14")


def ndcg_examples() -> list[Reproduced]:
    """The worked examples: the first is the vendor's, who prints 0.69."""
    examples = {
        "reversed": ((0.70, 0.50, 0.05), (0.10, 0.20, 0.70), 0.6876396241),
        "top_two_swapped": ((0.70, 0.50, 0.05), (0.50, 0.70, 0.05), 0.9290566641),
        "same_order": ((0.70, 0.50, 0.05), (0.40, 0.30, 0.29), 1.0),
        # The live ranking is 3, 1, 2, 5, 4.
        "five": ((0.50, 0.30, 0.10, 0.07, 0.03), (4.0, 3.0, 5.0, 1.0, 2.0), 0.7752114783),
        "unused_first": ((0.4, 0.3, 0.2, 0.1, 0.0), (4.0, 3.0, 2.0, 1.0, 5.0), 0.7198674874),
    }
    return [
        Reproduced(f"paper.ndcg.{name}", ndcg(was, now), said, 5e-11) for name, (was, now, said) in examples.items()
    ]


def german_credit_importances() -> list[Reproduced]:
    """Mean sizes of the attributions: A14 ("no checking account") first, and its attribute first when grouped."""
    plain = {split: _importances(split, AttributionsSpec()) for split in ("train", "live")}
    grouped = {split: _importances(split, AttributionsSpec((("checking_status", _CHECKING),))) for split in plain}
    said = {"train": {"A14": 0.7915, "A34": 0.5404, "A43": 0.3585}, "live": {"A14": 0.7788, "A34": 0.5218}}
    found = [
        Reproduced(f"paper.german_credit.importance.{split}.{name}", plain[split][name], value, 5.1e-5)
        for split, values in said.items()
        for name, value in values.items()
    ]
    names = sorted(plain["train"])
    score = ndcg([plain["train"][name] for name in names], [plain["live"][name] for name in names])
    rank = sorted(plain["train"], key=lambda name: -plain["train"][name]).index("A14") + 1
    together = sorted(grouped["train"], key=lambda name: -grouped["train"][name]).index("checking_status") + 1
    return [
        *found,
        Reproduced("paper.german_credit.rank.A14", rank, 1, 0),
        Reproduced("paper.german_credit.grouped.rank.checking_status", together, 1, 0),
        Reproduced("paper.german_credit.grouped.checking_status", grouped["train"]["checking_status"], 0.7228, 5.1e-5),
        Reproduced("paper.german_credit.ndcg", score, 0.999461, 5.1e-7),
    ]


def _importances(split: str, spec: AttributionsSpec) -> dict[str, float]:
    state = _state(split, spec)
    return {name: sums.importance for name, sums in state.columns.items()}


def _state(split: str, spec: AttributionsSpec) -> AttributionsState:
    with (EXAMPLES / "german" / "german_predictions.csv").open(newline="") as file:
        chosen = {row["row"] for row in csv.DictReader(file) if row["split"] == split}
    columns: dict[str, list[float]] = defaultdict(list)
    with gzip.open(EXAMPLES / "german" / "german_shap.csv.gz", "rt", newline="") as file:
        for row in csv.DictReader(file):
            if row.pop("row") in chosen:
                for name, value in row.items():
                    columns[f"attributions.{name}"].append(float(value))
    state = spec.empty()
    made = {name: Column(Kind.FLOAT, np.array(values)) for name, values in columns.items()}
    state.update(Block(len(chosen), made))
    return state
