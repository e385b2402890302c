# SPDX-License-Identifier: Apache-2.0
"""How protonclient ends: its exit codes, and the error that stands for a wrong call."""

from __future__ import annotations

import enum

from gluon.errors import GluonError


class Exit(enum.IntEnum):
    """What a script can tell from the exit code; ``protonclient --help`` prints these lines."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    NO_ANSWER = 3
    NOT_FOUND = 4
    NOT_WRITTEN = 5
    INTERRUPTED = 130
    BROKEN_PIPE = 141


MEANINGS = {
    Exit.OK: "done",
    Exit.REFUSED: "the server refused the request; why is on standard error",
    Exit.USAGE: "wrong usage: nothing was sent",
    Exit.NO_ANSWER: "the server cannot be reached, or what answers is no Proton Server",
    Exit.NOT_FOUND: "there is no such object",
    Exit.NOT_WRITTEN: "done, but the answer could not be written to standard output",
    Exit.INTERRUPTED: "interrupted (Ctrl-C)",
}


class UsageError(GluonError):
    """The command was called in a wrong way. ``lines`` follow the message, each on its own."""

    def __init__(self, message: str, lines: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.lines = lines


class NoCommand(UsageError):
    """The API has no such command."""
