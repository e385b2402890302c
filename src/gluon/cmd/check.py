# SPDX-License-Identifier: Apache-2.0
"""``gluon check MODEL.yaml…``: every fault of each model with its place, or what the model makes.

Of several models of one Proton, or a folder, it also says what keeps the versions from being served side by side.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from gluon.cmd import modelpath
from gluon.model import source
from gluon.model.catalogue import models_in, together
from gluon.model.compile import compile_file, is_model
from gluon.model.faults import Faults, ModelError, ModelFault
from gluon.model.schema import Place, Proton, Role
from gluon.particle.routes import routes


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    modelpath.configure(parser)
    parser.add_argument("models", nargs="+", metavar="MODEL.yaml", type=Path, help="a model file, or a folder of them")


def run(args: argparse.Namespace) -> int:
    """0 if all of them are right, and go together, else 1."""
    right: list[Proton] = []
    faults: list[ModelFault] = []
    for path in args.models:
        try:
            files = _files(path)
        except ModelError as error:
            faults += error.faults
            continue
        for file in files:
            faults += _compile(file, args.model_path, right)
    apart = Faults()
    together(right, apart)
    for fault in [*faults, *apart.found]:
        print(fault, file=sys.stderr)
    return 1 if faults or apart.found else 0


def _compile(file: Path, shared: Sequence[Path], right: list[Proton]) -> Sequence[ModelFault]:
    """Add what the file makes to what is right, and say so; else its faults."""
    try:
        right.append(compile_file(file, shared=shared))
    except ModelError as error:
        return error.faults
    print(f"{file}: {summary(right[-1])}", flush=True)
    return ()


def _files(path: Path) -> list[Path]:
    """The models of a folder; a file is what it is. Raises ModelError for a folder without any."""
    if not path.is_dir():
        return [path]
    found = [file for file in models_in(path) if _has_info(file)]
    if not found:
        raise Faults().add(Place(str(path), 1, 1), "no model in this folder").error()
    return found


def _has_info(file: Path) -> bool:
    """Whether it is no base file. One that cannot be read is none either, and is reported when it is compiled."""
    try:
        return is_model(source.read(file, Faults()))
    except ModelError:
        return True


def summary(proton: Proton) -> str:
    """One line: the Proton, how many objects of which roles, how many routes."""
    counted = Counter(o.role for o in proton.objects)
    roles = ", ".join(f"{counted[role]} {role.value}" for role in Role if counted[role])
    count = len(proton.objects)
    return f"{proton.name} {proton.version}: {count} object{'s' if count != 1 else ''} ({roles}), {len(routes(proton))} routes"
