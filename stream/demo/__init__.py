# SPDX-License-Identifier: Apache-2.0
"""The demo: six hours of a real model's traffic, two of them faulty, through a real worker."""
