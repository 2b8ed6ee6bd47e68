# SPDX-License-Identifier: Apache-2.0
"""The record that a managed monitor hands to a user's `preprocess_handler`, under the names that scripts use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class EventMetadata:
    """Ids and time of an inference.

    Attributes
    ----------
    event_id, inference_id, event_time : str or None
        As captured.
    custom_attribute : any
        What the caller attached.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.event_id = fields.get("eventId")
        self.inference_id = fields.get("inferenceId")
        self.event_time = fields.get("inferenceTime")
        self.custom_attribute = fields.get("customAttributes")


class EventData:
    """One side of a request.

    Attributes
    ----------
    data, encoding, mode : any
        As captured: `data` is a string unless the event came with features by name.
    observedContentType : str or None
        Its content type.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.encoding = fields.get("encoding")
        self.data = fields.get("data")
        self.observedContentType = fields.get("observedContentType")
        self.mode = fields.get("mode")

    def as_dict(self) -> dict[str, Any]:
        """Give the fields as they are captured."""
        return {"encoding": self.encoding, "data": self.data, "observedContentType": self.observedContentType}


class CapturedData:
    """An `inference_record`.

    Parameters
    ----------
    event : mapping
        A captured request, formats 1.1, or a merged record, 1.3.

    Examples
    --------
    >>> record = CapturedData({"captureData": {"endpointInput": {"data": "1,2", "encoding": "CSV"}}})
    >>> record.endpoint_input.data, record.endpoint_output
    ('1,2', None)
    """

    def __init__(self, event: Mapping[str, Any]) -> None:
        self.event_dict = dict(event)
        sides = _object(event, "captureData")
        metadata = _object(event, "eventMetadata")
        self.event_metadata = EventMetadata(metadata) if metadata else None
        self.endpoint_input = _side(sides, "endpointInput")
        self.endpoint_output = _side(sides, "endpointOutput")
        self.batch_transform_output = _side(sides, "batchTransformOutput")
        self.ground_truth = _side(event, "groundTruthData")
        self.event_version = event.get("eventVersion")

    def as_dict(self) -> dict[str, Any]:
        """Give the record with what was changed of its sides."""
        sides = {
            "endpointInput": self.endpoint_input,
            "endpointOutput": self.endpoint_output,
            "batchTransformOutput": self.batch_transform_output,
        }
        changed = {name: side.as_dict() for name, side in sides.items() if side is not None}
        return self.event_dict | {"captureData": _object(self.event_dict, "captureData") | changed}


def _object(event: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = event.get(name)
    return value if isinstance(value, dict) else {}


def _side(sides: Mapping[str, Any], name: str) -> EventData | None:
    fields = _object(sides, name)
    return EventData(fields) if fields else None
