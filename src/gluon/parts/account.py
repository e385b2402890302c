# SPDX-License-Identifier: Apache-2.0
"""As whom a program runs that refuses root, and the folders that it then can reach."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from gluon.errors import GluonError


class NotInstalled(GluonError):
    """A program that a part needs is not there; the text names the Debian package that has it."""


class Account:
    """The system user ``name`` where we are root, ourselves otherwise. Raises NotInstalled where there is no such user."""

    def __init__(self, name: str, package: str) -> None:
        self._user: pwd.struct_passwd | None = None
        if os.geteuid() == 0:
            try:
                self._user = pwd.getpwnam(name)
            except KeyError:
                raise NotInstalled(f"there is no user {name}: install the Debian package {package}") from None

    def command(self, words: Sequence[str], *, bound: bool = False) -> tuple[str, ...]:
        """The command as this user. ``bound``: killed when the thread that started it ends (a change of user undoes what
        ``gluon.kv.program.bound_to_us`` asked for)."""
        if self._user is None:
            return tuple(words)
        death = ("--pdeathsig", "KILL") if bound else ()
        return ("setpriv", f"--reuid={self._user.pw_uid}", f"--regid={self._user.pw_gid}", "--clear-groups", *death, "--", *words)

    def folder(self, prefix: str) -> Path:
        """A new folder of its own under the system's temporary folder: those of tests are closed to other users."""
        folder = Path(tempfile.mkdtemp(prefix=f"gluon-{prefix}-"))
        self._own(folder)
        return folder

    def copy(self, file: Path, folder: Path) -> Path:
        """A copy of a file (a certificate, a key) that only this user can read."""
        copy = Path(shutil.copy(file, folder / file.name))
        copy.chmod(0o600)
        self._own(copy)
        return copy

    def make(self, folder: Path) -> Path:
        """A folder of this user, there already or not."""
        folder.mkdir(mode=0o700, exist_ok=True)
        self._own(folder)
        return folder

    def _own(self, path: Path) -> None:
        if self._user is not None:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)


def find_program(name: str, package: str, folders: Sequence[str] = ()) -> str:
    """The program on PATH, or in one of these folders (patterns; the last match wins). Raises NotInstalled."""
    if on_path := shutil.which(name):
        return on_path
    places = [place for pattern in folders for place in sorted(Path("/").glob(pattern.lstrip("/")))]
    for place in reversed(places):
        if os.access(place / name, os.X_OK):
            return str(place / name)
    raise NotInstalled(f"there is no program {name} on PATH{_also(folders)}: install the Debian package {package}")


def _also(folders: Sequence[str]) -> str:
    return f" or in {', '.join(folders)}" if folders else ""
