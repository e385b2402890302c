# SPDX-License-Identifier: Apache-2.0
"""Reads and Tx on one SQLite connection. Nothing here suspends: every method runs its statements and returns."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar, cast

from gluon.errors import Invalid
from gluon.store.driver import Row, Violation
from gluon.store.explaining import Explainer
from gluon.store.logplans import LogPlans
from gluon.store.plans import Plans
from gluon.store.refusals import Blocked
from gluon.store.sqlite.failures import unavailable
from gluon.store.transactions import RowReads, RowTx

T = TypeVar("T")
#: What the driver raises for integers beyond 64 bits and for lone surrogates; no stored value has either.
UNSTORABLE: Final = (OverflowError, UnicodeEncodeError)
Work = Callable[[RowTx], Awaitable[T]]


def drive(work: Awaitable[T]) -> T:
    """Run a unit of work to its end. It awaits nothing but its transaction, which never suspends."""
    coroutine = cast("Coroutine[Any, Any, T]", work)
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return cast("T", stop.value)
    coroutine.close()
    raise RuntimeError("a unit of work awaited something other than its transaction")


class SqliteSession:
    """See ``gluon.store.transactions.Session``; any failure of the database is Unavailable."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows of a statement. Returns without suspending."""
        try:
            return self._execute(sql, parameters).fetchall()
        except sqlite3.IntegrityError as error:
            raise _violation(error) from error
        except sqlite3.Error as error:
            raise unavailable(error) from error
        except UNSTORABLE as error:
            raise Invalid("a value is beyond what the database can hold") from error


class SqliteTx(RowTx):
    """One unit of work on the writer's connection, which is the one that writes: what is read is locked."""

    def __init__(self, session: SqliteSession, plans: Plans, log: LogPlans, explainer: Explainer) -> None:
        super().__init__(session, plans, log)
        self._explainer = explainer

    async def blocked(self, blocked: Blocked) -> Exception:
        """The explanation at once: the statement failed, the transaction goes on."""
        return await self._explainer.explain(RowReads(self._session, self._plans), blocked)


def _violation(error: sqlite3.IntegrityError) -> Violation:
    """SQLite names the columns: ``UNIQUE constraint failed: t.a, t.b``; of a foreign key it says nothing."""
    text = str(error)
    if text.startswith("UNIQUE"):
        places = text.split(": ", 1)[1]
        return Violation(text, "unique", places, places.split(".", 1)[0])
    return Violation(text, "reference", "")
