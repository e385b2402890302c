# SPDX-License-Identifier: Apache-2.0
"""A store of each engine, and short ways to the verbs. The suite is one contract: an engine joins by a line in ENGINES."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from gluon.model.schema import Proton
from gluon.store.contract import Record, Store, SyncMark
from gluon.store.objects import Objects, Outcome
from gluon.store.opening import open_store

from .models import network

#: One of the names; the database of that kind has a fixture ``<name>_url``.
ENGINES = ("mariadb", "postgresql", "sqlite")


class Desk:
    """The verbs, each in a transaction of its own."""

    def __init__(self, store: Store, proton: Proton) -> None:
        self.store = store
        self.proton = proton
        self.objects = Objects(proton)
        self._bindings = 0

    def fresh(self) -> str:
        self._bindings += 1
        return f"binding-{self._bindings}"

    async def make(self, kind: str, /, *, scope: dict[str, Any] | None = None, **values: Any) -> Outcome:
        obj = self.proton.by_name[kind]
        if "tenant_id" in obj.by_name:
            values.setdefault("tenant_id", "t1")
        fresh = self.fresh()
        return await self.store.write(lambda tx: self.objects.create(tx, obj, values, binding_id=fresh, scope=scope or {}))

    async def new(self, kind: str, /, **values: Any) -> Record:
        return (await self.make(kind, **values)).record

    async def change(self, kind: str, id: Any, /, *, if_match: int | None = None, scope: Any = None, **values: Any) -> Outcome:
        obj, fresh = self.proton.by_name[kind], self.fresh()
        return await self.store.write(
            lambda tx: self.objects.update(tx, obj, id, values, binding_id=fresh, if_match=if_match, scope=scope or {})
        )

    async def drop(self, kind: str, id: Any, /, *, if_match: int | None = None, scope: Any = None) -> Record:
        obj = self.proton.by_name[kind]
        return await self.store.write(lambda tx: self.objects.delete(tx, obj, id, if_match=if_match, scope=scope or {}))

    async def get(self, kind: str, id: Any, /) -> Record | None:
        return await self.store.get(self.proton.by_name[kind], id)

    async def changes(self) -> list[tuple[str, Any, int | None]]:
        """What waits in the change log (object, id, revision), settled on the way."""
        batch = await self.store.log.take(self.proton.name, 10_000)
        await self.store.log.settle(batch, SyncMark("e", 1))
        return [(c.object.name, c.id, c.record and c.record["revision"]) for c in batch.changes]


@pytest.fixture
def proton() -> Proton:
    return network()


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets for how many seconds a store on a server tries what may pass: longer than anything takes, unless a test says less."""

    def let(seconds: float) -> None:
        monkeypatch.setattr("gluon.store.pooled.pool._PATIENCE", seconds)
        monkeypatch.setattr("gluon.store.pooled.committing.PATIENCE", seconds)

    let(60)
    return let


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A file that is not there yet."""
    return f"sqlite:///{tmp_path / 'gluon.sqlite'}"


@pytest.fixture(params=ENGINES)
def connection(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database, of each kind in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def store(connection: str, proton: Proton) -> AsyncIterator[Store]:
    opened = await open_store(connection, [proton])
    yield opened
    await opened.close()


@pytest.fixture
def desk(store: Store, proton: Proton) -> Desk:
    return Desk(store, proton)
