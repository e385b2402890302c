# SPDX-License-Identifier: Apache-2.0
"""Servers of Nova as a user of its API boots and deletes them: ask, then look until it is so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from gluon.errors import GluonError
from gluon.parts.openstack.api import Api, ApiRefused
from gluon.parts.openstack.glance import IMAGE_ID
from gluon.parts.openstack.nova import FLAVOR

_PATIENCE: Final = 120.0  # seconds for a boot or an end; fifty at once share two cores
#: Nova's name for the zone of hosts that are in no other.
_ZONE: Final = "nova"
#: Seconds between the first two looks and at most, and how the time between them grows.
_LOOK: Final = 0.1
_LONGEST: Final = 2.0
_SLOWER: Final = 1.2
#: What there is of a server that is not there (any more).
_GONE: Final[dict[str, Any]] = {"status": "GONE"}


async def boot(api: Api, name: str, ports: Sequence[str], *, host: str = "", forced: bool = False) -> dict[str, Any]:
    """Boot a server on these ports, by their ids, and return it once it is ACTIVE or ERROR.

    ``host``: where; only an administrator may say so. ``forced``: there and nowhere else, whatever the scheduler thinks; so Nova
    tries but once, and its fault is what befell. Raises ApiRefused where Nova refuses at once.
    """
    server = await ask(api, name, ports, host=host, forced=forced)
    return await until_settled(api, server)


async def ask(api: Api, name: str, ports: Sequence[str], *, host: str = "", forced: bool = False) -> str:
    """Ask for a server as ``boot`` does, and return its id at once."""
    flavors = await asyncio.to_thread(api.get, "compute", "/flavors")
    flavor = next(flavor["id"] for flavor in flavors["flavors"] if flavor["name"] == FLAVOR)
    wanted = {"name": name, "flavorRef": flavor, "imageRef": IMAGE_ID, "networks": [{"port": port} for port in ports]}
    if host:
        wanted |= {"availability_zone": f"{_ZONE}:{host}"} if forced else {"host": host}
    answer = await asyncio.to_thread(api.post, "compute", "/servers", {"server": wanted})
    return str(answer["server"]["id"])


async def until_settled(api: Api, server: str) -> dict[str, Any]:
    """The server, once its status is no longer BUILD. Raises GluonError after two minutes."""
    return await _until(api, server, lambda found: found["status"] != "BUILD", "be built")


async def show(api: Api, server: str) -> dict[str, Any]:
    """The server as Nova shows it. Raises ApiRefused."""
    answer = await asyncio.to_thread(api.get, "compute", f"/servers/{server}")
    found: dict[str, Any] = answer["server"]
    return found


async def migrate(admin: Api, server: str, *, host: str) -> dict[str, Any]:
    """Move it to another host (cold), confirm, and return it once it is ACTIVE there, or ERROR.

    Raises ApiRefused, GluonError after two minutes.
    """
    await _act(admin, server, "migrate", {"host": host})
    moved = await _until(admin, server, lambda found: found["status"] in ("VERIFY_RESIZE", "ERROR"), "be moved")
    if moved["status"] == "ERROR":
        return moved
    await _act(admin, server, "confirmResize")
    return await _until(admin, server, lambda found: found["status"] in ("ACTIVE", "ERROR"), "stay where it was moved to")


async def migrate_live(admin: Api, server: str, *, host: str) -> dict[str, Any]:
    """Ask for it to be moved while it runs, and return it once it does so no more, wherever it is then.

    Raises ApiRefused, GluonError after two minutes.
    """
    await _act(admin, server, "os-migrateLive", {"host": host, "block_migration": "auto"})
    return await _until(admin, server, lambda found: found["status"] in ("ACTIVE", "ERROR") and not _busy(found), "be moved")


async def evacuate(admin: Api, server: str, *, host: str) -> dict[str, Any]:
    """Build it anew on another host, its own being down, and return it once it is ACTIVE there, or ERROR.

    Raises ApiRefused, GluonError after two minutes.
    """

    def settled(found: Mapping[str, Any]) -> bool:  # it is ACTIVE a moment before it says where
        there = found["status"] == "ACTIVE" and found["OS-EXT-SRV-ATTR:host"] == host
        return (there or found["status"] == "ERROR") and not _busy(found)

    await _act(admin, server, "evacuate", {"host": host})
    return await _until(admin, server, settled, "be evacuated")


async def shelve(api: Api, server: str) -> dict[str, Any]:
    """Put it on the shelf, off its host, and return it once it is there, or ERROR.

    Raises ApiRefused, GluonError after two minutes.
    """
    await _act(api, server, "shelve")
    return await _until(api, server, lambda found: found["status"] in ("SHELVED_OFFLOADED", "ERROR"), "be shelved")


async def unshelve(admin: Api, server: str, *, host: str) -> dict[str, Any]:
    """Take it from the shelf to a host, and return it once it is ACTIVE, or on the shelf again, or ERROR.

    Raises ApiRefused, GluonError after two minutes.
    """
    await _act(admin, server, "unshelve", {"host": host})
    return await _until(admin, server, lambda found: not _busy(found), "be unshelved")


async def mark_down(admin: Api, host: str, down: bool) -> None:
    """Tell Nova that the compute service of a host is down whatever it reports itself, or no more. Raises ApiRefused."""
    services = await asyncio.to_thread(admin.get, "compute", f"/os-services?host={host}&binary=nova-compute")
    path = f"/os-services/{services['services'][0]['id']}"
    await asyncio.to_thread(admin.put, "compute", path, {"forced_down": down})


async def delete(api: Api, server: str) -> None:
    """Delete it, and return once it is gone. Raises ApiRefused, GluonError after two minutes."""
    await asyncio.to_thread(api.delete, "compute", f"/servers/{server}")
    await _until(api, server, lambda found: found is _GONE, "be gone")


def _busy(found: Mapping[str, Any]) -> bool:
    """Whether Nova is doing something with it."""
    return found["OS-EXT-STS:task_state"] is not None


async def _until(api: Api, server: str, settled: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
    """The server, once it is ``settled``; one that is not there is ``_GONE``.

    Nova tells nobody, so it is looked at: less and less often, for fifty that are looked at all the time keep Nova from its work.
    """
    pause = _LOOK
    try:
        async with asyncio.timeout(_PATIENCE):
            while not settled(found := await _look(api, server)):
                await asyncio.sleep(pause)
                pause = min(pause * _SLOWER, _LONGEST)
            return found
    except TimeoutError:
        raise GluonError(f"waited {_PATIENCE:g} s in vain for the server {server} to {what}") from None


async def _look(api: Api, server: str) -> dict[str, Any]:
    try:
        return await show(api, server)
    except ApiRefused as refusal:
        if refusal.status == 404:
            return _GONE
        raise


async def _act(api: Api, server: str, action: str, more: Mapping[str, object] | None = None) -> None:
    await asyncio.to_thread(api.post, "compute", f"/servers/{server}/action", {action: more})
