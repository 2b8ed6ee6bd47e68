# SPDX-License-Identifier: Apache-2.0
"""The fields of one event or label as they come from JSON or Avro: what is accepted, and what is said otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from topics.records import NAME
from topics.refusals import Refused, shown
from topics.values import SCALARS, as_float, canonical_class

MAX_ID_BYTES = 256
MAX_NAME_CHARACTERS = 256
MAX_COLUMNS = 4_096
MAX_GROUPS = 256
MAX_DIMENSIONS = 16_384
MAX_VALUE = 1e45  # beyond it the powers of an error that quality needs are no numbers
MAX_TIME_MS = 253_402_300_800_000  # the year 10000, the last that ISO 8601 writes with four digits

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_NUMBERS = frozenset({int, float})


def read_name(record: Mapping[str, Any], field: str, default: str | None) -> str | None:
    """Read a model's name or version; `default` stands for an absent one."""
    name = record.get(field)
    if name is None:
        return default
    if type(name) is not str or NAME.fullmatch(name) is None:
        raise Refused("bad_name", f"expected {field} of 1 to 128 characters A-Z a-z 0-9 . _ -, got {shown(name)}")
    return name


def read_model(record: Any) -> str:
    """Read the required model name of a record."""
    if type(record) is not dict:
        raise Refused("undecodable", f"expected an object with the fields of an event, got {type(record).__name__}")
    model = read_name(record, "model", None)
    if model is None:
        raise Refused("missing_field", "expected a field model, got none")
    return model


def check_models(records: Sequence[Any]) -> None:
    """Refuse a message whose records are of more models and versions than any client has: each costs a batch."""
    named = {(str(r.get("model")), str(r.get("model_version"))) for r in records if type(r) is dict}
    if len(named) > MAX_GROUPS:
        text = f"expected at most {MAX_GROUPS} models and versions in a message, got {len(named)}"
        raise Refused("too_many_models", text, rows=len(records))


def read_id(record: Mapping[str, Any]) -> bytes:
    """Read the required inference id as its UTF-8 bytes."""
    value = record.get("inference_id")
    if value is None:
        raise Refused("missing_field", "expected a field inference_id, got none")
    if type(value) is not str:
        raise Refused("bad_id", f"expected inference_id to be a string, got {shown(value)}")
    try:
        data = value.encode()
    except UnicodeEncodeError:
        raise Refused("bad_id", f"expected inference_id to be valid Unicode, got {shown(value)}") from None
    if not 0 < len(data) <= MAX_ID_BYTES:
        raise Refused("id_length", f"expected inference_id of 1 to {MAX_ID_BYTES} bytes, got {len(data)}")
    return data


def read_time(value: Any, latest_ms: int) -> int:
    """Read an event time, ISO 8601 with offset or integer milliseconds, no later than `latest_ms`."""
    if type(value) is str:
        time_ms = _parse_time(value)
    elif type(value) is int:
        time_ms = value
    elif value is None:
        raise Refused("missing_field", "expected a field event_time, got none")
    else:
        raise Refused("bad_time", f"expected event_time as ISO 8601 or integer milliseconds, got {shown(value)}")
    if not 0 <= time_ms < MAX_TIME_MS:
        raise Refused("bad_time", f"expected event_time between the years 1970 and 9999, got {shown(value)}")
    if time_ms > latest_ms:
        raise Refused("future_time", f"expected event_time at most {latest_ms} ms (now and skew), got {time_ms} ms")
    return time_ms


def _parse_time(text: str) -> int:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise Refused("bad_time", f"expected event_time as ISO 8601, got {shown(text)}") from None
    if time.tzinfo is None:
        raise Refused("bad_time", f"expected event_time with an offset such as Z or +01:00, got {shown(text)}")
    return (time - _EPOCH) // _MILLISECOND


def read_map(record: Mapping[str, Any], field: str) -> dict[str, Any]:
    """Read an optional object of the record, empty if absent."""
    value = record.get(field)
    if value is None:
        return {}
    if type(value) is not dict:
        raise Refused("bad_type", f"expected {field} to be an object, got {shown(value)}")
    if len(value) > MAX_COLUMNS:
        raise Refused("too_many_columns", f"expected at most {MAX_COLUMNS} {field}, got {len(value)}")
    return value


def check_names(names: tuple[str, ...], field: str) -> None:
    """Refuse column names that are empty, too long, or stand for an output."""
    for name in names:
        if not 0 < len(name) <= MAX_NAME_CHARACTERS:
            text = f"expected names in {field} of 1 to {MAX_NAME_CHARACTERS} characters, got {len(name)}"
            raise Refused("bad_column_name", text)
        if name.startswith("prediction."):
            raise Refused(
                "bad_column_name", f"expected names in {field} not to start with prediction., got {shown(name)}"
            )


