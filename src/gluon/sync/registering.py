# SPDX-License-Identifier: Apache-2.0
"""Registers ports at ``/gluon/port/<id>``, a key that all Protons of an etcd share, whichever databases they are of. Pure.

registered for another service?  ─►  nothing is written, and the result shows by whom
else                             ─►  the port's own key, and the registration where it says something else
"""

from __future__ import annotations

import msgspec

from gluon.kv.contract import Compare, Delete, Get, KeyValue, Op, Put, Txn, TxnResult
from gluon.model.schema import BindingState, Proton
from gluon.particle import keys
from gluon.particle.entries import Entries
from gluon.store.contract import Record

#: How many of the operations that etcd allows a transaction are left over for what ``put`` nests.
DEPTH = 5
_LAST = b"\xff"  # sorts after whatever follows in a registration
#: While these last, an answer without a binding_id may count.
_AWAITING = (BindingState.BINDING, BindingState.FAILED)


class _Registration(msgspec.Struct, frozen=True):
    service: str | None = None


class Registering:
    """The registrations of one Proton's ports, with a server at ``url``."""

    def __init__(self, proton: Proton, url: str) -> None:
        self._entries = Entries(proton)
        self._owned = self._entries.owned
        self._url = url

    def value(self, record: Record) -> bytes:
        """What a port's registration says."""
        return self._entries.registration(record, self._url)

    def put(self, id: str, record: Record, port: Put) -> Txn:
        """Write a port's key and its registration, if that is no other service's."""
        key = keys.port(id)
        shown = (Get(key),)
        ours = (port, self._register(key, record))
        return Txn((Compare(key, "value", "<", self._owned),), shown, (Txn((self._after(key),), shown, ours),))

    def delete(self, id: str) -> Txn:
        """Delete a port's registration, if it is this Proton's."""
        key = keys.port(id)
        own = (Compare(key, "value", ">", self._owned), Compare(key, "value", "<", self._owned + _LAST))
        return Txn(own, (Delete(key),))

    def _after(self, key: str) -> Compare:
        return Compare(key, "value", ">", self._owned + _LAST)

    def _register(self, key: str, record: Record) -> Txn:
        """Put a port's registration where it says something else.

        Its mod_revision marks when the port took its binding_id, and an answer that names none counts only after that. So
        while an answer is awaited another URL alone (a new leader's) is no reason to write.
        """
        value = self.value(record)
        said: tuple[Compare, ...] = (Compare(key, "value", "=", value),)
        if record["binding_state"] in _AWAITING:
            begins = self._entries.registered(record)
            said = (Compare(key, "value", ">", begins), Compare(key, "value", "<", begins + _LAST))
        return Txn(said, (), (Put(key, value),))


def foreign(found: KeyValue | None, service: str) -> bool:
    """Whether a key, as read, is a registration of another service."""
    if found is None or not found.key.startswith(keys.PORTS):
        return False
    try:
        return msgspec.json.decode(found.value, type=_Registration).service != service
    except msgspec.MsgspecError:
        return True


def taken_by(op: Op, response: object) -> KeyValue | None:
    """The registration because of which ``put`` wrote nothing; None where it wrote, or the operation is another."""
    if not isinstance(op, Txn) or not isinstance(response, TxnResult) or not response.responses:
        return None
    if not response.succeeded and op.failure and isinstance(op.failure[0], Txn):
        return taken_by(op.failure[0], response.responses[0])
    shown = response.responses[0]
    return shown if response.succeeded and isinstance(shown, KeyValue) and isinstance(op.success[0], Get) else None


def reason(found: KeyValue) -> str:
    """Why a port is not written."""
    try:
        service = msgspec.json.decode(found.value, type=_Registration).service
    except msgspec.MsgspecError:
        service = None
    owner = f"a port of '{service}'" if service else "something that is no port"
    return f"{found.key} is {owner}, perhaps of another database on this etcd: it is left as it is"
