# SPDX-License-Identifier: Apache-2.0
"""What a baseline's files say, for monitors beside those of data quality and model quality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from windows.definition import ModelDefinition


@dataclass(frozen=True, slots=True)
class Folder:
    """Where a monitor's baseline lies: `DIR/<monitor>/<file>`, its states beside it.

    Parameters
    ----------
    monitor : str
        Of the reports; names the folder.
    file : str
        Of its document.
    parts : tuple of str
        Beginnings of the names of its states.
    """

    monitor: str
    file: str
    parts: tuple[str, ...]

    def holds(self, part: str) -> bool:
        """Tell whether a part lies here."""
        return part.startswith(self.parts)


FOLDERS: tuple[Folder, ...] = ()


def documents_of(definition: ModelDefinition, states: Mapping[str, Any]) -> dict[str, dict[str, Any]]:  # noqa: ARG001
    """Describe a baseline's states, by monitor.

    Parameters
    ----------
    definition : ModelDefinition
        What is watched.
    states : mapping of str to State
        By part.

    Returns
    -------
    dict
        What each monitor's file says; a person may edit it.
    """
    return {}
