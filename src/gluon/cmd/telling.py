# SPDX-License-Identifier: Apache-2.0
"""How a story is told on a terminal: what comes next, and what held."""

from __future__ import annotations

from gluon.errors import GluonError


class DemoError(GluonError):
    """A step of the story did not hold."""


def say(text: str) -> None:
    """A new part of the story begins."""
    print(f"\n=== {text}", flush=True)


def hold(true: bool, what: str) -> None:
    """Tell that this holds. Raises DemoError where it does not."""
    if not true:
        raise DemoError(f"this did not hold: {what}")
    print(f"  ✓ {what}", flush=True)
