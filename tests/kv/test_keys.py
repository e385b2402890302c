# SPDX-License-Identifier: Apache-2.0
"""The contract for reading and writing keys, on memory and on etcd."""

import pytest

from gluon.kv.contract import MAX_REQUEST_BYTES, Compacted, KeyValue, KvRefused, KvUnavailable


async def test_an_absent_key_is_none(kv, prefix):
    assert await kv.get(prefix) is None


async def test_a_key_tells_its_revisions(kv, prefix):
    first = await kv.put(prefix, b"1")
    second = await kv.put(prefix, b"")
    assert await kv.get(prefix) == KeyValue(prefix, b"", first, second, 2)
    assert await kv.revision() == second == first + 1


async def test_a_key_made_again_starts_anew(kv, prefix):
    await kv.put(prefix, b"1")
    assert await kv.delete(prefix) == 1
    assert await kv.get(prefix) is None
    third = await kv.put(prefix, b"2")
    assert await kv.get(prefix) == KeyValue(prefix, b"2", third, third, 1)


async def test_deleting_nothing_is_no_change(kv, prefix):
    before = await kv.revision()
    assert await kv.delete(prefix) == 0
    assert await kv.delete(prefix, prefix=True) == 0
    assert await kv.revision() == before


async def test_deleting_a_prefix_leaves_its_neighbours(kv, prefix):
    for name in ("a", "a/1", "a/2", "a0", "b"):
        await kv.put(prefix + name, b"")
    before = await kv.revision()
    assert await kv.delete(prefix + "a/", prefix=True) == 2
    assert await kv.revision() == before + 1
    assert [kv.key for kv in (await kv.page(prefix)).items] == [prefix + "a", prefix + "a0", prefix + "b"]


@pytest.mark.parametrize("name", ["ÿ", "\x7f", "\U0010ffff", "a b%2F", "\udcff"])
async def test_any_text_is_a_key(kv, prefix, name):
    await kv.put(prefix + name, b"here")
    await kv.put(prefix + name + "/below", b"")
    assert (await kv.get(prefix + name)).key == prefix + name
    assert (await kv.page(prefix + name)).count == 2
    assert (await kv.page(prefix + name, after=prefix + name)).count == 1


async def test_the_empty_key_is_refused(kv):
    for attempt in (kv.get(""), kv.put("", b""), kv.delete("")):
        with pytest.raises(KvRefused) as refused:
            await attempt
        assert not refused.value.whole


async def test_pages_come_in_the_order_of_keys(kv, prefix):
    for name in "cabed":
        await kv.put(prefix + name, name.encode())
    page = await kv.page(prefix, limit=2)
    assert [kv.value for kv in page.items] == [b"a", b"b"]
    assert (page.more, page.count, page.revision) == (True, 5, await kv.revision())
    page = await kv.page(prefix, after=page.items[-1].key, limit=3)
    assert [kv.value for kv in page.items] == [b"c", b"d", b"e"]
    assert (page.more, page.count) == (False, 3)
    assert (await kv.page(prefix, after=page.items[-1].key)).items == ()


async def test_no_prefix_is_every_key(kv, prefix):
    await kv.put(prefix, b"")
    assert prefix in [kv.key for kv in (await kv.page("", limit=0)).items]


async def test_a_page_of_a_revision_is_a_snapshot(kv, prefix):
    await kv.put(prefix + "a", b"old")
    revision = await kv.put(prefix + "b", b"old")
    await kv.put(prefix + "a", b"new")
    await kv.delete(prefix + "b")
    await kv.put(prefix + "c", b"new")
    page = await kv.page(prefix, revision=revision)
    assert [(kv.key[-1], kv.value) for kv in page.items] == [("a", b"old"), ("b", b"old")]
    assert page.revision == revision


async def test_a_compacted_page_says_so(rig, prefix):
    kv = rig.kv
    old = await kv.put(prefix, b"1")
    await kv.put(prefix, b"2")
    left = await kv.put(prefix, b"3")
    await rig.compact(left)
    with pytest.raises(Compacted):
        await kv.page(prefix, revision=old)
    assert (await kv.page(prefix, revision=left)).items[0].value == b"3"
    assert (await kv.get(prefix)).version == 3


async def test_a_revision_that_is_still_to_come_is_not_this_clusters(kv, prefix):
    with pytest.raises(Compacted):
        await kv.page(prefix, revision=await kv.revision() + 1000)


async def test_a_value_has_to_fit_in_a_request(kv, prefix):
    await kv.put(prefix, bytes(MAX_REQUEST_BYTES - 1000))
    assert len((await kv.get(prefix)).value) == MAX_REQUEST_BYTES - 1000
    for size in (1_600_000, 3_000_000):
        with pytest.raises(KvRefused) as refused:
            await kv.put(prefix, bytes(size))
        assert not refused.value.whole
    await kv.delete(prefix)


async def test_two_clients_see_one_cluster(rig, prefix):
    other = await rig.beside()
    await rig.kv.put(prefix, b"1")
    assert (await other.get(prefix)).value == b"1"


async def test_a_closed_connection_answers_nothing(rig, prefix):
    kv = await rig.beside()
    await kv.close()
    await kv.close()
    for attempt in (kv.get(prefix), kv.put(prefix, b""), kv.page(prefix), kv.revision(), kv.lease(5)):
        with pytest.raises(KvUnavailable):
            await attempt
