# SPDX-License-Identifier: Apache-2.0
"""The wait for a bind, to its end: where a server that is being stopped cuts it short, another one takes it up.

    PATCH ─► 202, Retry-After: 0 ─► PATCH {"host_id", "device_id"} at the revision that was shown ─► 200, or 202: the time is up
                                      └► 412 ─► GET: answered meanwhile, still BINDING, or bound by another request: refused

To say host and device again to a port that is BINDING to them is to wait for the same answer; at that revision nothing else is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from gluon.backends.errors import Refused, Unavailable
from gluon.backends.ports import Port
from gluon.client.http import Response
from gluon.model.schema import BindingState


class Answered(NamedTuple):
    """The port as a change left it. ``cut_short``: the server has not waited for its bind as long as it would."""

    port: Port
    cut_short: bool


def cut_short(answer: Response) -> bool:
    """Whether a server says that the same is to be asked again, at once: it is being stopped."""
    return answer.status == HTTPStatus.ACCEPTED and answer.headers.get("Retry-After") == "0"


def to_the_end(
    answered: Answered,
    change: Callable[[Mapping[str, Any], int], Answered],
    look: Callable[[], Port],
    timeout: float,
) -> Port:
    """The port when its bind has been waited for. ``change``: of values, at a revision; ``look``: the port as it is.

    For up to ``timeout`` seconds: longer no server may go on being stopped. Raises DriverError.
    """
    end = time.monotonic() + timeout
    try:
        while answered.cut_short and time.monotonic() < end:
            answered = _waited(answered.port, change, look)
    except Unavailable as error:
        raise Unavailable(str(error), sent=True) from None  # the bind itself was taken
    return answered.port


def _waited(bind: Port, change: Callable[[Mapping[str, Any], int], Answered], look: Callable[[], Port]) -> Answered:
    """What another server answers, which waits for this bind alone."""
    try:
        return change({"host_id": bind.host_id, "device_id": bind.device_id}, bind.revision)
    except Refused as refusal:
        if refusal.status != HTTPStatus.PRECONDITION_FAILED:
            raise
    port = look_again(bind, look)
    return Answered(port, port.binding_state is BindingState.BINDING)


def look_again(bind: Port, look: Callable[[], Port]) -> Port:
    """The port as it is now, which was BINDING as ``bind`` and has changed since, perhaps by the answer itself.

    Raises Refused where it is on another host or device, or on none. A later bind to the same ones passes for this one: it wants
    the same of a controller, and the API shows nothing by which they differ.
    """
    port = look()
    if (port.host_id, port.device_id) != (bind.host_id, bind.device_id):
        raise Refused(HTTPStatus.CONFLICT, f"port {bind.id} was changed by another request while it was being bound")
    return port
