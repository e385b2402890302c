# SPDX-License-Identifier: Apache-2.0
"""Opens a database on a server: sees that it has what the models need, refuses what does not fit, and says exactly why."""

from __future__ import annotations

from collections.abc import Sequence

from gluon.errors import SettingsError
from gluon.model.schema import Proton
from gluon.store.driver import DatabaseError, Driver
from gluon.store.logplans import LogPlans
from gluon.store.plans import Plans
from gluon.store.pooled.engine import PooledStore
from gluon.store.schema.serving import prepared
from gluon.store.schema.session import Session


async def open_pooled(driver: Driver, protons: Sequence[Proton], *, auto_apply: bool, pool_size: int) -> PooledStore:
    """The store of these Protons. Raises SettingsError where the database cannot be reached or used."""
    try:
        connection = await driver.connect()
        try:
            session = Session(connection, driver.name, driver.place)
            columns = await prepared(session, protons, auto_apply=auto_apply)
        finally:
            await connection.close()
    except DatabaseError as error:
        raise SettingsError(f"[database] connection: {driver.place}: {error}") from error
    return PooledStore(driver, Plans(protons, driver.dialect, columns), LogPlans(driver.dialect), pool_size=pool_size)
