# SPDX-License-Identifier: Apache-2.0
"""Lines for people. Texts that others wrote are made safe for a terminal: a name must not move its cursor."""

from __future__ import annotations

import sys

from gluon.cli.invocation import PROGRAM


def say(line: str) -> None:
    """One line on standard error."""
    print(f"{PROGRAM}: {visible(line)}", file=sys.stderr)


def visible(text: str) -> str:
    """Control, format and lone surrogate characters (RFC 3454 section 5.8) escaped as Python writes them."""
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
