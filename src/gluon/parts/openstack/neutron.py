# SPDX-License-Identifier: Apache-2.0
"""Neutron: its settings, its processes, and the agents that it is told of.

ML2 binds by its own openvswitch driver, for hosts whose agent is alive. No agent runs: a row says that one does, and the virt
driver of the lab (``inside/compute.py``) reports to the RPC server what an agent would once a port is plugged.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from gluon.parts.openstack.layout import NO_BROKER, Layout
from gluon.parts.openstack.program import Groups, Program, ini, merged, wsgi
from gluon.parts.openstack.users import NEUTRON, NOVA

#: Processes of the API. Each answers with its id in ``X-Worker``; which one a request meets is chance.
WORKERS: Final = 2

_FOREVER: Final = 2_000_000  # seconds; the most that Neutron's option takes is a little more


def settings(layout: Layout, core_plugin: str = "ml2") -> Groups:
    """neutron.conf. Nova is told of changes where there is a broker, which Nova cannot be without."""
    own = layout.own("neutron")
    nova = layout.transport != NO_BROKER
    return {
        "DEFAULT": {
            "auth_strategy": "keystone",
            "core_plugin": core_plugin,
            "service_plugins": "",
            "transport_url": layout.transport,
            "api_paste_config": layout.environment("neutron").path / "etc" / "neutron" / "api-paste.ini",
            "state_path": own,
            "use_stderr": True,
            "bind_host": "127.0.0.1",
            "rpc_workers": 1,
            "rpc_state_report_workers": 0,
            "dhcp_agent_notification": False,
            "notify_nova_on_port_status_changes": nova,
            "notify_nova_on_port_data_changes": nova,
            "send_events_interval": 1,  # seconds; a boot waits for them
            "agent_down_time": _FOREVER,
        },
        "database": {"connection": layout.database("neutron")},
        "oslo_concurrency": {"lock_path": own / "lock"},
        "ml2": {
            "type_drivers": "local,flat,vlan,vxlan",
            "tenant_network_types": "local",
            "mechanism_drivers": "openvswitch",
            "extension_drivers": "port_security",
        },
        "quotas": {"quota_network": -1, "quota_subnet": -1, "quota_port": -1},
        "keystone_authtoken": {
            **NEUTRON.section(layout.auth_url),
            "www_authenticate_uri": layout.auth_url,
            "interface": "internal",
            "service_token_roles_required": True,
        },
        "nova": {**NOVA.section(layout.auth_url), "endpoint_type": "internal"},
    }


def configure(layout: Layout, core_plugin: str = "ml2", more: Groups | None = None) -> None:
    """Write its settings; ``more`` wins over what the lab says."""
    layout.settings("neutron").write_text(ini(merged(settings(layout, core_plugin), more or {})))


def programs(layout: Layout) -> list[Program]:
    """Its processes: the API; with a broker the RPC server too, which agents speak to."""
    where = layout.environment("neutron")
    option = f"--config-file={layout.settings('neutron')}"
    found = [wsgi("neutron", "neutron.wsgi.api", where, layout.network_port, workers=WORKERS, arguments=[option])]
    if layout.transport != NO_BROKER:
        found.append(Program("neutron-rpc-server", (where.program("neutron-rpc-server"), option)))
    return found


def agents(hosts: Sequence[str]) -> str:
    """SQL by which Neutron knows of a living Open vSwitch agent on each of these hosts."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    same = {
        "agent_type": "Open vSwitch agent",
        "`binary`": "neutron-openvswitch-agent",
        "topic": "N/A",
        "admin_state_up": 1,
        "created_at": now,
        "started_at": now,
        "heartbeat_timestamp": now,
        "configurations": json.dumps({"bridge_mappings": {}, "tunnel_types": ["vxlan"], "tunneling_ip": "127.0.0.1"}),
        "`load`": 0,
    }
    rows = ({"id": uuid4(), "host": host, **same} for host in hosts)
    values = ", ".join("(" + ", ".join(f"'{value}'" for value in row.values()) + ")" for row in rows)
    return f"INSERT INTO agents (id, host, {', '.join(same)}) VALUES {values}"
