# SPDX-License-Identifier: Apache-2.0
"""Attributes of an output by index, name or path, as a managed monitor's `inference_attribute` has them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_STEP = re.compile(r'\.?(?:"(?P<quoted>[^"]+)"|(?P<name>[A-Za-z_][\w-]*)|\[(?P<index>-?\d{1,9})\]|\[(?P<every>\*?)\])')
_EVERY = None
Step = str | int | None


@dataclass(frozen=True, slots=True)
class Selector:
    """A path into a document: names, indices and `[*]`.

    Parameters
    ----------
    text : str
        As the user wrote it.
    steps : tuple of str, int or None
        None stands for every item of a list.
    """

    text: str
    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, text: str) -> Selector:
        """Read an index, a name or a path (the part of JMESPath that leads to one value or a list of them).

        Raises
        ------
        ValueError
            If it is none of these.

        Examples
        --------
        >>> Selector.parse("0").steps, Selector.parse('predictions[*]."p 1"').steps
        ((0,), ('predictions', None, 'p 1'))
        """
        if re.fullmatch(r"-?\d{1,9}", text):
            return cls(text, (int(text),))
        steps: list[Step] = []
        at = 0
        while at < len(text):
            match = _STEP.match(text, at)
            if match is None or (at == 0 and text.startswith(".")):
                break
            name, index = match["quoted"] or match["name"], match["index"]
            steps.append(name if name is not None else int(index) if index is not None else _EVERY)
            at = match.end()
        if at < len(text) or not steps:
            msg = f'expected an index, a name or a path such as predictions[0].score, got "{text}"'
            raise ValueError(msg)
        return cls(text, tuple(steps))

    def select(self, document: Any) -> Any:
        """Follow the path; None where it leads nowhere.

        Examples
        --------
        >>> Selector.parse("predictions[*].score").select({"predictions": [{"score": 0.2}, {"score": 0.9}]})
        [0.2, 0.9]
        """
        return _follow(document, self.steps)


def _follow(value: Any, steps: tuple[Step, ...]) -> Any:
    for place, step in enumerate(steps):
        if step is _EVERY:
            if not isinstance(value, list):
                return None
            return [_follow(item, steps[place + 1 :]) for item in value]
        if isinstance(step, int):
            if not isinstance(value, list) or not -len(value) <= step < len(value):
                return None
            value = value[step]
        elif isinstance(value, dict):
            value = value.get(step)
        else:
            return None
    return value
