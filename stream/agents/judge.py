# SPDX-License-Identifier: Apache-2.0
"""Judge: from partials to reports and violations, and what must be remembered of them; knows no broker."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from stream.agents.judgements import Judgement
from stream.agents.pasts import Pasts
from stream.agents.remembered import Kind, Remember, Window
from stream.explain.explaining import Explaining
from windows.baselines.baseline import Baseline
from windows.definition import Catalog, ModelDefinition
from windows.errors import BaselineError
from windows.evaluate import evaluate, evaluate_last_rows
from windows.events import Partial
from windows.gather import Gather
from windows.looks import Look, Looks
from windows.monitors.early_warning import warnings_of
from windows.monitors.settle import NEVER
from windows.recent_rows import LAST_ROWS, RecentRows
from windows.report import Report, Violation
from windows.window_profile import WindowProfile

log = logging.getLogger(__name__)
Said = Report | Violation | Remember


class Judge:
    """All windows of the models whose partials meet here, and what was said of each.

    Parameters
    ----------
    partitions : int
        Of the source topics.
    catalog : Catalog
        The definitions, which may grow.
    baseline : callable
        The baseline of a definition, None for none; may raise `BaselineError`.
    explaining : Explaining, optional
        Where windows wait for attributions that are to be computed.

    Examples
    --------
    >>> Judge(1, Catalog(), lambda _: None).judge(0)
    []
    """

    def __init__(
        self,
        partitions: int,
        catalog: Catalog,
        baseline: Callable[[ModelDefinition], Baseline | None],
        explaining: Explaining | None = None,
    ) -> None:
        self._baseline = baseline
        self._explaining = explaining or Explaining(baseline)
        self._gather = Gather(partitions, catalog)
        self._looks = Looks(catalog)
        self._recent = RecentRows(catalog)
        self._by_count: set[Window] = set()
        self._judgements: dict[Window, Judgement] = {}
        self._pasts = Pasts(catalog)
        self._retiring: set[Window] = set()

    def arrived(self, partial: Partial, source_partition: int, partitions: int, now_ms: int) -> None:
        """Take a partial; see `Gather.arrived`."""
        self._gather.arrived(partial, source_partition, partitions, now_ms)
        self._looks.arrived(partial, source_partition)
        self._recent.arrived(partial, source_partition)
        if partial.part == "rows" and partial.payload is None:
            self._retiring.add((partial.model, partial.version, partial.window_start_ms))

    def recall(self, kind: Kind, window: Window, value: bytes) -> None:
        """Take what was to be remembered, once all partials that are there arrived; a crash may have left it alone."""
        if kind == "past":
            self._pasts.recall(window, value)
            return
        self._judgements[window] = judgement = Judgement.from_bytes(value)
        if window[2] == LAST_ROWS:
            self._by_count.add(window)
            self._recent.reported(*window[:2], judgement.revision)
        elif window in self._gather:
            self._gather.reported(*window, judgement)
        elif window not in self._looks:
            self._retiring.add(window)

    def judge(self, now_ms: int) -> list[Said]:
        """Look at open windows, judge those that are due, then forget those that every partition took back."""
        said: list[Said] = []
        for look in self._looks.due():
            said += self._warn(look)
        for profile in self._explaining.ready(self._gather.due(now_ms), now_ms):
            said += self._judge(profile)
            window = (profile.definition.model, profile.definition.version, profile.window_start_ms)
            if window not in self._gather:
                # Every partition took it back while it waited for its attributions.
                self._retiring.add(window)
        for profile in self._recent.due():
            said += self._judge_last_rows(profile)
        for window in [window for window in self._by_count if window[:2] not in self._recent]:
            self._by_count.discard(window)
            del self._judgements[window]
            said.append(Remember("verdicts", window, None))
        for window in [window for window in self._retiring if window not in self._gather]:
            self._retiring.discard(window)
            self._pasts.touch(*window[:2])
            if self._judgements.pop(window, None) is not None:
                said.append(Remember("verdicts", window, None))
        return said + self._pasts.forget(self._gather.oldest_ms)

    def close(self) -> None:
        """Leave what is being computed for windows; another judge will compute it."""
        self._explaining.close()

    def _warn(self, look: Look) -> list[Said]:
        definition = look.definition
        try:
            baseline = self._baseline(definition)
        except BaselineError:
            # The reports of the window will say so.
            return []
        if baseline is None or not definition.monitors.data_drift.early_warning.enabled:
            return []
        window = (definition.model, definition.version, look.window_start_ms)
        judgement = self._judgements.get(window, Judgement())
        try:
            found = warnings_of(look, baseline)
        except Exception:  # a warning that fails must not keep the closing test from its window
            log.exception("no early warning of %s can be given", window)
            return []
        fresh = judgement.warn(found)
        if not fresh:
            return []
        self._judgements[window] = judgement
        return [*fresh, Remember("verdicts", window, judgement.to_bytes())]

    def _judge(self, profile: WindowProfile) -> list[Said]:
        window = (profile.definition.model, profile.definition.version, profile.window_start_ms)
        judgement = self._judgements.setdefault(window, Judgement())
        said: list[Said] = []
        for report in self._reports(profile, judgement):
            said += [report, *judgement.follow(report)]
        judgement.revision = profile.revision
        judgement.features_closed, judgement.labels_closed = profile.features_closed, profile.labels_closed
        return [*said, Remember("verdicts", window, judgement.to_bytes()), *self._pasts.follow(profile)]

    def _judge_last_rows(self, profile: WindowProfile) -> list[Said]:
        window = (profile.definition.model, profile.definition.version, LAST_ROWS)
        judgement = self._judgements.setdefault(window, Judgement())
        self._by_count.add(window)
        error = None
        try:
            baseline = self._baseline(profile.definition)
        except BaselineError as damaged:
            baseline, error = None, str(damaged)
        said: list[Said] = []
        for report in evaluate_last_rows(profile, baseline, judgement.earlier().get("model_quality", NEVER)):
            told = report if error is None else replace(report, status="Failed", verdicts=(), error=error)
            said += [told, *judgement.follow(told)]
        judgement.revision = profile.revision
        return [*said, Remember("verdicts", window, judgement.to_bytes())]

    def _reports(self, profile: WindowProfile, judgement: Judgement) -> list[Report]:
        """Judge a window; with a baseline that cannot be read it is described, and the reports say why they failed."""
        definition, earlier = profile.definition, judgement.earlier()
        past = self._pasts.before(profile)
        pinned = judgement.pinned(definition)
        try:
            # A version that was taken back since gives way to the one the definition names today.
            baseline = self._baseline(pinned) or self._baseline(definition)
        except BaselineError as error:
            key = f"baseline|{pinned.model}|{pinned.version}|{pinned.baseline}"
            log.warning("%s cannot be read: %s", key, error)
            reports = evaluate(profile, None, earlier=earlier, past=past)
            return [replace(report, status="Failed", verdicts=(), error=f"{key}: {error}") for report in reports]
        return evaluate(profile, baseline, earlier=earlier, past=past)
