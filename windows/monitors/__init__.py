# SPDX-License-Identifier: Apache-2.0
"""One monitor a file: from a window and a baseline to verdicts."""
