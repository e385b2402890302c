# SPDX-License-Identifier: Apache-2.0
"""Loops go on after whatever happens in them, and say once what it was."""

import asyncio
import logging

import pytest

from gluon.errors import GluonError
from gluon.sync.pace import Health, keep

from .conftest import until


async def test_work_that_fails_is_begun_again(caplog: pytest.LogCaptureFixture) -> None:
    health = Health()
    runs = 0
    troubles = []

    async def work() -> None:
        nonlocal runs
        runs += 1
        troubles.append(health.trouble)
        if runs <= 2:
            raise GluonError("etcd is gone")
        if runs == 3:
            raise ValueError("a bug")
        health.well("part")
        await asyncio.Event().wait()

    with caplog.at_level(logging.INFO, "gluon.sync.pace"):
        task = asyncio.create_task(keep("part", work, health))
        await until(lambda: runs == 4)
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()
    assert troubles == [None, "etcd is gone", "etcd is gone", "etcd is gone"]
    assert health.trouble is None
    assert [record.getMessage() for record in caplog.records] == [
        "part: etcd is gone; trying again",
        "part: failed",
        "part: works again",
    ]
    assert caplog.records[1].exc_info


def test_what_ended_is_no_trouble() -> None:
    health = Health()
    health.failed("one", GluonError("a"))
    health.failed("two", GluonError("b"))
    assert health.trouble == "a; b"
    health.forget("one")
    assert health.trouble == "b"
