# SPDX-License-Identifier: Apache-2.0
"""protonclient from its arguments to its exit code. What goes wrong is a line or a few on standard error, never a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TextIO

from gluon.cli import invocation
from gluon.cli.dispatch import run
from gluon.cli.exits import Exit, NoCommand, UsageError
from gluon.cli.invocation import PROGRAM
from gluon.cli.screen import say
from gluon.client.errors import Problem, Unexpected, Unreachable
from gluon.errors import GluonError


def main(argv: Sequence[str], environment: Mapping[str, str], out: TextIO) -> Exit:
    """Run one command line; answers go to ``out``."""
    try:
        code = run(argv, environment, out)
        out.flush()
    except UsageError as error:
        say(f"{error}{'' if error.lines else _where_help_is(error, argv, environment)}")
        for line in error.lines:
            print(line, file=sys.stderr)
        return Exit.USAGE
    except Problem as problem:
        from gluon.cli.actions import of_problem, told  # not needed for help

        for line in told(problem):
            say(line)
        return of_problem(problem)
    except OSError as error:
        return not_written(error, out)
    except (Unreachable, Unexpected) as error:
        say(str(error))
        return Exit.NO_ANSWER
    except GluonError as error:
        say(str(error))
        return Exit.REFUSED
    return code


def _where_help_is(error: UsageError, argv: Sequence[str], environment: Mapping[str, str]) -> str:
    """The help that says how it is done, of what is known to be there: the command, its API, or protonclient."""
    words = []
    with suppress(UsageError):
        asked = invocation.read(argv, environment)
        words = ["--api", asked.api] if asked.api else []
        if not isinstance(error, NoCommand):
            words += [asked.command] if asked.command else []
    return f" (see {' '.join([PROGRAM, *words, '--help'])})"


def not_written(error: OSError, out: TextIO) -> Exit:
    """The output's reader has gone, or its disk is full. What is left goes nowhere, or the interpreter would complain."""
    with suppress(OSError, ValueError):  # an output without a file has nothing to redirect
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
    if isinstance(error, BrokenPipeError):
        return Exit.BROKEN_PIPE
    say(f"standard output: {error.strerror or error}")
    return Exit.NOT_WRITTEN
