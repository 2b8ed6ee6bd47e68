# SPDX-License-Identifier: Apache-2.0
"""Benchmarks: each module prints its figures with the limit measured in the same run."""
