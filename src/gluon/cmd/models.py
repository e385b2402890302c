# SPDX-License-Identifier: Apache-2.0
"""The Protons of a server, a shim or a command beside them: the one place where what ``[DEFAULT]`` says becomes families."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gluon.errors import SettingsError
from gluon.model.catalogue import Family, load_catalogue, no_proton
from gluon.settings import Default


def families(default: Default) -> Mapping[str, Family]:
    """The Protons to have, by name. Raises ``ModelError``, and ``SettingsError`` where one of ``protons`` has no model."""
    return load_catalogue(default.model_path, default.protons)


def check(names: Iterable[str], there: Mapping[str, Family]) -> None:
    """Raise ``SettingsError`` for all Protons that a user named and that are not ``there``."""
    if lacking := [no_proton(name, there) for name in names if name not in there]:
        raise SettingsError("\n".join(lacking))
