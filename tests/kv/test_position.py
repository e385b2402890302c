# SPDX-License-Identifier: Apache-2.0
"""How a watch counts what it has seen, whatever the portions in which etcd sends it."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from gluon.kv.codec import Codec
from gluon.kv.watching import Position


def _response(codec, revisions, *, fragment=False, header=0):
    events = [{"type": 0, "kv": {"key": b"k", "mod_revision": revision}} for revision in revisions]
    return codec.message("WatchResponse", header={"revision": header}, events=events, fragment=fragment)


def test_a_notice_moves_an_idle_watch():
    position = Position(5)
    batch = position.take(_response(Codec(), (), header=9))
    assert (batch.events, batch.revision, position.next) == ((), 9, 10)


def test_a_header_ahead_of_its_events_does_not():
    position = Position(5)
    assert position.take(_response(Codec(), (5, 6), header=90)).revision == 6
    assert position.next == 7


def test_what_was_incomplete_comes_again_after_a_break():
    codec, position = Codec(), Position(5)
    assert position.take(_response(codec, (5, 5), fragment=True)) is None
    position.reopen()
    assert position.next == 5
    assert len(position.take(_response(codec, (5, 5, 5))).events) == 3


@given(
    revisions=st.lists(st.integers(2, 12), min_size=1, max_size=30).map(sorted),
    cuts=st.sets(st.integers(1, 29)),
)
def test_fragments_are_joined_to_whole_revisions(revisions, cuts):
    codec, position = Codec(), Position(1)
    bounds = [0, *sorted(cut for cut in cuts if cut < len(revisions)), len(revisions)]
    portions = [revisions[start:end] for start, end in itertools.pairwise(bounds)]
    batches = [
        batch
        for number, portion in enumerate(portions, start=1)
        if (batch := position.take(_response(codec, portion, fragment=number < len(portions))))
    ]
    seen = [{event.kv.mod_revision for event in batch.events} for batch in batches]
    assert sum(map(len, seen)) == len(set(revisions)), "no revision is in two batches"
    assert [event.kv.mod_revision for batch in batches for event in batch.events] == revisions
    assert [batch.revision for batch in batches] == [max(each) for each in seen]
