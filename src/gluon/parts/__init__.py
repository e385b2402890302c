# SPDX-License-Identifier: Apache-2.0
"""Gluon's commands as child processes on one machine: what the demo, the tests and the bench start and stop.

Knows the commands by name only and imports none of them.
"""
