# SPDX-License-Identifier: Apache-2.0
"""What a list of ports in Neutron's words asks of drivers, and what is left to be looked at in each port. Pure.

{"device_id": ["a", "b"], "network_id": [the stand-in's]}  ─► drivers: device_id a or b
{"fixed_ips": {"ip_address": ["10.0.0.1"]}}                ─► drivers: all;  left: has the address
{"network_id": [another's]}                                ─► no port of Gluon's fits
{"security_groups": ["sg"]}                                ─► no port of Gluon's fits, for all have the same: none

And which Protons there is any use in asking. Neutron's own services list ports all the time, of routers, of DHCP, of subnets: it
is here that those lists stay Neutron's alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gluon.backends.catalogue import Catalogue
from gluon.plugin import words
from gluon.plugin.showing import NEUTRONS, StandIn

#: A port as Neutron shows it.
Shown = Mapping[str, Any]
Predicate = Callable[[Shown], bool]

#: Filters that a driver takes as they are, under its own name.
_ASKED: Final = {
    "id": "id",
    "tenant_id": "tenant_id",
    "project_id": "tenant_id",
    "name": "name",
    "device_id": "device_id",
    "device_owner": "device_owner",
    "binding:host_id": "host_id",
    "binding:vnic_type": "vnic_type",
    "mac_address": "mac_address",
    "admin_state_up": "admin_state_up",
}
#: What else a port of Gluon's has of its own, by which it must be looked at. In all the rest, one is as the other.
_LOOKED_AT: Final = ("fixed_ips", "changed_since", "status", "created_at", "updated_at", "revision_number")
_LOOKED_AT_IN: Final = "binding:"
#: What an empty text means to Neutron is null to a Proton.
_NULLABLE: Final = ("device_id", "device_owner", "host_id")
#: Whether the tags of a port are as a filter of this name wants them.
_TAGGED: Final[Mapping[str, Callable[[set[str], set[str]], bool]]] = {
    "tags": lambda wanted, tags: wanted <= tags,
    "tags-any": lambda wanted, tags: not wanted.isdisjoint(tags),
    "not-tags": lambda wanted, tags: not wanted <= tags,
    "not-tags-any": lambda wanted, tags: wanted.isdisjoint(tags),
}
_MAC: Final = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


@dataclass(frozen=True, slots=True)
class Selection:
    """``asked``: for drivers. ``left``: what each port must be besides; where there is none, each that a driver gives fits."""

    asked: Mapping[str, tuple[Any, ...]]
    left: tuple[Predicate, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether drivers give all that fit and nothing else, so that their pages are pages."""
        return not self.left

    def fits(self, shown: Shown) -> bool:
        """Whether a port that a driver gave fits."""
        return all(holds(shown) for holds in self.left)


def select(
    filters: Mapping[str, Any] | None,
    stand_in: StandIn,
    tenant: str | None = None,
    alike: Callable[[], Shown] = dict,
) -> Selection | None:
    """What to ask for; None where no port of Gluon's can fit. ``tenant``: of this one only.

    ``alike``: called for what all ports of Gluon's are shown with, where a filter is about that.
    """
    asked: dict[str, tuple[Any, ...]] = {"tenant_id": (tenant,)} if tenant is not None else {}
    left: list[Predicate] = []
    for name, given in (filters or {}).items():
        values: Any = (given,) if isinstance(given, str | bool) else given  # Neutron's own code leaves out the list now and then
        if name == "network_id":
            if stand_in.network_id not in values:
                return None
        elif name in _ASKED:
            attribute, wanted = _ASKED[name], _wanted(_ASKED[name], values)
            if attribute in asked:
                wanted = tuple(value for value in wanted if value in asked[attribute])
            if not wanted:
                return None
            asked[attribute] = wanted
        elif name in _LOOKED_AT or name.startswith(_LOOKED_AT_IN):
            if name == "fixed_ips" and not _may_be_in(values, stand_in):
                return None
            left.append(_left(name, values))
        elif not _left(name, values)(alike()):
            return None
    return Selection(asked, tuple(left))


