# SPDX-License-Identifier: Apache-2.0
"""Users' own code between what arrives and what is counted."""
