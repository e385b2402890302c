# SPDX-License-Identifier: Apache-2.0
"""The JSON of each object in the API: what a request may say, and what an answer looks like.

request body ─► gluon.particle.decoding ─► values        record ─► answer, page of a list
path, query  ─► gluon.particle.filters  ─► values        Object ─► JSON Schemas
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

import msgspec

from gluon.model.schema import Object, Proton
from gluon.particle import schemas
from gluon.particle.decoding import Decoding
from gluon.particle.filters import Filters, Identifiers
from gluon.particle.structs import output_struct

#: Names that a request may use for an attribute, where the object has the attribute and no other of that name.
SYNONYMS: Final[Mapping[str, str]] = {"project_id": "tenant_id"}


def documents(proton: Proton) -> Mapping[str, Document]:
    """The document of each object, by the object's name."""
    return {obj.name: Document(obj) for obj in proton.objects}


class Document:
    """The JSON of one object."""

    def __init__(self, obj: Object) -> None:
        synonyms = {new: old for new, old in SYNONYMS.items() if old in obj.by_name and new not in obj.by_name}
        self.object = obj
        self.decoding = Decoding(obj, synonyms)
        self._identifiers = Identifiers(obj)
        self._filters = Filters(obj, synonyms)
        self.shown = [a.name for a in obj.attributes if not a.write_only] + list(schemas.BOOKKEEPING)
        self._output = output_struct(self.shown)
        self._shown = itemgetter(*self.shown)
        self._encoder = msgspec.json.Encoder()
        self.schema = schemas.full(obj)
        self.create_schema = schemas.create(obj)
        self.update_schema = schemas.update(obj)

    @property
    def filters(self) -> tuple[str, ...]:
        """The attributes by which lists can be filtered."""
        return self._filters.names

    def decode_create(self, body: bytes, given: Collection[str] = ()) -> dict[str, Any]:
        """The values that a body gives a new object, in canonical form and without defaults.

        What is ``given`` elsewhere (by the path of a nested route) the body may leave out. Raises Invalid with every fault,
        and TooLarge.
        """
        return self.decoding.create(body, given)

    def decode_update(self, body: bytes) -> dict[str, Any]:
        """The values that a change names, in canonical form. Raises Invalid with every fault, and TooLarge."""
        return self.decoding.update(body)

    def parse_id(self, text: str) -> Any:
        """The identifier that a path names, in canonical form. Raises Missing where no object can have it."""
        return self._identifiers.parse(text)

    def parse_filter(self, name: str, texts: Sequence[str]) -> list[Any]:
        """The values of which a query asks any of an attribute; the empty text is null. Raises Invalid."""
        return self._filters.parse(name, texts)

    def values(self, record: Mapping[str, Any]) -> tuple[Any, ...]:
        """What an answer shows of an object, in the order of ``shown``."""
        values: tuple[Any, ...] = self._shown(record)
        return values

    def part(self, record: Mapping[str, Any]) -> Any:
        """An object as an answer shows it, to stand within another's document."""
        return self._output(*self.values(record))

    def encode(self, record: Mapping[str, Any]) -> bytes:
        """An object as an answer shows it: no write_only attribute, and of the bookkeeping what clients use."""
        return self._encoder.encode(self._output(*self._shown(record)))

    def encode_page(self, records: Iterable[Mapping[str, Any]], next_href: str | None) -> bytes:
        """A page of a list, with a link to the next where more follows."""
        output, shown = self._output, self._shown
        return self._encoder.encode(_page(self.object, [output(*shown(record)) for record in records], next_href))


class Extended:
    """A document with one member more, behind those of the object itself."""

    def __init__(self, document: Document, member: str) -> None:
        self._document = document
        self._output = output_struct([*document.shown, member])
        self._encoder = msgspec.json.Encoder()

    def encode(self, record: Mapping[str, Any], value: Any) -> bytes:
        """An object with the member's value."""
        return self._encoder.encode(self._output(*self._document.values(record), value))

    def encode_page(self, records: Iterable[tuple[Mapping[str, Any], Any]], next_href: str | None) -> bytes:
        """A page of objects, each with the member's value."""
        output, values = self._output, self._document.values
        outputs = [output(*values(record), value) for record, value in records]
        return self._encoder.encode(_page(self._document.object, outputs, next_href))


def _page(obj: Object, outputs: list[Any], next_href: str | None) -> dict[str, Any]:
    page: dict[str, Any] = {obj.api.plural_name: outputs}
    if next_href is not None:
        page["links"] = [{"rel": "next", "href": next_href}]
    return page
