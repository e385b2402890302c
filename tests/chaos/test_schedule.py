# SPDX-License-Identifier: Apache-2.0
"""The schedule: the same seed makes the same faults, and only what is there is hit."""

from chaos.schedule import Parts, schedule


def test_the_same_seed_makes_the_same_schedule():
    parts = Parts()
    assert schedule(7, 50, 600, parts) == schedule(7, 50, 600, parts)
    assert schedule(7, 50, 600, parts) != schedule(8, 50, 600, parts)


def test_every_kind_of_fault_comes_and_each_within_its_time():
    faults = schedule(1, 2000, 3600, Parts())
    assert {fault.kind for fault in faults} == {
        *("kill", "pause", "orderly restart", "cut both ways", "cut one way"),
        *("etcd majority killed", "etcd majority paused", "etcd all killed", "etcd wiped"),
    }
    assert {part for fault in faults for part in fault.target} == {*Parts().all, "relay", "clients", "etcd"}
    assert all(0 <= fault.at <= 3600 and 0 < fault.seconds < 10 for fault in faults)
    assert [fault.at for fault in faults] == sorted(fault.at for fault in faults)


def test_only_what_is_there_is_hit():
    faults = schedule(1, 2000, 3600, Parts(database=(), network=False))
    assert not any(fault.kind.startswith("cut") or "database" in fault.target for fault in faults)


def test_a_run_stays_alive():
    """etcd's members count as one, a relay as both servers, and a wiped etcd needs the shims alive."""
    for fault in schedule(1, 2000, 3600, Parts()):
        assert fault.locks
        if "relay" in fault.target:
            assert fault.locks >= set(Parts().servers)
        if fault.kind.startswith("etcd") or set(fault.target) <= set(Parts().members):
            assert "etcd" in fault.locks
        if fault.kind == "etcd wiped":
            assert fault.locks >= set(Parts().shims)
