# SPDX-License-Identifier: Apache-2.0
"""The whole state of one partition: restored from records, changed by `step`, cut into records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sketches.errors import CorruptState
from windows.definition import Catalog
from windows.errors import PartitionsChanged
from windows.events import Effect
from windows.join.ids import IdHash
from windows.partition.model_state import ModelState
from windows.partition.restoration import Record, opened, restore_models, sealed

CUT = b"cut"


@dataclass(frozen=True, slots=True)
class Cut:
    """An atomic cut: records that bring the changelog up to the store, and the revisions it causes.

    All of it belongs in one transaction; one cut may be lost as a whole, never in part.
    """

    records: list[Record]
    effects: list[Effect]


class PartitionStore:
    """Everything one worker knows of one partition.

    Parameters
    ----------
    partition, partitions : int
        Which of how many.
    catalog : Catalog
        The definitions, which may grow.
    rng : numpy.random.Generator
        Source of the secret of the id hash.

    Attributes
    ----------
    offsets : dict of str to int
        Next offset of each source topic; kept with the state so that both are of the same cut.
    """

    def __init__(self, partition: int, partitions: int, catalog: Catalog, rng: np.random.Generator) -> None:
        self.partition = partition
        self.partitions = partitions
        self.catalog = catalog
        self.id_hash = IdHash(rng)
        self.offsets: dict[str, int] = {}
        self.models: dict[str, ModelState] = {}
        self._saved: dict[bytes, bytes] = {}

    def model(self, name: str) -> ModelState:
        """The state of a model, begun if need be, with its definitions as they are now."""
        if name not in self.models:
            self.models[name] = ModelState(name, self.id_hash, self.catalog.grid)
        model = self.models[name]
        histories = {version: self.catalog.history(name, version) for version in self.catalog.versions(name)}
        # Another thread may take a version back between the two questions.
        model.follow({version: history for version, history in histories.items() if history})
        return model

    @property
    def pending(self) -> int:
        """Rows that wait for a label, or for its correction."""
        return sum(version.pending.live for model in self.models.values() for version in model.versions.values())

    @property
    def early(self) -> int:
        """Labels that wait for their event."""
        return sum(model.early.live for model in self.models.values())

    def cut(self) -> Cut:
        """Take what changed since the last cut; the caller writes it, or gives the store up."""
        effects: list[Effect] = []
        records: list[Record] = []
        kept: dict[bytes, bytes] = {}
        for model in self.models.values():
            for version in model.versions.values():
                records += version.forgotten
                version.forgotten = []
                for window in version.windows.values():
                    effects += window.revisions()
                    effects += window.recents()
                    if model.time.events_ms is not None:
                        effects += window.looks(model.time.events_ms)
                    records += window.records()
                    key = window.definition_key
                    if key not in kept:
                        kept[key] = self._saved.get(key) or sealed(window.definition.model_dump(mode="json"))
                records += version.pending.cut()
            records += model.early.cut()
            kept[f"m|{model.name}".encode()] = sealed(model.marks())
        kept[CUT] = sealed({"partition": self.partition, "partitions": self.partitions, "offsets": self.offsets})
        records += [(key, None) for key in self._saved.keys() - kept.keys()]
        records += [(key, value) for key, value in kept.items() if self._saved.get(key) != value]
        self._saved = kept
        return Cut(records, effects)

    @classmethod
    def restore(
        cls,
        records: Iterable[tuple[bytes, bytes | None]],
        partition: int,
        partitions: int,
        catalog: Catalog,
        rng: np.random.Generator,
    ) -> PartitionStore:
        """Rebuild the store of the last cut from the changelog.

        Parameters
        ----------
        records : iterable of (bytes, bytes or None)
            All records of the changelog, or the last of each key, in any order of keys.
        partition, partitions, catalog, rng
            As of the class.

        Raises
        ------
        PartitionsChanged
            If the records are of another partition, or of a topic with another number of partitions.
        CorruptState
            If a record is damaged.
        """
        store = cls(partition, partitions, catalog, rng)
        held: dict[bytes, bytes] = {}
        for key, value in records:
            held.pop(key, None)
            if value is not None:
                held[key] = value
        if CUT in held:
            store._restore_cut(opened(held[CUT]))
            try:
                store._saved = restore_models(held, store.models, store.model) | {CUT: held[CUT]}
            except (KeyError, ValueError) as error:
                msg = f"cannot restore partition {partition}: its records do not belong together: {error!r}"
                raise CorruptState(msg) from error
        return store

    def _restore_cut(self, fields: dict[str, Any]) -> None:
        found = fields["partition"], fields["partitions"]
        if found != (self.partition, self.partitions):
            msg = (
                f"state is of partition {found[0]} of {found[1]}, expected {self.partition} of {self.partitions}: "
                "the number of partitions never changes in place; make new topics and a new group"
            )
            raise PartitionsChanged(msg)
        self.offsets = dict(fields["offsets"])
