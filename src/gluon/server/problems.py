# SPDX-License-Identifier: Apache-2.0
"""Errors as responses: the one table from error class to HTTP status, and the problem document (RFC 9457).

    RequestError ─► status, headers, {"type", "title", "status", "detail", "errors": [{"pointer", "detail"}], "request_id"}

Whatever is not in the table is our fault: 500, and the client learns nothing but the request id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Final

import msgspec

from gluon.errors import Conflict, Invalid, Missing, RequestError, Stale, TooLarge, Unavailable
from gluon.particle.wording import printable
from gluon.server.exchange import PROBLEM, Header, Response

#: Seconds after which a client may ask again when the database could not be asked.
RETRY_AFTER: Final = 1


class NotAllowed(RequestError):
    """The path exists, the method does not. ``allow`` lists those that do (RFC 9110 section 15.5.6)."""

    def __init__(self, method: str, allow: Iterable[str]) -> None:
        self.allow = ", ".join(allow)
        super().__init__(f"{method} is not possible here; these are: {self.allow}")


class NotAcceptable(RequestError):
    """The client takes nothing that the server gives."""


class Unsupported(RequestError):
    """The body is not of a media type that is taken here. ``accepted`` lists those that are."""

    def __init__(self, detail: str, accepted: Iterable[str]) -> None:
        super().__init__(detail)
        self.accepted = ", ".join(accepted)


STATUS_OF: Final[Mapping[type[RequestError], HTTPStatus]] = {
    Invalid: HTTPStatus.BAD_REQUEST,
    Missing: HTTPStatus.NOT_FOUND,
    NotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    NotAcceptable: HTTPStatus.NOT_ACCEPTABLE,
    Conflict: HTTPStatus.CONFLICT,
    Stale: HTTPStatus.PRECONDITION_FAILED,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Unsupported: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}


class _Error(msgspec.Struct):
    pointer: str
    detail: str


class _Problem(msgspec.Struct, kw_only=True):
    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[_Error]
    request_id: str


def problem(error: RequestError, request_id: str) -> Response:
    """The response for an error that a client may read."""
    status = next((STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF), HTTPStatus.BAD_REQUEST)
    errors = [_Error(fault.pointer, fault.detail) for fault in error.faults]
    return _response(status, error.detail, errors, request_id, _headers(error))


def unexpected(request_id: str) -> Response:
    """The response where the server is wrong."""
    detail = "the server failed in a way it did not foresee; its log has the details under the request id"
    return _response(HTTPStatus.INTERNAL_SERVER_ERROR, detail, [], request_id)


def _response(
    status: HTTPStatus, detail: str, errors: list[_Error], request_id: str, headers: tuple[Header, ...] = ()
) -> Response:
    document = _Problem(title=status.phrase, status=status.value, detail=detail, errors=errors, request_id=request_id)
    return Response(status.value, _encode(document), PROBLEM, headers)


def _encode(document: _Problem) -> bytes:
    """JSON; text that is no Unicode (a lone surrogate that a client sent) is shown escaped."""
    try:
        return msgspec.json.encode(document)
    except UnicodeEncodeError:
        document.detail = printable(document.detail)
        document.errors = [_Error(printable(e.pointer), printable(e.detail)) for e in document.errors]
        return msgspec.json.encode(document)


def _headers(error: RequestError) -> tuple[Header, ...]:
    match error:
        case NotAllowed():
            return ((b"allow", error.allow.encode()),)
        case Unsupported():
            return ((b"accept", error.accepted.encode()),)
        case Unavailable():
            return ((b"retry-after", b"%d" % RETRY_AFTER),)
        case _:
            return ()
