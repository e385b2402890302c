# SPDX-License-Identifier: Apache-2.0
"""A RabbitMQ broker on loopback with a node name, a folder and ports of its own. Knows nothing of one that the system runs.

A node finds its port for other nodes through epmd, which a node would start as a daemon that outlives it. So this part starts
one itself, on a port of its own, and ends it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import Final

from gluon.kv.ports import free_ports
from gluon.parts.account import find_program
from gluon.parts.daemon import Daemon, PortTaken
from gluon.parts.standing import Standing

_PACKAGE: Final = "rabbitmq-server"
#: Debian's script itself; the one on PATH is a wrapper that changes to the package's user and folders.
_SCRIPT: Final = "/usr/lib/rabbitmq/bin/rabbitmq-server"
#: One scheduler that sleeps when it has nothing to do: the broker is the least of what runs here.
_EMULATOR: Final = "+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}"
_PORT_TRIES: Final = 5


class RabbitmqBroker(Standing):
    """``async with RabbitmqBroker(folder) as broker: … broker.url``. Its data and logs are in ``folder``, made where missing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = 0
        self.daemon = Daemon(f"RabbitMQ in {folder}", folder / "rabbitmq.log")
        self._epmd = Daemon(f"epmd in {folder}", folder / "epmd.log")

    @property
    def url(self) -> str:
        """The ``transport_url`` of its clients."""
        return f"rabbit://guest:guest@127.0.0.1:{self.port}/"

    async def start(self) -> None:
        """Return once it takes connections. Raises DaemonFailed with the end of its log, NotInstalled."""
        for _ in range(_PORT_TRIES):
            try:
                await self._launch()
                return
            except PortTaken:
                await self.close()
        raise PortTaken(f"RabbitMQ found its ports taken {_PORT_TRIES} times")

    async def close(self) -> None:
        """End it at once, and remove what it holds."""
        await self.daemon.kill()
        await self._epmd.kill()
        shutil.rmtree(self._folder / "mnesia", ignore_errors=True)

    async def _launch(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self.port, nodes, names = free_ports(3)
        environment = self._environment(nodes, names)
        self._epmd.launch((find_program("epmd", "erlang-base"), "-port", str(names), "-address", "127.0.0.1"), environment)
        await self._epmd.until(lambda: _listening(names), "listening")
        server = _SCRIPT if os.access(_SCRIPT, os.X_OK) else find_program("rabbitmq-server", _PACKAGE)
        self.daemon.launch((server, "-noinput"), environment)
        await self.daemon.until(lambda: _listening(self.port), "ready")

    def _environment(self, nodes: int, names: int) -> dict[str, str]:
        """``nodes``: the port for other nodes; ``names``: that of epmd."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))}
        return ours | {
            "HOME": str(self._folder),  # the cookie that nodes know each other by
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(names),
            "RABBITMQ_ALLOW_INPUT": "1",  # the script then becomes the broker, and does not wait beside it
            "RABBITMQ_NODENAME": "gluon@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(nodes),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self._folder),
            "RABBITMQ_LOGS": "-",
            # Files of the system's broker are not read: these do not exist.
            "RABBITMQ_CONF_ENV_FILE": str(self._folder / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(self._folder / "rabbitmq"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self._folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "enabled_plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _EMULATOR,
        }


async def _listening(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True
