# SPDX-License-Identifier: Apache-2.0
"""The keys that a port has in this Neutron, with what they hold where there is nothing to say.

The table of the API's attributes has every key that could be there. Which of them are depends on the drivers of extensions that
are loaded, so a port of ML2's own is the best witness, where there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from neutron_lib import constants
from neutron_lib.api import attributes

#: Where the API's table has no default, or one that means something else on a port without a network of its own.
_EMPTY: Final[dict[str, Any]] = {
    "allowed_address_pairs": [],
    "dns_assignment": [],
    "dns_domain": "",
    "dns_name": "",
    "extra_dhcp_opts": [],
    "fixed_ips": [],
    "ip_allocation": "immediate",
    "port_security_enabled": False,
    "security_groups": [],
    "tags": [],
}


def stock(witness: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Every visible key of a port; with a ``witness``, those that this one has. To be called once the extensions are loaded."""
    table = attributes.RESOURCES.get("ports", {})
    names = [name for name, spec in table.items() if spec.get("is_visible") and (witness is None or name in witness)]
    return {name: _empty(name, table[name].get("default")) for name in names}


def _empty(name: str, default: Any) -> Any:
    if name in _EMPTY:
        return _EMPTY[name]
    return None if default is constants.ATTR_NOT_SPECIFIED or callable(default) else default
