# SPDX-License-Identifier: Apache-2.0
"""Progress goes to stderr, now and again, and not at all where it is quick."""

from gluon.cmd.progress import Progress


def test_what_is_quick_says_nothing(capsys):
    progress = Progress("net-l3vpn", every=3600)
    for compared in range(0, 10_000, 60):
        progress(compared)
    assert capsys.readouterr() == ("", "")


def test_what_takes_long_says_how_far_it_is(capsys):
    progress = Progress("net-l3vpn", every=0)
    progress(1200)
    assert capsys.readouterr() == ("", "net-l3vpn: 1,200 objects compared so far\n")
