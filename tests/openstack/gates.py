# SPDX-License-Identifier: Apache-2.0
"""A proxy before a Proton Server that lets those through whom Keystone knows.

request with X-Auth-Token ─► Gate ─► Keystone: whose is it? ─► (a user's)  the Proton Server, without the token
                                                          └──► (nobody's)  401
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from typing import NamedTuple
from urllib.parse import urlsplit

from gluon.parts.openstack.cloud import Cloud
from gluon.parts.openstack.users import ADMIN

#: Headers that are between who asks and the gate.
_OURS = ("x-auth-token", "host", "connection")


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


_STRANGER = Answer(401, {"Content-Type": "text/plain", "Content-Length": "16"}, b"nobody knows you")


class Shown(NamedTuple):
    """A token that somebody showed; ``user`` is empty where it was no good."""

    token: str
    user: str


@dataclass
class Gate:
    """Deals with requests as ``serving`` wants it. ``cloud``: whose Keystone is asked; to be set before the first request.

    One that is ``shut`` knows nobody.
    """

    server: str
    cloud: Cloud | None = None
    shut: bool = False
    shown: list[Shown] = field(default_factory=list)

    def __call__(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        token = request.headers.get("X-Auth-Token", "")
        user = "" if self.shut else self._user(token)
        self.shown.append(Shown(token, user))
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OURS}
        url = self.server + request.path
        answer = _asked(request.command, url, headers, body) if user else _STRANGER
        request.send_response(answer.status)
        for name in ("Content-Type", "Content-Length", "ETag"):
            if name in answer.headers:
                request.send_header(name, answer.headers[name])
        request.end_headers()
        request.wfile.write(answer.body)

    def revoke(self, token: str) -> None:
        """Have Keystone take a token back."""
        assert self._keystone("DELETE", token).status == 204

    def _user(self, token: str) -> str:
        """Whose it is."""
        found = self._keystone("GET", token)
        name: str = json.loads(found.body)["token"]["user"]["name"] if found.status == 200 else ""
        return name

    def _keystone(self, method: str, token: str) -> Answer:
        assert self.cloud is not None
        headers = {"X-Auth-Token": self.cloud.api(ADMIN).token, "X-Subject-Token": token}
        return _asked(method, f"{self.cloud.auth_url}/auth/tokens", headers)


def _asked(method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", body or None, dict(headers))
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()
