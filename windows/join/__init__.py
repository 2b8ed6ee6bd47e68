# SPDX-License-Identifier: Apache-2.0
"""Predictions that wait for labels, and labels that wait for predictions, found by inference id."""
