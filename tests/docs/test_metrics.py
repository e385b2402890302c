# SPDX-License-Identifier: Apache-2.0
"""The page on running a server lists the metrics by the names that /metrics gives them."""

import re
from pathlib import Path

from prometheus_client import CollectorRegistry

from gluon.kv.memory import MemoryKv
from gluon.model.catalogue import load_catalogue
from gluon.server.metrics import Metrics
from gluon.settings import Sync as Settings
from gluon.store.opening import open_store
from gluon.sync.service import Sync

PAGE = Path(__file__).parents[2] / "docs" / "running.md"


async def test_every_metric_is_on_the_page_and_every_one_there_is_real(tmp_path):
    families = load_catalogue()
    store = await open_store(f"sqlite:///{tmp_path}/gluon.sqlite", [family.newest for family in families.values()])
    registry = CollectorRegistry()
    Metrics(registry)
    Sync(Settings(), MemoryKv(), store, families, "http://127.0.0.1:2705").metrics(registry)
    there = {family.name + ("_total" if family.type == "counter" else "") for family in registry.collect()}
    assert all(family.documentation.endswith(".") for family in registry.collect())
    assert set(re.findall(r"gluon_(?:api|sync)_\w+", PAGE.read_text())) == there
    await store.close()
