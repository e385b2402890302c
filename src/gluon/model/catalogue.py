# SPDX-License-Identifier: Apache-2.0
"""All models there are: those that ship, those in the folders of ``model_path``, and those of installed packages.

files with info ─► Proton each ─► those wanted ─► Family: all versions of one Proton, served from the tables of the newest
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Final

from gluon.errors import SettingsError
from gluon.model import projection, source, versions
from gluon.model.compile import compile_node, is_model
from gluon.model.faults import Faults, ModelError, nearest
from gluon.model.imports import Library, shipped
from gluon.model.schema import Place, Proton

#: Installed packages name here a path, or a module or package beside whose code the models are.
ENTRY_POINTS: Final = "gluon.protons"


@dataclass(frozen=True, slots=True)
class Family:
    """The versions of one Proton, by version, the oldest first. Storage, etcd and shims use the newest."""

    name: str
    newest: Proton
    versions: Mapping[str, Proton]

    def renamed(self, older: Proton) -> Mapping[str, Mapping[str, str]]:
        """By object: what attributes of this version are called in the newest, where they are called otherwise."""
        ordered = list(self.versions.values())
        later = ordered[ordered.index(older) + 1 :]
        return {obj.name: projection.renamed(obj, later) for obj in older.objects}


def load_catalogue(
    model_path: Iterable[str | Path] = (),
    wanted: Collection[str] = (),
    *,
    shipped: bool = True,
    installed: bool = True,
) -> Mapping[str, Family]:
    """Every family, by name; where any are ``wanted``, only these, and others need not go together with them.

    Raises ``ModelError`` with the faults of all models that are wrong, or do not go together; ``SettingsError`` for what is
    wanted and has no model.
    """
    faults = Faults()
    folders = [Path(folder) for folder in model_path]
    library = Library()
    files: dict[Path, Path] = {}
    for path in _files(folders, shipped, installed, faults):
        files.setdefault(path.resolve(), path)
    protons = [proton for path in files.values() if (proton := _compiled(path, folders, library, faults)) is not None]
    families = together([proton for proton in protons if not wanted or proton.name in wanted], faults)
    _tables(list(families.values()), faults)
    faults.raise_any()
    there = sorted({proton.name for proton in protons})
    if lacking := [f"[DEFAULT] protons: {no_proton(name, there)}" for name in wanted if name not in families]:
        raise SettingsError("\n".join(lacking))
    return MappingProxyType(families)


def no_proton(name: str, there: Iterable[str]) -> str:
    """What to say of a Proton that is not among those that are ``there``."""
    names = list(there)
    near = nearest(name, names)
    return f"there is no Proton '{name}'" + (f": did you mean '{near}'?" if near else "") + f" (there are {', '.join(names)})"


def _files(folders: Sequence[Path], with_shipped: bool, installed: bool, faults: Faults) -> Iterator[Path]:
    if with_shipped:
        yield from models_in(shipped())
    for folder in folders:
        if folder.is_dir():
            yield from models_in(folder)
        else:
            faults.add(Place(str(folder), 1, 1), "no such folder (model_path)")
    for entry in entry_points(group=ENTRY_POINTS) if installed else ():
        for found in _installed(entry, faults):
            yield from models_in(found) if found.is_dir() else (found,)


def models_in(folder: Path) -> list[Path]:
    """The files of a folder that may be models; base files are among them."""
    return sorted(path for path in folder.glob("*.yaml") if path.is_file())


def _installed(entry: EntryPoint, faults: Faults) -> list[Path]:
    """The files and folders that an entry point stands for."""
    place = Place(f"{ENTRY_POINTS}:{entry.name}", 1, 1)
    try:
        value = entry.load()
    except (ImportError, AttributeError) as error:
        faults.add(place, f"cannot be loaded: {error}")
        return []
    if isinstance(value, ModuleType):
        folders = [Path(folder) for folder in getattr(value, "__path__", ())]
        return folders or ([Path(value.__file__).parent] if value.__file__ else [])
    if isinstance(value, str | Path):
        if Path(value).exists():
            return [Path(value)]
        faults.add(place, f"no such file or folder: {value}")
    else:
        faults.add(place, f"must be a path, a module or a package, not {type(value).__name__}")
    return []


def _compiled(path: Path, folders: Sequence[Path], library: Library, faults: Faults) -> Proton | None:
    """The Proton of a file; None where it is a base file, or wrong (then its faults are noted)."""
    try:
        found = Faults()
        node = source.read(path, found)
        return compile_node(node, str(path), library.beside(path, folders), found) if is_model(node) else None
    except ModelError as error:
        faults.found.update(dict.fromkeys(error.faults))
        return None


def together(protons: Sequence[Proton], faults: Faults) -> dict[str, Family]:
    """The families that these models make; what keeps versions from being served side by side is noted."""
    by_name: dict[str, dict[tuple[int, ...], Proton]] = {}
    for proton in protons:
        known = by_name.setdefault(proton.name, {})
        first = known.setdefault(versions.numbers(proton.version), proton)
        if first is not proton:
            faults.add(_place(proton), f"'{proton.name}' {proton.version} again: it is in {_place(first).file} already")
    families = {}
    for name, known in sorted(by_name.items()):
        ordered = [known[version] for version in sorted(known)]
        newest = ordered[-1]
        for at, older in enumerate(ordered[:-1]):
            versions.check(older, newest, faults, ordered[at + 1 : -1])
        families[name] = Family(name, newest, MappingProxyType({p.version: p for p in ordered}))
    return families


def _tables(families: Sequence[Family], faults: Faults) -> None:
    """Note Protons whose tables would have the same names: they differ by punctuation alone, or meet in an object's name."""
    prefixes: dict[str, Family] = {}
    tables: dict[str, tuple[Family, str]] = {}
    for family in families:
        other = prefixes.setdefault(_folded(family.name), family)
        if other is not family:
            faults.add(_place(family.newest), f"the tables of '{family.name}' would be named as those of '{other.name}'")
            continue
        for obj in family.newest.objects:
            owner, name = tables.setdefault(_folded(f"{family.name}{obj.name}"), (family, obj.name))
            if owner is not family:
                faults.add(obj.place, f"the table of '{obj.name}' would be named as that of '{name}' of '{owner.name}'")


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _place(proton: Proton) -> Place:
    return Place(proton.objects[0].place.file, 1, 1)
