# SPDX-License-Identifier: Apache-2.0
"""Merge the published sketches of a range of windows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sketches.envelope import unseal
from sketches.features import FeatureState
from sketches.profile import ProfileState
from stream.commands.applying import read_definitions
from stream.errors import InfrastructureError
from stream.kafka.connection import partitions_of
from stream.kafka.recovery import read_log
from stream.settings import Settings
from topics.records import parse_profile_key
from topics.subjects import Topics
from windows.events import Partial
from windows.gather import Gather
from windows.partition.specs import SAMPLE
from windows.window_profile import WindowProfile

_EVER_MS = 2**62


@dataclass(slots=True)
class Merged:
    """Windows of one model version, merged.

    Parameters
    ----------
    windows : list of int
        Starts of the windows that are in, in milliseconds.
    features : dict of str to FeatureState
        Features and outputs by name.
    quality : state of quality, optional
        Labelled predictions, of a model with a problem type.
    sample : SampleState, optional
        Rows of all windows, where the definition asks for a sample.
    rows, labelled, late : int
        Counts of the windows that are in.
    refused : dict of str to int
        States that a changed definition made differently and that could not be merged, by name.
    """

    windows: list[int] = field(default_factory=list)
    features: dict[str, FeatureState] = field(default_factory=dict)
    quality: Any = None
    sample: Any = None
    rows: int = 0
    labelled: int = 0
    late: int = 0
    refused: dict[str, int] = field(default_factory=dict)

    def add(self, window: WindowProfile) -> None:
        """Take one more window in."""
        self.windows.append(window.window_start_ms)
        self.rows += window.rows
        self.labelled += window.labelled
        self.late += window.late
        self._add_features(window.profile)
        self.quality = self._merged("quality", self.quality, window.quality)
        self.sample = self._merged("sample", self.sample, window.states.get(SAMPLE))

    def _add_features(self, profile: ProfileState) -> None:
        for name, state in profile.features.items():
            held = self.features.setdefault(name, state)
            if held is state:
                continue
            if held.spec.fingerprint == state.spec.fingerprint:
                held.merge(state)
            else:
                self._refuse(name)

    def _merged(self, name: str, held: Any, state: Any) -> Any:
        if held is None or state is None:
            return state if held is None else held
        if held.spec.fingerprint == state.spec.fingerprint:
            held.merge(state)
        else:
            self._refuse(name)
        return held

    def _refuse(self, name: str) -> None:
        self.refused[name] = self.refused.get(name, 0) + 1


def query(settings: Settings, model: str, version: str, from_ms: int, to_ms: int) -> Merged:
    """Merge the windows of a model version that closed, from all partitions.

    Parameters
    ----------
    settings : Settings
        How to reach Kafka.
    model, version : str
        Whose windows.
    from_ms, to_ms : int
        Windows that start in `[from_ms, to_ms)`, UTC.

    Raises
    ------
    InfrastructureError
        If the model has no definition, the topic is missing or the broker does not answer.
    """
    catalog = read_definitions(settings).catalog
    if not catalog.history(model, version):
        msg = f"model {model} version {version} has no definition; run `sketchwatch apply`"
        raise InfrastructureError(msg)
    topic = Topics(settings.topic_prefix).profiles
    partitions = partitions_of(settings, topic)[topic]
    gather = Gather(partitions, catalog)
    for partition in range(partitions):
        for key, value in read_log(settings, topic, partition).records.items():
            # Verdicts lie on the same topic under keys of another form.
            if not key.startswith(f"{model}|".encode()):
                continue
            profile_key = parse_profile_key(key)
            if profile_key.version == version and from_ms <= profile_key.window_start_ms < to_ms:
                envelope = unseal(value)
                partial = Partial(
                    model,
                    version,
                    profile_key.window_start_ms,
                    profile_key.part,
                    envelope.payload,
                    envelope.fingerprint,
                    envelope.revision,
                    envelope.features_closed,
                    envelope.labels_closed,
                    envelope.definition,
                )
                gather.arrived(partial, profile_key.partition, envelope.partitions, 0)
    merged = Merged()
    for window in gather.due(_EVER_MS):
        merged.add(window)
    return merged
