# SPDX-License-Identifier: Apache-2.0
"""What ``/gluon/sync/<proton>`` says, and what a relay that starts makes of it. Pure.

own database, our epoch, our batch or the next   ─►  go on (repair on where it says "repairing")
absent, another epoch or batch                   ─►  new epoch: compare everything, repair
written by a relay of an older model              ─►  new epoch: what that one did not know is missing
written by a relay of a newer model              ─►  go on, for nobody else does; the next newer one repairs
another database, or not readable                ─►  foreign: not ours to touch
"""

from __future__ import annotations

import enum
import hashlib
import uuid
from dataclasses import dataclass
from typing import Literal

import msgspec

from gluon.kv.contract import KeyValue
from gluon.model.schema import Proton
from gluon.model.versions import numbers
from gluon.store.contract import SyncMark

State = Literal["complete", "repairing"]


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=False, omit_defaults=True):
    """How far a Proton's keys in etcd are. ``force`` is only ever written by ``ask``: see there. ``model`` is the relay's layout;
    by it other models' relays know that theirs is another."""

    database: str
    epoch: str
    batch: int
    state: State
    force: bool = False
    compared: int = 0  # objects, by a repair so far
    refused: str = ""  # why a repair waits to be forced
    model: str = ""

    @property
    def mark(self) -> SyncMark:
        """The same, as the database records it."""
        return SyncMark(self.epoch, self.batch)

    def encode(self) -> bytes:
        """The key's value."""
        return msgspec.json.encode(self)


class Verdict(enum.Enum):
    """What a starting relay does."""

    GO_ON = enum.auto()
    REPAIR_ON = enum.auto()
    NEW_EPOCH = enum.auto()
    FOREIGN = enum.auto()


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict, the position to take up and, for a foreign Proton, the reason."""

    verdict: Verdict
    position: Position
    reason: str = ""

    @property
    def force(self) -> bool:
        """Whether the operator has asked for the repair and what it deletes."""
        return self.position.force


def layout(proton: Proton) -> str:
    """What tells the values that one model makes in etcd from another's: the version, and a hash of all names."""
    names = [(obj.name, *obj.by_name) for obj in proton.objects]
    return f"{proton.version} {hashlib.sha256(repr(names).encode()).hexdigest()[:16]}"


def is_newer(found: KeyValue | None, model: str) -> bool:
    """Whether a relay of a newer model than this layout's wrote the position last."""
    try:
        said = msgspec.json.decode(found.value, type=Position).model if found else ""
        return bool(said) and numbers(said.split(maxsplit=1)[0]) > numbers(model.split(maxsplit=1)[0])
    except (msgspec.MsgspecError, ValueError):
        return False


def decide(database: str, mark: SyncMark | None, found: KeyValue | None, model: str = "") -> Decision:
    """What to do, from the database's id, how far it says that etcd is, what etcd says itself, and our layout."""
    fresh = Position(database, str(uuid.uuid4()), 0, "repairing", model=model)
    if found is None:
        return Decision(Verdict.NEW_EPOCH, fresh)
    try:
        said = msgspec.json.decode(found.value, type=Position)
    except msgspec.MsgspecError as error:
        return Decision(Verdict.FOREIGN, fresh, f"{found.key} cannot be read ({error}); nothing is touched until it is deleted")
    if said.database != database:
        reason = (
            f"{found.key} says that its keys belong to database {said.database}, and this is {database}: nothing is touched; "
            f"if that one is gone for good, delete {found.key}, and the objects of this one take the place of its objects"
        )
        return Decision(Verdict.FOREIGN, said, reason)
    if said.force:
        return Decision(Verdict.NEW_EPOCH, msgspec.structs.replace(fresh, force=True))
    outdated = bool(model) and said.model != model and not is_newer(found, model)
    if outdated or mark is None or said.epoch != mark.epoch or said.batch not in (mark.batch, mark.batch + 1):
        return Decision(Verdict.NEW_EPOCH, fresh)
    # The next batch may have been sent in part: it is taken again, and again under the next number.
    verdict = Verdict.GO_ON if said.state == "complete" else Verdict.REPAIR_ON
    return Decision(verdict, msgspec.structs.replace(said, batch=mark.batch, model=model))
