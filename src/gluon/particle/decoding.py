# SPDX-License-Identifier: Apache-2.0
"""From the body of a request to the values of an object.

    body ─► fast: msgspec struct ─► checks of formats ─► values
              │ anything unusual
              ▼
            slow: gluon.particle.bodies ─► checks, every fault ─► values | Invalid

The slow way decides what is valid; the fast one takes only what the slow one would, and to the same values. Values are checked
one by one: what needs the database (references, uniqueness, what may change) is the verbs'.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import msgspec

from gluon.errors import Fault, Invalid, TooLarge
from gluon.model.faults import nearest
from gluon.model.schema import Attribute, Object
from gluon.model.types import INT64, Boolean, Format, Integer, Number, String, Type, Uuid
from gluon.model.values import MAX_DEPTH, Check, checker
from gluon.particle import bodies, schemas
from gluon.particle.structs import input_struct, parsed_completely

#: The largest value of one attribute, in bytes of its JSON.
MAX_VALUE: Final = 2**20
_TIME: Final = String(format=Format.DATE_TIME)
_REVISION: Final = Integer("int64", *INT64)
#: Unknown names beyond this many get no suggestion: looking for one costs time.
_SUGGESTIONS: Final = 10


class Decoding:
    """How bodies that describe one kind of object are read. ``synonyms`` are further names of attributes."""

    def __init__(self, obj: Object, synonyms: Mapping[str, str]) -> None:
        self._object = obj
        self._synonyms = synonyms
        accepted = obj.attributes + tuple(_renamed(obj.by_name[old], new) for new, old in synonyms.items()) + _repeated(obj)
        self._checks: dict[str, Check] = {a.name: _check(a) for a in accepted}
        self._checks[obj.identifier.name] = _not_empty(self._checks[obj.identifier.name])
        looked_at = (a.name for a in accepted if a is obj.identifier or not parsed_completely(a.type))
        self._fast_checks = tuple((name, "/" + name, self._checks[name]) for name in looked_at)
        self._nullable = frozenset(a.name for a in accepted if a.readonly or schemas.nullable(obj, a))
        self._required = schemas.required(obj)
        self._decoder = msgspec.json.Decoder(input_struct(accepted, self._nullable))

    def create(self, body: bytes, given: Collection[str] = ()) -> dict[str, Any]:
        """The values of a new object; what is ``given`` elsewhere the body may leave out."""
        required = self._required.difference(given) if given else self._required
        values = self.fast(body)
        if values is not None and values.keys() >= required:
            return values
        return self.slow(body, required)

    def update(self, body: bytes) -> dict[str, Any]:
        """The values that a change names."""
        values = self.fast(body)
        return self.slow(body, frozenset()) if values is None else values

    def fast(self, body: bytes) -> dict[str, Any] | None:
        """What an ordinary valid body says; None where there is anything to look at more closely.

        msgspec does not see repeated names. Without backslashes every quote delimits a string, so that two quotes for each
        name and each string of the result account for all of the body exactly if no name came twice.
        """
        if b"\\" in body or len(body) > MAX_VALUE or body.count(b"[") + body.count(b"{") > MAX_DEPTH:
            return None
        try:
            values: dict[str, Any] = msgspec.to_builtins(self._decoder.decode(body))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        if body.count(b'"') != 2 * _strings(values):
            return None
        faults: list[Fault] = []
        for name, pointer, check in self._fast_checks:
            value = values.get(name)
            if value is not None:
                values[name] = check(value, pointer, faults)
        if faults or not self._fold(values):
            return None
        return values

    def slow(self, body: bytes, required: Collection[str]) -> dict[str, Any]:
        """What a body says, or all that is wrong with it."""
        given, faults = bodies.read(body)
        if len(body) > MAX_VALUE:
            _limit(given)
        values: dict[str, Any] = {}
        for name, value in given.items():
            pointer = bodies.member("", name)
            if name not in self._checks:
                faults.append(Fault(pointer, self._unknown(name, len(faults))))
            elif value is None and name not in self._nullable:
                faults.append(Fault(pointer, "must not be null"))
            elif value is None:
                values[name] = None
            else:
                values[name] = self._checks[name](value, pointer, faults)
            if len(faults) >= bodies.MAX_FAULTS:
                break
        if not self._fold(values):
            faults.append(Fault("/project_id", "is another name for tenant_id, which is given with another value"))
        known = {self._synonyms.get(name, name) for name in given}
        faults += (Fault("/" + name, "must be given") for name in self._object.by_name if name in required and name not in known)
        if faults:
            raise Invalid.of(faults[: bodies.MAX_FAULTS])
        return values

    def _fold(self, values: dict[str, Any]) -> bool:
        """Put what synonyms say under the attributes' names; False where both are given and differ."""
        for synonym, name in self._synonyms.items():
            if synonym in values:
                value = values.pop(synonym)
                if values.setdefault(name, value) != value:
                    return False
        return True

    def _unknown(self, name: str, faults: int) -> str:
        near = nearest(name, self._checks) if faults < _SUGGESTIONS and len(name) <= 255 else None
        return f"unknown attribute: did you mean '{near}'?" if near else "unknown attribute"


