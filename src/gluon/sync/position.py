# SPDX-License-Identifier: Apache-2.0
"""What ``/gluon/sync/<proton>`` says, and what a relay that starts makes of it. Pure.

own database, our epoch, our batch or the next   ─►  go on (repair on where it says "repairing")
absent, another epoch or batch                   ─►  new epoch: compare everything, repair
another database, or not readable                ─►  foreign: not ours to touch
"""

from __future__ import annotations

import enum
import uuid
from dataclasses import dataclass
from typing import Literal

import msgspec

from gluon.kv.contract import KeyValue
from gluon.store.contract import SyncMark

State = Literal["complete", "repairing"]


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=False, omit_defaults=True):
    """How far a Proton's keys in etcd are. ``force`` is only ever written by ``ask``: see there."""

    database: str
    epoch: str
    batch: int
    state: State
    force: bool = False

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


def decide(database: str, mark: SyncMark | None, found: KeyValue | None) -> Decision:
    """What to do, from the database's id, how far it says that etcd is, and what etcd says itself."""
    fresh = Position(database, str(uuid.uuid4()), 0, "repairing")
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
    if mark is None or said.epoch != mark.epoch or said.batch not in (mark.batch, mark.batch + 1):
        return Decision(Verdict.NEW_EPOCH, fresh)
    # The next batch may have been sent in part: it is taken again, and again under the next number.
    verdict = Verdict.GO_ON if said.state == "complete" else Verdict.REPAIR_ON
    return Decision(verdict, msgspec.structs.replace(said, batch=mark.batch))
