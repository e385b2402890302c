# SPDX-License-Identifier: Apache-2.0
"""What a model says about itself: name, version, author."""

from __future__ import annotations

import re
from typing import Final

from gluon.model import grammar
from gluon.model.faults import Faults
from gluon.model.grammar import Fields
from gluon.model.schema import Info, Place

#: A Proton's name is a segment of paths and of etcd keys, and the beginning of its tables' names.
NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*([._-][A-Za-z0-9]+)*", re.ASCII)
MAX_NAME: Final = 32
VERSION: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){0,3}", re.ASCII)
FILE_VERSIONS: Final = ("1.0", "1")


def info_of(fields: Fields, start: Place, faults: Faults) -> Info:
    """The ``info`` of a model's file."""
    version = fields.text("file_version")
    if version is not None and version not in FILE_VERSIONS:
        faults.add(fields.at("file_version"), f"file_version '{version}' is not known: it is \"1.0\"")
    node = fields.map("info")
    if node is None:
        if "info" not in fields:
            faults.add(
                start, "a model needs info with a name and a version; a file without it is a base file for others to import"
            )
        return Info("", "")
    info = grammar.check(node, grammar.INFO, "info", faults)
    author = info.map("author")
    by = grammar.check(author, grammar.AUTHOR, "author", faults) if author else Fields(node.place, {})
    return Info(
        _name(info, faults),
        _version(info, faults),
        info.text("description") or "",
        {name: by.text(name) or "" for name in by.entries},
    )


def _name(info: Fields, faults: Faults) -> str:
    name = info.text("name")
    if name is None:
        if "name" not in info:
            faults.add(info.place, "info has no name")
    elif not NAME.fullmatch(name) or len(name) > MAX_NAME:
        faults.add(
            info.at("name"),
            f"'{name}' cannot be a Proton's name: at most {MAX_NAME} letters and digits, with '-', '_' or '.' between them",
        )
    return name or ""


def _version(info: Fields, faults: Faults) -> str:
    version = info.text("version")
    if version is None:
        if "version" not in info:
            faults.add(info.place, "info has no version")
    elif not VERSION.fullmatch(version):
        faults.add(info.at("version"), f"'{version}' cannot be a version: it is numbers and dots, like 1.0")
    return version or ""
