# SPDX-License-Identifier: Apache-2.0
"""The monitor that the documentation shows, as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

_DOCUMENT = Path(__file__).parents[2] / "docs" / "custom-monitors.md"
_CODE = re.search(r"```py\n(.*?)```", _DOCUMENT.read_text(encoding="utf-8"), flags=re.DOTALL)
assert _CODE is not None
exec(compile(_CODE[1], str(_DOCUMENT), "exec"))


class Forgetful(globals()["Zeros"]):  # type: ignore[misc]
    """A monitor whose state loses rows in a merge."""

    def spec(self, options, /):
        made = super().spec(options)

        class Spec(type(made)):
            fingerprint = "forgetful/1"

            def empty(self):
                state = super().empty()
                state.merge = lambda other: None
                return state

        return Spec(made.column)


not_a_monitor = 3


class OfLabels(globals()["Zeros"]):  # type: ignore[misc]
    """A monitor that says it judges joined rows."""

    of_labels = True
