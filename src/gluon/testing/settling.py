# SPDX-License-Identifier: Apache-2.0
"""Whether everything that was committed has reached etcd and the backends, and all answers have come back.

database: no change waits ─► shims: at rest ─► etcd at one revision: each shim's copy equals it, no report is pending,
                                               each answer has been stored

The order matters: what a later step sees was there before an earlier one could have missed it. Nothing here waits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from gluon.kv import paging
from gluon.kv.contract import Kv
from gluon.model.schema import BindingState, Proton
from gluon.particle import keys
from gluon.shim.references import Key
from gluon.store.contract import Store
from gluon.testing.serving import RunningShim
from gluon.testing.witness import Subject, Unended

_FAILED: Final = "binding_failed"


class _Object(msgspec.Struct, frozen=True):
    """What of an object's value matters here."""

    revision: int = 0
    binding_id: str | None = None
    binding_state: str = ""


class _Controller(msgspec.Struct, frozen=True):
    """What of an answer or a report matters here."""

    vif_type: str | None = None
    binding_id: str | None = None
    state: str = ""
    reason: str | None = None


class _Sync(msgspec.Struct, frozen=True):
    """What of ``/gluon/sync/<proton>`` matters here."""

    state: str = ""


Objects = Mapping[Key, _Object]


async def unsettled(store: Store, kv: Kv, protons: Sequence[Proton], shims: Sequence[RunningShim]) -> str:
    """The first thing that is not as it is to be; empty where everything has settled. Raises KvError."""
    if waiting := await _database(store):
        return waiting
    for shim in shims:
        if not shim.shim.working:
            return f"the shim {shim.name} has not signed in and loaded"
        if shim.shim.busy:
            return f"the shim {shim.name} is at work"
    revision = await kv.revision()
    for proton in protons:
        for reason in await _proton(kv, proton, revision, [shim for shim in shims if shim.proton is proton]):
            return reason
    return ""


async def _database(store: Store) -> str:
    backlog = await store.log.backlog()
    if backlog.rows:
        return f"{backlog.rows} changes wait for etcd"
    for stuck in await store.log.stuck():
        return f"etcd refuses {stuck.object} {stuck.id}: {stuck.reason}"
    return ""


async def _proton(kv: Kv, proton: Proton, revision: int, shims: Sequence[RunningShim]) -> list[str]:
    """What is against it in one Proton, as etcd has it at a revision."""
    syncs = {
        item.key: msgspec.json.decode(item.value, type=_Sync)
        async for item in paging.every(kv, keys.sync(proton.name), revision=revision)
    }
    if syncs.get(keys.sync(proton.name), _Sync()).state != "complete":
        return [f"the relay has not said that {proton.name} is complete in etcd"]
    objects = {
        Key(key.object, key.id): msgspec.json.decode(item.value, type=_Object)
        async for item in paging.every(kv, keys.objects(proton.name), revision=revision)
        if (key := keys.parse_object(item.key))
    }
    controllers = {
        key: msgspec.json.decode(item.value, type=_Controller)
        async for item in paging.every(kv, keys.controllers(proton.name), revision=revision)
        if (key := keys.parse_controller(item.key))
    }
    found = [reason for shim in shims for reason in _shim(shim, objects)]
    return found + list(_answers(objects, controllers)) + list(_reports(objects, controllers, {s.name for s in shims}))


def _shim(shim: RunningShim, objects: Objects) -> Iterator[str]:
    """Where a shim's copy is not what etcd has, or a call has not succeeded yet."""
    seen = {key: shim.model.find(key) for key in shim.model.known()}
    for key in objects.keys() | seen.keys():
        wanted, held = objects.get(key), seen.get(key)
        if (wanted.revision if wanted else None) != (held["revision"] if held is not None else None):
            yield f"the shim {shim.name} has not seen the newest {key.kind} {key.id}"
    for subject, unended in list(shim.witness.unended.items()):
        if _counts(shim, subject, unended, objects):
            yield f"{unended.call.method} {unended.call.id} will be repeated: {unended.reason}"


def _counts(shim: RunningShim, subject: Subject, unended: Unended, objects: Objects) -> bool:
    """Whether a call that did not succeed is still due. What it was about may be gone without another call for it."""
    found = [objects[key] for kind in shim.witness.kinds(subject) if (key := Key(kind, subject[1])) in objects]
    match unended.call.method.split("_", 1)[0]:
        case "modify":
            return bool(found)
        case "bind":
            return any(port.binding_state == BindingState.BINDING for port in found)
    return True


def _answers(objects: Objects, controllers: Mapping[keys.ObjectKey, _Controller]) -> Iterator[str]:
    """Answers that the server has not stored."""
    for key, answer in controllers.items():
        port = objects.get(Key(key.object, key.id))
        if key.controller or port is None or not answer.vif_type or answer.binding_id != port.binding_id:
            continue
        better = port.binding_state == BindingState.FAILED and answer.vif_type != _FAILED
        if better or port.binding_state == BindingState.BINDING:
            yield f"the answer to the bind of {key.id} is not stored"


def _reports(objects: Objects, controllers: Mapping[keys.ObjectKey, _Controller], names: set[str]) -> Iterator[str]:
    """Reports of these shims that are not final."""
    for key, report in controllers.items():
        if key.controller not in names:
            continue
        if report.state == "pending":
            yield f"{key.controller} reports {key.object} {key.id} as pending: {report.reason}"
        elif Key(key.object, key.id) not in objects and report.state != "failed":
            yield f"{key.controller} still reports {key.object} {key.id}, which is gone"
