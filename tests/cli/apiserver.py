# SPDX-License-Identifier: Apache-2.0
"""A small server that speaks the API's contract over plain dictionaries, and remembers what it was asked."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from gluon.model.schema import Proton
from gluon.particle.commands import commands

PAGE = 3


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any
    client: tuple[str, int]


Answer = tuple[int, Any, dict[str, str]]


@dataclass
class ApiServer:
    """``objects``: by plural, by id. ``scripted``: an answer (or none) for a request that comes before all others."""

    proton: Proton
    objects: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    scripted: Callable[[Asked], Answer | None] = lambda asked: None
    address: tuple[str, int] = ("", 0)

    @property
    def url(self) -> str:
        return f"http://{self.address[0]}:{self.address[1]}"

    @property
    def base(self) -> str:
        return f"/proton/{self.proton.name}/v{self.proton.version}"

    def calls(self) -> list[Asked]:
        """What was asked of objects."""
        return [a for a in self.asked if a.path.startswith(self.base) and not a.path.endswith("commands.json")]

    def answer(self, asked: Asked) -> Answer:
        return self.scripted(asked) or self._document(asked) or self._object(asked)

    def _document(self, asked: Asked) -> Answer | None:
        documents = {
            "/proton": {"protons": [{"proton_service": self.proton.name, "status": "CURRENT", "links": []}]},
            f"/proton/{self.proton.name}": {
                "default_version": self.proton.version,
                "versions": [{"version": self.proton.version}],
            },
            f"{self.base}/commands.json": commands(self.proton),
        }
        found = documents.get(asked.path)
        if found is None:
            return None
        tag = f'"{hashlib.md5(json.dumps(found).encode()).hexdigest()}"'
        return (304, None, {"ETag": tag}) if asked.headers.get("If-None-Match") == tag else (200, found, {"ETag": tag})

    def _object(self, asked: Asked) -> Answer:
        plural, _, id = asked.path.removeprefix(f"{self.base}/").partition("/")
        if not asked.path.startswith(f"{self.base}/") or plural not in self.proton.by_plural:
            return refusal(404, "there is nothing here")
        kept = self.objects.setdefault(plural, {})
        if not id:
            return self._list(plural, asked) if asked.method == "GET" else self._create(plural, asked)
        if unquote(id) not in kept:
            return refusal(404, f"there is no {unquote(id)}")
        return self._member(kept, unquote(id), asked)

    def _list(self, plural: str, asked: Asked) -> Answer:
        rows = list(self.objects[plural].values())
        limit = int(asked.query.get("limit", [str(PAGE)])[0])
        ids = list(self.objects[plural])
        start = ids.index(asked.query["marker"][0]) + 1 if "marker" in asked.query else 0
        document: dict[str, Any] = {plural: rows[start : start + limit]}
        if start + limit < len(rows):
            marker = ids[start + limit - 1]
            document["links"] = [{"rel": "next", "href": f"http://elsewhere{asked.path}?limit={limit}&marker={marker}"}]
        return 200, document, {}

    def _create(self, plural: str, asked: Asked) -> Answer:
        obj = self.proton.by_plural[plural]
        row = {**asked.body, "revision": 1}
        id = str(row.setdefault(obj.identifier.name, f"id-{len(self.objects[plural]) + 1}"))
        self.objects[plural][id] = row
        return 201, row, {"Location": f"{asked.path}/{id}", "ETag": '"1"'}

    def _member(self, kept: dict[str, dict[str, Any]], id: str, asked: Asked) -> Answer:
        row = kept[id]
        if asked.headers.get("If-Match", f'"{row["revision"]}"') != f'"{row["revision"]}"':
            return refusal(412, "the object is at another revision")
        if asked.method == "DELETE":
            del kept[id]
            return 204, None, {}
        if asked.method == "PATCH":
            row.update(asked.body)
            row["revision"] += 1
        return 200, row, {"ETag": f'"{row["revision"]}"'}


def refusal(status: int, detail: str, *faults: tuple[str, str]) -> Answer:
    """A problem document."""
    titles = {400: "Bad Request", 404: "Not Found", 409: "Conflict", 412: "Precondition Failed", 500: "Internal Server Error"}
    errors = [{"pointer": pointer, "detail": what} for pointer, what in faults]
    title = titles.get(status, "Problem")
    return status, {"title": title, "status": status, "detail": detail, "errors": errors, "request_id": "req-1"}, {}


@contextmanager
def running(api: ApiServer) -> Iterator[ApiServer]:
    """Serve it on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(
                self.command,
                parts.path,
                parse_qs(parts.query, keep_blank_values=True),
                dict(self.headers),
                json.loads(body) if body else None,
                self.client_address,
            )
            api.asked.append(asked)
            status, document, headers = api.answer(asked)
            content = document if isinstance(document, bytes) else b"" if document is None else json.dumps(document).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status not in (204, 304):
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if status not in (204, 304):
                self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = _serve

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        api.address = ("127.0.0.1", server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
