# SPDX-License-Identifier: Apache-2.0
"""A model in six versions: what services become over the years."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gluon.model.compile import compile_file
from gluon.model.schema import Proton

_HEAD: Final = """
file_version: "1.0"
imports: base/base.yaml
info: {{name: depot, version: "{version}", description: "Boxes in racks"}}
objects:
  Rack:
    extends: BaseObject
    api: {{name: rack}}
    attributes:
      label: {{type: string, length: {label}}}
  Tag:
    api: {{name: tag}}
    attributes:
      code: {{type: string, length: {code}, primary: true}}
      tenant_id: {{type: string, length: 64}}
  Box:
    extends: BaseObject
    api: {{name: box, plural_name: boxes}}
    attributes:
      tag_code: {{type: Tag}}
      home: {{type: {home}}}
      speed: {{type: integer{wide}}}
      kind: {{type: enum, values: [{kinds}], required: true, default: small}}
      marks: {{type: list, items: {{type: string}}}}
"""
_GROUP: Final = "      group: {type: string, length: 32}\n"
_RENAMED: Final = "      vlan_group: {type: string, length: 32, renamed_from: group}\n"
_NOTES: Final = "      notes: {type: string}\n"
_ADDED: Final = """      color: {type: string, default: "50% 'red' \\\\ é"}
      cost: {type: integer, required: true, default: 10}
      sealed: {type: boolean, required: true, default: false}
      extra: {type: list, items: {type: string}, default: [a, b]}
      number: {type: integer, min: 1, max: 100000, required: true, allocate: true}
      cookie: {type: uuid, required: true, generate: true}
      nick: {type: string, length: 255, default_from: name}
"""
_CABLE: Final = """  Cable:
    extends: BaseObject
    api: {name: cable}
    attributes:
      box_id: {type: Box, required: true}
"""
_FRESH: Final = "      group: {type: integer, default: 7}\n"
_RACK: Final = "      rack_id: {type: Rack}\n      others: {type: list, items: Rack}\n"

_FIRST: Final = {"label": 16, "code": 8, "home": "uuid", "wide": "", "kinds": "small, large"}
_WIDE: Final = {"label": 2000, "code": 32, "wide": ", format: int64", "kinds": "small, large, enormously_large"}
#: For each version: what its head says, and what follows it.
VERSIONS: Final = {
    "1.0": (_FIRST, _GROUP + _NOTES),
    "1.1": (_FIRST, _GROUP + _NOTES + _ADDED + _CABLE),
    "1.2": (_FIRST, _RENAMED + _NOTES + _ADDED + _CABLE),
    "1.3": (_FIRST | _WIDE, _RENAMED + _NOTES + _ADDED + _CABLE),
    "1.4": (_FIRST | _WIDE, _RENAMED.replace(", renamed_from: group", "") + _FRESH + _ADDED + _CABLE),
    "1.5": (
        _FIRST | _WIDE | {"home": "Rack"},
        _RENAMED.replace(", renamed_from: group", "") + _FRESH + _ADDED + _RACK + _CABLE,
    ),
}


def text(version: str) -> str:
    """The model as a file holds it."""
    head, rest = VERSIONS[version]
    return _HEAD.format(version=version, **head) + rest


def write(folder: Path, version: str) -> Path:
    """The only model in the folder."""
    folder.mkdir(exist_ok=True)
    path = folder / "depot.yaml"
    path.write_text(text(version))
    return path


def compiled(folder: Path, version: str) -> Proton:
    """The model, compiled."""
    return compile_file(write(folder, version))
