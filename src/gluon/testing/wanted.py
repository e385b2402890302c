# SPDX-License-Identifier: Apache-2.0
"""Plays the relay for a shim under test: writes into etcd what is wanted, as a server would, and nothing else.

wanted = Wanted(kv, proton)
port = await wanted.put("ProtonBasePort", name="p1")     await wanted.bind(port, "compute-1")     await wanted.delete(…)
"""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from gluon.kv.contract import Delete, Kv, Op, Put, Txn
from gluon.model.schema import BINDING_ID, BindingState, Object, Proton, Unset
from gluon.particle import keys
from gluon.particle.entries import Entries

Record = dict[str, Any]


class Wanted:
    """The objects of one Proton as they are wanted. ``records`` holds them by kind and id."""

    def __init__(self, kv: Kv, proton: Proton) -> None:
        self._kv = kv
        self._proton = proton
        self._entries = Entries(proton)
        self._revision = 0
        self._batch = 0
        self.epoch = uuid.uuid4().hex
        self.state = "complete"
        self.records: dict[tuple[str, str], Record] = {}

    async def put(self, kind: str, id: str | None = None, **values: Any) -> str:
        """Create the object or change these attributes of it; its id."""
        changed = self.change(kind, id, **values)
        await self.send([changed])
        return changed[1]

    async def delete(self, kind: str, id: str) -> None:
        """The object is wanted no more."""
        self.records.pop((kind, id), None)
        await self.send([(kind, id)])

    async def bind(self, id: str, host: str, device: str = "instance") -> str:
        """A bind request for a port; the binding's id."""
        kind = self._port.name
        given = uuid.uuid4().hex
        await self.put(kind, id, host_id=host, device_id=device, binding_id=given, binding_state=BindingState.BINDING)
        return given

    async def unbind(self, id: str) -> None:
        """The port is to be unbound."""
        await self.put(self._port.name, id, host_id="", device_id="", binding_id=None, binding_state=BindingState.UNBOUND)

    async def serve(self, id: str, **values: Any) -> None:
        """The server changes the port itself, as it does with an answer: a new revision, the same generation."""
        record = self.records[self._port.name, id]
        generation = record["generation"]
        changed = self.change(self._port.name, id, **values)
        self.records[changed]["generation"] = generation
        await self.send([changed])

    def change(self, kind: str, id: str | None = None, **values: Any) -> tuple[str, str]:
        """Change an object here without sending it; its key."""
        obj = self._proton.by_name[kind]
        id = id or values.get(obj.identifier.name) or str(uuid.uuid4())
        self._revision += 1
        record = self.records.get((kind, id)) or _fresh(obj)
        record |= {obj.identifier.name: id, **values, "revision": self._revision, "generation": self._revision}
        self.records[kind, id] = record
        return kind, id

    async def send(self, changed: list[tuple[str, str]]) -> None:
        """Write these objects as they are now wanted: puts in the order of references, then deletes reversed."""
        ranks = {obj.name: rank for rank, obj in enumerate(self._proton.order)}
        ordered = sorted(dict.fromkeys(changed), key=lambda key: ranks[key[0]])
        puts = [op for key in ordered if key in self.records for op in self._puts(*key)]
        deletes = [op for key in reversed(ordered) if key not in self.records for op in self._deletes(*key)]
        ops = puts + deletes
        for start in range(0, len(ops), 120):
            self._batch += 1
            await self._kv.txn(Txn((), (*ops[start : start + 120], self._sync())), idempotent=True)

    async def tell(self, state: str, *, epoch: str | None = None) -> None:
        """Say how far etcd is: ``complete`` or ``repairing``, in this epoch or another."""
        self.state, self.epoch = state, epoch or self.epoch
        await self._kv.txn(Txn((), (self._sync(),)), idempotent=True)

    @property
    def _port(self) -> Object:
        port = self._proton.port
        assert port is not None, "the Proton has no ports"
        return port

    def _puts(self, kind: str, id: str) -> list[Op]:
        obj, record = self._proton.by_name[kind], self.records[kind, id]
        ops: list[Op] = [Put(keys.object(self._proton.name, kind, id), self._entries.encode(obj, record))]
        if obj.is_port:
            ops.append(Put(keys.port(id), self._entries.registration(record, "http://127.0.0.1:2705")))
        return ops

    def _deletes(self, kind: str, id: str) -> list[Op]:
        ops: list[Op] = [Delete(keys.object(self._proton.name, kind, id))]
        if self._proton.by_name[kind].is_port:
            ops += [Delete(keys.port(id)), Delete(keys.answer(self._proton.name, kind, id))]
        return ops

    def _sync(self) -> Put:
        value = {"database": "testing", "epoch": self.epoch, "batch": self._batch, "state": self.state}
        return Put(keys.sync(self._proton.name), msgspec.json.encode(value))


def _fresh(obj: Object) -> Record:
    """A record with every default, as a server makes it."""
    record: Record = {a.name: None if isinstance(a.default, Unset) else a.default for a in obj.attributes}
    record["incarnation"] = uuid.uuid4().hex
    if obj.is_port:
        record |= {BINDING_ID: None, "binding_state": BindingState.UNBOUND}
    return record
