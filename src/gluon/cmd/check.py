# SPDX-License-Identifier: Apache-2.0
"""``gluon check MODEL.yaml…``: every fault of each model with its place, or what the model makes."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from gluon.cmd import modelpath
from gluon.model.compile import compile_file
from gluon.model.faults import ModelError
from gluon.model.schema import Proton, Role
from gluon.particle.routes import routes


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    modelpath.configure(parser)
    parser.add_argument("models", nargs="+", metavar="MODEL.yaml", type=Path, help="a model file")


def run(args: argparse.Namespace) -> int:
    """0 if all of them are right, else 1."""
    wrong = 0
    for path in args.models:
        try:
            print(f"{path}: {summary(compile_file(path, shared=args.model_path))}", flush=True)
        except ModelError as error:
            wrong += 1
            for fault in error.faults:
                print(fault, file=sys.stderr)
    return 1 if wrong else 0


def summary(proton: Proton) -> str:
    """One line: the Proton, how many objects of which roles, how many routes."""
    counted = Counter(o.role for o in proton.objects)
    roles = ", ".join(f"{counted[role]} {role.value}" for role in Role if counted[role])
    count = len(proton.objects)
    return f"{proton.name} {proton.version}: {count} object{'s' if count != 1 else ''} ({roles}), {len(routes(proton))} routes"
