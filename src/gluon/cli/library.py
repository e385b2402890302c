# SPDX-License-Identifier: Apache-2.0
"""The server's documents about itself: which APIs there are, in which versions, with which commands.

    GET /proton                                 which Protons
    GET /proton/<proton>                        its default version, all versions
    GET /proton/<proton>/v<version>/commands.json

Each is fetched with the entity tag of the kept copy, so that an unchanged one costs a 304. ``Library`` asks the server;
without a client it knows only what is kept, which is what completion works with.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import quote

from gluon.cli.cache import Cache, Kept
from gluon.cli.nouns import Document, Malformed
from gluon.client.errors import Unexpected, Unreachable
from gluon.client.http import Client

_ROOT = "/proton"
_T = TypeVar("_T")


class Library:
    """Looks documents up. ``stale`` holds why the server could not be asked, once a kept copy had to do."""

    def __init__(self, client: Client | None, cache: Cache, *, offline: bool = False) -> None:
        """``offline``: a kept copy will do where the server cannot be reached (to show help)."""
        self._client = client
        self._cache = cache
        self._offline = offline
        self.stale: Unreachable | None = None

    def apis(self) -> list[str]:
        """The names of the Protons."""
        return self._fetch(_ROOT, _names)

    def known_apis(self) -> list[str]:
        """The names of the Protons that anything is kept of."""
        found = {path.split("/")[2] for path in self._cache.paths() if path.startswith(f"{_ROOT}/")}
        kept = self._cache.read(_ROOT)
        with suppress(Malformed):
            found.update(_names(kept.document) if kept is not None else ())
        return sorted(found)

    def commands(self, api: str, version: str | None) -> Document:
        """The commands of a Proton; of its default version where none is named. ``Problem`` 404 where there is none."""
        path = f"{_ROOT}/{quote(api, safe='')}"
        if version is None:
            version = self._fetch(path, _default_version)
        return self._fetch(f"{path}/v{quote(version, safe='')}/commands.json", Document)

    def versions(self, api: str) -> list[str]:
        """The versions of a Proton."""
        return self._fetch(f"{_ROOT}/{quote(api, safe='')}", _versions)

    def _fetch(self, path: str, read: Callable[[Any], _T]) -> _T:
        """A document as ``read`` understands it. A kept copy that it does not understand is as none."""
        kept = self._cache.read(path)
        known: _T | None = None
        with suppress(Malformed):
            known = read(kept.document) if kept is not None else None
        if self._client is None:
            if known is None:
                raise Unreachable("the cache", f"nothing is kept of {path}", sent=False)
            return known
        etag = kept.etag if kept is not None and known is not None else None
        try:
            answer = self._client.request("GET", path, headers={"If-None-Match": etag} if etag is not None else {})
        except Unreachable as error:
            if known is None or not self._offline:
                raise
            self.stale = error
            return known
        if answer.status == 304 and known is not None:
            return known
        new = Kept(answer.etag, answer.json())
        try:
            understood = read(new.document)
        except Malformed:
            raise Unexpected(
                f"what the server says at {path} is not understood: is it a Proton Server of this release?"
            ) from None
        if new != kept:
            self._cache.write(path, new)
        return understood


def _names(document: Any) -> list[str]:
    try:
        return [str(proton["proton_service"]) for proton in document["protons"]]
    except (TypeError, KeyError) as error:
        raise Malformed(str(error)) from None


def _versions(document: Any) -> list[str]:
    try:
        return [str(version["version"]) for version in document["versions"]]
    except (TypeError, KeyError) as error:
        raise Malformed(str(error)) from None


def _default_version(document: Any) -> str:
    try:
        return str(document["default_version"])
    except (TypeError, KeyError) as error:
        raise Malformed(str(error)) from None
