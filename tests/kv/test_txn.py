# SPDX-License-Identifier: Apache-2.0
"""The contract for transactions, on memory and on etcd."""

import pytest

from gluon.kv.contract import MAX_TXN_OPS, Compare, Delete, Get, KvRefused, LeaseLost, Put, Txn


async def test_the_branch_taken_answers_for_each_operation(kv, prefix):
    await kv.put(prefix + "a", b"1")
    result = await kv.txn(
        Txn((), (Put(prefix + "b", b"2"), Get(prefix + "a"), Get(prefix + "c"), Delete(prefix + "a"), Delete(prefix + "c")))
    )
    put, got, missing, deleted, nothing = result.responses
    assert (put, got.value, missing, deleted, nothing) == (None, b"1", None, 1, 0)
    assert result.succeeded
    assert result.revision == await kv.revision()


async def test_a_transaction_is_one_revision(kv, prefix):
    before = await kv.revision()
    result = await kv.txn(Txn((), tuple(Put(f"{prefix}{number}", b"") for number in range(5))))
    assert result.revision == before + 1
    assert {kv.mod_revision for kv in (await kv.page(prefix)).items} == {before + 1}


async def test_a_transaction_that_changes_nothing_has_no_revision_of_its_own(kv, prefix):
    before = await kv.revision()
    result = await kv.txn(Txn((), (Get(prefix), Delete(prefix), Txn((), (Get(prefix),)))))
    assert result.revision == before == await kv.revision()


async def test_operations_see_those_before_them(kv, prefix):
    result = await kv.txn(Txn((), (Get(prefix), Put(prefix, b"1"), Get(prefix))))
    assert result.responses[0] is None
    assert result.responses[2].mod_revision == result.revision


_HOLDS_FOR_PRESENT = [
    ("version", "=", 2),
    ("version", "!=", 1),
    ("version", ">", 1),
    ("version", "<", 3),
    ("create", ">", 0),
    ("mod", ">", 1),
    ("lease", "=", 0),
    ("value", "=", b"two"),
    ("value", "!=", b"one"),
    ("value", ">", b"one"),
    ("value", "<", b"twp"),
]
_FAILS_FOR_PRESENT = [
    ("version", "=", 1),
    ("version", "!=", 2),
    ("version", ">", 2),
    ("version", "<", 2),
    ("create", "=", 0),
    ("mod", "<", 1),
    ("lease", ">", 0),
    ("value", "=", b""),
    ("value", "!=", b"two"),
    ("value", ">", b"two"),
    ("value", "<", b"two"),
]
_HOLDS_FOR_ABSENT = [("version", "=", 0), ("create", "=", 0), ("mod", "<", 1), ("lease", "=", 0), ("create", "!=", 1)]
_FAILS_FOR_ABSENT = [("version", ">", 0), ("value", "=", b""), ("value", "!=", b"x"), ("value", "<", b"x"), ("mod", "!=", 0)]


async def test_conditions(kv, prefix):
    await kv.put(prefix + "present", b"one")
    await kv.put(prefix + "present", b"two")
    for key, conditions, expected in (
        ("present", _HOLDS_FOR_PRESENT, True),
        ("present", _FAILS_FOR_PRESENT, False),
        ("absent", _HOLDS_FOR_ABSENT, True),
        ("absent", _FAILS_FOR_ABSENT, False),
    ):
        for target, result, operand in conditions:
            compare = Compare(prefix + key, target, result, operand)
            assert (await kv.txn(Txn((compare,), ()))).succeeded is expected, compare


async def test_all_conditions_have_to_hold(kv, prefix):
    good, bad = Compare(prefix, "version", "=", 0), Compare(prefix, "version", "=", 1)
    result = await kv.txn(Txn((good, bad), (Put(prefix, b"yes"),), (Put(prefix, b"no"),)))
    assert not result.succeeded
    assert (await kv.get(prefix)).value == b"no"


async def test_nested_transactions(kv, prefix):
    inner = Txn((Compare(prefix + "a", "version", "=", 0),), (Put(prefix + "b", b"then"), Get(prefix + "a")), (Get(prefix),))
    result = await kv.txn(Txn((), (Put(prefix + "a", b""), inner)))
    nested = result.responses[1]
    assert nested.succeeded, "conditions are looked at before anything is done"
    assert nested.revision == result.revision == nested.responses[1].mod_revision
    assert (await kv.get(prefix + "b")).value == b"then"


def _puts(prefix, count):
    return tuple(Put(f"{prefix}{number}", b"") for number in range(count))


async def test_the_most_operations(kv, prefix):
    assert len((await kv.txn(Txn((), _puts(prefix, MAX_TXN_OPS)))).responses) == MAX_TXN_OPS
    nested = Txn((), _puts(prefix, MAX_TXN_OPS - 1))
    assert (await kv.txn(Txn((), (nested,)))).succeeded
    assert (await kv.txn(Txn((), _puts(prefix, MAX_TXN_OPS), _puts(prefix, MAX_TXN_OPS)))).succeeded


@pytest.mark.parametrize(
    "ops",
    [
        pytest.param(lambda prefix: _puts(prefix, MAX_TXN_OPS + 1), id="too-many"),
        pytest.param(lambda prefix: (Txn((), _puts(prefix, MAX_TXN_OPS)),), id="too-many-on-a-path"),
        pytest.param(lambda prefix: (Put(prefix, b"1"), Put(prefix, b"2")), id="twice"),
        pytest.param(lambda prefix: (Put(prefix, b"1"), Delete(prefix)), id="put-and-delete"),
        pytest.param(lambda prefix: (Delete(prefix, prefix=True), Put(prefix + "a", b"")), id="put-under-deleted-prefix"),
        pytest.param(lambda prefix: (Put(prefix, b""), Txn((), (Put(prefix, b""),))), id="twice-nested"),
        pytest.param(lambda prefix: (Delete(prefix), Txn((), (), (Put(prefix, b""),))), id="deleted-and-put-in-nested"),
        pytest.param(lambda prefix: (Txn((), (Put(prefix, b""),)), Txn((), (), (Put(prefix, b""),))), id="twice-in-siblings"),
        pytest.param(lambda prefix: (Put("", b""),), id="no-key"),
        pytest.param(lambda prefix: tuple(Put(f"{prefix}{n}", bytes(200_000)) for n in range(10)), id="too-large"),
    ],
)
async def test_refusals_are_of_this_transaction_and_leave_nothing(kv, prefix, ops):
    with pytest.raises(KvRefused) as refused:
        await kv.txn(Txn((), ops(prefix)))
    assert not refused.value.whole
    assert (await kv.page(prefix)).items == ()


async def test_too_many_conditions_are_refused(kv, prefix):
    with pytest.raises(KvRefused):
        await kv.txn(Txn((Compare(prefix, "version", "=", 0),) * (MAX_TXN_OPS + 1), ()))


async def test_what_may_overlap(kv, prefix):
    then_or_else = Txn((), (Put(prefix, b"then"),), (Put(prefix, b"else"),))
    assert (await kv.txn(Txn((), (then_or_else,)))).succeeded
    assert (await kv.txn(Txn((), (Put(prefix, b""),), (Delete(prefix),)))).succeeded
    assert (await kv.txn(Txn((), (Delete(prefix), Delete(prefix, prefix=True))))).responses == (1, 0)


async def test_a_lost_lease_undoes_the_whole(kv, prefix):
    with pytest.raises(LeaseLost):
        await kv.txn(Txn((), (Put(prefix + "a", b""), Put(prefix + "b", b"", lease=12345))))
    assert (await kv.page(prefix)).items == ()
