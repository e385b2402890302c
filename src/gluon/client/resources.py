# SPDX-License-Identifier: Apache-2.0
"""The objects behind one path of the API: list, create, show, update, delete.

    Collection(client, "/proton/net-l3vpn/v1.0/ports").show("1b4e…").json()

Answers come as they are; only what the API promises of every collection is known here, no Proton's attributes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

from gluon.client.errors import Unexpected
from gluon.client.http import ANSWER_TIMEOUT, Client, Query, Response

#: Seconds that an answer may take beyond the wait that was asked for.
_GRACE: Final = 10.0


def if_match(revision: int | str | None) -> dict[str, str]:
    """The header that makes a change conditional on the revision of the object that was read; none where that is None."""
    if revision is None:
        return {}
    text = str(revision)
    return {"If-Match": text if text == "*" or text.endswith('"') else f'"{text}"'}


class Collection:
    """One collection: its own, or one below a parent (``…/ports/<id>/interfaces``)."""

    def __init__(self, client: Client, path: str) -> None:
        self._client = client
        self.path = path

    def at(self, id: str) -> str:
        """The path of one object."""
        return f"{self.path}/{quote(id, safe='')}"

    def pages(self, query: Query = ()) -> Iterator[Response]:
        """The list, page by page, following the links that the server gives. The host in a link is not followed."""
        page = self._client.request("GET", self.path, query=query)
        seen: set[str] = set()
        while True:
            yield page
            href = _next(page)
            if href is None:
                return
            if href in seen:
                raise Unexpected(f"the list's pages go round in a circle at {href}")
            seen.add(href)
            page = self._client.request("GET", href)

    def create(self, values: Mapping[str, Any], *, query: Query = (), wait: float | None = None) -> Response:
        """201, or 202 where the object is a port that is not yet bound. ``wait``: seconds that a bind may take at most."""
        headers, patience = _prefer(wait), _patience(wait)
        return self._client.request("POST", self.path, query=query, values=values, headers=headers, timeout=patience)

    def show(self, id: str, query: Query = ()) -> Response:
        """200 with the object."""
        return self._client.request("GET", self.at(id), query=query)

    def update(
        self,
        id: str,
        values: Mapping[str, Any],
        *,
        query: Query = (),
        revision: int | str | None = None,
        wait: float | None = None,
    ) -> Response:
        """Change what ``values`` name. With ``revision`` only where the object is still at it, else ``Problem`` 412."""
        headers = {**_prefer(wait), **if_match(revision)}
        patience = _patience(wait)
        return self._client.request("PATCH", self.at(id), query=query, values=values, headers=headers, timeout=patience)

    def delete(self, id: str, *, revision: int | str | None = None) -> Response:
        """204 without a body."""
        return self._client.request("DELETE", self.at(id), headers=if_match(revision))


def _next(page: Response) -> str | None:
    """Path and query of the page that follows."""
    document = page.json()
    links = document.get("links", ()) if isinstance(document, dict) else ()
    for link in links:
        if link.get("rel") == "next":
            parts = urlsplit(link["href"])
            return f"{parts.path}?{parts.query}"
    return None


def _prefer(wait: float | None) -> dict[str, str]:
    """RFC 7240, section 4.3; to the millisecond where it is not whole."""
    return {} if wait is None else {"Prefer": f"wait={f'{wait:.3f}'.rstrip('0').rstrip('.')}"}


def _patience(wait: float | None) -> float:
    return ANSWER_TIMEOUT if wait is None else max(ANSWER_TIMEOUT, wait + _GRACE)
