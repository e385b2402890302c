# SPDX-License-Identifier: Apache-2.0
"""Nova's hypervisors, asked for with the usual ``OS_*`` variables. The door to keystoneauth1, which ``gluon[openstack]`` brings.

OS_AUTH_URL, OS_USERNAME, … ─► Keystone: token and catalogue ─► GET /os-hypervisors/detail ─► (Hypervisor, …)
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from gluon.errors import GluonError, SettingsError

_TIMEOUT: Final = 60.0  # seconds for an answer; Nova asks each of its cells
_TRUE: Final = ("1", "true", "yes", "on")


class NovaError(GluonError):
    """Keystone or Nova does not say what there is."""


class Hypervisor(NamedTuple):
    """A host that runs virtual machines. ``host`` is what Nova writes into ``binding:host_id``."""

    host: str
    up: bool
    enabled: bool
    reason: str

    @property
    def trouble(self) -> str:
        """What keeps machines from it; empty where nothing does."""
        words = [word for word, true in (("down", not self.up), ("disabled", not self.enabled)) if true]
        return " and ".join(words) + (f" ({self.reason})" if words and self.reason else "")

    @property
    def out_of_service(self) -> bool:
        """Whether it neither runs machines nor gets any. One only down comes back; on one only disabled, machines still run."""
        return not self.up and not self.enabled


def hypervisors() -> list[Hypervisor]:
    """All of them, each host once, in the order of their names. Raises SettingsError, NovaError."""
    try:
        from keystoneauth1 import exceptions, loading, session
    except ImportError:
        raise SettingsError("this needs OpenStack's client library: pip install 'gluon[openstack]'") from None
    if not os.environ.get("OS_AUTH_URL"):
        raise SettingsError("OS_AUTH_URL is not set: it and the other OS_* variables say where Keystone is and who asks")
    try:
        loader: loading.BaseLoader[Any] = loading.get_plugin_loader(os.environ.get("OS_AUTH_TYPE") or "password")
        auth = loader.load_from_options_getter(lambda option: option.argparse_default)
        nova = session.Session(auth, verify=_verify(), cert=_certificate(), timeout=_TIMEOUT, user_agent="gluon")
        answer = nova.get("/os-hypervisors/detail", endpoint_filter=_endpoint(), headers={"Accept": "application/json"})
        found = sorted(_read(answer.json()["hypervisors"]), key=lambda h: _natural(h.host))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NovaError("what the endpoint of the compute service answers is no list of Nova's hypervisors") from None
    except exceptions.Forbidden as error:
        raise NovaError(f"Nova lists hypervisors to admins only: {error}") from None
    except (exceptions.ClientException, OSError) as error:  # OSError: a file of OS_CACERT, OS_CERT or OS_KEY
        raise NovaError(str(error)) from None
    return list({h.host: h for h in found}.values())


def _endpoint() -> dict[str, Any]:
    """Which of the catalogue's endpoints is asked."""
    interface = os.environ.get("OS_INTERFACE") or os.environ.get("OS_ENDPOINT_TYPE") or "public"
    region = os.environ.get("OS_REGION_NAME") or None
    return {"service_type": "compute", "interface": interface.removesuffix("URL"), "region_name": region}


def _verify() -> bool | str:
    if os.environ.get("OS_INSECURE", "").lower() in _TRUE:
        return False
    return os.environ.get("OS_CACERT") or True


def _certificate() -> tuple[str, str] | str | None:
    certificate, key = os.environ.get("OS_CERT"), os.environ.get("OS_KEY")
    return (certificate, key) if certificate and key else certificate or None


def _read(listed: Iterable[Mapping[str, Any]]) -> Iterator[Hypervisor]:
    for found in listed:
        service = found["service"]
        up, enabled = found["state"] == "up", found["status"] == "enabled"
        yield Hypervisor(str(service["host"]), up, enabled, service.get("disabled_reason") or "")


def _natural(name: str) -> list[tuple[int, str]]:
    """compute-2 before compute-10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", name)]
