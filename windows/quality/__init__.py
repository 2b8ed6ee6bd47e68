# SPDX-License-Identifier: Apache-2.0
"""What the quality of predictions is, by type of problem."""
