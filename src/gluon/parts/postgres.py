# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL server on this machine, with data of its own, for tests, chaos and benchmarks. Not for production."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import ClassVar, Final

from gluon.parts.account import find_program
from gluon.parts.engine import PASSWORD, USER, DatabaseServer

_FOLDERS: Final = ("/usr/lib/postgresql/*/bin",)


class PostgresServer(DatabaseServer):
    """See DatabaseServer."""

    kind: ClassVar = "postgresql"
    account_name: ClassVar = "postgres"
    package: ClassVar = "postgresql"
    scheme: ClassVar = "postgresql"
    ending: ClassVar = signal.SIGINT  # "fast": ends the sessions of clients

    async def prepare(self) -> None:
        """See DatabaseServer."""
        secret = self.home / "password"
        secret.write_text(PASSWORD + "\n")
        secret.chmod(0o644)  # in a folder that is closed
        await self.run(
            (
                *(self._program("initdb"), f"--pgdata={self.data}", "--no-sync", "--encoding=UTF8", "--locale=C"),
                *(f"--username={USER}", f"--pwfile={secret}", "--auth-local=trust", "--auth-host=scram-sha-256"),
            )
        )
        secret.unlink()
        access = "hostssl all all all scram-sha-256 clientcert=verify-ca" if self.tls else "host all all all scram-sha-256"
        (self.data / "pg_hba.conf").write_text(f"local all all trust\n{access}\n")

    def command(self) -> tuple[str, ...]:
        """See DatabaseServer."""
        settings = {
            "listen_addresses": self.address,
            "port": self.port,
            "unix_socket_directories": self.home,
            "max_connections": 200,
            "shared_buffers": "64MB",
            "fsync": "on" if self.durable else "off",
            "full_page_writes": "on" if self.durable else "off",
            "log_line_prefix": "%m [%p] ",
        }
        if self.tls:
            settings |= {"ssl": "on", "ssl_cert_file": self.tls.cert, "ssl_key_file": self.tls.key, "ssl_ca_file": self.tls.ca}
        given = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return (self._program("postgres"), "-D", str(self.data), *given)

    async def ready(self) -> bool:
        """See DatabaseServer. The eighth line of the postmaster's file is its state."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and int(lines[0]) == self.daemon.pid and lines[7].strip() == "ready"

    async def execute(self, sql: str, database: str = "postgres") -> str:
        """See DatabaseServer."""
        options = ("--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1")
        place = (f"--host={self.home}", f"--port={self.port}", f"--username={USER}", f"--dbname={database}")
        return await self.run((self._program("psql"), *options, *place, f"--command={sql}"))

    async def create_database(self, name: str) -> None:
        """See DatabaseServer."""
        await self.execute(f'CREATE DATABASE "{name}"')

    async def drop_database(self, name: str) -> None:
        """See DatabaseServer."""
        await self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _program(self, name: str) -> str:
        return find_program(name, self.package, _FOLDERS)


def programs() -> Path:
    """The folder of PostgreSQL's programs. Raises NotInstalled."""
    return Path(find_program("postgres", PostgresServer.package, _FOLDERS)).parent
