# SPDX-License-Identifier: Apache-2.0
"""What Neutron answers where something is not to be had or done with a port of Gluon's, as its API says such things."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, TypeVar

from neutron.services.revisions.revision_plugin import RevisionNumberConstraintFailed
from neutron_lib import exceptions

from gluon.backends.errors import DriverError, NotFound, Refused
from gluon.errors import Invalid

LOG = logging.getLogger(__name__)

_T = TypeVar("_T")

#: What a Proton Server, or a gateway before it, says where it refuses the plugin itself, whoever asks Neutron.
_THE_PLUGIN: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED)
#: What it says where it does not take what a list is asked for by.
_THE_QUESTION: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_URI_TOO_LONG, HTTPStatus.UNPROCESSABLE_ENTITY)


class Unavailable(exceptions.ServiceUnavailable):
    """Gluon cannot be asked about a port that is, or may be, its own. 503."""

    message = "%(reason)s"


class Elsewhere(exceptions.Conflict):
    """Something is not done here with a port of Gluon's. 409."""

    message = "Port %(id)s is a port of Gluon's: %(reason)s"


def asked(id: str, ask: Callable[[], _T]) -> _T:
    """What asking a driver about a port comes to, in Neutron's errors."""
    try:
        return ask()
    except NotFound:
        raise exceptions.PortNotFound(port_id=id) from None
    except Refused as refusal:
        if refusal.status == HTTPStatus.CONFLICT:
            raise Elsewhere(id=id, reason=refusal.detail) from None
        if refusal.status == HTTPStatus.PRECONDITION_FAILED:
            raise _constraint_failed(refusal.detail) from None
        if refusal.status in _THE_PLUGIN:
            raise _cannot_be_asked(id, refusal) from None
        raise invalid(id, refusal) from None
    except DriverError as error:
        raise _cannot_be_asked(id, error) from None


def of_list(error: DriverError, done: str) -> exceptions.NeutronException:
    """What a list of ports that cannot be had comes to; ``done``: what was to be done with them.

    400 where a Proton does not take what it is asked for: it is there, and will say so again. What a tenant may ask Neutron for,
    and no port of Gluon's can have, is not to be asked of a Proton: so the log calls it our mistake.
    """
    if isinstance(error, Refused) and error.status in _THE_QUESTION:
        LOG.error("a Proton does not take what it is asked for a list of ports by, which is a mistake of Gluon's: %s", error)
        return exceptions.InvalidInput(error_message=f"the ports of Gluon cannot be {done} like this: {error.detail}")
    return Unavailable(reason=f"the ports of Gluon cannot be {done}: {error}")


def _cannot_be_asked(id: str, error: DriverError) -> Unavailable:
    return Unavailable(reason=f"port {id} is a port of Gluon's, which cannot be asked for it: {error}")


def invalid(id: str, refusal: Invalid | Refused) -> exceptions.InvalidInput:
    """400, with all that is wrong."""
    each = [": ".join(filter(None, (fault.pointer.removeprefix("/"), fault.detail))) for fault in refusal.faults]
    return exceptions.InvalidInput(error_message=f"port {id} is a port of Gluon's: {'; '.join(each) or refusal.detail}")


def hold_revision(context: Any, shown: Mapping[str, Any]) -> int | None:
    """The revision that alone is to be changed (If-Match), None for any. Raises 412 where the port is at another.

    Neutron itself looks only at rows of its own. What comes between this and the change is seen by the Proton Server, which is to
    be told the revision; but a request that changes nothing, or is refused before, does not get there.
    """
    wanted = context.get_transaction_constraint()
    if wanted is None or wanted.resource_id != shown["id"]:
        return None
    if wanted.if_revision_match != shown["revision_number"]:
        raise RevisionNumberConstraintFailed(wanted.if_revision_match, shown["revision_number"])
    return int(wanted.if_revision_match)


def _constraint_failed(said: str) -> RevisionNumberConstraintFailed:
    """412 in the words of the Proton Server, which knows the revision that the port is at."""
    failed = RevisionNumberConstraintFailed(None, None)
    failed.detail = said
    return failed
