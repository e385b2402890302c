# SPDX-License-Identifier: Apache-2.0
"""A backend that only logs: the one to copy. Fill in the calls that your SDN controller needs, and delete the others.

What each call is told, when it comes, and what it may raise is in ``gluon.shim.backend``. The name is that of the first Proton;
nothing here depends on one, and it serves any.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from gluon.particle.shimtypes import State, shown
from gluon.shim.backend import Changes
from gluon.shim.mirror import Mirror

LOG = logging.getLogger(__name__)


class DummyNetL3VPN:
    """Logs one line for each call, with secrets masked, and binds every port in the same way."""

    def bind_port(self, uuid: str, model: Mirror, changes: Changes) -> Mapping[str, Any]:
        self._log("bind_port", uuid, changes)
        return {"vif_type": "ovs", "vif_details": {"port_filter": False, "bridge_name": "br-gluon"}}

    def unbind_port(self, uuid: str, model: Mirror, changes: Changes) -> None:
        self._log("unbind_port", uuid, changes)

    def modify_port(self, uuid: str, model: Mirror, changes: Changes) -> None:
        self._log("modify_port", uuid, changes)

    def delete_port(self, uuid: str, model: Mirror, changes: Changes) -> None:
        self._log("delete_port", uuid, changes)

    def modify_interface(self, uuid: str, model: Mirror, changes: Changes) -> None:
        self._log("modify_interface", uuid, changes)

    def delete_interface(self, uuid: str, model: Mirror, changes: Changes) -> None:
        self._log("delete_interface", uuid, changes)

    def modify_service(self, uuid: str, model: Mirror, changes: Changes) -> None:
        self._log("modify_service", uuid, changes)

    def delete_service(self, uuid: str, model: Mirror, changes: Changes) -> None:
        self._log("delete_service", uuid, changes)

    def modify_service_binding(self, uuid: str, model: Mirror, prev_binding: State) -> None:
        now = model.service_bindings.get(uuid)
        self._log("modify_service_binding", uuid, Changes(now if now is not None else {}, prev_binding))

    def delete_service_binding(self, uuid: str, model: Mirror, prev_binding: State) -> None:
        self._log("delete_service_binding", uuid, Changes({}, prev_binding))

    def modify_object(self, kind: str, uuid: str, model: Mirror, changes: Changes) -> None:
        self._log("modify_object", f"{kind} {uuid}", changes)

    def delete_object(self, kind: str, uuid: str, model: Mirror, changes: Changes) -> None:
        self._log("delete_object", f"{kind} {uuid}", changes)

    def _log(self, call: str, what: str, changes: Changes) -> None:
        state = shown(changes.new or changes.prev)
        LOG.info("%s %s %s", call, what, " ".join(f"{name}={state[name]!r}" for name in sorted(changes.names & state.keys())))
