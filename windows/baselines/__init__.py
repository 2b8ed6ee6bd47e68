# SPDX-License-Identifier: Apache-2.0
"""What windows are compared with: suggested from data, edited in files, published as records."""
