# SPDX-License-Identifier: Apache-2.0
"""A certificate authority for one test, made with the openssl program."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
_NAMES = "subjectAltName = IP:127.0.0.1"


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

    def expired(self, name: str) -> Pair:
        """A certificate whose time is over."""
        pair, folder = self._pair(name), self._folder
        _run("req", "-nodes", *_KEY, "-subj", f"/CN={name}", "-keyout", str(pair.key), "-out", str(folder / f"{name}.csr"))
        (folder / f"{name}.index").touch()
        (folder / f"{name}.serial").write_text("1000\n")
        settings = {"database": f"{name}.index", "serial": f"{name}.serial", "new_certs_dir": ".", "policy": "any"}
        lines = ["[ca]", "default_ca = ours", "[ours]", "default_md = sha256", *(f"{n} = {v}" for n, v in settings.items())]
        (folder / f"{name}.cnf").write_text("\n".join([*lines, "[any]", "commonName = supplied", "[san]", _NAMES, ""]))
        signing = ["ca", "-batch", "-notext", "-config", f"{name}.cnf", "-extensions", "san", "-in", f"{name}.csr"]
        dates = ["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"]
        _run(*signing, *dates, "-cert", str(self.pair.cert), "-keyfile", str(self.pair.key), "-out", str(pair.cert), cwd=folder)
        return pair

    def _request(self, name: str, *options: str) -> Pair:
        pair = self._pair(name)
        names = ("-subj", f"/CN={name}", "-addext", _NAMES.replace(" ", ""))
        _run("req", "-nodes", *_KEY, *names, "-out", str(pair.cert), "-keyout", str(pair.key), *options)
        return pair

    def _pair(self, name: str) -> Pair:
        return Pair(self._folder / f"{name}.pem", self._folder / f"{name}.key")


def _run(*words: str, cwd: Path | None = None) -> None:
    subprocess.run(("openssl", *words), check=True, capture_output=True, timeout=20, cwd=cwd)
