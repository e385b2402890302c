# SPDX-License-Identifier: Apache-2.0
"""Following a prefix in etcd over lost streams, silent members and compaction, without a gap.

responses ─► whole revisions (fragments are joined) ─► WatchBatch; ``Position`` says where to resume.

Nothing is read from the stream unless the consumer asks, so a slow one holds up etcd's sending, not our memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from gluon.kv import codec, explaining
from gluon.kv.contract import Compacted, Event, KvError, KvRefused, KvUnavailable, WatchBatch
from gluon.kv.members import PAUSE, TRY, Member, Members, failure_of
from gluon.kv.status import Failure, Verdict

#: Seconds of silence after which a member is asked for a sign of life, and after which it is given up.
SILENCE = 2.0
#: A member that has lost its leader ends the stream instead of staying quiet.
_WITH_LEADER = (("hasleader", "true"),)


class _Lost(Exception):
    """The stream broke; go on with another. ``silent``: it did not break but said nothing."""

    def __init__(self, *, silent: bool = False) -> None:
        super().__init__()
        self.silent = silent


class Position:
    """How far the watch has come, and the revision that is still coming in fragments."""

    def __init__(self, start: int) -> None:
        self.seen = start - 1
        self._open: list[Event] = []

    @property
    def next(self) -> int:
        return self.seen + 1

    def reopen(self) -> None:
        """What was incomplete comes again."""
        self._open = []

    def take(self, response: Any) -> WatchBatch | None:
        """The whole revisions that stand complete with this response of ours, or None where it completes none.

        Only events say how far we are, as the header may be ahead of them: etcd sends history in portions. Without any
        the response is etcd's notice, in order, that there are none up to its revision. Each fragment but the last may
        end within a revision, so its last one waits for more.
        """
        events = self._open + list(codec.events(response))
        self._open = []
        if not events:
            self.seen = max(self.seen, response.header.revision)
            return WatchBatch((), self.seen)
        if response.fragment:
            last = events[-1].kv.mod_revision
            self._open = [event for event in events if event.kv.mod_revision == last]
            events = events[: len(events) - len(self._open)]
            if not events:
                return None
        self.seen = events[-1].kv.mod_revision
        return WatchBatch(tuple(events), self.seen)


async def follow(members: Members, prefix: str, start: int) -> AsyncGenerator[WatchBatch, None]:
    """See ``gluon.kv.contract.Kv.watch``."""
    position = Position(start)
    refused_before = False
    while not members.closed:
        member = members.current
        stream = _Stream(members, member)
        try:
            yield await stream.open(prefix, position)
            refused_before = False
            while True:
                if batch := stream.batch(await stream.next(), position):
                    yield batch
        except KvRefused:
            # A token that has expired is refused like a lack of rights: a new one tells them apart.
            if refused_before or not members.renew_login():
                raise
            refused_before = True
        except _Lost as lost:
            members.leave(member, renew=lost.silent)
            await asyncio.sleep(PAUSE)
        finally:
            await stream.close()
    raise KvUnavailable("the connection to etcd has been closed")


class _Stream:
    """One watch on one member."""

    def __init__(self, members: Members, member: Member) -> None:
        self._members = members
        self._member = member
        self._call: Any = None
        self._reading: asyncio.Task[Any] | None = None
        self._watch_id = 0

    async def open(self, prefix: str, position: Position) -> WatchBatch:
        """Start the watch and wait until it stands."""
        position.reopen()
        first, end = codec.span(prefix)
        fields = {"key": first, "range_end": end, "progress_notify": True, "fragment": True}
        if position.seen >= 0:
            fields["start_revision"] = position.next
        try:
            self._call = self._member.watch(metadata=_WITH_LEADER + await self._members.login(TRY))
        except BaseException as error:
            raise _sort(failure_of(error)) from error
        await self._send(create_request=fields)
        created = await self._read(TRY)
        if created is None:
            raise _Lost(silent=True)
        self._raise_if_ended(created)
        self._watch_id = created.watch_id
        revision = created.header.revision
        if position.seen < 0:
            position.seen = revision
        elif revision < position.seen:
            await self._check_revision(position)
        return WatchBatch((), position.seen)

    async def _check_revision(self, position: Position) -> None:
        """This member is behind us: it lags, or its cluster is another one that has never seen our revision.

        Another one that has come further meanwhile cannot be told from ours here; what is in the keys has to tell.
        """
        try:
            revision = await self._members.revision()
        except KvUnavailable as error:
            raise _Lost from error
        if revision < position.seen:
            raise Compacted(0)

    async def next(self) -> Any:
        """The next response; asks a silent member whether it is there."""
        response = await self._read(SILENCE)
        if response is None:
            await self._send(progress_request={})
            response = await self._read(SILENCE)
        if response is None:
            raise _Lost(silent=True)
        self._raise_if_ended(response)
        return response

    def batch(self, response: Any, position: Position) -> WatchBatch | None:
        """What a response means.

        One that is not under our watch's id answers a progress request. It is a sign of life and no more: before etcd
        3.4.25 and 3.5.8 it may overtake events.
        """
        if response.watch_id != self._watch_id:
            return WatchBatch((), position.seen)
        return position.take(response)

    async def _send(self, **request: Any) -> None:
        message = self._members.codec.message("WatchRequest", **request)
        try:
            async with asyncio.timeout(TRY):
                await self._call.write(message)
        except TimeoutError as error:
            raise _Lost(silent=True) from error
        except BaseException as error:
            raise _sort(failure_of(error)) from error

    async def _read(self, patience: float) -> Any | None:
        """A response, or None where none comes in that time. A read that has begun is never cancelled: that ends a call."""
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._call.read())
        done, _ = await asyncio.wait((self._reading,), timeout=patience)
        if not done:
            return None
        reading, self._reading = self._reading, None
        try:
            response = reading.result()
        except BaseException as error:
            raise _sort(failure_of(error)) from error
        if not response or not hasattr(response, "events"):
            raise _Lost
        return response

    def _raise_if_ended(self, response: Any) -> None:
        if response.compact_revision:
            raise Compacted(response.compact_revision)
        if response.canceled:
            if "permission denied" in response.cancel_reason or "auth" in response.cancel_reason:
                raise KvRefused(explaining.refusal(response.cancel_reason) or response.cancel_reason, whole=True)
            raise _Lost

    async def close(self) -> None:
        if self._call is not None:
            self._call.cancel()
        if self._reading is not None:
            await asyncio.gather(self._reading, return_exceptions=True)


def _sort(failure: Failure | KvError) -> Exception:
    if isinstance(failure, Failure):
        return failure.error or _Lost(silent=failure.renew or failure.verdict is Verdict.SILENT)
    return failure
