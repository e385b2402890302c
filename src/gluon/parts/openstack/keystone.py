# SPDX-License-Identifier: Apache-2.0
"""Keystone: its settings, its process, its catalogue."""

from __future__ import annotations

from collections.abc import Mapping

from gluon.parts.openstack.api import Api
from gluon.parts.openstack.layout import Layout
from gluon.parts.openstack.program import Groups, Program, ini, wsgi
from gluon.parts.openstack.users import REGION


def settings(layout: Layout) -> Groups:
    """keystone.conf."""
    own = layout.own("keystone")
    return {
        "DEFAULT": {"use_stderr": True},
        "database": {"connection": layout.database("keystone")},
        "identity": {"password_hash_rounds": 4},  # the fewest that there are: passwords here are no secrets
        "fernet_tokens": {"key_repository": own / "fernet-keys"},
        "credential": {"key_repository": own / "credential-keys"},
        "cache": {"enabled": True, "backend": "dogpile.cache.memory"},  # without it one validation costs half a second
    }


def configure(layout: Layout) -> None:
    """Write its settings."""
    layout.settings("keystone").write_text(ini(settings(layout)))


def programs(layout: Layout) -> list[Program]:
    """Its processes."""
    variables = {"OS_KEYSTONE_CONFIG_DIR": str(layout.own("keystone"))}
    return [wsgi("keystone", "keystone.wsgi.api", layout.environment("keystone"), layout.identity_port, environment=variables)]


def publish(admin: Api, catalogue: Mapping[str, str]) -> None:
    """Put services into the catalogue: type and URL of each."""
    for kind, url in catalogue.items():
        service = admin.post("identity", "/services", {"service": {"type": kind, "name": kind}})["service"]["id"]
        for interface in ("public", "internal"):
            endpoint = {"service_id": service, "interface": interface, "url": url, "region_id": REGION}
            admin.post("identity", "/endpoints", {"endpoint": endpoint})
