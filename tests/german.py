# SPDX-License-Identifier: Apache-2.0
"""German Credit with the attributions of a model and the embeddings of what applicants might have written."""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from sketches.block import Block, Column, Kind

FOLDER = Path(__file__).parents[1] / "examples" / "german"
DIMENSION = 384


@dataclass(frozen=True)
class German:
    """A thousand applications; `train` says which the model was fitted to, `german` holds those told in German."""

    columns: dict[str, list[str]]
    names: tuple[str, ...]
    attributions: np.ndarray
    english: np.ndarray
    german: np.ndarray
    german_rows: np.ndarray
    train: np.ndarray

    def attributes(self) -> dict[str, tuple[str, ...]]:
        """Attributes with the encoded features that make them up."""
        found: dict[str, list[str]] = {}
        for name in self.names:
            if name not in self.columns:
                owner = next(attribute for attribute, values in self.columns.items() if name in values)
                found.setdefault(owner, []).append(name)
        return {attribute: tuple(names) for attribute, names in found.items()}

    def recorded_as_a11(self) -> np.ndarray:
        """Attributions if everyone without a checking account were recorded as having an overdrawn one."""
        changed, place = self.attributions.copy(), self.names.index("A14")
        changed[:, place] = changed[:, place].min()
        return changed

    def block(self, rows: np.ndarray, attributions: np.ndarray, vectors: np.ndarray | None = None) -> Block:
        """Attributions and vectors of some rows, those in English by default."""
        columns = {f"attributions.{name}": number(attributions[rows, i]) for i, name in enumerate(self.names)}
        told = self.english[rows] if vectors is None else vectors
        columns["embeddings.text"] = Column(Kind.VECTOR, told.astype(np.float32))
        return Block(len(rows), columns)

    def inputs(self, rows: np.ndarray) -> Block:
        """Some of the features."""
        names = ("credit_amount", "age", "duration_months")
        return Block(len(rows), {name: number(np.array(self.columns[name], float)[rows]) for name in names})


def number(values: np.ndarray) -> Column:
    return Column(Kind.FLOAT, values)


@cache
def german() -> German:
    """Read the example."""
    with (FOLDER / "german_credit.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    with (FOLDER / "german_predictions.csv").open(newline="") as lines:
        train = np.array([row["split"] == "train" for row in csv.DictReader(lines)])
    with gzip.open(FOLDER / "german_shap.csv.gz", "rt") as lines:
        head, *values = csv.reader(lines)
    vectors = np.load(FOLDER / "german_embeddings.npz")
    return German(
        {name: [row[name] for row in rows] for name in rows[0]},
        tuple(head[1:]),
        np.array(values, float)[:, 1:],
        vectors["english"],
        vectors["german"],
        vectors["german_rows"],
        train,
    )
