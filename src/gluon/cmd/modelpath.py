# SPDX-License-Identifier: Apache-2.0
"""The option ``--model-path`` of ``gluon check`` and ``gluon render``: the folders of the server's ``model_path``."""

from __future__ import annotations

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Add it; ``args.model_path`` is the list of folders."""
    parser.add_argument(
        "--model-path",
        metavar="FOLDER",
        action="append",
        type=_folder,
        default=[],
        help="a folder of models, as in the server's model_path (repeatable)",
    )


def _folder(text: str) -> Path:
    folder = Path(text)
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"no such folder: {text}")
    return folder
