# SPDX-License-Identifier: Apache-2.0
"""Files of a managed monitor arrive as events and labels, each on its partition, and what is unreadable is listed."""

from __future__ import annotations

import gzip
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from typer.testing import CliRunner

from stream.cli.main import app
from stream.commands.applying import apply
from stream.commands.importing import Import, import_files
from stream.errors import InfrastructureError
from stream.imports.capture_records import CaptureForm
from stream.imports.selectors import Selector
from stream.kafka.clients import reader_config
from stream.settings import Settings
from topics.batches import EventBatch, LabelBatch, Message, Watermark
from topics.codec import decode_events, decode_labels
from topics.encode import event_records, label_records
from topics.partitioner import partition_of
from topics.subjects import Topics
from windows.definition import ModelDefinition, Window

HOUR_MS = 3_600_000
Batch = EventBatch | LabelBatch | Watermark


@pytest.fixture
def settings(mock_broker: str, topics: str) -> Settings:
    return Settings(bootstrap_servers=mock_broker, topic_prefix=topics, group=topics)


def _read(settings: Settings, topic: str) -> list[tuple[int, Batch]]:
    decode = decode_events if topic.endswith("inference") else decode_labels
    found: list[tuple[int, Batch]] = []
    with closing(Consumer(reader_config(settings))) as reader:
        for partition in range(4):
            end = reader.get_watermark_offsets(TopicPartition(topic, partition), 10)[1]
            reader.assign([TopicPartition(topic, partition, 0)])
            messages: list[Message] = []
            while len(messages) < end:
                messages += [
                    Message(
                        topic, partition, m.offset(), m.timestamp()[1], m.key(), m.value(), tuple(m.headers() or ())
                    )
                    for m in reader.consume(500, 0.1)
                    if m.error() is None
                ]
            decoded = decode(messages)
            assert not decoded.rejected
            found += [(partition, batch) for batch in decoded.batches]
    return found


def _records(settings: Settings, side: str) -> dict[str, dict[str, Any]]:
    topic = getattr(Topics(settings.topic_prefix), "inference" if side == "events" else "labels")
    found: dict[str, dict[str, Any]] = {}
    for partition, batch in _read(settings, topic):
        if isinstance(batch, Watermark):
            continue
        assert (partition_of(batch.ids, 4) == partition).all()
        records = event_records(batch) if isinstance(batch, EventBatch) else label_records(batch)
        found |= {record["inference_id"]: record for record in records}
    return found


def _request(event: str, hour: int, sent: str, answered: str, **more: Any) -> str:
    sides = {
        "endpointInput": {"observedContentType": "text/csv", "mode": "INPUT", "data": sent, "encoding": "CSV"},
        "endpointOutput": {"observedContentType": "text/csv", "mode": "OUTPUT", "data": answered, "encoding": "CSV"},
    }
    metadata = {"eventId": event, "inferenceTime": f"1970-01-01T{hour:02d}:10:00Z"}
    return json.dumps({"captureData": sides, "eventMetadata": metadata, "eventVersion": "0"} | more) + "\n"


def _truth(event: str, data: str) -> str:
    held = {"groundTruthData": {"data": data, "encoding": "CSV"}, "eventMetadata": {"eventId": event}}
    return json.dumps(held | {"eventVersion": "0"}) + "\n"


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    later = tmp_path / "capture/churn/AllTraffic/1970/01/01/03"
    sooner = tmp_path / "capture/churn/AllTraffic/1970/01/01/02"
    for folder in (later, sooner):
        folder.mkdir(parents=True)
    (later / "a.jsonl").write_text(_request("b", 3, "50,x\n60,y", "0.2\n0.8") + "not a record\n")
    (sooner / "b.jsonl.gz").write_bytes(
        gzip.compress((_request("a", 2, "40,x", "0.9") + _request("q", 2, "1", "0.9")).encode())
    )
    return tmp_path / "capture"


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    folder = tmp_path / "truth/1970/01/01/05"
    folder.mkdir(parents=True)
    (folder / "t.jsonl").write_text(_truth("a", "1") + _truth("b", "0\n1") + "{}\n")
    return tmp_path / "truth"


FORM = CaptureForm(("age", "plan"), score=Selector.parse("0"))


