# SPDX-License-Identifier: Apache-2.0
"""One job of a managed monitor, without Kafka: a folder of data in, files of statistics and violations out."""
