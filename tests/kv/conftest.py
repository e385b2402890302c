# SPDX-License-Identifier: Apache-2.0
"""The two implementations of the contract, behind one handle."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio

from gluon.kv.contract import Kv
from gluon.kv.etcd import connect
from gluon.kv.memory import MemoryKv
from gluon.kv.process import EtcdProcess
from gluon.settings import Etcd

from .administration import compact

#: Seconds for what comes at once, unless the machine stalls.
LIMIT = 30.0


@dataclass(frozen=True)
class Rig:
    """A connection, a way to open others to the same cluster, and what an operator may do to it."""

    kv: Kv
    beside: Callable[[], Awaitable[Kv]]
    compact: Callable[[int], Awaitable[None]]
    shortest_lease: float
    """Seconds that a lease of no more than that takes to run out."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def etcd_endpoint(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The URL of a real etcd of these tests' own: they count revisions, which what others left behind would add to."""
    async with EtcdProcess(tmp_path_factory.mktemp("etcd-kv") / "member") as etcd:
        yield etcd.endpoint


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A member that is slow is not left for another."""
    monkeypatch.setattr("gluon.kv.members.TRY", LIMIT)
    monkeypatch.setattr("gluon.kv.leases._REVOKE", LIMIT)


@pytest.fixture(params=["memory", "etcd"])
def endpoint(request: pytest.FixtureRequest) -> str | None:
    """Where the cluster is; None for the one in memory."""
    return None if request.param == "memory" else request.getfixturevalue("etcd_endpoint")


@pytest.fixture
async def rig(endpoint: str | None, patient: None) -> AsyncIterator[Rig]:
    opened: list[Kv] = []

    async def beside() -> Kv:
        if endpoint is None:
            opened.append(opened[0].beside() if opened else MemoryKv())
        else:
            opened.append(await connect(Etcd(endpoints=(endpoint,), timeout=LIMIT)))
        return opened[-1]

    async def compact_at(revision: int) -> None:
        if endpoint is None:
            opened[0].compact(revision)
        else:
            await compact(endpoint, revision)

    yield Rig(await beside(), beside, compact_at, 0.2 if endpoint is None else 2.0)
    for kv in opened:
        await kv.close()


@pytest.fixture
def kv(rig: Rig) -> Kv:
    return rig.kv


@pytest.fixture
def prefix() -> str:
    """A folder of keys for this test alone."""
    return f"/test/{uuid.uuid4().hex}/"
