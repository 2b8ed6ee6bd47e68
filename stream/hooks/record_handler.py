# SPDX-License-Identifier: Apache-2.0
"""Run an existing `preprocess_handler`, record by record."""

from __future__ import annotations

import importlib.util
import inspect
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from stream.errors import SettingsError
from stream.hooks.captured_data import CapturedData
from topics.refusals import Refused, shown

PREPROCESS, POSTPROCESS = "preprocess_handler", "postprocess_handler"
_LOG = logging.getLogger("sketchwatch.hooks")


class RecordHandler:
    """A user's function from an inference record to rows.

    Parameters
    ----------
    handler : callable
        `preprocess_handler(inference_record)` or `preprocess_handler(inference_record, logger)`: gives a dict, a list
        of dicts, or an empty list to leave the record out.

    Examples
    --------
    >>> handler = RecordHandler(lambda record: {"age": int(record.endpoint_input.data)})
    >>> handler.rows({"captureData": {"endpointInput": {"data": "39", "encoding": "CSV"}}})
    [{'age': 39}]
    """

    def __init__(self, handler: Callable[..., Any]) -> None:
        self._handler = handler
        self._logged = _takes_two(handler)

    def rows(self, event: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Run the handler over one captured record, or one of our events in that form (`record_of`).

        Raises
        ------
        Refused
            If the handler raises, or gives anything but rows: the record is a dead letter.
        """
        record = CapturedData(event)
        try:
            made = self._handler(record, _LOG) if self._logged else self._handler(record)
        except Exception as error:
            raise Refused("hook_failed", f"{PREPROCESS} raised {type(error).__name__}: {shown(str(error))}") from error
        rows = [made] if isinstance(made, Mapping) else made
        if not isinstance(rows, list | tuple) or not all(isinstance(row, Mapping) for row in rows):
            text = f"expected {PREPROCESS} to return a dict, a list of dicts or [], got {shown(made)}"
            raise Refused("hook_failed", text)
        return [{str(name): value for name, value in row.items()} for row in rows]


def record_of(
    inference_id: str, event_time: str, features: Mapping[str, Any], prediction: Mapping[str, Any]
) -> dict[str, Any]:
    """Give one of our events the form that a handler knows; its data are values by name.

    Examples
    --------
    >>> event = record_of("a", "2026-11-20T10:15:30Z", {"age": 39}, {"score": 0.8})
    >>> RecordHandler(lambda record: record.endpoint_input.data | record.endpoint_output.data).rows(event)
    [{'age': 39, 'score': 0.8}]
    """
    sides = {"endpointInput": ("INPUT", features), "endpointOutput": ("OUTPUT", prediction)}
    return {
        "captureData": {
            side: {"observedContentType": "application/json", "mode": mode, "data": dict(data), "encoding": "JSON"}
            for side, (mode, data) in sides.items()
            if data
        },
        "eventMetadata": {"eventId": inference_id, "inferenceTime": event_time},
        "eventVersion": "0",
    }


def load_script(path: Path, function: str) -> Callable[..., Any]:
    """Take a function out of a user's script.

    Raises
    ------
    SettingsError
        If the file is not there, fails when it is run, or has no such function.
    """
    try:
        spec = importlib.util.spec_from_file_location(f"sketchwatch_script_{path.stem}", path)
        if spec is None or spec.loader is None or not path.is_file():
            raise FileNotFoundError("no such file")  # noqa: TRY301  # told as one that fails
        module: ModuleType = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found = getattr(module, function)
    except Exception as error:
        msg = f"{path}: expected a Python script with a function {function}: {type(error).__name__}: {error}"
        raise SettingsError(msg) from error
    if not callable(found):
        msg = f"{path}: expected {function} to be a function, got {type(found).__name__}"
        raise SettingsError(msg)
    return found  # type: ignore[no-any-return]


def _takes_two(handler: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(handler).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    return len(positional) > 1 or any(one.kind == one.VAR_POSITIONAL for one in parameters)
