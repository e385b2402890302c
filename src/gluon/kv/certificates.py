# SPDX-License-Identifier: Apache-2.0
"""The certificates by which etcd is known and Gluon makes itself known, read from the files that the settings name."""

from __future__ import annotations

import ssl
from pathlib import Path

import grpc

from gluon import settings
from gluon.errors import SettingsError


def credentials(etcd: settings.Etcd) -> grpc.ChannelCredentials:
    """What secure connections are made with. Raises SettingsError where a file cannot be read or holds something else."""
    if bool(etcd.cert_file) != bool(etcd.key_file):
        raise SettingsError("[etcd] cert_file and key_file go together: one of them is missing")
    read = [_read(option, getattr(etcd, option)) for option in ("ca_file", "key_file", "cert_file")]
    _check(etcd)
    return grpc.ssl_channel_credentials(*read)


def _check(etcd: settings.Etcd) -> None:
    """gRPC would only say that it cannot connect."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if etcd.ca_file:
        try:
            context.load_verify_locations(etcd.ca_file)
        except ssl.SSLError:
            raise SettingsError(f"[etcd] ca_file: {etcd.ca_file} holds no certificate (PEM)") from None
    if etcd.cert_file:
        try:
            context.load_cert_chain(etcd.cert_file, etcd.key_file)
        except ssl.SSLError as error:
            reason = (error.reason or str(error)).replace("_", " ").lower()
            raise SettingsError(
                f"[etcd] cert_file, key_file: {etcd.cert_file} and {etcd.key_file} are no certificate and its key (PEM): {reason}"
            ) from None


def _read(option: str, path: str) -> bytes | None:
    if not path:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SettingsError(f"[etcd] {option}: {path}: {error.strerror}") from None
