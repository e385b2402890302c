# SPDX-License-Identifier: Apache-2.0
"""``protonclient``: hands ``gluon.cli`` the arguments, environment and output. Imports nothing else: it must start fast."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper

from gluon.cli.exits import Exit
from gluon.cli.main import broken_pipe
from gluon.cli.main import main as run


def main() -> int:
    """The console script."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return run(sys.argv[1:], os.environ, sys.stdout)
    except BrokenPipeError:
        return broken_pipe(sys.stdout)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
