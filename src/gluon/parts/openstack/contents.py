# SPDX-License-Identifier: Apache-2.0
"""What the databases of a new cloud hold: the schemas that OpenStack's own commands make, one cell, the users of the lab.

A template is made from this, and made again when this file changes.
"""

from __future__ import annotations

from grp import getgrgid
from os import getegid, geteuid
from pwd import getpwuid
from typing import Final

from gluon.parts.openstack.api import Api
from gluon.parts.openstack.layout import Layout
from gluon.parts.openstack.users import ADMIN, DOMAIN, REGION, USERS

DATABASES: Final = ("keystone", "neutron", "nova_api", "nova_cell0", "nova", "placement")

# Cells are kept in the database with their URLs; Nova fills these in from its settings, so that ports may change.
_SERVER: Final = "{scheme}://{username}:{password}@{hostname}:{port}/"
_OWN: Final = _SERVER + "{path}"


def schemas(layout: Layout) -> list[list[tuple[str, ...]]]:
    """Commands that fill the empty databases: each list in its order, the lists side by side."""
    return [_keystone(layout), _neutron(layout), _nova(layout), _placement(layout)]


def populate(admin: Api) -> None:
    """Make the projects and users of the lab; the administrator's own are there."""
    roles = {role["name"]: role["id"] for role in admin.get("identity", "/roles")["roles"]}
    projects = {
        name: admin.post("identity", "/projects", {"project": {"name": name, "domain_id": DOMAIN}})["project"]["id"]
        for name in sorted({user.project for user in USERS})
    }
    for user in USERS:
        body = {"name": user.name, "password": user.password, "domain_id": DOMAIN}
        made = admin.post("identity", "/users", {"user": body})["user"]["id"]
        for role in user.roles:
            admin.put("identity", f"/projects/{projects[user.project]}/users/{made}/roles/{roles[role]}")


def _keystone(layout: Layout) -> list[tuple[str, ...]]:
    manage = (layout.environment("keystone").program("keystone-manage"), f"--config-file={layout.settings('keystone')}")
    owner = (f"--keystone-user={getpwuid(geteuid()).pw_name}", f"--keystone-group={getgrgid(getegid()).gr_name}")
    admin = ("--bootstrap-username", ADMIN.name, "--bootstrap-password", ADMIN.password)
    return [
        (*manage, "db_sync"),
        (*manage, "fernet_setup", *owner),
        (*manage, "credential_setup", *owner),
        (*manage, "bootstrap", *admin, "--bootstrap-project-name", ADMIN.project, "--bootstrap-region-id", REGION),
    ]


def _neutron(layout: Layout) -> list[tuple[str, ...]]:
    manage = layout.environment("neutron").program("neutron-db-manage")
    return [(manage, f"--config-file={layout.settings('neutron')}", "upgrade", "heads")]


def _nova(layout: Layout) -> list[tuple[str, ...]]:
    manage = (layout.environment("nova").program("nova-manage"), f"--config-file={layout.settings('nova')}")
    cell = ("--name=cell1", f"--database_connection={_OWN}?{{query}}", f"--transport-url={_OWN}")
    return [
        (*manage, "api_db", "sync"),
        (*manage, "cell_v2", "map_cell0", f"--database_connection={_SERVER}nova_cell0?{{query}}"),
        (*manage, "cell_v2", "create_cell", *cell),
        (*manage, "db", "sync"),
    ]


def _placement(layout: Layout) -> list[tuple[str, ...]]:
    manage = layout.environment("nova").program("placement-manage")
    return [(manage, f"--config-file={layout.settings('placement')}", "db", "sync")]
