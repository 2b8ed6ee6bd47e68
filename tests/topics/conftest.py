# SPDX-License-Identifier: Apache-2.0
"""Hypothesis on machines that are busy with other things: no deadline, and slow drawing is no failure."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")
