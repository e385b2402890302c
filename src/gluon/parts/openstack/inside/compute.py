# SPDX-License-Identifier: Apache-2.0
"""nova-compute with a hypervisor that is fake and a network that is not. Runs in Nova's virtualenv.

Nova's own fake driver never waits for its ports. This one does what a real one does: it waits for Neutron's
``network-vif-plugged``, within ``vif_plugging_timeout``, for every port that was not active before. Once a port is plugged an
Open vSwitch agent reports it to Neutron; there is none here, so the driver reports in its place.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# First of all: it decides how the process does several things at once.
from nova.cmd import compute  # isort: skip

import nova.conf
import oslo_messaging
from nova import context as nova_context
from nova import exception, rpc
from nova.virt import fake, node


class PluggingDriver(fake.FakeDriver):  # type: ignore[misc]
    """Nova's fake driver, which waits until its ports are plugged, and may be started again."""

    def spawn(self, context: Any, instance: Any, *arguments: Any, network_info: Any = None, **more: Any) -> None:
        """See ComputeDriver; Nova gives all after ``allocations`` by name."""
        with self._plugged(instance, network_info):
            super().spawn(context, instance, *arguments, network_info=network_info, **more)

    def finish_migration(
        self, context: Any, migration: Any, instance: Any, disk: Any, network_info: Any, *arguments: Any, **more: Any
    ) -> None:
        """See ComputeDriver: a machine has moved here."""
        with self._plugged(instance, network_info):
            super().finish_migration(context, migration, instance, disk, network_info, *arguments, **more)

    def finish_revert_migration(self, context: Any, instance: Any, network_info: Any, *arguments: Any, **more: Any) -> None:
        """See ComputeDriver: a machine that was moved is here again."""
        with self._plugged(instance, network_info):
            super().finish_revert_migration(context, instance, network_info, *arguments, **more)

    def get_available_resource(self, nodename: Any) -> Any:
        """See ComputeDriver. The fake one has another identity after each start, and Nova refuses to start as somebody else."""
        return {**super().get_available_resource(nodename), "uuid": node.get_local_node_uuid()}

    def get_nodenames_by_uuid(self, refresh: bool = False) -> dict[str, Any]:
        """See ComputeDriver."""
        return {node.get_local_node_uuid(): name for name in self.get_available_nodes(refresh)}

    @contextmanager
    def _plugged(self, instance: Any, network_info: Any) -> Iterator[None]:
        """Around the start of a machine: its ports are reported plugged, and awaited."""
        waiting = [vif for vif in network_info or () if vif.get("active", True) is False]
        events = [("network-vif-plugged", vif["id"]) for vif in waiting]
        try:
            with self.virtapi.wait_for_instance_event(instance, events, timeout=nova.conf.CONF.vif_plugging_timeout):
                yield
                for vif in waiting:
                    _report_up(vif["id"], instance.host)
        except exception.InstanceEventTimeout as late:
            reason = f"Neutron did not say within {nova.conf.CONF.vif_plugging_timeout} s that the ports are plugged"
            raise exception.VirtualInterfaceCreateException(reason) from late


def _report_up(port: str, host: str) -> None:
    """As the Open vSwitch agent of this host: the device is up (Neutron's RPC API for plugins, 1.0)."""
    target = oslo_messaging.Target(exchange="neutron", topic="q-plugin", version="1.0")
    client = rpc.get_client(target)
    client.cast(nova_context.get_admin_context(), "update_device_up", device=port, agent_id=f"ovs-agent-{host}", host=host)


if __name__ == "__main__":
    fake.PluggingDriver = PluggingDriver  # drivers are looked for below nova.virt only
    sys.exit(compute.main())
