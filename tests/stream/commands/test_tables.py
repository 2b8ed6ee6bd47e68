# SPDX-License-Identifier: Apache-2.0
"""Files of rows become blocks, with every value, type and gap kept."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from sketches.block import Kind
from stream.commands.tables import Roles, TableError, read_table, to_block

CSV = "age,job,rate,member\n39,clerk,0.5,true\n,,,\n50,clerk,1.5,false\n"


def test_a_csv_file_keeps_integers_floats_booleans_strings_and_gaps(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(CSV)
    block = to_block(read_table(path), ["age", "job", "rate", "member"])
    kinds = {name: column.kind for name, column in block.columns.items()}
    assert kinds == {"age": Kind.INTEGER, "job": Kind.STRING, "rate": Kind.FLOAT, "member": Kind.BOOLEAN}
    for column in block.columns.values():
        assert column.valid is not None
        assert column.valid.tolist() == [True, False, True]
    job = block.columns["job"]
    assert [job.categories[code] for code in job.values[[0, 2]]] == ["clerk", "clerk"]
    assert block.columns["age"].values[[0, 2]].tolist() == [39, 50]


def test_compressed_csv_and_parquet_hold_the_same_block(tmp_path: Path) -> None:
    plain, packed, parquet = tmp_path / "rows.csv", tmp_path / "rows.csv.gz", tmp_path / "rows.parquet"
    plain.write_text(CSV)
    packed.write_bytes(gzip.compress(CSV.encode()))
    pyarrow.parquet.write_table(read_table(plain), parquet)
    assert read_table(packed).equals(read_table(plain))
    assert read_table(parquet).equals(read_table(plain))


def test_dictionary_columns_are_strings() -> None:
    table = pa.table({"job": pa.array(["a", None, "b"]).dictionary_encode()})
    job = to_block(table, ["job"]).columns["job"]
    assert job.kind is Kind.STRING
    assert job.categories == ("a", "b")


def test_columns_without_a_role_are_the_features() -> None:
    table = pa.table({"age": [1], "y": [0], "p": [0.5], "region": ["eu"], "row": [7]})
    roles = Roles(label="y", score="p", tags=("region",), ignore=("row",))
    assert roles.features(table) == ["age"]


def test_a_role_of_an_unknown_column_names_the_option_and_the_columns_there_are() -> None:
    with pytest.raises(TableError, match="--label income: no such column; expected one of age, y"):
        Roles(label="income").features(pa.table({"age": [1], "y": [0]}))


def test_a_column_cannot_be_the_label_and_the_prediction() -> None:
    with pytest.raises(TableError, match="--prediction y: expected another column than that of --label"):
        Roles(label="y", prediction="y").features(pa.table({"age": [1], "y": [0]}))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rows.txt", "a\n1\n", "expected a file named .csv"),
        ("rows.csv", "a\n", "expected rows, got none"),
        ("rows.parquet", "not parquet", "rows.parquet: expected rows of columns"),
    ],
)
def test_a_file_of_another_form_is_refused_in_one_line(tmp_path: Path, name: str, content: str, said: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(TableError, match=said) as refusal:
        read_table(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("kind", [pa.list_(pa.float64()), pa.large_list(pa.float32()), pa.list_(pa.int64(), 2)])
def test_columns_called_embeddings_are_vectors_whatever_lists_hold_them(kind: pa.DataType) -> None:
    rows = pa.chunked_array([pa.array([[9, 9], [1, 2]], kind), pa.array([None, [3, 4]], kind)])
    column = to_block(pa.table({"embeddings.text": rows}).slice(1), ["embeddings.text"]).columns["embeddings.text"]
    assert (column.kind, column.values.dtype) == (Kind.VECTOR, np.float32)
    assert column.values.tolist() == [[1, 2], [0, 0], [3, 4]]
    assert column.valid is not None
    assert column.valid.tolist() == [True, False, True]


def test_numbers_missing_in_a_vector_are_nan_and_rows_without_vectors_have_no_length() -> None:
    whole = pa.table(
        {"embeddings.a": pa.array([[1.0, None]]), "embeddings.b": pa.array([None], pa.list_(pa.float32()))}
    )
    block = to_block(whole, whole.column_names)
    assert np.isnan(block.columns["embeddings.a"].values).tolist() == [[False, True]]
    assert block.columns["embeddings.b"].values.shape == (1, 0)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([[1.0, 2.0], [1.0]], "expected vectors of one length, got lengths 1, 2"),
        ([1.0, 2.0], "expected lists of numbers, got a column of double"),
        ([["a"], ["b"]], "expected lists of numbers, got a column of list<"),
    ],
)
def test_vectors_of_another_form_are_refused_by_name(rows: list[object], said: str) -> None:
    with pytest.raises(TableError, match=f"^column embeddings.text: {said}"):
        to_block(pa.table({"embeddings.text": rows}), ["embeddings.text"])


def test_a_column_of_lists_is_refused_by_name() -> None:
    with pytest.raises(TableError, match="column a: expected numbers, booleans or strings, got a column of list"):
        to_block(pa.table({"a": [[1]]}), ["a"])
