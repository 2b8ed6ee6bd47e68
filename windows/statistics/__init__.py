# SPDX-License-Identifier: Apache-2.0
"""Estimates, intervals and tests: functions of states and counts."""
