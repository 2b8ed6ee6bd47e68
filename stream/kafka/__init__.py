# SPDX-License-Identifier: Apache-2.0
"""How a worker speaks to Kafka: clients, the coalescing transport, transactions, recovery."""
