# SPDX-License-Identifier: Apache-2.0
"""Values that do not stand on the command line: JSON from a file, a secret from a prompt or from standard input.

--rules @rules.json      --rules @-  (standard input)      --password -  (asked for without being shown, or a line of input)
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from gluon.cli.exits import UsageError
from gluon.cli.values import NotThat

#: Instead of a file's name, or of a secret: standard input.
INPUT: Final = "-"


def of_file(name: str) -> str:
    """What a file holds, or standard input to its end. Raises ``NotThat``."""
    try:
        return sys.stdin.read() if name == INPUT and sys.stdin else Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise NotThat(f"{name}: {error.strerror or error}") from None
    except ValueError:  # also what a name with a NUL raises
        raise NotThat(f"{name}: is not a file of UTF-8 text") from None


def secret(name: str) -> str:
    """A secret that is not to be seen in the list of processes: typed unseen on a terminal, elsewhere a line of input."""
    try:
        if sys.stdin is not None and sys.stdin.isatty():
            from getpass import getpass  # needs the terminal's modules, which nobody else does

            return getpass(f"{name}: ")
        line = sys.stdin.readline() if sys.stdin is not None else ""
    except EOFError:
        line = ""
    except UnicodeDecodeError:
        raise UsageError(f"--{name}: what came on standard input is not UTF-8") from None
    if not line:
        raise UsageError(f"--{name}: nothing came on standard input")
    return line.removesuffix("\n").removesuffix("\r")