def test_requests_of_folders_by_hour_become_events_in_order_and_labels_join_them(
    settings: Settings, capture: Path, truth: Path
) -> None:
    apply(
        settings, ModelDefinition(model="m", problem_type="BinaryClassification", window=Window(label_horizon=HOUR_MS))
    )
    wanted = Import("m", "1", (capture,), (truth,), FORM, threshold=0.5)
    imported = import_files(settings, wanted, now_ms=lambda: 10 * HOUR_MS)
    assert (imported.files, imported.events, imported.labels, imported.unread.count) == (3, 3, 3, 3)
    assert [(Path(one.file).name, one.line) for one in imported.unread.listed] == [
        ("b.jsonl.gz", 2),
        ("a.jsonl", 2),
        ("t.jsonl", 3),
    ]
    assert imported.unread.listed[0].reason == "expected 2 columns in input, as they are named, got 1"

    events, labels = _records(settings, "events"), _records(settings, "labels")
    assert {name: (one["features"], one["prediction"], one["event_time"]) for name, one in events.items()} == {
        "a": ({"age": 40, "plan": "x"}, {"label": "1", "score": 0.9}, 2 * HOUR_MS + 600_000),
        "b/0": ({"age": 50, "plan": "x"}, {"label": "0", "score": 0.2}, 3 * HOUR_MS + 600_000),
        "b/1": ({"age": 60, "plan": "y"}, {"label": "1", "score": 0.8}, 3 * HOUR_MS + 600_000),
    }
    assert {name: (one["label"], one["event_time"]) for name, one in labels.items()} == {
        "a": ("1", 5 * HOUR_MS),
        "b/0": ("0", 5 * HOUR_MS),
        "b/1": ("1", 5 * HOUR_MS),
    }
    names = Topics(settings.topic_prefix)
    marks = {side: _marks(settings, topic) for side, topic in (("events", names.inference), ("labels", names.labels))}
    assert marks == {"events": [5 * HOUR_MS] * 4, "labels": [10 * HOUR_MS] * 4}


def _marks(settings: Settings, topic: str) -> list[int]:
    return [batch.event_time_ms for _, batch in _read(settings, topic) if isinstance(batch, Watermark)]


def test_labels_of_a_regression_are_numbers(settings: Settings, truth: Path) -> None:
    apply(settings, ModelDefinition(model="m", problem_type="Regression"))
    import_files(settings, Import("m", "1", labels=(truth,), final=False))
    assert {name: one["value"] for name, one in _records(settings, "labels").items()} == {"a": 1, "b/0": 0, "b/1": 1}
    assert _marks(settings, Topics(settings.topic_prefix).labels) == []


def test_a_merged_record_is_an_event_and_a_label(settings: Settings, tmp_path: Path) -> None:
    apply(settings, ModelDefinition(model="m", problem_type="BinaryClassification"))
    merged = tmp_path / "part-0000.jsonl"
    merged.write_text(_request("a", 2, "40,x", "0.9", groundTruthData={"data": "1", "encoding": "CSV"}))
    imported = import_files(settings, Import("m", "1", (merged,), form=FORM))
    assert (imported.events, imported.labels) == (1, 1)
    assert _records(settings, "labels")["a"]["label"] == "1"


def test_what_no_worker_would_take_is_listed_too(settings: Settings, tmp_path: Path) -> None:
    apply(settings, ModelDefinition(model="m"))
    file = tmp_path / "a.jsonl"
    file.write_text(_request("a", 2, "40,x", "1.5") + _request("i" * 300, 2, "40,x", "0.5"))
    imported = import_files(settings, Import("m", "1", (file,), form=FORM))
    assert imported.events == 0
    assert [one.reason for one in imported.unread.listed] == [
        "expected prediction.score in [0, 1], got 1.5",
        "expected inference_id of 1 to 256 bytes, got 300",
    ]


def test_a_model_without_a_definition_is_refused(settings: Settings, capture: Path) -> None:
    with pytest.raises(InfrastructureError, match="has no definition"):
        import_files(settings, Import("m", "1", (capture,)))


def test_the_command_sums_up_and_exits_with_2_where_nothing_could_be_read(
    settings: Settings, capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKETCHWATCH_BOOTSTRAP_SERVERS", settings.bootstrap_servers)
    monkeypatch.setenv("SKETCHWATCH_TOPIC_PREFIX", settings.topic_prefix)
    apply(settings, ModelDefinition(model="m"))
    (tmp_path / "train.csv").write_text("age,plan\n1,x\n")
    words = ["import", "capture", str(capture), "--model", "m", "--score", "0", "--json"]
    ran = CliRunner().invoke(app, [*words, "--columns", str(tmp_path / "train.csv")])
    assert ran.exit_code == 0, ran.output
    summary = json.loads(ran.stdout)
    assert (summary["events"], summary["unread"], len(summary["listed"])) == (3, 2, 2)
    assert "warning: 2 records could not be read" in ran.stderr
    refused = CliRunner().invoke(app, [*words, "--columns", "a,b,c"])
    assert refused.exit_code == 2
    assert json.loads(refused.stdout)["events"] == 0


def test_labels_are_imported_alone(settings: Settings, truth: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKETCHWATCH_BOOTSTRAP_SERVERS", settings.bootstrap_servers)
    monkeypatch.setenv("SKETCHWATCH_TOPIC_PREFIX", settings.topic_prefix)
    apply(settings, ModelDefinition(model="m", problem_type="BinaryClassification"))
    ran = CliRunner().invoke(app, ["import", "labels", str(truth), "--model", "m", "--more-follows"])
    assert ran.exit_code == 0, ran.output
    assert "sent 0 events and 3 labels from 1 files" in ran.stderr
    assert f"{truth}/1970/01/01/05/t.jsonl:3: expected an object groundTruthData" in ran.stderr.replace("\n", "")
    assert _records(settings, "labels").keys() == {"a", "b/0", "b/1"}
