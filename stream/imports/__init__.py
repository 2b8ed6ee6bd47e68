# SPDX-License-Identifier: Apache-2.0
"""Files of a managed monitor, captured requests and ground truth, as rows."""
