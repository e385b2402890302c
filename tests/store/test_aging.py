# SPDX-License-Identifier: Apache-2.0
"""The age of what waits for etcd, by a clock that no one can set."""

from __future__ import annotations

import time

import pytest

from gluon.store import revisions
from gluon.store.aging import Aging
from gluon.store.contract import Backlog, SyncMark

from .conftest import Desk


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.mark.parametrize("wrong", [-3600.0, 0.0, 3600.0])
def test_a_row_that_was_seen_to_come_has_the_age_since_then(clock, wrong):
    aging = Aging(clock)
    aging.empty()
    for second in range(60):
        clock.now += 1
        assert second <= aging.seen(1, second + 1, second + wrong) <= second + 1
    for second in range(60, 90):  # the first half was sent
        clock.now += 1
        assert second - 30 <= aging.seen(31, 60, second - 30 + wrong) <= second - 29
    clock.now += 1
    aging.empty()
    clock.now += 100
    aging.empty()
    clock.now += 1
    assert 0 <= aging.seen(61, 61, wrong) <= 1


def test_what_a_row_says_counts_within_what_was_seen(clock):
    aging = Aging(clock)
    aging.empty()
    clock.now += 10
    assert aging.seen(1, 1, 4.0) == 4.0
    clock.now += 1
    assert aging.seen(1, 1, 5.0) == 5.0


def test_a_row_that_was_there_before_is_believed_but_not_to_be_younger_than_it_was_watched(clock):
    aging = Aging(clock)
    assert aging.seen(5, 9, 300.0) == 300.0
    clock.now += 60
    assert aging.seen(5, 9, -3300.0) == 60.0


def test_looks_are_bounded(clock):
    aging = Aging(clock)
    aging.empty()
    for second in range(5000):
        clock.now += 1
        age = aging.seen(1, second + 1, 0.0)
    assert len(aging._looks) <= 1000
    assert 2500 <= age <= 5000


async def test_a_clock_that_is_set_back_changes_neither_order_nor_age(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    log, real = desk.store.log, time.time_ns
    assert await log.backlog() == Backlog(0, 0.0)
    await desk.make("Mark", value="a", group="both")
    monkeypatch.setattr(time, "time", lambda: real() / 1e9 - 3600)
    monkeypatch.setattr(time, "time_ns", lambda: real() - 3600 * 10**9)
    await desk.make("Mark", value="b", group="both")
    await desk.change("Mark", "a", order=1)
    backlog = await log.backlog()
    assert backlog.rows == 3 and 0 <= backlog.age < 60
    batch = await log.take("net-test", 10)
    assert [(c.id, c.record and c.record["revision"]) for c in batch.changes] == [("b", 1), ("a", 2)]
    await log.settle(batch, SyncMark("e", 1))
    assert await log.backlog() == Backlog(0, 0.0)


def test_updated_at_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    record = {**revisions.created(), "generation": 1}
    monkeypatch.setattr(revisions, "now", lambda: "2000-01-01T00:00:00.000000Z")
    changed = revisions.revised(record, {}, wanted=True)
    assert (changed["updated_at"], changed["revision"]) == (record["updated_at"], 2)
