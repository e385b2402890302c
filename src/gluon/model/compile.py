# SPDX-License-Identifier: Apache-2.0
"""Compiles a model file to a Proton, or refuses it with every fault at once.

    source (nodes) ─► declarations (shape) ─► inheritance (flat) ─► attributes (types) ─► objects ─► Proton

Each step notes faults and goes on with what it could make out; only the end raises. Nothing downstream sees YAML.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from gluon.model import source
from gluon.model.declarations import Files
from gluon.model.faults import Faults
from gluon.model.imports import Library
from gluon.model.info import info_of
from gluon.model.inheritance import flatten
from gluon.model.nodes import Map, Node
from gluon.model.objects import Objects
from gluon.model.order import in_order
from gluon.model.schema import Place, Proton
from gluon.model.widths import refuse_wide


def compile_file(path: str | Path, *, shared: Iterable[str | Path] = (), library: Library | None = None) -> Proton:
    """The Proton of a model file.

    Its imports are looked for beside it, then in the folders ``shared``, then among the shipped models. A ``library`` that is
    handed from one compilation to the next reads each imported file once. Raises ``ModelError``.
    """
    where = Path(path)
    library = (library or Library()).beside(where, map(Path, shared))
    faults = Faults()
    return compile_node(source.read(where, faults), str(where), library, faults)


def compile_text(text: str | bytes, *, file: str = "model.yaml", imports: Mapping[str, str] | None = None) -> Proton:
    """The Proton of a model's text. ``imports`` holds the texts of importable files by name; the shipped ones come after them."""
    faults = Faults()
    return compile_node(source.parse(text, file, faults), file, Library(texts=dict(imports or {})), faults)


def compile_node(node: Node, file: str, library: Library, faults: Faults) -> Proton:
    """The Proton of a model's tree. ``faults`` are those found so far; raises ``ModelError`` with them and all others."""
    files = Files(library, faults)
    fields = files.read(file, node)
    info = info_of(fields, Place(file, 1, 1), faults)
    objects = Objects(info, files.objects, flatten(files.objects, faults), faults).build()
    if not objects and not faults.found:
        faults.add(fields.at("objects"), "no object has an api: such a model makes nothing")
    refuse_wide(objects, faults)
    faults.raise_any()
    return Proton(info.name, info.version, info, objects, in_order(objects))


def is_model(node: Node) -> bool:
    """Whether a file is a model: one without ``info`` is a base file for others to import."""
    return not isinstance(node, Map) or "info" in node.entries or "objects" not in node.entries