def check_scalars(values: Mapping[str, Any], field: str) -> None:
    """Refuse values that are not null, boolean, integer, float or string."""
    if not SCALARS.issuperset(map(type, values.values())):
        name, value = next((name, value) for name, value in values.items() if type(value) not in SCALARS)
        text = f"expected {field}.{shown(name)} to be null, boolean, number or string, got {shown(value)}"
        raise Refused("bad_type", text)


def read_number(value: Any, field: str) -> float:
    """Read a number that is not a boolean."""
    if type(value) is float:
        return value
    if type(value) is not int:
        raise Refused("bad_type", f"expected {field} to be a number, got {shown(value)}")
    return as_float(value)


def read_score(value: Any, field: str) -> float:
    """Read a probability."""
    score = read_number(value, field)
    if not 0.0 <= score <= 1.0:
        raise Refused("score_range", f"expected {field} in [0, 1], got {shown(value)}")
    return score


def read_value(value: Any, field: str) -> float:
    """Read the output of a regression, or what it should have been."""
    number = read_number(value, field)
    if not abs(number) <= MAX_VALUE:
        raise Refused("value_range", f"expected {field} from {-MAX_VALUE} to {MAX_VALUE}, got {shown(value)}")
    return number


def read_class(value: Any, field: str) -> str:
    """Read a class label in its canonical form."""
    if type(value) not in SCALARS or value is None:
        raise Refused("bad_type", f"expected {field} to be a string, boolean or number, got {shown(value)}")
    if type(value) is float and value - value != 0.0:
        raise Refused("bad_label", f"expected {field} to be a class, got {shown(value)}")
    if type(value) is int and value.bit_length() > 256:
        raise Refused("bad_label", f"expected {field} of at most {MAX_NAME_CHARACTERS} characters, got {shown(value)}")
    label = value if type(value) is str else canonical_class(value)
    if not 0 < len(label) <= MAX_NAME_CHARACTERS:
        text = f"expected {field} of 1 to {MAX_NAME_CHARACTERS} characters, got {len(label)}"
        raise Refused("bad_label", text)
    return label


def read_prediction(prediction: Any) -> dict[str, Any]:
    """Read the outputs of an event as `label`, `score`, `value` and `scores.<class>`."""
    if type(prediction) is not dict:
        raise Refused("bad_type", f"expected prediction to be an object, got {shown(prediction)}")
    outputs: dict[str, Any] = {}
    if (label := prediction.get("label")) is not None:
        outputs["label"] = read_class(label, "prediction.label")
    if (score := prediction.get("score")) is not None:
        outputs["score"] = read_score(score, "prediction.score")
    if (value := prediction.get("value")) is not None:
        outputs["value"] = read_value(value, "prediction.value")
    if "scores" in prediction:
        scores = read_map(prediction, "scores")
        check_names(tuple(scores), "prediction.scores")
        outputs |= {f"scores.{name}": read_score(score, "prediction.scores") for name, score in scores.items()}
    return outputs


def read_attributions(record: Mapping[str, Any]) -> dict[str, float]:
    """Read attributions by feature; those of several classes by `class.feature`."""
    flat: dict[str, float] = {}
    for name, value in read_map(record, "attributions").items():
        if type(value) is dict:
            flat |= {f"{name}.{feature}": read_number(item, "attributions") for feature, item in value.items()}
        else:
            flat[name] = read_number(value, "attributions")
    if len(flat) > MAX_COLUMNS:
        raise Refused("too_many_columns", f"expected at most {MAX_COLUMNS} attributions, got {len(flat)}")
    return flat


def read_embeddings(record: Mapping[str, Any]) -> dict[str, list[float]]:
    """Read embedding vectors by name."""
    vectors = read_map(record, "embeddings")
    for vector in vectors.values():
        if type(vector) is not list or not _NUMBERS.issuperset(map(type, vector)):
            raise Refused("bad_type", f"expected embeddings to be lists of numbers, got {shown(vector)}")
        if not 0 < len(vector) <= MAX_DIMENSIONS:
            raise Refused("bad_type", f"expected embeddings of 1 to {MAX_DIMENSIONS} numbers, got {len(vector)}")
    return {name: [as_float(item) for item in vector] for name, vector in vectors.items()}


def read_rate(value: Any) -> float:
    """Read the rate a client samples with."""
    rate = read_number(value, "sample_rate")
    if not 0.0 < rate <= 1.0:
        raise Refused("bad_sample_rate", f"expected sample_rate in (0, 1], got {shown(value)}")
    return rate
