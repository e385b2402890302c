# SPDX-License-Identifier: Apache-2.0
"""The members of an etcd cluster and how a call finds one that answers. Besides ``watching`` the only user of gRPC.

One channel for each member, so that we choose among them and not gRPC: a call that one member does not answer goes to
the next within 1.5 s, where a channel of many addresses would stay with a hung one for its keep-alive's time.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from gluon.errors import SettingsError
from gluon.kv.codec import Codec
from gluon.kv.contract import KvError, KvRefused, KvUnavailable
from gluon.kv.status import Failure, Verdict, judge
from gluon.kv.wire import CALLS, WATCH

#: Seconds that one member has for a call.
TRY = 1.5
#: Seconds between two rounds in which no member took the call.
PAUSE = 0.1
#: A key that whoever has rights to Gluon's keys may read, to learn the revision from.
_READABLE = "/gluon/"

_OPTIONS = (
    ("grpc.keepalive_time_ms", 10_000),  # etcd cuts off who pings more often than every 5 s
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),  # for a connection to stand; less than a try, so that the reason is plain
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.max_receive_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),  # or a new channel would get the hung connection of the old one
    ("grpc.enable_http_proxy", 0),
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a member listens; with credentials, read anew for each connection, it is spoken to over TLS."""

    target: str
    credentials: Callable[[], grpc.ChannelCredentials] | None


@dataclass(frozen=True, slots=True)
class Login:
    """A user of etcd's own authentication."""

    username: str
    password: str


class Member:
    """One connection to one member. It is replaced, not repaired, when it has been silent or its certificates do not do.

    Raises SettingsError where the certificates cannot be read.
    """

    def __init__(self, address: Address, codec: Codec) -> None:
        self.address = address
        if address.credentials is None:
            self._channel = grpc.aio.insecure_channel(address.target, options=_OPTIONS)
        else:
            self._channel = grpc.aio.secure_channel(address.target, address.credentials(), options=_OPTIONS)
        self.calls: Mapping[str, Any] = {
            name: self._channel.unary_unary(
                path,
                request_serializer=codec.messages[request].SerializeToString,
                response_deserializer=codec.messages[response].FromString,
            )
            for name, (path, request, response) in CALLS.items()
        }
        path, request, response = WATCH
        self.watch = self._channel.stream_stream(
            path,
            request_serializer=codec.messages[request].SerializeToString,
            response_deserializer=codec.messages[response].FromString,
        )

    async def retire(self) -> None:
        """Close it once the calls that are under way have had their time."""
        try:
            await self._channel.close(TRY)
        finally:
            await self.close()

    async def close(self) -> None:
        """Close it now; calls under way end."""
        await self._channel.close(None)


