# SPDX-License-Identifier: Apache-2.0
"""Where everything of one cloud is: folders, ports, URLs. Chosen once, then only read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gluon.kv.ports import free_ports
from gluon.parts.engine import PASSWORD, USER
from gluon.parts.openstack.environments import Environment, environment

#: What services without a broker are told: messages stay in their process.
NO_BROKER: Final = "fake://"


@dataclass(frozen=True, slots=True)
class Layout:
    """One cloud's. ``database_port`` and ``transport`` are known once MariaDB and RabbitMQ run."""

    folder: Path
    release: str
    identity_port: int
    network_port: int
    placement_port: int
    compute_port: int
    image_port: int
    database_port: int
    transport: str = NO_BROKER

    @classmethod
    def choose(cls, folder: Path, release: str, database_port: int, transport: str = NO_BROKER) -> Layout:
        """With ports on which nothing listens."""
        identity, network, placement, compute, image = free_ports(5)
        return cls(folder, release, identity, network, placement, compute, image, database_port, transport)

    @property
    def auth_url(self) -> str:
        """Keystone's."""
        return f"http://127.0.0.1:{self.identity_port}/v3"

    @property
    def catalogue(self) -> dict[str, str]:
        """The public URL of each type of service."""
        return {
            "identity": self.auth_url,
            "network": f"http://127.0.0.1:{self.network_port}",
            "placement": f"http://127.0.0.1:{self.placement_port}",
            "compute": f"http://127.0.0.1:{self.compute_port}/v2.1",
            "image": f"http://127.0.0.1:{self.image_port}",
        }

    def database(self, name: str) -> str:
        """The ``connection`` of a database."""
        return f"mysql+pymysql://{USER}:{PASSWORD}@127.0.0.1:{self.database_port}/{name}?charset=utf8"

    def environment(self, service: str) -> Environment:
        """The virtualenv of a service."""
        return environment(self.release, service)

    def own(self, name: str) -> Path:
        """The folder of a service within this cloud, made where missing."""
        path = self.folder / name
        path.mkdir(exist_ok=True)
        return path

    def settings(self, service: str, name: str = "") -> Path:
        """The settings file of a service, or one of several."""
        return self.own(service) / f"{name or service}.conf"
