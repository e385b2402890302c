# SPDX-License-Identifier: Apache-2.0
"""Fixtures that every test may use."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gluon.kv.process import EtcdProcess

from .databases import mariadb_server, mariadb_url, postgresql_server, postgresql_url

__all__ = ["etcd_endpoint", "mariadb_server", "mariadb_url", "postgresql_server", "postgresql_url"]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def etcd_endpoint(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The URL of a real etcd, one for each test worker. Tests share it: use keys of your own, count on no revision."""
    async with EtcdProcess(tmp_path_factory.mktemp("etcd") / "member") as etcd:
        yield etcd.endpoint
