# SPDX-License-Identifier: Apache-2.0
"""Folders by hour are read in order of time; a damaged file ends with what is wrong."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from stream.commands.tables import TableError
from stream.imports import files
from stream.imports.files import hours_of, lines_of

HOUR_MS = 3_600_000


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_hours_come_in_order_whatever_their_variants_are_called(tmp_path: Path) -> None:
    for name in ("z/1970/01/01/01/a.jsonl", "a/1970/01/01/02/b.jsonl.gz", "b/1970/01/01/01/c.json", "loose.jsonl"):
        _write(tmp_path / name, b"{}\n")
    _write(tmp_path / "a/1970/01/01/02/.hidden.jsonl", b"")
    _write(tmp_path / "a/1970/01/01/02/readme.txt", b"")
    found = [(hour, [source.path.name for source in sources]) for hour, sources in hours_of([tmp_path])]
    assert found == [(None, ["loose.jsonl"]), (HOUR_MS, ["c.json", "a.jsonl"]), (2 * HOUR_MS, ["b.jsonl.gz"])]


def test_a_file_that_is_named_is_read_whatever_it_is_called_and_once(tmp_path: Path) -> None:
    file = _write(tmp_path / "part-0001", b"{}")
    assert [len(sources) for _, sources in hours_of([file, file])] == [1]


def test_a_folder_without_files_and_a_path_that_is_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="expected files named"):
        hours_of([tmp_path])
    with pytest.raises(TableError, match="no such file or folder"):
        hours_of([tmp_path / "x"])


def test_lines_keep_their_numbers_zipped_or_not(tmp_path: Path) -> None:
    content = b"a\n\n  \nb"
    plain, zipped = _write(tmp_path / "a", content), _write(tmp_path / "b", gzip.compress(content))
    for path in (plain, zipped):
        assert [(line.number, line.content.strip()) for line in lines_of(path)] == [(1, b"a"), (4, b"b")]


def test_a_file_cut_short_gives_what_it_has_and_says_so(tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(b"%d\n" % i for i in range(100_000)))
    lines = list(lines_of(_write(tmp_path / "a.gz", whole[: len(whole) // 2])))
    assert lines[0].content == b"0\n"
    assert lines[-1].error is not None
    assert "cannot be read further" in lines[-1].error
    damaged = _write(tmp_path / "b.gz", whole[:20] + b"\0" * 50)
    assert list(lines_of(damaged))[-1].error is not None


def test_a_line_without_end_is_not_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LONGEST_LINE", 10)
    lines = list(lines_of(_write(tmp_path / "a", b"short\n" + b"x" * 100)))
    assert [line.error is None for line in lines] == [True, False]
