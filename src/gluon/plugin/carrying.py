# SPDX-License-Identifier: Apache-2.0
"""Has a port's driver carry out what ``changing`` makes of a request: by its bind and its unbind, so that a driver has its say.

    Bind      values, if any ─► update        then bind ─► BOUND, FAILED
                                                      └─► BINDING: nobody answered in time, so it is taken back
    Unbind    unbind         ─► update of values, if any
    values    update

The revision that a client means goes with the first call, which is refused at any other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, assert_never

from gluon.backends.driver import Driver
from gluon.backends.errors import Refused
from gluon.backends.ports import Port
from gluon.model.schema import BindingState
from gluon.plugin.changing import Bind, Change, Unbind

_CONFLICT: Final = 409
_ANOTHER_REVISION: Final = 412


def carry_out(driver: Driver, port_id: str, change: Change, revision: int | None = None) -> Port:
    """The port as the change left it, FAILED where nobody answered the bind. Raises DriverError."""
    match change.binding:
        case Bind() as bind:
            if change.values:
                driver.update(port_id, change.values, revision=revision)
            return _bound(driver, port_id, bind, None if change.values else revision)
        case Unbind(keeps, profile):
            port = driver.unbind(port_id, keeps=keeps, binding_profile=profile, revision=revision)
            return driver.update(port_id, change.values) if change.values else port
        case None:
            return driver.update(port_id, change.values, revision=revision)
        case _:
            assert_never(change.binding)


def _bound(driver: Driver, port_id: str, bind: Bind, revision: int | None) -> Port:
    """The port once it is BOUND or FAILED.

    What is taken back is this bind alone: not one that came after it, nor an answer that came at the last moment.
    """
    port = driver.bind(port_id, bind.device_owner, bind.zone, bind.device_id, bind.host_id, bind.profile, revision=revision)
    while port.binding_state is BindingState.BINDING:
        try:
            driver.unbind(port_id, revision=port.revision)
        except Refused as refusal:
            if refusal.status != _ANOTHER_REVISION:
                raise
            port = driver.port(port_id)
            if (port.host_id, port.device_id) != (bind.host_id, bind.device_id):
                raise Refused(_CONFLICT, f"port {port_id} was changed by another request while it was being bound") from None
        else:
            reason = f"no controller answered for host {bind.host_id} in time"
            return replace(port, binding_state=BindingState.FAILED, binding_reason=reason)
    return port
