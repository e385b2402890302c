# SPDX-License-Identifier: Apache-2.0
"""OpenStack's services, asked with the usual ``OS_*`` variables: the door to keystoneauth1, which ``gluon[openstack]`` brings.

OS_AUTH_URL, OS_USERNAME, … ─► Keystone: token and catalogue ─► service("compute", "Nova").get("/servers") ─► JSON

GluonError
├── SettingsError             the library or a variable is missing
└── OpenStackError            Keystone gives no token or knows no such service, or what answers is none
    └── RefusedByOpenStack    the service said no: status, and its own words
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from gluon.errors import GluonError, SettingsError

_T = TypeVar("_T")
_TIMEOUT: Final = 60.0  # seconds for an answer; Nova asks each of its cells
_TRUE: Final = ("1", "true", "yes", "on")
_WORDS: Final = 300  # characters of an answer that is no OpenStack's


class OpenStackError(GluonError):
    """Keystone or a service cannot be asked."""


class RefusedByOpenStack(OpenStackError):
    """A service refused, and did nothing."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class Service:
    """One service of the catalogue. Paths are below its endpoint; queries may give a name several values."""

    def __init__(self, name: str, base: str, ask: Callable[..., Any]) -> None:
        self._name = name
        self._base = base
        self._ask = ask

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """The document at a path. Raises OpenStackError, as all of these do."""
        return self._request("GET", path, params=dict(query or {}))

    def post(self, path: str, document: Any) -> Any:
        """What the service made of a document."""
        return self._request("POST", path, json=document)

    def _request(self, method: str, path: str, **more: Any) -> Any:
        """The answer, decoded; None where there is no body."""
        with _asking(self._name):
            answer = self._ask(self._base + path, method, headers={"Accept": "application/json"}, raise_exc=False, **more)
        if answer.status_code >= 300:
            said = f"{self._name} answers {method} {path} with {answer.status_code}: {_reason(answer.text)}"
            raise RefusedByOpenStack(said, answer.status_code)
        try:
            return json.loads(answer.content) if answer.content else None
        except ValueError:
            raise OpenStackError(f"what {self._name} answers to {method} {path} is no JSON: {_excerpt(answer.text)}") from None


def service(type: str, name: str, version: str = "") -> Service:
    """The service of this type in Keystone's catalogue; ``name`` is for messages, ``version`` a path that its endpoint may lack.

    Raises SettingsError, OpenStackError.
    """
    try:
        from keystoneauth1 import loading, session
    except ImportError:
        raise SettingsError("this needs OpenStack's client library: pip install 'gluon[openstack]'") from None
    url = os.environ.get("OS_AUTH_URL")
    if not url:
        raise SettingsError("OS_AUTH_URL is not set: it and the other OS_* variables say where Keystone is and who asks")
    with _asking(f"Keystone ({url})"):
        loader: loading.BaseLoader[Any] = loading.get_plugin_loader(os.environ.get("OS_AUTH_TYPE") or "password")
        auth = loader.load_from_options_getter(lambda option: option.argparse_default)
        asker = session.Session(auth, verify=_verify(), cert=_certificate(), timeout=_TIMEOUT, user_agent="gluon")
        base = asker.get_endpoint(
            None, service_type=type, interface=_interface(), region_name=os.environ.get("OS_REGION_NAME") or None
        )
    if base is None:
        raise OpenStackError(f"there is no {_interface()} endpoint of {name} (service type {type})")
    return Service(name, base.rstrip("/").removesuffix(version) + version, asker.request)


def understood(name: str, read: Callable[[], _T], what: str) -> _T:
    """What ``read`` takes out of an answer, which may be anything. Raises OpenStackError."""
    try:
        return read()
    except (ValueError, KeyError, TypeError, AttributeError):
        raise OpenStackError(f"what {name} answers is no {what}") from None


@contextmanager
def _asking(name: str) -> Iterator[None]:
    """Around a request to ``name``, at the first of which Keystone is asked, too."""
    from keystoneauth1 import exceptions

    try:
        yield
    except (exceptions.ClientException, OSError) as error:  # OSError: a file of OS_CACERT, OS_CERT or OS_KEY
        raise OpenStackError(f"{name}: {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise OpenStackError(f"{name}: what answers is no Keystone") from None


def _interface() -> str:
    """Which of a service's endpoints is asked."""
    return (os.environ.get("OS_INTERFACE") or os.environ.get("OS_ENDPOINT_TYPE") or "public").removesuffix("URL")


def _verify() -> bool | str:
    if os.environ.get("OS_INSECURE", "").lower() in _TRUE:
        return False
    return os.environ.get("OS_CACERT") or True


def _certificate() -> tuple[str, str] | str | None:
    certificate, key = os.environ.get("OS_CERT"), os.environ.get("OS_KEY")
    return (certificate, key) if certificate and key else certificate or None


def _reason(text: str) -> str:
    """The service's own words: ``{"NeutronError": {"message": …}}``, ``{"forbidden": {"message": …}}``, …"""
    try:
        (said,) = json.loads(text).values()
        return str(said["message"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return _excerpt(text)


def _excerpt(text: str) -> str:
    words = " ".join(text.split())
    return words[:_WORDS] + ("…" if len(words) > _WORDS else "") or "nothing"
