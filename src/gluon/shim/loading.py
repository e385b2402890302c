# SPDX-License-Identifier: Apache-2.0
"""Finds what vendors bring: backends and data models, by the names of entry points.

gluon.shim.backends   a class, made without arguments        gluon.shim.models   a class, made with the Proton
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from gluon.errors import SettingsError
from gluon.model.faults import nearest
from gluon.model.schema import Proton
from gluon.shim.mirror import Mirror

BACKENDS: Final = "gluon.shim.backends"
MODELS: Final = "gluon.shim.models"


def load_backend(name: str) -> object:
    """The backend of this name. Raises SettingsError where there is none, or it cannot be made."""
    made = _load(BACKENDS, "backend", name)
    try:
        return made()
    except TypeError as error:
        raise SettingsError(f"backend '{name}' must be made without arguments: {error}") from error


def load_model(name: str = "") -> Callable[[Proton], Mirror]:
    """What makes the data model of this name; the generated one where none is named. Raises SettingsError."""
    return _load(MODELS, "data model", name) if name else Mirror


def _load(group: str, noun: str, name: str) -> Callable[..., Any]:
    found: dict[str, EntryPoint] = {point.name: point for point in entry_points(group=group)}
    if name not in found:
        close = nearest(name, found)
        hint = f": did you mean '{close}'?" if close else f"; there are: {', '.join(sorted(found)) or 'none'}"
        raise SettingsError(f"there is no {noun} '{name}' in the entry points {group}{hint}")
    try:
        loaded = found[name].load()
    except (ImportError, AttributeError) as error:
        raise SettingsError(f"{noun} '{name}' ({found[name].value}) cannot be loaded: {error}") from error
    if not callable(loaded):
        raise SettingsError(f"{noun} '{name}' ({found[name].value}) is not a class")
    return loaded  # type: ignore[no-any-return]
