# SPDX-License-Identifier: Apache-2.0
"""The past windows of every model version, kept as long as a window may be compared with them."""

from __future__ import annotations

import logging
from collections.abc import Callable

from stream.agents.remembered import Remember, Window
from windows.definition import Catalog, ModelDefinition
from windows.history import History, PastWindow
from windows.monitors.anomaly import summary_of
from windows.window_profile import WindowProfile

log = logging.getLogger(__name__)
Version = tuple[str, str]


class Pasts:
    """The histories of the model versions that are judged here.

    Parameters
    ----------
    catalog : Catalog
        The definitions, which say how many windows are wanted; those of a version without one are forgotten.

    Examples
    --------
    >>> pasts = Pasts(Catalog())
    >>> pasts.recall(("m", "1", 0), PastWindow.of(1, {}).to_bytes())
    >>> pasts.forget(lambda model, version: None)
    [Remember(kind='past', window=('m', '1', 0), value=None)]
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._histories: dict[Version, History] = {}
        self._touched: set[Version] = set()

    def recall(self, window: Window, value: bytes) -> None:
        """Take a past window as it was remembered; raises `CorruptState`."""
        self._put(window, PastWindow.from_bytes(value))

    def before(self, profile: WindowProfile) -> list[PastWindow]:
        """Give the windows that a window is compared with; none where its definition asks for no anomalies."""
        definition = profile.definition
        history = self._histories.get((definition.model, definition.version))
        most = _most(definition)
        return history.before(profile.window_start_ms, most) if history is not None and most else []

    def follow(self, profile: WindowProfile) -> list[Remember]:
        """Take a window that was judged, so that later ones are compared with it."""
        definition = profile.definition
        self.touch(definition.model, definition.version)
        if not _most(definition) or profile.unmerged:
            return []
        window = (definition.model, definition.version, profile.window_start_ms)
        try:
            summary = summary_of(profile, self.before(profile))
        except Exception:  # a window that cannot be summed up must not stop the judgement of others
            log.exception("cannot sum up window %s", window)
            return []
        if summary is None:
            return []
        self._put(window, summary)
        return [Remember("past", window, summary.to_bytes())]

    def touch(self, model: str, version: str) -> None:
        """Look at a version in the next `forget`: one of its windows was judged or has gone."""
        self._touched.add((model, version))

    def forget(self, oldest_ms: Callable[[str, str], int | None]) -> list[Remember]:
        """Forget what no window is compared with any more.

        Parameters
        ----------
        oldest_ms : callable
            Of a model and its version, the start of the oldest window that may be judged again, None if there is none.
        """
        gone: list[Remember] = []
        for model, version in sorted(self._touched & self._histories.keys()):
            history, oldest = self._histories[model, version], oldest_ms(model, version)
            definitions = self._catalog.history(model, version)
            # A definition that is missing may come back as long as there are windows.
            if definitions or oldest is None:
                starts = history.trim(oldest, max(map(_most, definitions), default=0))
                gone += [Remember("past", (model, version, start_ms), None) for start_ms in starts]
            if not len(history):
                del self._histories[model, version]
        self._touched.clear()
        return gone

    def _put(self, window: Window, past: PastWindow) -> None:
        model, version, start_ms = window
        self.touch(model, version)
        self._histories.setdefault((model, version), History()).put(start_ms, past)


def _most(definition: ModelDefinition) -> int:
    anomaly = definition.monitors.data_drift.anomaly
    return anomaly.windows if definition.monitors.data_drift.enabled and anomaly.modes else 0
