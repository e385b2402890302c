# SPDX-License-Identifier: Apache-2.0
"""The documents that protonclient has seen, in the user's cache folder: one file for each document of each server.

    $XDG_CACHE_HOME/gluon/<host>_<port>/<path, percent-encoded>      {"etag": …, "document": …}

Nothing is written outside this folder. A cache that cannot be read or written, or holds nonsense, is no error: it is as if
nothing were cached.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote

#: No folder can be made below this, whoever tries: nothing is kept for a user without a home.
_NOWHERE: Final = "/dev/null"


class Kept(NamedTuple):
    """A document as it was last seen, with its entity tag."""

    etag: str | None
    document: Any


def folder_of(environment: Mapping[str, str], host: str, port: int) -> Path:
    """Where the documents of a server are kept. Relative paths in XDG_CACHE_HOME are ignored, as its standard asks."""
    base = environment.get("XDG_CACHE_HOME", "")
    if not base.startswith("/"):
        base = str(Path(environment.get("HOME") or _NOWHERE) / ".cache")
    return Path(base) / "gluon" / quote(f"{host}_{port}", safe="")


class Cache:
    """The documents of one server, by their path on it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: str) -> Kept | None:
        """What is kept for a path, None where there is nothing that can be used."""
        try:
            kept = json.loads(self._file(path).read_bytes())
            etag = kept["etag"]
            return Kept(etag if isinstance(etag, str) else None, kept["document"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def write(self, path: str, kept: Kept) -> None:
        """Keep a document. A reader sees the old or the new one, never half of it."""
        file = self._file(path)
        new = file.with_name(f".{os.getpid()}.new")
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                new.write_text(json.dumps(kept._asdict(), ensure_ascii=True), encoding="ascii")
                new.replace(file)
            finally:
                new.unlink(missing_ok=True)

    def paths(self) -> Iterator[str]:
        """The paths that something is kept for."""
        with suppress(OSError):
            for file in sorted(self._folder.iterdir()):
                if not file.name.startswith("."):
                    yield unquote(file.name)

    def _file(self, path: str) -> Path:
        return self._folder / quote(path, safe="")
