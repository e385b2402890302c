# SPDX-License-Identifier: Apache-2.0
"""A MariaDB server on this machine, with data of its own, for tests, chaos and benchmarks. Not for production."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import ClassVar

from gluon.parts.account import find_program
from gluon.parts.daemon import DaemonFailed
from gluon.parts.engine import PASSWORD, USER, DatabaseServer


class MariadbServer(DatabaseServer):
    """See DatabaseServer."""

    kind: ClassVar = "mariadb"
    account_name: ClassVar = "mysql"
    package: ClassVar = "mariadb-server"
    scheme: ClassVar = "mysql"
    ending: ClassVar = signal.SIGTERM

    async def prepare(self) -> None:
        """See DatabaseServer."""
        program = find_program("mariadb-install-db", self.package)
        options = ("--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-log-file-size=16M")
        await self.run((program, "--no-defaults", f"--datadir={self.data}", f"--tmpdir={self.home}", *options))

    def command(self) -> tuple[str, ...]:
        """See DatabaseServer."""
        settings = {
            "datadir": self.data,
            "tmpdir": self.home,  # a server that starts removes what it takes for remains of its own there
            "socket": self._socket,
            "pid-file": self.home / "mariadbd.pid",
            "bind-address": self.address,
            "port": self.port,
            "max-connections": 200,
            "innodb-buffer-pool-size": "64M",
            "innodb-log-file-size": "16M",
            "innodb-flush-log-at-trx-commit": 1 if self.durable else 2,
            "innodb-flush-method": "fsync" if self.durable else "nosync",
        }
        if self.tls:
            settings |= {"ssl-ca": self.tls.ca, "ssl-cert": self.tls.cert, "ssl-key": self.tls.key}
        given = [f"--{name}={value}" for name, value in settings.items()]
        return (find_program("mariadbd", self.package, ("/usr/sbin",)), "--no-defaults", "--skip-name-resolve", *given)

    async def ready(self) -> bool:
        """See DatabaseServer."""
        if not self._socket.exists():
            return False
        try:
            await self.execute("SELECT 1")
        except DaemonFailed:
            return False
        return True

    async def start(self) -> None:
        """See DatabaseServer."""
        await super().start()
        await self.admit()

    async def admit(self) -> None:
        """Make the user where it is not there yet."""
        demand = "REQUIRE X509" if self.tls else ""
        await self.execute(
            f"CREATE USER IF NOT EXISTS {USER}@'%' IDENTIFIED BY '{PASSWORD}' {demand};"
            f"GRANT ALL ON *.* TO {USER}@'%' WITH GRANT OPTION"
        )

    async def execute(self, sql: str, database: str = "") -> str:
        """See DatabaseServer."""
        client = find_program("mariadb", "mariadb-client")
        options = ("--no-defaults", "--batch", "--skip-column-names", "--default-character-set=utf8mb4", "--connect-timeout=30")
        return await self.run(
            (client, *options, f"--socket={self._socket}", "--user=root", f"--execute={sql}", database or "mysql")
        )

    async def create_database(self, name: str) -> None:
        """See DatabaseServer."""
        await self.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin")

    async def drop_database(self, name: str) -> None:
        """See DatabaseServer."""
        await self.execute(f"DROP DATABASE IF EXISTS `{name}`")

    @property
    def _socket(self) -> Path:
        return self.home / "socket"
