# SPDX-License-Identifier: Apache-2.0
"""What decoding refuses: raised for one row or message, collected for a fetch, never raised past the codec."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from topics.batches import Message, Rejected

# Beyond this many different refusals in one message they are counted together: a crafted message must not
# turn into thousands of dead letters.
MAX_PER_MESSAGE = 16


class Refused(Exception):
    """One row, or one message, that cannot be taken.

    Parameters
    ----------
    reason : str
        Short code for counting.
    text : str
        What was expected and what came.
    model : str
        The model, if it could be read.
    rows : int
        How many rows it stands for.
    """

    def __init__(self, reason: str, text: str, *, model: str = "", rows: int = 1) -> None:
        super().__init__(reason, text)
        self.reason = reason
        self.text = text
        self.model = model
        self.rows = rows


def shown(value: object, /) -> str:
    """Write a value from a message into an error: short, printable.

    Examples
    --------
    >>> shown("x" * 100)
    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..."
    """
    if isinstance(value, (list, dict)):
        return f"{type(value).__name__} of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 256:
        return f"integer of {value.bit_length()} bits"
    text = ascii(value[:64] if isinstance(value, (str, bytes)) else value)
    return text if len(text) <= 40 else text[:40] + "..."


class Refusals:
    """Refusals of a fetch, one record for each message and reason."""

    def __init__(self) -> None:
        self._rejected: dict[tuple[str, int, int], list[Rejected]] = {}

    def add(self, message: Message, reason: str, text: str, *, rows: int = 1, model: str = "") -> None:
        """Count rows of a message as refused."""
        value = message.value or b""
        held = self._rejected.setdefault((message.topic, message.partition, message.offset), [])
        for place, other in enumerate(held):
            if (other.reason, other.model) == (reason, model) or place == MAX_PER_MESSAGE - 1:
                held[place] = _with_rows(other, other.rows + rows)
                return
        digest = held[0].sha256 if held else hashlib.sha256(value).hexdigest()
        held.append(
            Rejected(message.topic, message.partition, message.offset, reason, text, rows, digest, len(value), model)
        )

    def refuse(self, message: Message, refused: Refused) -> None:
        """Count what a raised refusal stands for."""
        self.add(message, refused.reason, refused.text, rows=refused.rows, model=refused.model)

    def extend(self, other: Refusals) -> None:
        """Take over what another collected, for messages of its own."""
        for place, held in other._rejected.items():
            self._rejected.setdefault(place, []).extend(held)

    def all(self) -> Sequence[Rejected]:
        """Every refusal, in order of the messages."""
        return [rejected for held in self._rejected.values() for rejected in held]


def _with_rows(rejected: Rejected, rows: int) -> Rejected:
    fields = {name: getattr(rejected, name) for name in Rejected.__slots__}
    return Rejected(**(fields | {"rows": rows}))
