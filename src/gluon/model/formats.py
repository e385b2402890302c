# SPDX-License-Identifier: Apache-2.0
"""The string formats: what each accepts, and its one canonical form, in which values are stored and compared.

    canonical(Format.MAC)("00-1B-44-11-3A-B7") ─► "00:1b:44:11:3a:b7"

Every function here raises ``ValueError`` whose text completes the sentence "must be …", and leaves a canonical text as it is.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

import msgspec

from gluon.model.types import Format

Canonical = Callable[[str], str]

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII).fullmatch
_HEX32: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE).fullmatch
_MAC: Final = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}", re.ASCII).fullmatch
_MAC_FORMS: Final = re.compile(
    r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}|[0-9a-f]{2}(?:-[0-9a-f]{2}){5}|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}", re.ASCII | re.IGNORECASE
).fullmatch
_OCTET: Final = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4: Final = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}", re.ASCII).fullmatch
_DATE_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?(?:([Zz])|([+-]\d\d:\d\d))", re.ASCII
).fullmatch
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII).fullmatch
_EMAIL_LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII).fullmatch
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+", re.ASCII).fullmatch
_COMMUNITY: Final = re.compile(r"(?:(\d{1,10})|(\d{1,3}(?:\.\d{1,3}){3})):(\d{1,10})", re.ASCII).fullmatch


def uuid(text: str) -> str:
    """RFC 9562, lower case with dashes; capitals and 32 digits without dashes are accepted."""
    if _UUID(text):
        return text
    if not _HEX32(text):
        raise ValueError("a UUID")
    digits = text.replace("-", "").lower()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def mac(text: str) -> str:
    """An EUI-48 in lower case with colons; ``-`` between bytes and ``.`` between pairs of bytes are accepted."""
    if _MAC(text):
        return text
    if not _MAC_FORMS(text):
        raise ValueError("a MAC address like 00:1b:44:11:3a:b7")
    digits = text.lower().replace(":", "").replace("-", "").replace(".", "")
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def ipv4(text: str) -> str:
    """Four decimal numbers without leading zeros."""
    if _IPV4(text):
        return text
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise ValueError("an IPv4 address like 192.0.2.1") from None


def ipv6(text: str) -> str:
    """RFC 5952; an address that maps an IPv4 one ends in it. A zone (``%eth0``) is refused: it means nothing elsewhere."""
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise ValueError("an IPv6 address like 2001:db8::1") from None
    if address.scope_id is not None:
        raise ValueError("an IPv6 address without a zone")
    mapped = address.ipv4_mapped
    return str(address) if mapped is None else f"::ffff:{mapped}"


def ip(text: str) -> str:
    """An address of either family."""
    try:
        return ipv6(text) if ":" in text else ipv4(text)
    except ValueError:
        raise ValueError("an IPv4 or IPv6 address") from None


def cidr(text: str) -> str:
    """A network and its length. Bits beyond the length are refused, not dropped: they are more often a mistake than meant."""
    address, _, length = text.partition("/")
    try:
        if not (length.isascii() and length.isdigit() and len(length) <= 3):
            raise ValueError
        network = ipaddress.ip_network((ip(address), int(length)), strict=False)
    except ValueError:
        raise ValueError("a network like 192.0.2.0/24 or 2001:db8::/32") from None
    first = ip(str(network.network_address))
    if first != ip(address):
        raise ValueError(f"a network: bits are set beyond its length; did you mean '{first}/{network.prefixlen}'?")
    return f"{first}/{network.prefixlen}"


def date_time(text: str) -> str:
    """RFC 3339, brought to UTC and ``Z``; fractions are kept to the microsecond. Leap seconds are refused."""
    match = _DATE_TIME(text)
    if not match:
        raise ValueError("a date and time like 2026-01-31T12:00:00Z")
    day, clock, fraction, _, offset = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0')[:6]:0<6}{offset or '+00:00'}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("a date and time that exists, like 2026-01-31T12:00:00Z") from None
    return moment.replace(tzinfo=None).isoformat() + "Z"


def hostname(text: str) -> str:
    """RFC 1123, lower case, without the final dot."""
    name = text.lower().removesuffix(".")
    if not text.isascii() or len(name) > 253 or not all(map(_LABEL, name.split("."))):
        raise ValueError("a host name (RFC 1123)")
    return name


def email(text: str) -> str:
    """A dot-atom and a host name (RFC 5321); the host in lower case, the mailbox as it is."""
    local, at, host = text.rpartition("@")
    try:
        domain = hostname(host)
    except ValueError:
        domain = ""
    if not (at and domain) or len(local) > 64 or not _EMAIL_LOCAL(local):
        raise ValueError("an e-mail address")
    return f"{local}@{domain}"


def uri(text: str) -> str:
    """An absolute URI (RFC 3986: it has a scheme), kept as it is."""
    if not _URI(text):
        raise ValueError("an absolute URI (RFC 3986)")
    return text


def json(text: str) -> str:
    """Any JSON text, kept as it is."""
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        raise ValueError("JSON text") from None
    return text


def route_target(text: str) -> str:
    """RFC 4360: ``<2-byte AS>:<4-byte number>``, ``<4-byte AS>:<2-byte number>`` or ``<IPv4>:<2-byte number>``, in decimal."""
    return _community(text, "a route target like 64512:100, 4200000000:100 or 192.0.2.1:100")


def route_distinguisher(text: str) -> str:
    """RFC 4364, section 4.2: types 0, 1 and 2, written as route targets are."""
    return _community(text, "a route distinguisher like 64512:100, 4200000000:100 or 192.0.2.1:100")


def _community(text: str, what: str) -> str:
    match = _COMMUNITY(text)
    if not match:
        raise ValueError(what)
    system, address, number = match[1], match[2], int(match[3])
    if address is not None:
        try:
            administrator = ipv4(address)
        except ValueError:
            raise ValueError(what) from None
        limit = 2**16
    else:
        administrator = str(int(system))
        limit = 2**32 if int(system) < 2**16 else 2**16
        if int(system) >= 2**32:
            raise ValueError(what)
    if number >= limit:
        raise ValueError(f"{what}: the number after the colon must be below {limit}")
    return f"{administrator}:{number}"


_CANONICAL: Final[Mapping[Format, Canonical]] = MappingProxyType(
    {
        Format.DATE_TIME: date_time,
        Format.JSON: json,
        Format.IPV4: ipv4,
        Format.IPV6: ipv6,
        Format.IP: ip,
        Format.CIDR: cidr,
        Format.MAC: mac,
        Format.URI: uri,
        Format.EMAIL: email,
        Format.HOSTNAME: hostname,
        Format.ROUTE_TARGET: route_target,
        Format.ROUTE_DISTINGUISHER: route_distinguisher,
    }
)


def canonical(format: Format) -> Canonical:
    """The function that brings a text of this format into canonical form, or raises ``ValueError("a …")``."""
    return _CANONICAL[format]
