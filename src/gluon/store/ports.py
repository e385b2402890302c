# SPDX-License-Identifier: Apache-2.0
"""What follows from the roles of port and interface: the default interface, and which interface stays with its port."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gluon.errors import Fault
from gluon.model.schema import Object
from gluon.model.types import String
from gluon.store.contract import Record, Tx
from gluon.store.filling import complete

#: The attribute of BaseInterface that refers to the port.
PORT_ID: Final = "port_id"
#: The attribute of BaseServiceBinding that refers to the interface.
INTERFACE_ID: Final = "interface_id"


async def default_interface(tx: Tx, port: Object, interface: Object, record: Record) -> Record:
    """The interface that every port has from its creation: the port's identifier and tenant, no segmentation."""
    id = record[port.identifier.name]
    values = {
        interface.identifier.name: id,
        PORT_ID: id,
        "tenant_id": record.get("tenant_id"),
        "name": _name(interface, record),
        "segmentation_type": "none",
        "segmentation_id": 0,
    }
    return await complete(tx, interface, {n: v for n, v in values.items() if n in interface.by_name})


def _name(interface: Object, port: Record) -> str | None:
    attribute = interface.by_name.get("name")
    if attribute is None:
        return None
    ending = "_default"
    length = attribute.type.length if isinstance(attribute.type, String) else 255
    return (port.get("name") or "")[: length - len(ending)] + ending


def is_default(interface: Object, record: Record) -> bool:
    """Whether this is the interface that was made with its port."""
    return bool(record[interface.identifier.name] == record.get(PORT_ID))


def check_interface_change(interface: Object, record: Record, changes: Mapping[str, object]) -> list[Fault]:
    """The default interface stays with its port."""
    if PORT_ID in changes and is_default(interface, record):
        return [Fault(f"/{PORT_ID}", "the default interface stays with its port")]
    return []
