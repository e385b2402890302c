# SPDX-License-Identifier: Apache-2.0
"""The wait for a bind, to its end: where a server that is being stopped cuts it short, another one takes it up.

    PATCH ─► 202, Retry-After: 0 ─► PATCH {"host_id", "device_id"} at the revision that was shown ─► 200, or 202: the time is up
                                      └► 412 ─► GET: answered meanwhile, still BINDING, or bound by another request: refused

To say host and device again to a port that is BINDING to them is to wait for the same answer; at that revision nothing else is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from gluon.backends.errors import Refused, Unavailable
from gluon.backends.ports import Port
from gluon.client.http import Response
from gluon.model.schema import BindingState

_ACCEPTED: Final = 202
_CONFLICT: Final = 409
_ANOTHER_REVISION: Final = 412


class Answered(NamedTuple):
    """The port as a change left it. ``cut_short``: the server has not waited for its bind as long as it would."""

    port: Port
    cut_short: bool


def cut_short(answer: Response) -> bool:
    """Whether a server says that the same is to be asked again, at once: it is being stopped."""
    return answer.status == _ACCEPTED and answer.headers.get("Retry-After") == "0"


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
        if refusal.status != _ANOTHER_REVISION:
            raise
    port = look()  # which has changed since, perhaps by the answer itself
    if (port.host_id, port.device_id) != (bind.host_id, bind.device_id):
        raise Refused(_CONFLICT, f"port {bind.id} was changed by another request while it was being bound")
    return Answered(port, port.binding_state is BindingState.BINDING)
