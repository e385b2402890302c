# SPDX-License-Identifier: Apache-2.0
"""Has a port's driver carry out what ``changing`` makes of a request: by its bind and its unbind, so that a driver has its say.

    values ─► update, if any ─┬─► Bind    bind ─► BOUND, FAILED
                              │             └─► BINDING: nobody answered in time, so it is taken back
                              └─► Unbind  unbind ─► update of what takes the place, if anything

Each call is a request of its own, and what one has done stays where the next is refused. So values come first: where one of them
is refused, the binding stays as it is. The revision that a client means goes with the first call, and with each that follows the
one that the call before it has left, so that no change of anybody else's is between them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Final, assert_never

from gluon.backends.driver import Driver
from gluon.backends.errors import Refused
from gluon.backends.ports import Port
from gluon.backends.waiting import look_again
from gluon.model.schema import BindingState
from gluon.plugin.changing import Bind, Change, Unbind

#: So often a bind is taken back at the revision that the port is at, and others change the port just then.
_TRIES: Final = 10


def carry_out(driver: Driver, port_id: str, change: Change, revision: int | None = None) -> Port:
    """The port as the change left it, FAILED where nobody answered the bind. Raises DriverError."""
    if change.binding is None:
        return driver.update(port_id, change.values, revision=revision)
    if change.values:
        revision = _left(driver.update(port_id, change.values, revision=revision), revision)
    match change.binding:
        case Bind() as bind:
            return _bound(driver, port_id, bind, revision)
        case Unbind(keeps, profile, instead):
            port = driver.unbind(port_id, keeps=keeps, binding_profile=profile, revision=revision)
            return driver.update(port_id, instead, revision=_left(port, revision)) if instead else port
        case _:
            assert_never(change.binding)


def _left(port: Port, meant: int | None) -> int | None:
    """The revision that a call has left; None where the client means any."""
    return port.revision if meant is not None else None


def _bound(driver: Driver, port_id: str, bind: Bind, revision: int | None) -> Port:
    """The port once it is BOUND or FAILED."""
    port = driver.bind(port_id, bind.device_owner, bind.zone, bind.device_id, bind.host_id, bind.profile, revision=revision)
    for _ in range(_TRIES):
        if port.binding_state is not BindingState.BINDING:
            return port
        port = _taken_back(driver, port)
    if port.binding_state is BindingState.BINDING:
        raise Refused(HTTPStatus.CONFLICT, f"port {port_id} was changed by others again and again while it was being bound")
    return port


def _taken_back(driver: Driver, bind: Port) -> Port:
    """The port of a bind that nobody has answered in time: unbound, and shown as FAILED. Or as it is, where it has changed since.

    What is taken back is a bind to this host and device: not one to another, nor an answer that came at the last moment.
    """
    try:
        driver.unbind(bind.id, revision=bind.revision)
    except Refused as refusal:
        if refusal.status != HTTPStatus.PRECONDITION_FAILED:
            raise
        return look_again(bind, partial(driver.port, bind.id))
    reason = f"no controller answered for host {bind.host_id} in time"
    return replace(bind, binding_state=BindingState.FAILED, binding_reason=reason)
