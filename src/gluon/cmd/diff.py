# SPDX-License-Identifier: Apache-2.0
"""``gluon diff OLD.yaml NEW.yaml``: what changed for clients of the API, each change additive or breaking.

A breaking change needs another version: clients of the old one go on with it where both are served.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gluon.cmd import modelpath
from gluon.errors import GluonError
from gluon.model.changes import Change
from gluon.model.compare import compare, not_together, same_version
from gluon.model.compile import compile_file
from gluon.model.faults import ModelFault
from gluon.model.schema import Proton


class Unrelated(GluonError):
    """The two files are models of two Protons."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    modelpath.configure(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("old", metavar="OLD.yaml", type=Path, help="the model as clients know it")
    parser.add_argument("new", metavar="NEW.yaml", type=Path, help="the model that shall take its place, or be served beside it")


def run(args: argparse.Namespace) -> int:
    """1 where something breaks under the same version (or a model is wrong), else 0."""
    old, new = (compile_file(path, shared=args.model_path) for path in (args.old, args.new))
    if old.name != new.name:
        raise Unrelated(f"{args.old} is the Proton '{old.name}', {args.new} is '{new.name}': there is nothing to compare")
    found = compare(old, new)
    same = same_version(old, new)
    breaks = same and any(change.kind == "breaking" for change in found)
    apart = () if same else not_together(old, new)
    if args.json:
        print(json.dumps(_document(old, new, found, allowed=not breaks, apart=apart), indent=2, ensure_ascii=False))
        return 1 if breaks else 0
    for change in found:
        print(change)
    print(_summary(old, new, found))
    if breaks:
        sys.stdout.flush()
        print(f"a breaking change needs a version after {old.version}, and {args.new} is {new.version}", file=sys.stderr)
    elif not same:
        print(_served(old, new, apart))
    return 1 if breaks else 0


def _summary(old: Proton, new: Proton, found: Sequence[Change]) -> str:
    counted = Counter(change.kind for change in found)
    said = f"{counted['breaking']} breaking, {counted['additive']} additive" if found else "nothing changed"
    return f"{new.name} {old.version} to {new.version}: {said}"


def _served(old: Proton, new: Proton, apart: Sequence[ModelFault]) -> str:
    if not apart:
        return f"{old.version} can be served beside {new.version}"
    return "\n".join([f"{old.version} cannot be served beside {new.version}:", *map(str, apart)])


def _document(old: Proton, new: Proton, found: Sequence[Change], *, allowed: bool, apart: Sequence[ModelFault]) -> dict[str, Any]:
    """The same as JSON. ``allowed``: nothing breaks under the same version; ``obstacles``: why both cannot be served at once."""
    changes = [
        {
            "kind": change.kind,
            "subject": change.subject,
            "text": change.text,
            "file": change.place.file,
            "line": change.place.line,
            "column": change.place.column,
        }
        for change in found
    ]
    return {
        "proton": new.name,
        "old_version": old.version,
        "new_version": new.version,
        "allowed": allowed,
        "changes": changes,
        "obstacles": [str(fault) for fault in apart],
    }
