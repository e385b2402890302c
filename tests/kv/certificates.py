# SPDX-License-Identifier: Apache-2.0
"""A certificate authority for one test, made with the openssl program."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, PEM files."""

    cert: Path
    key: Path


class Authority:
    """Issues certificates for 127.0.0.1. ``pair`` is its own."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self.pair = self._request(name, "-x509", "-days", "1")

    def issue(self, name: str) -> Pair:
        """A certificate for server and client of this name."""
        return self._request(name, "-x509", "-days", "1", "-CA", str(self.pair.cert), "-CAkey", str(self.pair.key))

    def _request(self, name: str, *options: str) -> Pair:
        pair = Pair(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        command = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        command += ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
        command += ["-out", str(pair.cert), "-keyout", str(pair.key), *options]
        subprocess.run(command, check=True, capture_output=True, timeout=20)
        return pair
