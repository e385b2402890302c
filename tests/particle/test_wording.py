# SPDX-License-Identifier: Apache-2.0
"""How objects and clients' texts stand in messages."""

from gluon.particle.wording import kinds, named, printable, shown


def test_the_clients_text_is_shown_short_and_printable():
    assert shown("a" * 1000) == repr("a" * 64 + "…")
    assert shown("\ud800").encode() == b"'\\\\ud800'"
    assert printable("é\udcff") == "é\\udcff"
    assert shown("\x1b[2J\n") == r"'\x1b[2J\n'"


def test_objects_have_their_names_in_the_api(l3vpn):
    port, vpn = l3vpn.by_name["ProtonBasePort"], l3vpn.by_name["VpnInstance"]
    assert named(port, "p1") == "port 'p1'"
    assert named(port, 7) == "port '7'"
    assert kinds([port, vpn]) == "port or vpn"
