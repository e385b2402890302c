# SPDX-License-Identifier: Apache-2.0
"""``protonclient``: hands ``gluon.cli`` the arguments, environment and output. Imports nothing else: it must start fast."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper

from gluon.cli.exits import Exit
from gluon.cli.main import main as run


def main() -> int:
    """The console script."""
    # Started with a closed standard output, Python has none; what would be written then goes nowhere.
    out = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - lives as long as the process
    if isinstance(out, TextIOWrapper):
        out.reconfigure(errors="backslashreplace")
    try:
        return run(sys.argv[1:], os.environ, out)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
