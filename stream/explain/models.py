# SPDX-License-Identifier: Apache-2.0
"""Models to explain: a function that is imported, or a model server."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, cast
from urllib.error import URLError
from urllib.request import Request, urlopen

import numpy as np
from numpy.typing import NDArray

from stream.errors import StreamError
from windows.options import Computed

Columns = Mapping[str, NDArray[Any]]
Predict = Callable[[Columns], NDArray[np.float64]]
_ROWS_A_REQUEST = 1_000
_REQUEST_TIMEOUT_S = 30


class ModelError(StreamError):
    """A model to explain is not there, or does not predict; the message is one line."""


def model_of(computed: Computed) -> Predict:
    """Find the model that a definition names.

    Returns
    -------
    callable
        Takes columns of float64, NaN where missing, or objects (str, bool, None), and gives a number a row, or one a
        row and class.

    Raises
    ------
    ModelError
        If it cannot be imported, or is no function.
    """
    if computed.endpoint is not None:
        return Endpoint(computed.endpoint)
    module, _, name = (computed.model or "").partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ModelError(f"model {computed.model!r}: expected module:object, got {error}") from error
    if not callable(found):
        raise ModelError(f"model {computed.model!r}: expected a function, got {type(found).__name__}")
    return cast("Predict", found)


class Endpoint:
    """A model server that speaks the V1 inference protocol, as KServe and TensorFlow Serving do.

    Parameters
    ----------
    url : str
        Takes `{"instances": [{feature: value, ...}, ...]}` by POST and gives `{"predictions": [...]}`, a number or a
        list of numbers each.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, columns: Columns) -> NDArray[np.float64]:
        """Predict rows, so many a request; raises `ModelError`."""
        names = list(columns)
        cells = zip(*([_plain(value) for value in columns[name].tolist()] for name in names), strict=True)
        rows = [dict(zip(names, row, strict=True)) for row in cells]
        parts = [rows[first : first + _ROWS_A_REQUEST] for first in range(0, len(rows), _ROWS_A_REQUEST)]
        return np.concatenate([self._ask(part) for part in parts])

    def _ask(self, rows: list[dict[str, Any]]) -> NDArray[np.float64]:
        body = json.dumps({"instances": rows}).encode()
        request = Request(self._url, body, {"Content-Type": "application/json"})  # noqa: S310 - the options say http
        try:
            with urlopen(request, timeout=_REQUEST_TIMEOUT_S) as answer:  # noqa: S310
                found = np.asarray(json.load(answer)["predictions"], dtype=np.float64)
        except (URLError, OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{self._url}: expected predictions, got {type(error).__name__}: {error}") from error
        if len(found) != len(rows):
            raise ModelError(f"{self._url}: expected {len(rows)} predictions, got {len(found)}")
        return found


def _plain(value: Any) -> Any:
    """JSON has no NaN: it is null, as a missing value is."""
    return None if isinstance(value, float) and math.isnan(value) else value