class Members:
    """Calls go to the same member until it fails, then to the next."""

    def __init__(self, addresses: Sequence[Address], codec: Codec, timeout: float, login: Login | None) -> None:
        self.codec = codec
        self.timeout = timeout
        self.closed = False
        self._members = [Member(address, codec) for address in addresses]
        self._at = 0
        self._login = login
        self._token: tuple[tuple[str, str], ...] | None = None if login else ()
        self._logging_in = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def current(self) -> Member:
        return self._members[self._at]

    def leave(self, member: Member, *, renew: bool = False) -> None:
        """Go on with the next member, if this one is still the current one. ``renew``: this one gets a new connection."""
        for at, known in enumerate(self._members):
            if known is member:
                if at == self._at:
                    self._at = (at + 1) % len(self._members)
                if renew:
                    with contextlib.suppress(SettingsError):  # certificates that are just being replaced: the next time
                        self._members[at] = Member(member.address, self.codec)
                        self._retire(member)

    def _retire(self, member: Member) -> None:
        task = asyncio.create_task(member.retire())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def call(self, name: str, request: Any, *, repeat: bool = True, timeout: float | None = None) -> Any:
        """Do it on a member that answers within ``timeout`` (by default that of the settings).

        ``repeat``: whether it may be done again where it is not known if it was done. Where none does, the error says why: of
        the last try, but for one that was too short for a handshake after one that had shown what is wrong with that.
        """
        until = time.monotonic() + (self.timeout if timeout is None else timeout)
        tries = 0
        logged_in_anew = False
        failure = reason = Failure(Verdict.UNSENT, "no time was left to ask")
        while (left := until - time.monotonic()) > 0 and not self.closed:
            member, token = self.current, self._token
            outcome = await self._try(member, name, request, min(TRY, left))
            if not isinstance(outcome, Failure):
                return outcome
            failure = outcome
            reason = reason if reason.renew and failure.verdict is Verdict.SILENT else failure
            if self._login and not logged_in_anew and _may_want_login(failure, token):
                logged_in_anew = True
                self.forget_login(token)
                continue
            if failure.error:
                raise failure.error
            self.leave(member, renew=failure.renew or failure.verdict is Verdict.SILENT)
            if failure.verdict is not Verdict.UNSENT and not repeat:
                break
            tries += 1
            if failure.verdict is not Verdict.SILENT and tries % len(self._members) == 0:
                await asyncio.sleep(min(PAUSE, max(until - time.monotonic(), 0)))
        where = ", ".join(member.address.target for member in self._members)
        raise KvUnavailable(f"etcd ({where}) cannot be reached: {'closed' if self.closed else reason.detail}")

    async def _try(self, member: Member, name: str, request: Any, timeout: float) -> Any | Failure:
        try:
            token = self._token
            if token is None:
                token = await self.login(timeout)
            return await member.calls[name](request, timeout=timeout, metadata=token)
        except grpc.aio.AioRpcError as error:
            return judge(error.code(), error.details() or "")
        except grpc.aio.UsageError:
            return Failure(Verdict.UNSENT, "the connection is closed")
        except asyncio.CancelledError:
            if _told_to_stop():
                raise
            return Failure(Verdict.UNKNOWN, "the connection was closed")

    async def revision(self) -> int:
        """The cluster's revision, from a linearizable read."""
        return int((await self.call("range", self.codec.get(_READABLE))).header.revision)

    async def login(self, timeout: float) -> tuple[tuple[str, str], ...]:
        """The metadata with the token; asks for one where there is none. One asks while others wait."""
        async with self._logging_in:
            if self._token is None and self._login:
                request = self.codec.message("AuthenticateRequest", name=self._login.username, password=self._login.password)
                try:
                    response = await self.current.calls["authenticate"](request, timeout=min(TRY, timeout))
                except grpc.aio.AioRpcError as error:
                    if "authentication is not enabled" not in (error.details() or ""):
                        raise
                    self._token = ()
                else:
                    self._token = (("token", response.token),)
            return self._token or ()

    def forget_login(self, token: tuple[tuple[str, str], ...] | None) -> None:
        """This token is refused; the next call asks for another."""
        if self._login and self._token == token:
            self._token = None

    def renew_login(self) -> bool:
        """Ask for a new token with the next call; False where there is no login."""
        if self._login:
            self._token = None
        return self._login is not None

    async def close(self) -> None:
        self.closed = True
        for task in self._closing:
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)
        for member in self._members:
            await member.close()


def _told_to_stop() -> bool:
    """Whether this task is being cancelled; else gRPC said CancelledError because the channel under the call was closed."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _may_want_login(failure: Failure, token: tuple[tuple[str, str], ...] | None) -> bool:
    """Without a token, which is how we go on while etcd has no users, any refusal may be for want of one."""
    return failure.verdict is Verdict.LOGIN or (token == () and isinstance(failure.error, KvRefused))


def failure_of(error: BaseException) -> Failure | KvError:
    """Sort what a stream raised; the task's own cancellation is raised again."""
    if isinstance(error, grpc.aio.AioRpcError):
        return judge(error.code(), error.details() or "")
    if isinstance(error, asyncio.CancelledError) and not _told_to_stop():
        return Failure(Verdict.UNKNOWN, "the connection was closed")
    if isinstance(error, asyncio.InvalidStateError | grpc.aio.UsageError):
        return Failure(Verdict.UNKNOWN, "the stream has ended")
    raise error
