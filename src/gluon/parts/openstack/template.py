# SPDX-License-Identifier: Apache-2.0
"""Databases whose schemas and users are there already: made once for a release, kept in the cache, copied for each cloud.

Migrations take minutes and a copy takes less than a second. The folder's name holds a hash of all that the template is made
from, so that whatever changes makes another. Made beside, renamed at the end: what is there is whole.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gluon.errors import GluonError
from gluon.parts.account import find_program
from gluon.parts.mariadb import MariadbServer
from gluon.parts.openstack import contents, keystone, neutron, nova
from gluon.parts.openstack.api import Api
from gluon.parts.openstack.environments import SERVICES, cache, environment
from gluon.parts.openstack.layout import Layout
from gluon.parts.openstack.program import Running, clean_environment, side_by_side
from gluon.parts.openstack.users import ADMIN

#: A broker that is named while cells are made, and not asked.
_NOBODY: Final = "rabbit://guest:guest@127.0.0.1:9/"
_KEYS: Final = ("fernet-keys", "credential-keys")
_TAIL: Final = 3000
_SOURCES: Final = ("template", "contents", "users")


class PreparedMariadb(MariadbServer):
    """A server that begins with a template's data."""

    def __init__(self, folder: Path, template: Path) -> None:
        super().__init__(folder, durable=False)
        self._template = template

    async def prepare(self) -> None:
        """See DatabaseServer."""
        await asyncio.to_thread(_copy, self._template / "mariadb", self.data)


def place(release: str) -> Path:
    """The folder of a release's template, there or not."""
    digest = hashlib.sha256()
    for service in SERVICES:
        digest.update(environment(release, service).digest.encode())
    for name in _SOURCES:
        digest.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    server = find_program("mariadbd", MariadbServer.package, ("/usr/sbin",))
    digest.update(subprocess.run((server, "--version"), capture_output=True, check=True).stdout)
    return cache() / f"{release}-template-{digest.hexdigest()[:12]}"


async def prepared(release: str) -> Path:
    """The template of a release, made where it is not there yet. Raises NotInstalled, GluonError with what a migration said."""
    wanted = await asyncio.to_thread(place, release)
    if not wanted.exists():
        cache().mkdir(parents=True, exist_ok=True)
        with (cache() / f"{wanted.name}.lock").open("w") as lock:
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
            if not wanted.exists():
                await _make(release, wanted)
    return wanted


def copy_keys(template: Path, layout: Layout) -> None:
    """Give Keystone the keys that the template's database goes with."""
    for name in _KEYS:
        shutil.copytree(template / name, layout.own("keystone") / name)


async def _make(release: str, wanted: Path) -> None:
    with tempfile.TemporaryDirectory(dir=cache(), prefix=f"{wanted.name}.") as name:
        folder, made = Path(name), Path(name) / "template"
        made.mkdir()
        async with MariadbServer(folder, durable=False) as server:
            layout = Layout.choose(folder, release, server.port, _NOBODY)
            await _fill(server, layout)
            await server.stop()
            await asyncio.to_thread(_copy, server.data, made / "mariadb")
        for key in _KEYS:
            shutil.copytree(layout.own("keystone") / key, made / key)
        made.rename(wanted)


async def _fill(server: MariadbServer, layout: Layout) -> None:
    """Schemas side by side, then the users, by the API."""
    for database in contents.DATABASES:
        await server.execute(f"CREATE DATABASE {database} CHARACTER SET utf8mb3")
    keystone.configure(layout)
    neutron.configure(layout)
    nova.configure(layout)
    await side_by_side(_in_turn(commands) for commands in contents.schemas(layout))
    running = [Running(program, layout.folder) for program in keystone.programs(layout)]
    try:
        for one in running:
            one.launch()
            await one.until_ready()
        await asyncio.to_thread(contents.populate, Api(layout.auth_url, ADMIN))
    finally:
        for one in running:
            await one.kill()


async def _in_turn(commands: Sequence[Sequence[str]]) -> None:
    for command in commands:
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, env=clean_environment({}), check=False
        )
        if done.returncode:
            said = (done.stdout + done.stderr).strip()[-_TAIL:]
            raise GluonError(f"{' '.join(command)} ended with status {done.returncode}:\n{said}")


def _copy(source: Path, target: Path) -> None:
    """With owners and times: a database server runs as a user of its own."""
    target.mkdir(exist_ok=True)
    command = ("cp", "--archive", "--reflink=auto", f"{source}/.", str(target))
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}, check=False)
    if done.returncode:
        raise GluonError(f"cannot copy {source}: {done.stderr.strip()}")