def _limit(given: Mapping[str, Any]) -> None:
    """Raises TooLarge where a value is over the limit."""
    large = [bodies.member("", name) for name, value in given.items() if _size(value) > MAX_VALUE]
    if large:
        faults = [Fault(pointer, f"over {MAX_VALUE} bytes") for pointer in large]
        raise TooLarge(f"{large[0][1:]}: a value of more than {MAX_VALUE} bytes", faults)


def _size(value: Any) -> int:
    """The bytes of a value as JSON, whatever is in it. What nests too deep to be written has none: its check refuses it."""
    try:
        return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))
    except RecursionError:
        return 0


def _renamed(attribute: Attribute, name: str) -> Attribute:
    """A synonym: the same type under another name."""
    return Attribute(name, attribute.type, attribute.place, required=attribute.required)


def _repeated(obj: Object) -> tuple[Attribute, ...]:
    """What a client that sends back a whole object repeats beside its attributes. To judge it is the verbs', as for readonly."""
    types: dict[str, Type] = {"created_at": _TIME, "updated_at": _TIME, "revision": _REVISION}
    return tuple(Attribute(name, types[name], obj.place, readonly=True) for name in schemas.BOOKKEEPING)


def _check(attribute: Attribute) -> Check:
    """The check of an attribute's values. Of a secret it says only what repeats nothing of it."""
    check = checker(attribute.type)
    if attribute.type is _TIME:
        return _as_recorded(check)
    match attribute.type:
        case String(format=None) | Integer() | Number() | Boolean() | Uuid():
            return check
    if not attribute.write_only:
        return check

    def checked(value: Any, pointer: str, faults: list[Fault]) -> Any:
        found: list[Fault] = []
        result = check(value, pointer, found)
        if found:
            faults.append(Fault(pointer, "is not as the model wants it; a secret is not shown"))
        return result

    return checked


def _as_recorded(check: Check) -> Check:
    """The check of a time that the server keeps: always to the microsecond, as records hold it."""

    def checked(value: Any, pointer: str, faults: list[Fault]) -> Any:
        known = len(faults)
        time = check(value, pointer, faults)
        return time if len(faults) > known or "." in time else time.replace("Z", ".000000Z")

    return checked


def _not_empty(check: Check) -> Check:
    """The check of an identifier: an empty one has no URL."""

    def checked(value: Any, pointer: str, faults: list[Fault]) -> Any:
        if value == "":
            faults.append(Fault(pointer, "must not be empty"))
            return value
        return check(value, pointer, faults)

    return checked


def _strings(value: dict[str, Any] | list[Any]) -> int:
    """How many strings the JSON of a value has, names included."""
    items: Iterable[Any] = value
    count = 0
    if type(value) is dict:
        count, items = len(value), value.values()
    for item in items:
        kind = type(item)
        if kind is str:
            count += 1
        elif kind is dict or kind is list:
            count += _strings(item)
    return count
