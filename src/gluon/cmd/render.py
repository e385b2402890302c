# SPDX-License-Identifier: Apache-2.0
"""``gluon render MODEL WHAT``: prints what the Particle Generator derives from a model.

    MODEL.yaml | name of a Proton ─► Proton ─► openapi | sql | cli | keys | docs | rules ─► text

Each rendering imports its own printer, so that ``keys`` waits for no SQL library.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from gluon.cmd import modelpath
from gluon.errors import GluonError
from gluon.model.compile import compile_file
from gluon.model.faults import nearest
from gluon.model.schema import Object, Proton
from gluon.model.types import Integer, Reference, String, Uuid

#: Not MySQL: it lacks the collations that compare texts byte by byte, with their blanks (MariaDB 10.2 brought ``…_nopad_bin``).
DIALECTS: Final = ("sqlite", "postgresql", "mariadb")


class Unknown(GluonError):
    """There is no Proton of this name or version."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.add_argument("model", metavar="MODEL", help="a model file, or the name of a Proton that ships or is installed")
    parser.add_argument("what", choices=RENDERINGS, help="what to print")
    parser.add_argument("--dialect", choices=DIALECTS, default=DIALECTS[0], help="of sql (default: %(default)s)")
    modelpath.configure(parser)
    parser.add_argument("--model-version", metavar="VERSION", help="of a Proton given by its name (default: the newest)")


def run(args: argparse.Namespace) -> int:
    """Print it; 0."""
    proton = _named(args.model, args.model_path, args.model_version)
    for line in RENDERINGS[args.what](proton, args.dialect):
        print(line)
    return 0


def _named(model: str, model_path: Sequence[Path], version: str | None) -> Proton:
    """A file where it looks like one, else a Proton of the catalogue."""
    if model.endswith((".yaml", ".yml")) or "/" in model:
        if version is not None:
            raise Unknown("a file holds one version: --model-version is for a Proton given by its name")
        return compile_file(Path(model), shared=model_path)
    from gluon.model.catalogue import load_catalogue  # looks at every model there is: not needed for one file

    families = load_catalogue(model_path)
    family = families.get(model)
    if family is None:
        near = nearest(model, families)
        hint = f": did you mean '{near}'?" if near else ""
        raise Unknown(f"there is no Proton '{model}'{hint} (there are {', '.join(sorted(families))}; a file ends in .yaml)")
    if version is not None and version not in family.versions:
        raise Unknown(f"{model} has no version '{version}' (it has {', '.join(family.versions)})")
    return family.newest if version is None else family.versions[version]


def _openapi(proton: Proton, _dialect: str) -> Iterator[str]:
    from gluon.particle.openapi import openapi

    yield json.dumps(openapi(proton), indent=2, ensure_ascii=False)


def _sql(proton: Proton, dialect: str) -> Iterator[str]:
    from gluon.particle.tables import sql, tables

    for statement in sql(tables(proton), dialect):
        yield "\n".join(line.rstrip().replace("\t", "    ") for line in statement.splitlines()) + ";\n"


def _cli(proton: Proton, _dialect: str) -> Iterator[str]:
    """Every command of protonclient, as its help shows it."""
    from gluon.cli.manual import of_api
    from gluon.cli.nouns import VERBS, Document
    from gluon.cli.parsing import command_parser
    from gluon.particle.commands import commands

    document = Document(json.loads(json.dumps(commands(proton))))
    yield of_api(document).rstrip("\n")
    for name in document.names:
        for verb in VERBS:
            yield f"\n--- {name}-{verb}\n"
            yield command_parser(proton.name, document.noun(name), verb).format_help().rstrip("\n")


def _keys(proton: Proton, _dialect: str) -> Iterator[str]:
    """The key of each object with an example, then those of the Proton."""
    from gluon.particle import keys

    for obj in proton.objects:
        yield f"{keys.object(proton.name, obj.name, '')}<{obj.identifier.name}>"
        yield f"    {keys.object(proton.name, obj.name, _sample(obj))}"
    for obj in proton.objects:
        if obj.is_port:
            yield f"{keys.port('')}<{obj.identifier.name}>"
            yield f"    {keys.port(_sample(obj))}"
            yield f"{keys.answer(proton.name, obj.name, '')}<{obj.identifier.name}>"
            yield f"    {keys.answer(proton.name, obj.name, _sample(obj))}"
        yield f"{keys.answer(proton.name, obj.name, '')}<{obj.identifier.name}>/<controller>"
        yield f"    {keys.report(proton.name, obj.name, _sample(obj), 'compute-1')}"
    yield keys.sync(proton.name)
    yield f"{keys.shim(proton.name, '')}<controller>"
    yield f"    {keys.shim(proton.name, 'compute-1')}"


def _sample(obj: Object) -> str:
    """An identifier such as this object can have."""
    type = obj.identifier.type.key if isinstance(obj.identifier.type, Reference) else obj.identifier.type
    match type:
        case Uuid():
            return "5e0cd0ae-3c1f-4a6b-9d55-0d2f6b1c7a42"
        case Integer(min=low):
            return str(max(low, 1))
        case String():
            return "192.0.2.0/24" if type.format is not None and type.format.value == "cidr" else f"some {obj.api.name}"
        case _:
            return obj.api.name


def _docs(proton: Proton, _dialect: str) -> Iterator[str]:
    from gluon.particle.reference import reference

    yield reference(proton).rstrip("\n")


def _rules(proton: Proton, _dialect: str) -> Iterator[str]:
    from gluon.particle.rules import sample

    yield sample(proton).rstrip("\n")


RENDERINGS: Final[Mapping[str, Callable[[Proton, str], Iterator[str]]]] = {
    "openapi": _openapi,
    "sql": _sql,
    "cli": _cli,
    "keys": _keys,
    "docs": _docs,
    "rules": _rules,
}
