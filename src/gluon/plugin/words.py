# SPDX-License-Identifier: Apache-2.0
"""Kinds of network devices, in the words of Neutron and Nova and in those of a Proton. Pure.

    normal, virtual  ─►  normal  ─►  normal        a Proton's word is shown as Neutron's,
    direct, sriov    ─►  direct  ─►  direct        and Neutron's asked for as a Proton's
    …

By the word Nova knows which device of the host to claim, so it must be one of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: By Neutron's word those of a Proton's that it stands for; the first is what is asked for.
_STANDS_FOR: Final[Mapping[str, tuple[str, ...]]] = {
    "normal": ("normal", "virtual"),
    "direct": ("direct", "sriov"),
    "macvtap": ("macvtap",),
    "direct-physical": ("whole-dev", "direct-physical"),
}
_SHOWN: Final = {word: neutrons for neutrons, words in _STANDS_FOR.items() for word in words}

#: Neutron's words that a port of Gluon's can be given.
VNIC_TYPES: Final = tuple(_STANDS_FOR)


def shown(vnic_type: str) -> str:
    """Neutron's word for a Proton's; one that only the model knows stays as it is."""
    return _SHOWN.get(vnic_type, vnic_type)


def asked(vnic_type: str) -> str:
    """The Proton's word for one of ``VNIC_TYPES``."""
    return _STANDS_FOR[vnic_type][0]


def meant(vnic_type: str) -> tuple[str, ...]:
    """Every word of a Proton's that is shown as this one of Neutron's; none where another is shown in its place."""
    return _STANDS_FOR.get(vnic_type, () if vnic_type in _SHOWN else (vnic_type,))
