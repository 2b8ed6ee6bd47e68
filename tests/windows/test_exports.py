# SPDX-License-Identifier: Apache-2.0
"""The public names of `windows`."""

from __future__ import annotations

import subprocess
import sys

import windows


def test_every_public_name_is_there_once_and_in_order():
    assert windows.__all__ == sorted(set(windows.__all__))
    assert all(hasattr(windows, name) for name in windows.__all__)


def test_importing_windows_does_not_pay_for_scipys_distributions():
    code = "import sys, windows; sys.exit('scipy.stats' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
