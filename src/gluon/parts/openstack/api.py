# SPDX-License-Identifier: Apache-2.0
"""The REST APIs of OpenStack as one user: a token from Keystone, addresses from its catalogue, JSON both ways."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from gluon.errors import GluonError
from gluon.parts.openstack.users import DOMAIN, User

#: Where a service has newer versions of its API than the first: the one that is asked. Nova's is the first in which a host may be
#: asked for wherever a server is put on one: at its boot, moved, or taken from the shelf.
_VERSIONS: Final = {"compute": {"OpenStack-API-Version": "compute 2.91"}}
#: Seconds for one request; a cold service imports half of itself at its first.
PATIENCE: Final = 60.0


class ApiRefused(GluonError):
    """A service answered with an error; ``status`` is that of HTTP, ``body`` what it said."""

    def __init__(self, method: str, url: str, status: int, body: str) -> None:
        super().__init__(f"{method} {url}: {status}: {body}")
        self.status = status
        self.body = body


class Answer(NamedTuple):
    """``body`` is decoded; None where there is none."""

    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Session:
    token: str
    project_id: str
    user_id: str
    catalogue: Mapping[str, str] = field(repr=False)


class Api:
    """One user's view. Authenticates at the first request; safe to share between threads.

    ``patience``: seconds for which a service may say nothing. Raises GluonError where that is longer, or nobody is there.
    """

    def __init__(self, auth_url: str, user: User, *, patience: float = PATIENCE) -> None:
        self.user = user
        self._auth_url = auth_url
        self._patience = patience
        self._session: _Session | None = None

    @property
    def project_id(self) -> str:
        """Of the user's project, as Keystone writes it: 32 hex digits."""
        return self._authenticated().project_id

    @property
    def user_id(self) -> str:
        """Of the user."""
        return self._authenticated().user_id

    @property
    def token(self) -> str:
        """A token for the user's project; valid for an hour."""
        return self._authenticated().token

    def get(self, service: str, path: str) -> Any:
        """What GET answers. ``service`` is a type of the catalogue: identity, network, compute, placement. Raises ApiRefused."""
        return self.request("GET", service, path)

    def post(self, service: str, path: str, body: object) -> Any:
        """What POST answers; None where that is nothing. Raises ApiRefused."""
        return self.request("POST", service, path, body)

    def put(self, service: str, path: str, body: object = None) -> Any:
        """What PUT answers; None where that is nothing. Raises ApiRefused."""
        return self.request("PUT", service, path, body)

    def delete(self, service: str, path: str) -> None:
        """Raises ApiRefused."""
        self.request("DELETE", service, path)

    def request(self, method: str, service: str, path: str, body: object = None) -> Any:
        """What any request answers. Raises ApiRefused."""
        return self.answer(method, service, path, body).body

    def answer(self, method: str, service: str, path: str, body: object = None) -> Answer:
        """The same with its headers. Raises ApiRefused."""
        session = self._authenticated()
        base = self._auth_url if service == "identity" else session.catalogue.get(service)
        if base is None:
            raise GluonError(f"the catalogue has no {service}; it has {', '.join(sorted(session.catalogue))}")
        head = {"X-Auth-Token": session.token, **_VERSIONS.get(service, {})}
        return _send(method, base + path, body, head, self._patience)

    def _authenticated(self) -> _Session:
        if self._session is None:
            user = {"name": self.user.name, "password": self.user.password, "domain": {"id": DOMAIN}}
            body = {
                "auth": {
                    "identity": {"methods": ["password"], "password": {"user": user}},
                    "scope": {"project": {"name": self.user.project, "domain": {"id": DOMAIN}}},
                }
            }
            answer, headers = _send("POST", f"{self._auth_url}/auth/tokens", body, {}, self._patience)
            given = answer["token"]
            public = {
                service["type"]: endpoint["url"]
                for service in given.get("catalog", ())
                for endpoint in service["endpoints"]
                if endpoint["interface"] == "public"
            }
            self._session = _Session(headers["X-Subject-Token"], given["project"]["id"], given["user"]["id"], public)
        return self._session


def _send(method: str, url: str, body: object, headers: Mapping[str, str], patience: float) -> Answer:
    data = None if body is None else json.dumps(body).encode()
    head = {"Accept": "application/json", "Content-Type": "application/json", **headers}
    request = urllib.request.Request(url, data=data, headers=head, method=method)
    try:
        with urllib.request.urlopen(request, timeout=patience) as answer:
            text = answer.read()
            return Answer(json.loads(text) if text else None, answer.headers)
    except urllib.error.HTTPError as refusal:
        with refusal:
            raise ApiRefused(method, url, refusal.code, refusal.read().decode(errors="replace")) from None
    except TimeoutError:
        raise GluonError(f"{method} {url}: no answer within {patience:g} s") from None
    except OSError as error:
        raise GluonError(f"{method} {url}: {error}") from None
