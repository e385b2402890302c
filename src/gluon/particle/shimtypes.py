# SPDX-License-Identifier: Apache-2.0
"""The types of a shim's copy of a Proton: one compact, frozen struct per object, made from the compiled model.

    /proton/<proton>/<Object>/<id>  ──decode──►  Record: attributes, revision, generation, incarnation (a port: binding_id)

A value written by a newer server may hold attributes that this model does not know: they are left out. Attributes that it
lacks are None. Nothing here knows etcd or backends.
"""

from __future__ import annotations

import keyword
import sys
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final, assert_never

import msgspec

from gluon.errors import GluonError
from gluon.model.schema import BINDING_ID, Attribute, Object, Proton
from gluon.model.types import Boolean, Enum, Integer, Json, List, Number, Reference, String, Structure, Type, Uuid

#: What stands in for the value of a write_only attribute wherever a record is shown.
MASK: Final = "***"

#: Base attributes that few values share between very many objects.
_REPEATED: Final = frozenset({"tenant_id", "host_id", "status", "vif_type", "device_owner", "binding_controller"})


class Malformed(GluonError):
    """A value in etcd is not an object of this Proton."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One object as it stands in etcd: attributes are read as ``port.host_id``, ``port["host_id"]`` or ``port.get("host_id")``.

    It is a mapping from attribute names, so that ``dict(port)`` and ``{**port}`` work. Its repr masks secrets. An attribute
    whose name Python or a mapping needs for itself (``class``, ``items``) is read by ``[]`` alone, or with a ``_`` behind it.
    """

    __object__: ClassVar[str] = ""
    __fields__: ClassVar[Mapping[str, str]] = {}
    __secrets__: ClassVar[frozenset[str]] = frozenset()

    def __getitem__(self, name: str) -> Any:
        return getattr(self, self.__fields__[name])

    def get(self, name: str, default: Any = None) -> Any:
        """The attribute's value (None where it is null), or ``default`` where there is no such attribute."""
        field = self.__fields__.get(name)
        return default if field is None else getattr(self, field)

    def keys(self) -> Iterator[str]:
        return iter(self.__fields__)

    def values(self) -> Iterator[Any]:
        return (getattr(self, field) for field in self.__fields__.values())

    def items(self) -> Iterator[tuple[str, Any]]:
        return ((name, getattr(self, field)) for name, field in self.__fields__.items())

    def __iter__(self) -> Iterator[str]:
        return iter(self.__fields__)

    def __contains__(self, name: object) -> bool:
        return name in self.__fields__

    def __len__(self) -> int:
        return len(self.__fields__)

    def __repr__(self) -> str:
        return f"{self.__object__ or 'record'}({shown(self)})"


Mapping.register(Record)


#: A state of an object: a record, or a plain mapping (empty where there is none).
State = Record | Mapping[str, Any]


class ShimType:
    """How the values of one object are read."""

    def __init__(self, obj: Object) -> None:
        names = {"revision": int, "generation": int, "incarnation": str} | ({BINDING_ID: str} if obj.is_port else {})
        fields = [(a.name, _annotation(a, obj.name)) for a in obj.attributes]
        self.struct = _struct(obj.name, [*fields, *((n, t | None) for n, t in names.items())], obj.attributes)
        self._decoder = msgspec.json.Decoder(self.struct)
        self._identifier = self.struct.__fields__[obj.identifier.name]
        self._interned = tuple(self.struct.__fields__[a.name] for a in obj.attributes if _recurs(a))

    def decode(self, value: bytes) -> Record:
        """The record in a value of etcd. Raises Malformed."""
        try:
            return self._intern(self._decoder.decode(value))
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise Malformed(str(error)) from error

    def identifier(self, record: Record) -> str:
        """The record's identifier, as keys and the copy have it."""
        return str(getattr(record, self._identifier))

    def _intern(self, record: Record) -> Record:
        """Let equal texts of many records be one in memory."""
        for name in self._interned:
            value = getattr(record, name)
            if value.__class__ is str:
                msgspec.structs.force_setattr(record, name, sys.intern(value))
        return record


def shim_types(proton: Proton) -> Mapping[str, ShimType]:
    """The types of all objects, by the object's name."""
    return {obj.name: ShimType(obj) for obj in proton.objects}


def shown(record: State) -> dict[str, Any]:
    """What may be logged of a record: attributes that are set, with secrets masked."""
    secrets: frozenset[str] = getattr(record, "__secrets__", frozenset())
    return {n: MASK if n in secrets else v for n, v in record.items() if v is not None}


def without_secrets(record: Record) -> Record:
    """The record as it may be kept elsewhere: its secrets are None."""
    if not record.__secrets__:
        return record
    return msgspec.structs.replace(record, **{record.__fields__[name]: None for name in record.__secrets__})


def _struct(name: str, fields: list[tuple[str, Any]], attributes: tuple[Attribute, ...]) -> type[Record]:
    """The struct with these fields, each None by default; names that cannot be fields get a ``_`` behind them."""
    python = {n: f"{n}_" if keyword.iskeyword(n) or hasattr(Record, n) else n for n, _ in fields}
    namespace = {
        "__object__": name,
        "__fields__": python,
        "__secrets__": frozenset(a.name for a in attributes if a.write_only),
    }
    made = msgspec.defstruct(
        name,
        [(python[n], annotation, None) for n, annotation in fields],
        bases=(Record,),
        namespace={**namespace, "__repr__": Record.__repr__},
        frozen=True,
        gc=False,
        omit_defaults=True,
        rename={p: n for n, p in python.items() if p != n} or None,
    )
    assert issubclass(made, Record)
    return made


def _annotation(attribute: Attribute, owner: str) -> Any:
    return _of(attribute.type, f"{owner}_{attribute.name}") | None


def _of(type: Type, name: str) -> Any:  # noqa: PLR0911 - a case for each type
    """What a value of this type is in memory. Wide on purpose: the server has checked it, perhaps by a newer model."""
    match type:
        case Integer():
            return int
        case Number():
            return float
        case Boolean():
            return bool
        case String() | Uuid() | Enum():
            return str
        case Reference():
            return _of(type.key, name)
        case List():
            return list[_of(type.items, name)]  # type: ignore[misc]
        case Structure():
            nested = [(a.name, _annotation(a, name)) for a in type.attributes]
            return _struct(name, nested, type.attributes)
        case Json():
            return dict[str, Any]
        case _:
            assert_never(type)


def _recurs(attribute: Attribute) -> bool:
    """Whether other records hold this attribute's text as well."""
    return isinstance(attribute.type, Uuid | Enum | Reference) or attribute.name in _REPEATED
