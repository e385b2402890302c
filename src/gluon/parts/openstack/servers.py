# SPDX-License-Identifier: Apache-2.0
"""Servers of Nova as a user of its API boots and deletes them: ask, then look until it is so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from gluon.errors import GluonError
from gluon.parts.openstack.api import Api, ApiRefused
from gluon.parts.openstack.glance import IMAGE_ID
from gluon.parts.openstack.nova import FLAVOR

_PATIENCE: Final = 120.0  # seconds for a boot or an end; fifty at once share two cores
_LOOK: Final = 0.2  # seconds between two looks
#: The first version in which a host may be asked for.
_WITH_HOST: Final = {"OpenStack-API-Version": "compute 2.74"}


async def boot(api: Api, name: str, ports: Sequence[str], *, host: str = "") -> dict[str, Any]:
    """Boot a server on these ports, by their ids, and return it once it is ACTIVE or ERROR.

    ``host``: where; only an administrator may say so. Raises ApiRefused where Nova refuses at once.
    """
    server = await ask(api, name, ports, host=host)
    return await until_settled(api, server)


async def ask(api: Api, name: str, ports: Sequence[str], *, host: str = "") -> str:
    """Ask for a server as ``boot`` does, and return its id at once."""
    flavors = await asyncio.to_thread(api.get, "compute", "/flavors")
    flavor = next(flavor["id"] for flavor in flavors["flavors"] if flavor["name"] == FLAVOR)
    wanted = {"name": name, "flavorRef": flavor, "imageRef": IMAGE_ID, "networks": [{"port": port} for port in ports]}
    if host:
        wanted["host"] = host
    headers = _WITH_HOST if host else {}
    answer = await asyncio.to_thread(api.request, "POST", "compute", "/servers", {"server": wanted}, headers=headers)
    return str(answer["server"]["id"])


async def until_settled(api: Api, server: str) -> dict[str, Any]:
    """The server, once its status is no longer BUILD. Raises GluonError after two minutes."""
    return await _until(api, server, lambda status: status != "BUILD", "be built")


async def show(api: Api, server: str) -> dict[str, Any]:
    """The server as Nova shows it. Raises ApiRefused."""
    answer = await asyncio.to_thread(api.get, "compute", f"/servers/{server}")
    found: dict[str, Any] = answer["server"]
    return found


async def migrate(admin: Api, server: str) -> dict[str, Any]:
    """Move it to another host (cold), confirm, and return it once it is ACTIVE there, or ERROR.

    Raises ApiRefused, GluonError after two minutes.
    """
    await _act(admin, server, "migrate")
    moved = await _until(admin, server, lambda status: status in ("VERIFY_RESIZE", "ERROR"), "be moved")
    if moved["status"] == "ERROR":
        return moved
    await _act(admin, server, "confirmResize")
    return await _until(admin, server, lambda status: status in ("ACTIVE", "ERROR"), "stay where it was moved to")


async def delete(api: Api, server: str) -> None:
    """Delete it, and return once it is gone. Raises ApiRefused, GluonError after two minutes."""
    await asyncio.to_thread(api.delete, "compute", f"/servers/{server}")
    async with _limited(f"the server {server} to be gone"):
        while True:
            try:
                await show(api, server)
            except ApiRefused as refusal:
                if refusal.status == 404:
                    return
                raise
            await asyncio.sleep(_LOOK)


async def _until(api: Api, server: str, settled: Callable[[str], bool], what: str) -> dict[str, Any]:
    """The server, once its status is ``settled``."""
    async with _limited(f"the server {server} to {what}"):
        while not settled((found := await show(api, server))["status"]):  # noqa: ASYNC110 Nova tells nobody
            await asyncio.sleep(_LOOK)
        return found


async def _act(api: Api, server: str, action: str) -> None:
    await asyncio.to_thread(api.post, "compute", f"/servers/{server}/action", {action: None})


@asynccontextmanager
async def _limited(what: str) -> AsyncIterator[None]:
    """As asyncio.timeout, with an error that says what was waited for."""
    try:
        async with asyncio.timeout(_PATIENCE):
            yield
    except TimeoutError:
        raise GluonError(f"waited {_PATIENCE:g} s in vain for {what}") from None
