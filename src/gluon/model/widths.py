# SPDX-License-Identifier: Apache-2.0
"""Whether a row of every database can hold an object: a model that one of them refuses is refused by name, for all.

The narrowest is MariaDB (InnoDB, pages of 16 KiB). Source: https://mariadb.com/kb/en/innodb-limitations/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, assert_never

from gluon.model.faults import Faults
from gluon.model.links import links
from gluon.model.objects import MAX_ATTRIBUTES
from gluon.model.schema import Object
from gluon.model.types import Boolean, Enum, Integer, Json, List, Number, Reference, String, Structure, Type, Uuid

#: What a table may have of keys, and its row of bytes that stay beside what is stored elsewhere.
MAX_KEYS: Final = 64
MAX_ROW: Final = 8126
#: Bytes of a row before the attributes: its header, and the columns that every object has.
_HEAD: Final = 180
#: Bytes that stay in the row of a text that is stored elsewhere when it is long; of a text of bounded length at most so many.
_ELSEWHERE: Final = 21
_BOUNDED: Final = 255


def refuse_wide(objects: Iterable[Object], faults: Faults) -> None:
    """Note the objects that have too many references, unique or other attributes."""
    for obj in objects:
        if (count := _keys(obj)) > MAX_KEYS:
            why = "for its identifier, references and unique attributes"
            faults.add(obj.place, f"'{obj.name}' needs {count} indexes {why}: at most {MAX_KEYS} can be")
        count = len(obj.attributes)
        if count <= MAX_ATTRIBUTES and (size := _row(obj)) > MAX_ROW:
            faults.add(
                obj.place,
                f"'{obj.name}' has {count} attributes, whose row takes {size} bytes even where texts are"
                f" stored beside it: at most {MAX_ROW} can be; a structure or an object takes {_ELSEWHERE} for all that is in it",
            )


def _keys(obj: Object) -> int:
    """The indexes of its table, as ``gluon.particle.tables`` makes them."""
    sets = {(a.name,) for a in obj.attributes if (a.unique or a.allocate) and not isinstance(a.type, List)} | set(obj.unique)
    sets.discard((obj.identifier.name,))
    led = {obj.identifier.name, *(names[0] for names in sets)}
    single = {link.attribute.name for link in links(obj) if not link.many}
    tenant = "tenant_id" in obj.by_name and obj.identifier.name != "tenant_id"
    return 1 + len(sets) + len(single - led) + tenant


def _row(obj: Object) -> int:
    indexed = {obj.identifier.name, "tenant_id", *(name for names in obj.unique for name in names)}
    indexed |= {a.name for a in obj.attributes if a.unique}
    sizes = (_bytes(a.type, a.name in indexed) for a in obj.attributes)
    return _HEAD + sum(sizes) + len(obj.attributes) // 8 + 1


def _bytes(type: Type, indexed: bool) -> int:  # noqa: PLR0911 one return a type
    """What a value takes in its row at the most, as ``gluon.particle.columns`` stores it."""
    match type:
        case String():
            return _text(type.length, indexed)
        case Enum():
            return _text(max(map(len, type.values), default=0), indexed)
        case Uuid():
            return 37
        case Reference():
            return _bytes(type.key, True)
        case Integer() | Number():
            return 8
        case Boolean():
            return 1
        case List() | Structure() | Json():
            return _ELSEWHERE
        case _:
            assert_never(type)


def _text(length: int, indexed: bool) -> int:
    return 4 * length + 1 if indexed and 4 * length <= _BOUNDED else _ELSEWHERE
