# SPDX-License-Identifier: Apache-2.0
"""Every key below a prefix is read once and in order, whether as one range or by parts."""

import pytest

from gluon.kv import paging
from gluon.kv.contract import Kv

KEYS = [
    "",
    "0",
    "00",
    "000",
    "0/",
    "0/1",
    "1",
    "10",
    "1~",
    "a",
    "a/b",
    "é",
    "éa",
    "\U0001f600",
    "\U0001f600/x",
    *(f"x{n:03}" for n in range(40)),
]


@pytest.mark.parametrize("many", [0, 3, 1000])
async def test_all_keys_once_and_in_order(kv: Kv, many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "_MANY", many)
    monkeypatch.setattr(paging, "_PAGE", 2)
    prefix = f"/paging/{many}/"
    for key in reversed(KEYS):
        revision = await kv.put(prefix + key, b"then")
    await kv.put(f"/paging/{many}0", b"beside it")
    await kv.put(f"{prefix}x0009", b"later")
    await kv.put(f"{prefix}1", b"later")
    expected = sorted((prefix + key for key in KEYS), key=str.encode)
    found = [item async for item in paging.every(kv, prefix, revision=revision)]
    assert [(item.key, item.value) for item in found] == [(key, b"then") for key in expected]
    now = [item.key async for item in paging.every(kv, prefix)]
    assert now == sorted([*expected, f"{prefix}x0009"], key=str.encode)
    assert all([items async for items in paging.pages(kv, prefix)])
    assert [items async for items in paging.pages(kv, "/paging/none/")] == []


async def test_leaping(kv: Kv) -> None:
    for key in ("", "a/1", "a/2", "a", "ab/1", "é/1", "z"):
        await kv.put(f"/leaps/{key}", b"")
    assert [part async for part in paging.leaps(kv, "/leaps/")] == ["a", "z", "é"]
    assert [part async for part in paging.leaps(kv, "/leaps/", until="/")] == ["a", "ab", "z", "é"]
