# SPDX-License-Identifier: Apache-2.0
"""A virtualenv for each of OpenStack's services, made from its lock file and kept in the user's cache.

The folder's name holds a hash of the lock file and the Python: another lock file is another folder, and a second checkout
finds the first one's. A virtualenv cannot be moved once it is made, so it is made in place and counts once the mark in it is
written.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gluon.errors import GluonError
from gluon.parts.account import NotInstalled

#: The releases that have lock files, the current one first.
RELEASES: Final = ("2026.2", "2026.1")
SERVICES: Final = ("keystone", "neutron", "nova")

_LOCKS: Final = Path(__file__).resolve().parents[4] / "requirements"
_MARK: Final = ".complete"


@dataclass(frozen=True, slots=True)
class Environment:
    """The virtualenv of one service; nothing is said of whether it is there."""

    service: str
    lock: Path

    @property
    def path(self) -> Path:
        """Its folder in the cache."""
        return cache() / f"{self.lock.stem.removeprefix('openstack-')}-{self.digest}"

    @property
    def digest(self) -> str:
        """Of the lock file and of the Python that it is made with."""
        if not self.lock.exists():
            raise GluonError(f"there is no {self.lock}: the lab runs from a checkout, for the releases {', '.join(RELEASES)}")
        python = f"{sys.implementation.cache_tag} {platform.machine()} {sys.base_prefix}"
        return hashlib.sha256(self.lock.read_bytes() + python.encode()).hexdigest()[:12]

    @property
    def installed(self) -> bool:
        """Whether an installation ended well."""
        return (self.path / _MARK).exists()

    @property
    def python(self) -> str:
        """Its interpreter. Raises NotInstalled."""
        return self.program("python")

    def program(self, name: str) -> str:
        """One of its programs. Raises NotInstalled."""
        if not self.installed:
            release = self.lock.stem.split("-")[1]
            raise NotInstalled(
                f"OpenStack's {self.service} is not installed in {self.path}: run scripts/openstack-setup {release}"
            )
        return str(self.path / "bin" / name)

    def install(self) -> bool:
        """Install it where it is not yet; False where it was. Another process that does the same is waited for."""
        cache().mkdir(parents=True, exist_ok=True)
        with (cache() / f"{self.path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.installed:
                return False
            shutil.rmtree(self.path, ignore_errors=True)  # what an interrupted installation left
            _run(sys.executable, "-m", "venv", str(self.path))
            pip = (str(self.path / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
            _run(*pip, "--require-hashes", "--no-deps", "--requirement", str(self.lock))
            (self.path / _MARK).touch()
        return True


def environment(release: str, service: str) -> Environment:
    """That of a service in a release."""
    return Environment(service, _LOCKS / f"openstack-{release}-{service}.txt")


def cache() -> Path:
    """The folder of all that is kept between runs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gluon" / "openstack"


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise GluonError(f"{' '.join(command)} ended with status {done.returncode}:\n{done.stderr.strip()[-3000:]}")
