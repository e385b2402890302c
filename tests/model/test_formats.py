# SPDX-License-Identifier: Apache-2.0
"""The formats: what each accepts, its canonical form, and that a canonical text stays as it is."""

import ipaddress
import uuid as uuids
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluon.model import formats
from gluon.model.types import Format

GOOD = {
    Format.MAC: [
        ("00:1b:44:11:3a:b7", "00:1b:44:11:3a:b7"),
        ("00-1B-44-11-3A-B7", "00:1b:44:11:3a:b7"),
        ("001b.4411.3AB7", "00:1b:44:11:3a:b7"),
    ],
    Format.IPV4: [("192.0.2.1", "192.0.2.1")],
    Format.IPV6: [
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
        ("::FFFF:C000:0201", "::ffff:192.0.2.1"),
        ("::", "::"),
    ],
    Format.IP: [("192.0.2.1", "192.0.2.1"), ("FE80::1", "fe80::1")],
    Format.CIDR: [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.0.0.0/08", "10.0.0.0/8"),
        ("2001:DB8:0::/32", "2001:db8::/32"),
        ("192.0.2.1/32", "192.0.2.1/32"),
        ("::ffff:0:0/96", "::ffff:0.0.0.0/96"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ],
    Format.DATE_TIME: [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31t12:00:00+02:00", "2026-01-31T10:00:00Z"),
        ("2026-01-31 12:00:00.5-00:30", "2026-01-31T12:30:00.500000Z"),
        ("2026-01-31T12:00:00.1234567z", "2026-01-31T12:00:00.123456Z"),
    ],
    Format.HOSTNAME: [("Compute-1.Example", "compute-1.example"), ("a.", "a"), ("1", "1")],
    Format.EMAIL: [("a.b+c@Example.org", "a.b+c@example.org")],
    Format.URI: [("http://example.org/a?b#c", "http://example.org/a?b#c"), ("urn:x:y", "urn:x:y"), ("a:%20", "a:%20")],
    Format.JSON: [('{"a": [1]}', '{"a": [1]}'), ("1", "1")],
    Format.ROUTE_TARGET: [
        ("64512:100", "64512:100"),
        ("064512:0100", "64512:100"),
        ("65535:4294967295", "65535:4294967295"),
        ("4294967295:65535", "4294967295:65535"),
        ("192.0.2.1:65535", "192.0.2.1:65535"),
    ],
    Format.ROUTE_DISTINGUISHER: [("0:0", "0:0"), ("65536:1", "65536:1")],
}
BAD = {
    Format.MAC: [
        "",
        "00:1b:44:11:3a",
        "00:1b:44:11:3a:b7:",
        "001b44113ab7",
        "00:1b-44:11:3a:b7",
        "00:1b:44:11:3a:bg",
        "\u0660\u0660:1b:44:11:3a:b7",
    ],
    Format.IPV4: ["", "1", "1.2.3", "01.2.3.4", "256.0.0.1", "1.2.3.4/8", " 1.2.3.4", "\u0661.2.3.4"],
    Format.IPV6: ["", ":", "1.2.3.4", "fe80::1%eth0", "1::2::3", "12345::", "::1/64"],
    Format.IP: ["", "x", "fe80::1%1", "1.2.3"],
    Format.CIDR: [
        "10.0.0.0",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "10.0.0.0/255.0.0.0",
        "10.0.0.0/-1",
        "::/129",
        "/8",
        "10.0.0.0/",
        "fe80::1%a/128",
    ],
    Format.DATE_TIME: [
        "",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-02-30T12:00:00Z",
        "2026-01-31T24:00:01Z",
        "2016-12-31T23:59:60Z",
        "0001-01-01T00:00:00+01:00",
        "2026-1-31T12:00:00Z",
    ],
    Format.HOSTNAME: ["", ".", "-a", "a-", "a..b", "a_b", "a" * 64, ".".join(["a" * 60] * 5), "ä", "\u212a.example"],
    Format.EMAIL: ["", "a", "@b", "a@", "a b@c", ".a@b", "a@b@c", "a" * 65 + "@b"],
    Format.URI: ["", "/a", "example.org", "http:", "http://a b", "a:%2", "1a:b", "a:ä"],
    Format.JSON: ["", "{", "{'a': 1}", "NaN", "[" * 5000, "\ud800"],
    Format.ROUTE_TARGET: [
        "",
        "1",
        "1:",
        ":1",
        "65536:65536",
        "4294967296:1",
        "1:4294967296",
        "192.0.2.1:65536",
        "256.0.0.1:1",
        "-1:1",
        "1:1:1",
        "a:b",
    ],
    Format.ROUTE_DISTINGUISHER: ["1.2.3:1", "1:2 "],
}


def test_every_format_is_tried():
    assert set(GOOD) == set(BAD) == set(Format)


@pytest.mark.parametrize(("format", "given", "meant"), [(f, *pair) for f, pairs in GOOD.items() for pair in pairs])
def test_canonical_form(format, given, meant):
    assert formats.canonical(format)(given) == meant
    assert formats.canonical(format)(meant) == meant


@pytest.mark.parametrize(("format", "given"), [(f, text) for f, texts in BAD.items() for text in texts])
def test_refused(format, given):
    with pytest.raises(ValueError, match=r"^(an? |JSON)"):
        formats.canonical(format)(given)


def test_bits_beyond_the_length_are_refused_with_what_was_meant():
    with pytest.raises(ValueError, match=r"did you mean '10\.0\.0\.0/24'"):
        formats.cidr("10.0.0.5/24")


@pytest.mark.parametrize(
    "text", ["", "x", "123", "0" * 33, "00000000-0000-0000-0000-00000000000g", "{00000000-0000-0000-0000-000000000000}"]
)
def test_no_uuids(text):
    with pytest.raises(ValueError, match="a UUID"):
        formats.uuid(text)


@settings(deadline=None)
@given(st.uuids())
def test_uuids(value):
    assert {formats.uuid(t) for t in (str(value), str(value).upper(), value.hex)} == {str(value)}
    assert uuids.UUID(formats.uuid(value.hex)) == value


@settings(deadline=None)
@given(st.ip_addresses())
def test_addresses_keep_their_value(address):
    shown = formats.ip(address.exploded)
    assert ipaddress.ip_address(shown) == address
    assert formats.ip(shown) == shown == shown.lower()


@settings(deadline=None)
@given(st.ip_addresses(), st.integers(0, 128))
def test_networks_keep_their_value(address, length):
    network = ipaddress.ip_network(f"{address}/{min(length, address.max_prefixlen)}", strict=False)
    shown = formats.cidr(network.exploded)
    assert ipaddress.ip_network(shown) == network
    assert formats.cidr(shown) == shown


@settings(deadline=None)
@given(st.datetimes(timezones=st.timezones(), min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)))
def test_moments_keep_their_value(moment):
    offset = moment.utcoffset()
    if offset.seconds % 60 or offset.microseconds:
        moment = moment.astimezone(UTC)
    shown = formats.date_time(moment.isoformat())
    assert datetime.fromisoformat(shown) == moment.astimezone(UTC)
    assert formats.date_time(shown) == shown


@pytest.mark.parametrize("format", Format)
@settings(max_examples=60, deadline=None)
@given(text=st.one_of(st.text(max_size=30), st.text("0123456789abcdefABCDEF:.-/T Z@%", max_size=30)))
def test_whatever_the_text_it_is_canonical_or_a_value_error(format, text):
    canonical = formats.canonical(format)
    try:
        shown = canonical(text)
    except ValueError:
        return
    assert canonical(shown) == shown
