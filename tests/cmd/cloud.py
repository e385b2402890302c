# SPDX-License-Identifier: Apache-2.0
"""A small Keystone, and behind it whatever services a test has, over HTTP."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

SECRET = "s3cret"

#: Status and document; bytes are sent as they are.
Answer = tuple[int, Any]
#: method, path below the endpoint, query, body ─► answer
Service = Callable[[str, str, dict[str, list[str]], Any], Answer]


@dataclass
class Cloud:
    """``services``: by type; ``paths``: what their endpoints end with.

    ``bodies``: what Keystone was asked; ``refusal``: what it answers instead of a token.
    """

    services: dict[str, Service] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    refusal: Answer | None = None
    region: str = "one"
    url: str = ""

    @property
    def variables(self) -> dict[str, str]:
        """By which its admin asks."""
        given = {"AUTH_URL": f"{self.url}/identity", "USERNAME": "admin", "PASSWORD": SECRET, "PROJECT_NAME": "admin"}
        domains = {"USER_DOMAIN_NAME": "Default", "PROJECT_DOMAIN_ID": "default"}
        return {f"OS_{name}": value for name, value in {**given, **domains}.items()}

    def answer(self, method: str, url: str, token: str, body: Any) -> Answer:
        path = urlsplit(url).path.rstrip("/")
        match method, path:
            case "GET", "/identity" | "/identity/v3":
                version = {"id": "v3.14", "status": "stable", "links": [{"rel": "self", "href": f"{self.url}/identity/v3/"}]}
                return 200, {"version": version} if path.endswith("v3") else {"versions": {"values": [version]}}
            case "POST", "/identity/v3/auth/tokens":
                self.bodies.append(body)
                if self.refusal is not None:
                    return self.refusal
                if body["auth"]["identity"]["password"]["user"]["password"] != SECRET:
                    return 401, {"error": {"code": 401, "message": "The request you have made requires authentication."}}
                self.tokens.append(f"tok-{len(self.tokens) + 1}")
                return 201, {"token": self.token()}
        type, _, rest = path.removeprefix("/").partition("/")
        if type in self.services and token in self.tokens:
            return self.services[type](method, f"/{rest}", parse_qs(urlsplit(url).query), body)
        return 404, {"error": {"code": 404, "message": f"nothing at {path}"}}

    def token(self) -> dict[str, Any]:
        endpoint = {"id": "e", "interface": "public", "region": self.region, "region_id": self.region}
        catalog = [
            {
                "id": type,
                "type": type,
                "name": type,
                "endpoints": [endpoint | {"url": f"{self.url}/{type}{self.paths.get(type, '')}"}],
            }
            for type in self.services
        ]
        return {
            **{"methods": ["password"], "expires_at": "2099-01-01T00:00:00.000000Z", "issued_at": "2026-01-01T00:00:00.000000Z"},
            **{"user": {"id": "u", "name": "admin", "domain": {"id": "default", "name": "Default"}}, "catalog": catalog},
            **{"roles": [{"id": "r", "name": "admin"}]},
        }


@contextmanager
def running(cloud: Cloud) -> Iterator[Cloud]:
    """It answers at ``cloud.url`` for as long as the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def serve(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            status, document = cloud.answer(self.command, self.path, self.headers.get("X-Auth-Token", ""), body)
            content = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if self.path.endswith("/auth/tokens") and status == 201:
                self.send_header("X-Subject-Token", cloud.tokens[-1])
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = serve

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        cloud.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield cloud
        finally:
            server.shutdown()
            thread.join()
