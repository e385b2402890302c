# SPDX-License-Identifier: Apache-2.0
"""What a request that binds a port waits on: a seam that ``gluon.sync.answers`` fills and ``gluon.cmd`` joins.

waits.expect(port, id, binding_id)     before the commit, so that no answer is too early
commit
await wait.outcome(8.0)                no thread, no database connection
"""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from gluon.model.schema import Object
from gluon.store.contract import Record


class Wait(Protocol):
    """One request's wait for the answer to one binding. Leaving the context forgets it."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    async def outcome(self, timeout: float) -> Record | None:
        """The port's record once an answer to this binding is stored (BOUND or FAILED); None after ``timeout`` seconds.

        Raises ``Conflict`` where another bind overtook this one or the port was deleted.
        """
        ...


class Waits(Protocol):
    """Where waits are registered. Many waits may expect the same binding."""

    def expect(self, obj: Object, id: str, binding_id: str) -> Wait: ...
