# SPDX-License-Identifier: Apache-2.0
"""Attributions that nobody sent: models, their SHAP values, and the process that computes these."""
