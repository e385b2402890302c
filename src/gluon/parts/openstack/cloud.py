# SPDX-License-Identifier: Apache-2.0
"""The whole lab: started in the order in which its parts need each other, side by side where they do not, and ended.

MariaDB, a copy of the template ┐   Keystone · Placement · Glance's stub      catalogue     compute-1
                                ├─► Neutron, API and RPC ──────────────────►          ──►  compute-2
RabbitMQ ───────────────────────┘   Nova, API, scheduler, conductor           flavor        …
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from gluon.parts.daemon import DaemonFailed
from gluon.parts.openstack import glance, keystone, neutron, nova
from gluon.parts.openstack.api import Api
from gluon.parts.openstack.client import OpenStackCommand
from gluon.parts.openstack.environments import RELEASES
from gluon.parts.openstack.layout import NO_BROKER, Layout
from gluon.parts.openstack.program import Groups, Program, Running, side_by_side
from gluon.parts.openstack.rabbitmq import RabbitmqBroker
from gluon.parts.openstack.template import PreparedMariadb, copy_keys, prepared
from gluon.parts.openstack.users import ADMIN, User

_PATIENCE: Final = 60.0  # seconds for Nova's services to find each other
_LOOK: Final = 0.2  # seconds between two looks


class Extent(IntEnum):
    """How much of OpenStack runs. Each holds those before it."""

    KEYSTONE = 1
    NEUTRON = 2
    NOVA = 3


class Cloud:
    """An OpenStack in ``folder``. Leaving the context ends every process and removes what the databases held.

    ``computes``: the hosts that have a compute service (with Nova), and an Open vSwitch agent as far as Neutron knows.
    ``neutron``: groups of options that win over the lab's in neutron.conf, such as ``{"gluon": {…}}``; or a function that makes
    them of the layout, where they name Keystone.
    Raises NotInstalled where ``scripts/openstack-setup`` was not run.
    """

    def __init__(
        self,
        folder: Path,
        *,
        release: str = RELEASES[0],
        extent: Extent = Extent.NOVA,
        core_plugin: str = "ml2",
        computes: Sequence[str] = ("compute-1",),
        neutron: Groups | Callable[[Layout], Groups] | None = None,
    ) -> None:
        self.folder = folder
        self.release = release
        self.extent = extent
        self.computes = tuple(computes)
        self.broker = RabbitmqBroker(folder / "rabbitmq")
        self._core_plugin = core_plugin
        self._neutron = neutron if callable(neutron) else lambda layout: neutron or {}
        self._database: PreparedMariadb | None = None
        self._layout: Layout | None = None
        self._running: dict[str, Running] = {}
        self._apis: dict[User, Api] = {}

    @property
    def layout(self) -> Layout:
        """Its folders, ports and URLs, once it runs."""
        assert self._layout is not None
        return self._layout

    @property
    def database(self) -> PreparedMariadb:
        """The server of all its databases, once it runs."""
        assert self._database is not None
        return self._database

    @property
    def auth_url(self) -> str:
        """Keystone's."""
        return self.layout.auth_url

    def api(self, user: User) -> Api:
        """The REST APIs as this user."""
        return self._apis.setdefault(user, Api(self.auth_url, user))

    def client(self, user: User) -> OpenStackCommand:
        """The ``openstack`` command as this user."""
        return OpenStackCommand(self.layout, user)

    def publish(self, catalogue: Mapping[str, str]) -> None:
        """Put more services into Keystone's catalogue: type and URL of each."""
        keystone.publish(self.api(ADMIN), catalogue)

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self.kill()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.kill()

    async def start(self, program: Program) -> Running:
        """Start one more process of this cloud, or one that was stopped; returns once it answers (where it answers HTTP)."""
        running = self._running[program.name] = Running(program, self.folder)
        running.launch()
        await running.until_ready()
        return running

    def process(self, name: str) -> Running:
        """One of its processes: keystone, placement, neutron, neutron-rpc-server, nova-api, …, or a compute host."""
        return self._running[name]

    async def kill(self) -> None:
        """End everything at once, and remove the data of the databases. No error where it has ended."""
        await side_by_side(running.kill() for running in self._running.values())
        await self.broker.close()
        if self._database is not None:
            await self._database.close()
            self._database = None

    async def _start(self) -> None:
        template = await prepared(self.release)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._database = PreparedMariadb(self.folder, template)
        ground = [self._database.start()]
        if self.extent >= Extent.NOVA:
            ground.append(self.broker.start())
        await side_by_side(ground)
        transport = self.broker.url if self.extent >= Extent.NOVA else NO_BROKER
        self._layout = Layout.choose(self.folder, self.release, self._database.port, transport)
        await self._configure(template)
        await side_by_side([self._start_keystone(), *(self.start(program) for program in self._peers())])
        if self.extent >= Extent.NOVA:
            await self._start_nova()

    async def _configure(self, template: Path) -> None:
        copy_keys(template, self.layout)
        keystone.configure(self.layout)
        if self.extent >= Extent.NEUTRON:
            neutron.configure(self.layout, self._core_plugin, self._neutron(self.layout))
            if self.computes:
                await self.database.execute(neutron.agents(self.computes), "neutron")
        if self.extent >= Extent.NOVA:
            nova.configure(self.layout, self.computes)

    def _peers(self) -> list[Program]:
        """What starts without Keystone's catalogue."""
        found: list[Program] = []
        if self.extent >= Extent.NEUTRON:
            found += neutron.programs(self.layout)
        if self.extent >= Extent.NOVA:
            found += [nova.placement(self.layout), *glance.programs(self.layout)]
        return found

    async def _start_keystone(self) -> None:
        for program in keystone.programs(self.layout):
            await self.start(program)
        catalogue = self.layout.catalogue
        kinds = list(catalogue) if self.extent >= Extent.NOVA else ["identity", "network"][: self.extent]
        await asyncio.to_thread(self.publish, {kind: catalogue[kind] for kind in kinds})
        self._apis.clear()  # the token that published them came with a catalogue without them

    async def _start_nova(self) -> None:
        """Nova, which gives up for good what it does not find in the catalogue when it starts."""
        await side_by_side(self.start(program) for program in nova.programs(self.layout))
        flavor = {"name": nova.FLAVOR, "vcpus": 1, "ram": 64, "disk": 1}
        await asyncio.to_thread(self.api(ADMIN).post, "compute", "/flavors", {"flavor": flavor})
        await self._until_complete(())  # a compute service that asks the conductor too early waits ten seconds for nothing
        await side_by_side(self.start(nova.compute(self.layout, host)) for host in self.computes)
        await self._until_complete(self.computes)

    async def _until_complete(self, computes: Sequence[str]) -> None:
        """Return once a server can be booted on any of these hosts."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _PATIENCE
        while missing := await self.database.execute(nova.unready(computes)):
            if loop.time() > end:
                raise DaemonFailed(f"Nova in {self.folder} is not complete within {_PATIENCE:g} s: {missing.splitlines()}")
            for running in self._running.values():
                if not running.daemon.running:
                    raise running.daemon.failure("ended")
            await asyncio.sleep(_LOOK)
