# SPDX-License-Identifier: Apache-2.0
"""Short ways to plan and apply."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gluon.errors import SettingsError
from gluon.model.compile import compile_text
from gluon.model.schema import Proton
from gluon.settings import Database
from gluon.store.opening import open_session, open_store
from gluon.store.schema.applying import apply
from gluon.store.schema.checking import violations
from gluon.store.schema.description import Tables
from gluon.store.schema.reading import describe
from gluon.store.schema.session import look
from gluon.store.schema.steps import Grade

from ..conftest import Desk


def shop(*attributes: str, more: str = "", version: str = "1.0") -> Proton:
    """A model with one object, Thing, of these attributes."""
    lines = "".join(f"      {line}\n" for line in attributes or ("a: {type: string}",))
    return compile_text(
        f'file_version: "1.0"\nimports: base.yaml\ninfo: {{name: shop, version: "{version}"}}\nobjects:\n'
        f"  Thing:\n    extends: BaseObject\n    api: {{name: thing}}\n    attributes:\n{lines}\n{more}"
    )


async def planned(connection: str, *protons: Proton, allow: Sequence[str] = ()) -> dict[str, Grade]:
    async with open_session(Database(connection=connection), writes=False) as session:
        found = await look(session, protons, allow, rows=True)
        assert not found.plan.refused, found.plan.refused
        assert not await violations(session, found, found.plan.steps)
        return {step.name: step.grade for step in found.plan.steps}


async def kept(connection: str, *protons: Proton) -> list[str]:
    async with open_session(Database(connection=connection), writes=False) as session:
        return [step.name for step in (await look(session, protons)).plan.kept]


async def applied(connection: str, *protons: Proton, allow: Sequence[str] = ()) -> list[str]:
    async with open_session(Database(connection=connection)) as session:
        return [step.name for step in (await apply(session, protons, allowed=allow)).steps]


async def described(connection: str) -> Tables:
    async with open_session(Database(connection=connection), writes=False) as session:
        return await describe(session.connection, session.name)


async def refused(connection: str, *protons: Proton, allow: Sequence[str] = ()) -> str:
    """Why they are; and nothing was changed."""
    before = await described(connection)
    async with open_session(Database(connection=connection)) as session:
        with pytest.raises(SettingsError) as error:
            await apply(session, protons, allowed=allow)
    assert await described(connection) == before
    return str(error.value)


async def opened(connection: str, proton: Proton) -> Desk:
    """A server's view of the database, as it is."""
    return Desk(await open_store(connection, [proton], auto_apply=False), proton)
