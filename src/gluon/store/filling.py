# SPDX-License-Identifier: Apache-2.0
"""Makes a whole record of what a request gave: defaults, generated and allocated values, bookkeeping."""

from __future__ import annotations

import copy
import os
import uuid
from collections.abc import Mapping
from typing import Any, Final

from gluon.errors import Conflict, Fault
from gluon.model.schema import BINDING_ID, BOOKKEEPING, UNSET, Attribute, Object
from gluon.model.types import Format, String
from gluon.store.contract import Record, Tx
from gluon.store.revisions import created

#: Why a value that a client gives for what is readonly is refused, where it is not the one that is stored.
SERVERS_OWN: Final = "is set by the server only"


async def complete(tx: Tx, obj: Object, given: Mapping[str, Any], faults: list[Fault] | None = None) -> Record:
    """The record of a new object; null where a value was given as null counts as not given.

    Appends to ``faults`` what is required and missing, and readonly values that are not the server's. Raises Conflict where
    a value is to be allocated and all are taken.
    """
    record: Record = {}
    for attribute in obj.attributes:
        value = given.get(attribute.name)
        if faults is not None and attribute.readonly and value is not None and value != attribute.default:
            faults.append(Fault(f"/{attribute.name}", SERVERS_OWN))
        record[attribute.name] = await _first(tx, obj, attribute) if value is None else value
    if faults is not None:
        faults += (Fault(f"/{n}", SERVERS_OWN) for n in BOOKKEEPING if given.get(n) is not None)
    for attribute in obj.attributes:
        if attribute.default_from is not None and record[attribute.name] is None:
            record[attribute.name] = record[attribute.default_from]
        if faults is not None and attribute.required and record[attribute.name] is None:
            faults.append(Fault(f"/{attribute.name}", "is required"))
    record |= created()
    if obj.is_port:
        record[BINDING_ID] = None
    return record


async def _first(tx: Tx, obj: Object, attribute: Attribute) -> Any:
    """The value that an attribute has where none is given."""
    if attribute.default is not UNSET:
        return copy.copy(attribute.default) if isinstance(attribute.default, list | dict) else attribute.default
    if attribute.generate:
        return generated(attribute)
    if attribute.allocate:
        value = await tx.free_value(obj, attribute)
        if value is None:
            detail = f"every value of {attribute.name} is taken"
            raise Conflict(detail, [Fault(f"/{attribute.name}", detail)])
        return value
    return None


def generated(attribute: Attribute) -> str:
    """A new uuid, or a MAC address: unicast, locally administered (IEEE 802-2014, section 8.4)."""
    if isinstance(attribute.type, String) and attribute.type.format is Format.MAC:
        octets = bytearray(os.urandom(6))
        octets[0] = octets[0] & 0xFC | 0x02
        return octets.hex(":")
    return str(uuid.uuid4())
