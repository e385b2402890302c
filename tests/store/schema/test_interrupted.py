# SPDX-License-Identifier: Apache-2.0
"""An apply that is cut off anywhere, as by SIGKILL: the next one goes on, and comes to what an uninterrupted one does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gluon.model.schema import Proton
from gluon.settings import Database
from gluon.store.driver import Connection
from gluon.store.opening import open_session
from gluon.store.schema.applying import apply
from gluon.store.schema.history import history
from gluon.store.schema.session import Session

from .evolution import compiled
from .helpers import described, opened, planned


class Killed(BaseException):
    """The process is gone."""


class Cut:
    """A connection that is lost before the statement that is one too many."""

    def __init__(self, connection: Connection, left: int) -> None:
        self._connection = connection
        self._left = left
        self.cut = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    @property
    def alive(self) -> bool:
        return not self.cut and self._connection.alive

    async def fetch(self, sql: str, parameters: Any = ()) -> Any:
        if self.cut:
            raise Killed
        if not sql.lstrip().startswith("SELECT") and not sql.startswith("PRAGMA"):
            self._left -= 1
            if self._left < 0:
                self.cut = True
                await self._connection.close()
                raise Killed
        return await self._connection.fetch(sql, parameters)

    async def rollback(self) -> None:
        if not self.cut:
            await self._connection.rollback()


async def cut_again_and_again(connection: str, proton: Proton) -> int:
    """Apply, cut off later and later; how often until it came through."""
    cuts = 0
    while True:
        async with open_session(Database(connection=connection)) as session:
            cutting = Cut(session.connection, left=3 * cuts)
            try:
                await apply(Session(cutting, session.name, session.place), [proton])
            except Killed:
                cuts += 1
            else:
                return cuts


async def test_it_goes_on_where_it_was(connection: str, tmp_path: Path) -> None:
    first, wider, last = (compiled(tmp_path / version, version) for version in ("1.0", "1.3", "1.5"))
    assert await cut_again_and_again(connection, first) > 3, "from nothing"
    assert await planned(connection, first) == {}
    desk = await opened(connection, first)
    rack = await desk.new("Rack", name="r")
    boxes = [await desk.new("Box", name=f"b{n}", group=f"g{n}", home=rack["id"]) for n in range(3)]
    await desk.store.close()
    assert await cut_again_and_again(connection, wider) > 3
    assert await planned(connection, wider) == {}
    assert await cut_again_and_again(connection, last) > 3
    assert await planned(connection, last) == {}
    async with open_session(Database(connection=connection), writes=False) as session:
        results = {event.result for event in await history(session)}
    assert results <= {"done", "started"}
    desk = await opened(connection, last)
    found = [await desk.get("Box", box["id"]) or {} for box in boxes]
    assert [box["vlan_group"] for box in found] == ["g0", "g1", "g2"]
    assert [box["name"] for box in found] == ["b0", "b1", "b2"]
    assert sorted(box["number"] for box in found) == [1, 2, 3]
    assert all(box["cookie"] and box["cost"] == 10 and box["home"] == rack["id"] for box in found)
    await desk.store.close()
    assert not [name for name in await described(connection) if name.endswith("__new")]
