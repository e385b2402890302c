# SPDX-License-Identifier: Apache-2.0
"""Database servers for tests, as a plugin of pytest: one of a kind for each test worker, started when first asked for, and
an empty database for each test.

    async def test_something(postgresql_url): …
    async def test_something(mariadb_url): …
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gluon.parts.databases import DatabaseServer, MariadbServer, PostgresServer


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PostgresServer]:
    """A real PostgreSQL that tests share: neither stop nor break it. It does not wait for the disk."""
    async with PostgresServer(tmp_path_factory.mktemp("postgresql"), durable=False) as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def mariadb_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MariadbServer]:
    """A real MariaDB that tests share: neither stop nor break it. It does not wait for the disk."""
    async with MariadbServer(tmp_path_factory.mktemp("mariadb"), durable=False) as server:
        yield server


@pytest.fixture
async def postgresql_url(postgresql_server: PostgresServer) -> AsyncIterator[str]:
    """The connection of a new and empty database, removed after the test."""
    async for url in _database(postgresql_server):
        yield url


@pytest.fixture
async def mariadb_url(mariadb_server: MariadbServer) -> AsyncIterator[str]:
    """The connection of a new and empty database, removed after the test."""
    async for url in _database(mariadb_server):
        yield url


async def _database(server: DatabaseServer) -> AsyncIterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    await server.create_database(name)
    yield server.url(name)
    await server.drop_database(name)