def _may_be_in(addresses: Mapping[str, Any], stand_in: StandIn) -> bool:
    """Whether the subnets of this filter, if it names any, are of those in which Gluon's addresses are."""
    return "subnet_id" not in addresses or any(subnet.id in addresses["subnet_id"] for subnet in stand_in.subnets)


def known(catalogue: Catalogue, selection: Selection) -> list[str]:
    """The Protons that may have ports of the selection, as far as that is known without asking them."""
    asked = selection.asked
    services = catalogue.services_of(asked["tenant_id"]) if "tenant_id" in asked else catalogue.services
    devices = asked.get("device_id")
    if "id" in asked:
        certain: Iterable[str] = asked["id"]
    elif devices and None not in devices:
        certain = catalogue.with_device(devices)
    else:
        return services
    having = {r.service for id in certain if (r := catalogue.find(id)) is not None}
    return [service for service in services if service in having]


def just_now(catalogue: Catalogue, selection: Selection) -> list[str]:
    """The Protons that may have plugged a port into a device a moment ago, which this process does not know yet: another one of
    Neutron's did it. Nova lists a tenant's ports of a machine once they are plugged, and forgets those that are not listed."""
    asked = selection.asked
    devices, tenants = asked.get("device_id"), asked.get("tenant_id")
    if "id" in asked or not devices or None in devices or not tenants:
        return []
    return catalogue.services_of(tenants)


def _wanted(attribute: str, values: Iterable[Any]) -> tuple[Any, ...]:
    """The values in the form that a Proton keeps; those that it cannot have are left out."""
    if attribute == "admin_state_up":
        return tuple(dict.fromkeys(value if isinstance(value, bool) else str(value).lower() in ("true", "1") for value in values))
    if attribute == "mac_address":
        return tuple(mac for value in values if _MAC.fullmatch(mac := str(value).lower().replace("-", ":")))
    if attribute == "vnic_type":
        return tuple(dict.fromkeys(word for value in values for word in words.meant(str(value))))
    if attribute == "device_owner":
        values = [value for value in values if not str(value).startswith(NEUTRONS)]  # shown with none
    if attribute in _NULLABLE:
        return tuple(value or None for value in values)
    return tuple(values)


def _left(name: str, values: Any) -> Predicate:
    """What a filter that drivers do not know means."""
    match name:
        case "fixed_ips":
            each = {part: [wanted] if isinstance(wanted, str) else wanted for part, wanted in values.items()}
            return lambda shown: all(_has_address(shown, part, wanted) for part, wanted in each.items())
        case "changed_since":
            since = max(str(value)[:19] for value in values)
            return lambda shown: str(shown["updated_at"])[:19] >= since
        case "tags" | "tags-any" | "not-tags" | "not-tags-any":
            return lambda shown: _TAGGED[name](set(values), set(shown.get("tags") or ()))
        case _:
            wanted = {_text(value) for value in values}
            return lambda shown: bool(wanted & _texts(shown.get(name)))


def _has_address(shown: Shown, part: str, wanted: Iterable[str]) -> bool:
    """Whether one of the port's addresses, or its subnet, is as wanted."""
    own = [entry.get(part.removesuffix("_substr"), "") for entry in shown.get("fixed_ips") or ()]
    if part.endswith("_substr"):
        return any(piece in address for address in own for piece in wanted)
    return not set(own).isdisjoint(wanted)


def _texts(value: Any) -> set[str]:
    return {_text(item) for item in value} if isinstance(value, list | tuple | set) else {_text(value)}


def _text(value: Any) -> str:
    """A value as a URL may say it."""
    text = "" if value is None else str(value)
    return text.lower() if text in ("True", "False") else text
