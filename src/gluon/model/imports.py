# SPDX-License-Identifier: Apache-2.0
"""Where the files that a model imports are found, and each of them read once.

beside the model ─► shared folders ─► the shipped models (gluon/protons, also as base/<file>)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Final

from gluon.model import source
from gluon.model.nodes import Node

#: The classic language's name for the folder of shipped base files.
CLASSIC_FOLDER: Final = "base/"


def shipped() -> Path:
    """The folder of the models that ship with Gluon."""
    return Path(str(resources.files("gluon.protons")))


@dataclass(slots=True)
class Library:
    """The files that may be imported. ``texts`` stand before those in folders (for models that are no files)."""

    folders: tuple[Path, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    trees: dict[str, Node] = field(default_factory=dict)

    def beside(self, path: Path, shared: Iterable[Path] = ()) -> Library:
        """The library as a model at ``path`` sees it; what was read stays read."""
        return Library((path.parent, *shared), self.texts, self.trees)

    def find(self, name: str) -> tuple[str, Node] | None:
        """The file called ``name`` and its tree; None where there is none. Raises ``ModelError`` where it cannot be read."""
        if name in self.texts:
            return name, source.parse(self.texts[name], name)
        names = [(folder, name) for folder in self.folders]
        names += [(shipped(), name), (shipped(), name.removeprefix(CLASSIC_FOLDER))]
        for folder, relative in names if not Path(name).is_absolute() else ():
            path = folder / relative
            if _is_file(path):
                return str(path), self.read(path)
        return None

    def read(self, path: Path) -> Node:
        """The tree of a file."""
        key = str(path)
        if key not in self.trees:
            self.trees[key] = source.read(path)
        return self.trees[key]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file can have
        return False
