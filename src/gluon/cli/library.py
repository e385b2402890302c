# SPDX-License-Identifier: Apache-2.0
"""The server's documents about itself: which APIs there are, in which versions, with which commands.

    GET /proton                                 which Protons
    GET /proton/<proton>                        its default version, all versions
    GET /proton/<proton>/v<version>/commands.json

Each is fetched with the entity tag of the kept copy, so that an unchanged one costs a 304. ``Library`` asks the server;
without a client it knows only what is kept, which is what completion works with.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from gluon.cli.cache import Cache, Kept
from gluon.cli.nouns import Document, Malformed
from gluon.client.errors import Unexpected, Unreachable
from gluon.client.http import Client

_ROOT = "/proton"


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
        document = self._fetch(_ROOT)
        try:
            return [str(p["proton_service"]) for p in document["protons"]]
        except (TypeError, KeyError):
            raise _strange(_ROOT) from None

    def known_apis(self) -> list[str]:
        """The names of the Protons that anything is kept of."""
        found = {p.split("/")[2] for p in self._cache.paths() if p.startswith(f"{_ROOT}/")}
        kept = self._cache.read(_ROOT)
        if kept is not None:
            try:
                found.update(str(p["proton_service"]) for p in kept.document["protons"])
            except (TypeError, KeyError):
                return sorted(found)
        return sorted(found)

    def commands(self, api: str, version: str | None) -> Document:
        """The commands of a Proton; of its default version where none is named. ``Problem`` 404 where there is none."""
        path = f"{_ROOT}/{quote(api, safe='')}"
        if version is None:
            try:
                version = str(self._fetch(path)["default_version"])
            except (TypeError, KeyError):
                raise _strange(path) from None
        document_path = f"{path}/v{quote(version, safe='')}/commands.json"
        try:
            return Document(self._fetch(document_path))
        except Malformed:
            raise _strange(document_path) from None

    def _fetch(self, path: str) -> Any:
        kept = self._cache.read(path)
        if self._client is None:
            if kept is None:
                raise Unreachable("the cache", f"nothing is kept of {path}", sent=False)
            return kept.document
        headers = {"If-None-Match": kept.etag} if kept is not None and kept.etag is not None else {}
        try:
            answer = self._client.request("GET", path, headers=headers)
        except Unreachable as error:
            if kept is None or not self._offline:
                raise
            self.stale = error
            return kept.document
        if answer.status == 304 and kept is not None:
            return kept.document
        document = answer.json()
        new = Kept(answer.etag, document)
        if new != kept:
            self._cache.write(path, new)
        return document


def _strange(path: str) -> Unexpected:
    return Unexpected(f"what the server says at {path} cannot be understood: is it a Proton Server of this release?")
