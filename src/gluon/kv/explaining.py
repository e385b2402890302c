# SPDX-License-Identifier: Apache-2.0
"""Says in the words of an operator what etcd and gRPC mean by what they answer.

What is not known here is passed on as it is. Sources: etcd's api/v3rpc/rpctypes/error.go; gRPC's texts of failed handshakes.
"""

from __future__ import annotations

from typing import Final

#: What etcd refuses whoever asks, or whoever this user is: it is no fault of what was sent, and ends when an operator sees to it.
REFUSALS: Final = {
    "database space exceeded": "etcd is out of space and takes no writes until room is made (compact, defrag) and the alarm is "
    "disarmed (etcdctl alarm disarm)",
    "corrupt cluster": "etcd has raised the alarm that its data are corrupt",
    "user name is empty": "etcd wants a user and a password, and none are set ([etcd] username, password)",
    "authentication failed": "etcd does not accept the user and password that are set ([etcd] username, password)",
    "permission denied": "etcd's user ([etcd] username, or the name in cert_file) has no right to do this: it needs to read and "
    "write /proton/, /controller/ and /gluon/",
}
_NOT_OURS: Final = (
    "it does not accept our certificate ([etcd] cert_file, key_file): that has expired, is of an authority that etcd does not "
    "know, or is not set"
)
#: Why no secure connection comes about. What a member holds against our certificate arrives as an alert: within the handshake of
#: TLS 1.2 (etcd 3.5), after that of TLS 1.3 (RFC 8446, section 4.4.2.4; etcd 3.4 of Debian), where gRPC keeps its text to itself.
_HANDSHAKES: Final = {
    "certificate has expired": "its certificate has expired",
    "certificate is not yet valid": "its certificate is not valid yet",
    "Hostname Verification": "its certificate is for another host than the endpoint names",
    "CERTIFICATE_VERIFY_FAILED": "its certificate is of an authority that is not in [etcd] ca_file",
    "TSI_DATA_CORRUPTED": _NOT_OURS,
    "ALERT_BAD_CERTIFICATE": _NOT_OURS,
    "ALERT_CERTIFICATE_": _NOT_OURS,
    "ALERT_UNKNOWN_CA": _NOT_OURS,
    "ALERT_UNSUPPORTED_CERTIFICATE": _NOT_OURS,
    "Handshake read failed": "it ended the TLS handshake: an endpoint of a member without TLS begins with http://",
}
_CLOSED: Final = "Socket closed"


def refusal(detail: str) -> str | None:
    """What a refusal of everything means; None where it is about what was sent."""
    return next((f"{meaning}: {detail}" for text, meaning in REFUSALS.items() if text in detail.lower()), None)


def handshake(detail: str) -> str | None:
    """Why there is no secure connection; None where that is not why."""
    return next((meaning for text, meaning in _HANDSHAKES.items() if text in detail), None)


def unreachable(detail: str) -> str:
    """Why a member cannot be reached."""
    if (why := handshake(detail)) is not None:
        return why
    if "failed to connect" in detail and detail.endswith(_CLOSED):
        return f"{detail}; an endpoint of a member with TLS begins with https://"
    return detail
