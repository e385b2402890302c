# SPDX-License-Identifier: Apache-2.0
"""``python -m gluon.parts.openstack.installing [RELEASE]``: the virtualenvs, side by side, then the databases of new clouds."""

from __future__ import annotations

import asyncio
import sys
import time

from gluon.errors import GluonError
from gluon.parts.openstack.environments import RELEASES, SERVICES, Environment, environment
from gluon.parts.openstack.program import side_by_side
from gluon.parts.openstack.template import place, prepared


async def install(release: str) -> None:
    """Make what is missing for a release, and say so. Raises GluonError with what went wrong."""
    if release not in RELEASES:
        raise GluonError(f"there is no release {release}: expected one of {', '.join(RELEASES)}")
    await side_by_side(_install(environment(release, service)) for service in SERVICES)
    if not place(release).exists():
        start = time.monotonic()
        _say(f"databases: in {await prepared(release)}", start)


async def _install(wanted: Environment) -> None:
    start = time.monotonic()
    if await asyncio.to_thread(wanted.install):
        _say(f"{wanted.service}: in {wanted.path}", start)


def _say(what: str, start: float) -> None:
    print(f"openstack: {what}, made within {time.monotonic() - start:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    try:
        asyncio.run(install(sys.argv[1] if len(sys.argv) > 1 else RELEASES[0]))
    except GluonError as error:
        sys.exit(f"openstack: {error}")
