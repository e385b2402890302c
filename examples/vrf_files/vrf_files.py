# SPDX-License-Identifier: Apache-2.0
"""A small backend: keeps one JSON file for each VRF, route and bound port, for a router daemon that reads the folder.

vrfs/<vpn>.json         the VPN's number and its route targets
routes/<interface>.json what leads to an interface, and in which VRF
ports/<port>.json       which device is plugged in on which host
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gluon.particle.shimtypes import Record, State
from gluon.shim.backend import Changes, Permanent, Temporary
from gluon.shim.mirror import Mirror

LARGEST_MTU = 9000


class VrfFiles:
    """Each call computes a whole file from what is wanted now, so that a call that comes twice changes nothing."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(os.environ.get("VRF_FILES", "/var/lib/vrf-files"))

    # Ports: plugged in by bind_port, unplugged by unbind_port. In between they may change.

    def bind_port(self, uuid: str, model: Mirror, changes: Changes) -> Mapping[str, Any]:
        port = changes.new
        if port["mtu"] > LARGEST_MTU:
            raise Permanent(f"mtu {port['mtu']} is over {LARGEST_MTU}")
        self._write("ports", uuid, plug(port))
        return {"vif_type": "ovs", "vif_details": {"port_filter": False, "bridge_name": "br-vrf"}}

    def unbind_port(self, uuid: str, model: Mirror, changes: Changes) -> None:
        self._remove("ports", uuid)

    def modify_port(self, uuid: str, model: Mirror, changes: Changes) -> None:
        if self._path("ports", uuid).exists():
            self._write("ports", uuid, plug(changes.new))

    def delete_port(self, uuid: str, model: Mirror, changes: Changes) -> None:
        self._remove("ports", uuid)

    # Services: VRFs.

    def modify_service(self, uuid: str, model: Mirror, changes: Changes) -> None:
        self._write("vrfs", uuid, vrf(model, changes.new))

    def delete_service(self, uuid: str, model: Mirror, changes: Changes) -> None:
        self._remove("vrfs", uuid)

    # Service bindings: routes to interfaces.

    def modify_service_binding(self, uuid: str, model: Mirror, prev_binding: State) -> None:
        binding = model.service_bindings.get(uuid)
        if binding is not None:  # It may have gone since: then delete_service_binding comes next.
            self._write("routes", uuid, route(model, binding))

    def delete_service_binding(self, uuid: str, model: Mirror, prev_binding: State) -> None:
        self._remove("routes", uuid)

    # Files.

    def _path(self, kind: str, uuid: str) -> Path:
        return self.folder / kind / f"{uuid}.json"

    def _write(self, kind: str, uuid: str, content: Mapping[str, Any]) -> None:
        """Put a whole file in the place of the old one, so that its reader never sees half of it."""
        path = self._path(kind, uuid)
        new = path.with_suffix(".new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(json.dumps(content, indent=2))
            new.replace(path)
        except OSError as error:
            raise Temporary(f"{path} cannot be written: {error.strerror}", delay=2.0) from error

    def _remove(self, kind: str, uuid: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._path(kind, uuid).unlink()


def plug(port: State) -> dict[str, Any]:
    """What is plugged in where."""
    names = ("host_id", "device_id", "mac_address", "mtu", "admin_state_up")
    return {name: port[name] for name in names}


def vrf(model: Mirror, vpn: Any) -> dict[str, Any]:
    """The VRF of a VPN. Route targets are objects of their own, which say whether they are for import or export."""
    targets = [*references(model, vpn, "ipv4_family"), *references(model, vpn, "ipv6_family")]
    imports = [*targets_for(targets, "import_extcommunity"), *references(model, vpn, "import_targets")]
    exports = [*targets_for(targets, "export_extcommunity"), *references(model, vpn, "export_targets")]
    return {
        "vni": vpn["vni"],
        "import": sorted({target["vrf_rt_value"] for target in imports}),
        "export": sorted({target["vrf_rt_value"] for target in exports}),
    }


def targets_for(targets: list[Record], use: str) -> list[Record]:
    return [target for target in targets if target["vrf_rt_type"] in (use, "both")]


def references(model: Mirror, record: Record, attribute: str) -> list[Record]:
    """What a list of references points to."""
    found = model.resolve(record, attribute)
    return found if isinstance(found, list) else []


def route(model: Mirror, binding: Record) -> dict[str, Any]:
    """From a binding to its VPN, and over its interface to the port: references are followed through the model."""
    interface = model.resolve(binding, "interface_id")
    port = model.resolve(interface, "port_id") if isinstance(interface, Record) else None
    addresses = [binding["ipaddress"], binding["ipv6_address"], *(binding["prefixes"] or [])]
    return {
        "vrf": binding["service_id"],
        "port": port["id"] if isinstance(port, Record) else None,
        "to": [address for address in addresses if address],
    }
