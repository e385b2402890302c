# SPDX-License-Identifier: Apache-2.0
"""The backend of a run: a controller that remembers in files, and so outlives its shim, what it was told.

FOLDER/<role>/<id>.json            the newest state that a modify_* brought; after a delete_* marked as gone
FOLDER/bound/<port>.json           what bind_port plugged in; after unbind_port marked as gone
FOLDER/late                        a line for each call that came from a process that had been overtaken
FOLDER/backwards                   a line for each call with older state than the same process had brought before
FOLDER/copies/<pid>.json           the shim's whole copy, while FOLDER/ask is there

A shim that is stopped in the midst of a call finishes it after it is let go, when another may have its name already. A
controller must refuse such a call by the incarnation and generation of what it has; this one does.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from gluon.particle.shimtypes import State
from gluon.shim.backend import Changes
from gluon.shim.mirror import Mirror

#: The environment variable that names the folder.
FOLDER: Final = "GLUON_CHAOS_RECORDS"
_LOOK: Final = 0.1
_LOCKS: Final = 64
_END: Final = 2**62  # a generation that nothing comes after
#: In a record: whether it is only the mark that something was here.
GONE: Final = "gone"


class Recorder:
    """See above. Answers every bind at once."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(os.environ[FOLDER])
        self._model: Mirror | None = None
        self._brought: dict[tuple[str, str], tuple[str, int]] = {}
        self.folder.mkdir(parents=True, exist_ok=True)
        threading.Thread(target=self._answer_askers, daemon=True).start()

    def bind_port(self, uuid: str, model: Mirror, changes: Changes) -> Mapping[str, Any]:
        self._put("bound", uuid, model, changes.new)
        return {"vif_type": "ovs", "vif_details": {"device": changes.new["device_id"]}}

    def unbind_port(self, uuid: str, model: Mirror, changes: Changes) -> None:
        """``prev`` is the port as it was bound; ``new`` as it is now, empty where it is gone."""
        if changes.new:
            self._put("bound", uuid, model, changes.new, gone=True)
        else:
            self._drop("bound", uuid, model, changes.prev)

    def modify_port(self, uuid: str, model: Mirror, changes: Changes) -> None:
        self._put("port", uuid, model, changes.new)

    def delete_port(self, uuid: str, model: Mirror, changes: Changes) -> None:
        self._drop("port", uuid, model, changes.prev)

    def modify_interface(self, uuid: str, model: Mirror, changes: Changes) -> None:
        self._put("interface", uuid, model, changes.new)

    def delete_interface(self, uuid: str, model: Mirror, changes: Changes) -> None:
        self._drop("interface", uuid, model, changes.prev)

    def modify_service(self, uuid: str, model: Mirror, changes: Changes) -> None:
        self._put("service", uuid, model, changes.new)

    def delete_service(self, uuid: str, model: Mirror, changes: Changes) -> None:
        self._drop("service", uuid, model, changes.prev)

    def modify_service_binding(self, uuid: str, model: Mirror, prev_binding: State) -> None:
        now = model.service_bindings.get(uuid)
        if now is not None:
            self._put("service_binding", uuid, model, now)

    def delete_service_binding(self, uuid: str, model: Mirror, prev_binding: State) -> None:
        self._drop("service_binding", uuid, model, prev_binding)

    # What is kept.

    def _put(self, kind: str, uuid: str, model: Mirror, state: State, *, gone: bool = False) -> None:
        """The state, unless what is there is newer: then the call is refused, and noted."""
        incarnation, generation = now = state.get("incarnation") or "", state.get("generation") or 0
        with self._at_work(model, uuid):
            before = self._brought.get((kind, uuid), ("", 0))
            if before[0] == incarnation and generation < before[1]:
                self._note("backwards", f"{kind} {uuid} {before[1]} {generation}")
            self._brought[kind, uuid] = now
            there = self._read(kind, uuid)
            if there and there["incarnation"] == incarnation and there["generation"] > generation:
                self._note("late", f"{kind} {uuid} {there['generation']} {generation}")
            else:
                self._write(kind, uuid, {**state, **_marked(now, gone=gone)})

    def _drop(self, kind: str, uuid: str, model: Mirror, last: State) -> None:
        """The end of an incarnation is final; of another one that is there meanwhile it says nothing."""
        incarnation = last.get("incarnation") or ""
        with self._at_work(model, uuid):
            there = self._read(kind, uuid)
            if there and there["incarnation"] != incarnation:
                self._note("late", f"{kind} {uuid} another incarnation")
            else:
                self._write(kind, uuid, _marked((incarnation, _END), gone=True))

    @contextlib.contextmanager
    def _at_work(self, model: Mirror, uuid: str) -> Iterator[None]:
        """One call at a time for an object, over all processes that record here."""
        self._model = model
        with (self.folder / f"lock-{zlib.crc32(uuid.encode()) % _LOCKS}").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _path(self, kind: str, uuid: str) -> Path:
        return self.folder / kind / f"{uuid.replace('/', '%2F')}.json"

    def _read(self, kind: str, uuid: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads(self._path(kind, uuid).read_text())
        except FileNotFoundError:
            return None
        return found

    def _write(self, kind: str, uuid: str, state: State) -> None:
        put(self._path(kind, uuid), dict(state))

    def _note(self, name: str, line: str) -> None:
        with (self.folder / name).open("a") as file:
            file.write(f"{os.getpid()} {line}\n")

    # The shim's copy.

    def _answer_askers(self) -> None:
        while True:
            time.sleep(_LOOK)
            if self._model is not None and (self.folder / "ask").exists():
                put(self.folder / "copies" / f"{os.getpid()}.json", copy(self._model))


def copy(model: Mirror) -> dict[str, dict[str, Any]]:
    """Everything that the shim holds, by kind and id."""
    return {kind: {id: dict(record) for id, record in table.items()} for kind, table in model.objects.items()}


def _marked(now: tuple[str, int], *, gone: bool) -> dict[str, Any]:
    return {"incarnation": now[0], "generation": now[1], GONE: gone}


def put(path: Path, value: Any) -> None:
    """Write a whole file in the place of the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(f".{os.getpid()}.new")
    new.write_text(json.dumps(value))
    new.replace(path)
