# SPDX-License-Identifier: Apache-2.0
"""Nova and Placement: their settings, their processes. One cell; a compute service for each host that is asked for.

The compute services are real; their virt driver is Nova's fake one, made to wait for Neutron as a real one does
(``inside/compute.py``).
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Final

from gluon.parts.openstack.layout import Layout
from gluon.parts.openstack.program import INSIDE, Groups, Program, ini, merged, wsgi
from gluon.parts.openstack.users import NEUTRON, NOVA, PLACEMENT

#: A flavor that any host has room for.
FLAVOR: Final = "tiny"
#: Seconds that a boot waits for its ports to become active.
PLUGGING: Final = 30

#: Threads of the system, which is what Nova moves to.
_THREADING: Final = {"OS_NOVA_DISABLE_EVENTLET_PATCHING": "true"}


def settings(layout: Layout) -> Groups:
    """nova.conf, common to all of its processes."""
    own = layout.own("nova")
    return {
        "DEFAULT": {
            "transport_url": layout.transport,
            "state_path": own,
            "my_ip": "127.0.0.1",
            "use_stderr": True,
            "compute_driver": "fake.PluggingDriver",
            "vif_plugging_timeout": PLUGGING,
            "vif_plugging_is_fatal": True,
            "periodic_fuzzy_delay": 0,  # a host is found as soon as it signs in
        },
        "database": {"connection": layout.database("nova")},
        "api_database": {"connection": layout.database("nova_api")},
        "oslo_concurrency": {"lock_path": own / "lock"},
        "conductor": {"workers": 1},
        "scheduler": {"workers": 1, "discover_hosts_in_cells_interval": 1},
        "quota": {"instances": -1, "cores": -1, "ram": -1},
        "vnc": {"enabled": False},
        "keystone_authtoken": {
            **NOVA.section(layout.auth_url),
            "www_authenticate_uri": layout.auth_url,
            "interface": "internal",
            "service_token_roles_required": True,
        },
        "service_user": {**NOVA.section(layout.auth_url), "send_service_user_token": True},
        "placement": PLACEMENT.section(layout.auth_url),
        "neutron": NEUTRON.section(layout.auth_url),
        "glance": {"region_name": NOVA.section(layout.auth_url)["region_name"]},
    }


def placement_settings(layout: Layout) -> Groups:
    """placement.conf."""
    section = {**PLACEMENT.section(layout.auth_url), "www_authenticate_uri": layout.auth_url, "interface": "internal"}
    return {
        "DEFAULT": {"use_stderr": True},
        "placement_database": {"connection": layout.database("placement")},
        "keystone_authtoken": section,
    }


def configure(layout: Layout, computes: Sequence[str] = ()) -> None:
    """Write the settings: of all, of Placement, and of each compute service what is its own."""
    own = layout.own("nova")
    layout.settings("nova").write_text(ini(settings(layout)))
    shutil.copy(layout.environment("nova").path / "etc" / "nova" / "api-paste.ini", own)
    layout.settings("placement").write_text(ini(placement_settings(layout)))
    # A compute service has no business in the databases, and says so where it finds their addresses.
    common = {name: options for name, options in settings(layout).items() if "database" not in name}
    for host in computes:
        (own / host).mkdir()
        groups = merged(common, {"DEFAULT": {"host": host, "state_path": own / host}})
        layout.settings("nova", host).write_text(ini(groups))


def placement(layout: Layout) -> Program:
    """The process of Placement."""
    variables = {"OS_PLACEMENT_CONFIG_DIR": str(layout.own("placement"))}
    where = layout.environment("nova")
    return wsgi("placement", "placement.wsgi.api", where, layout.placement_port, environment=variables)


def programs(layout: Layout) -> list[Program]:
    """Nova's processes, its compute services apart."""
    where = layout.environment("nova")
    variables = {**_THREADING, "OS_NOVA_CONFIG_DIR": str(layout.own("nova"))}
    option = _file(layout, "nova")
    return [
        *(Program(name, (where.program(name), option), _THREADING) for name in ("nova-conductor", "nova-scheduler")),
        wsgi("nova-api", "nova.wsgi.osapi_compute", where, layout.compute_port, environment=variables),
    ]


def compute(layout: Layout, host: str) -> Program:
    """The compute service of a host."""
    python = layout.environment("nova").python
    return Program(host, (python, str(INSIDE / "compute.py"), _file(layout, host)), _THREADING)


def unready(computes: Sequence[str]) -> str:
    """SQL that names what is not there yet: a service that has not signed in, a host that is in no cell or offers nothing."""
    signed_in = "SELECT 1 FROM nova.services WHERE deleted = 0 AND `binary` ="
    offers = "SELECT 1 FROM placement.inventories i JOIN placement.resource_providers p ON p.id = i.resource_provider_id"
    wanted = {name: f"{signed_in} '{name}'" for name in ("nova-conductor", "nova-scheduler")}
    for host in computes:
        wanted[host] = f"{signed_in} 'nova-compute' AND host = '{host}'"
        wanted[f"cell of {host}"] = f"SELECT 1 FROM nova_api.host_mappings WHERE host = '{host}'"
        wanted[f"resources of {host}"] = f"{offers} WHERE p.name = '{host}'"
    return " UNION ALL ".join(f"SELECT '{what}' FROM DUAL WHERE NOT EXISTS ({found})" for what, found in wanted.items())


def _file(layout: Layout, name: str) -> str:
    return f"--config-file={layout.settings('nova', name)}"
