# SPDX-License-Identifier: Apache-2.0
"""A Proton Server's application on a real store, with everything that ships and the models of the tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from gluon.model.catalogue import load_catalogue
from gluon.server.app import App, build
from gluon.settings import Api
from gluon.store.contract import Store
from gluon.store.opening import open_store
from tests.server.driver import Driver
from tests.server.shims import Shims

TENANT = "5f7a0c8e1d2b4c3a9e8f7d6c5b4a3f2e"
L3VPN = "/proton/net-l3vpn/v1.0"
THINGS = "/proton/things/v2.0"
OLD_THINGS = "/proton/things/v1.0"


@pytest.fixture(scope="session")
def families():
    here = Path(__file__).parent
    return load_catalogue([here.parent / "models", here / "models"])


@dataclass
class Site:
    """A server in this process: ``call`` talks to it, ``shims`` answer its binds."""

    app: App
    call: Driver
    store: Store
    shims: Shims
    families: Any


@pytest.fixture
async def store(tmp_path, families):
    opened = await open_store(f"sqlite:///{tmp_path}/gluon.sqlite", [family.newest for family in families.values()])
    yield opened
    await opened.close()


@pytest.fixture
def served(store, families):
    """Makes a site with other settings or probes."""

    def make(probes=None, store=store, **settings):
        shims = Shims(store)
        api = Api(**{"bind_timeout": 60.0, "max_body": 2**21, **settings})
        app = build(
            api,
            families,
            store,
            shims,
            probes={"database": store.ready} if probes is None else probes,
            registry=CollectorRegistry(),
        )
        return Site(app, Driver(app), store, shims, families)

    return make


@pytest.fixture
def site(served):
    return served()


@pytest.fixture
def call(site):
    return site.call
