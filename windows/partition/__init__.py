# SPDX-License-Identifier: Apache-2.0
"""One source partition over stream time: its windows, their states, and how an event changes them."""
