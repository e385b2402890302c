# SPDX-License-Identifier: Apache-2.0
"""Fixtures that every test may use."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from xdist.scheduler import LoadScopeScheduling

from gluon.kv.process import EtcdProcess

from .databases import mariadb_server, mariadb_url, postgresql_server, postgresql_url

__all__ = ["etcd_endpoint", "mariadb_server", "mariadb_url", "postgresql_server", "postgresql_url"]


class OpenStackTogether(LoadScopeScheduling):
    """Any test in any process, but all those on OpenStack in one, which begins with them: they share a cloud and take longest."""

    def _split_scope(self, nodeid: str) -> str:
        return "openstack" if nodeid.startswith("tests/openstack/") else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """See xdist. Its own way to run tests together, by a mark, has no effect with pytest 9.2."""
    return OpenStackTogether(config, log)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def etcd_endpoint(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The URL of a real etcd, one for each test worker. Tests share it: use keys of your own, count on no revision."""
    async with EtcdProcess(tmp_path_factory.mktemp("etcd") / "member") as etcd:
        yield etcd.endpoint
