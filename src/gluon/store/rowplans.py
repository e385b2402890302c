# SPDX-License-Identifier: Apache-2.0
"""Every statement on an object's tables: written with SQLAlchemy, compiled once for a dialect, run raw on the driver.

    table ─► ObjectPlan: SQL text, order of parameters, record ─► row, row ─► record

A plan does no I/O and keeps no data; it grows only by the statements for sets of columns that were asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa

from gluon.model.links import Link
from gluon.model.schema import BINDING_ID, BOOKKEEPING, Attribute, Object
from gluon.model.types import Boolean, Json, List, Reference, Structure, Type
from gluon.particle.tables import unique_items
from gluon.store.conditions import Condition, packed
from gluon.store.contract import Query, Record
from gluon.store.statements import Statement, compiled, from_json, param, to_bool, to_json

#: Statements kept per object for sets of columns or filters; clients choose the filters, so their number is bounded.
_KEPT: Final = 256
#: How many identifiers ``several`` takes at a time: its parameters ``id0`` and so on.
SEVERAL: Final = 100


class ElementPlan:
    """The statements on one element table: what a list holds that the database must be able to find."""

    def __init__(self, table: sa.Table, dialect: sa.Dialect) -> None:
        self.attribute: Attribute = table.info["attribute"]
        self.link: Link | None = table.info["link"]
        self.table = table
        self._distinct = unique_items(self.attribute)
        owner, position, value = (param(n) for n in ("owner", "position", "value"))
        self.insert = compiled(sa.insert(table).values(owner=owner, position=position, value=value), dialect)
        self.clear = compiled(sa.delete(table).where(table.c.owner == owner), dialect)
        self.owner_of = compiled(sa.select(table.c.owner).where(table.c.value == value).limit(param("limit")), dialect)

    def rows(self, owner: Any, value: Any) -> list[tuple[Any, ...]]:
        """The parameters of ``insert`` for a value of the attribute."""
        if self.link:
            items = [key for _, key in self.link.held(value)]
        else:
            items = [item if isinstance(item, str | int | float) else to_json(item) for item in value or ()]
        if self._distinct:
            items = list(dict.fromkeys(items))
        return [
            self.insert.bind({"owner": owner, "position": position, "value": item})
            for position, item in enumerate(items)
            if item is not None
        ]


class ObjectPlan:
    """The statements on one object's table. ``names`` are the keys of a record, in order, ``columns`` what a row has of them."""

    def __init__(self, table: sa.Table, elements: Sequence[sa.Table], dialect: sa.Dialect) -> None:
        self.object: Object = table.info["object"]
        self.table = table
        self._dialect = dialect
        self.identifier = self.object.identifier.name
        self.names: tuple[str, ...] = (
            *self.object.by_name,
            *BOOKKEEPING,
            *((BINDING_ID,) if self.object.is_port else ()),
        )
        self.elements = tuple(ElementPlan(t, dialect) for t in elements)
        self._key = table.c[self.identifier]
        self.columns = [table.c[n] for n in self.names]
        self._encoders = [(i, n) for i, n in enumerate(self.names) if _is_json(self._type(n))]
        self._json_names = frozenset(n for _, n in self._encoders)
        decoders: list[tuple[str, Callable[[Any], Any]]] = [(n, from_json) for _, n in self._encoders]
        decoders += [(n, to_bool) for n in self.names if isinstance(self._type(n), Boolean)]
        self._decoders = tuple(decoders)
        key = param("key")
        self.insert = compiled(sa.insert(table).values({n: param(f"c{i}") for i, n in enumerate(self.names)}), dialect)
        self._insert_order = [int(n[1:]) for n in self.insert.names]
        self.get = compiled(sa.select(*self.columns).where(self._key == key), dialect)
        one = sa.select(*self.columns).where(self._key == key)
        self.lock = compiled(one.with_for_update(), dialect)
        self.hold = compiled(one.with_for_update(read=True, key_share=True), dialect)
        # The same where nobody has the row: no row where somebody has.
        self.lock_free = compiled(one.with_for_update(skip_locked=True), dialect)
        self.hold_free = compiled(one.with_for_update(read=True, key_share=True, skip_locked=True), dialect)
        wanted: list[sa.BindParameter[Any]] = [param(f"id{n}") for n in range(SEVERAL)]
        self.several = compiled(sa.select(*self.columns).where(self._key.in_(wanted)), dialect)
        self.delete = compiled(sa.delete(table).where(self._key == key), dialect)
        self.update = lru_cache(_KEPT)(self._update)
        self.page = lru_cache(_KEPT)(self._page)
        self.find = lru_cache(_KEPT)(self._find)
        self.referring = lru_cache(_KEPT)(self._referring)
        self.free = lru_cache(_KEPT)(self._free)

    def row(self, record: Record) -> tuple[Any, ...]:
        """The parameters of ``insert``."""
        values = [record[n] for n in self.names]
        for i, _ in self._encoders:
            values[i] = to_json(values[i])
        return tuple([values[i] for i in self._insert_order])

    def column(self, name: str, value: Any) -> Any:
        """One value as it is stored."""
        return to_json(value) if name in self._json_names else value

    def record(self, row: Sequence[Any]) -> Record:
        """What was stored as ``row``."""
        record = dict(zip(self.names, row, strict=True))
        for name, decode in self._decoders:
            record[name] = decode(record[name])
        return record

    def paged(self, query: Query) -> tuple[Statement, dict[str, Any]]:
        """The statement of a page, and what its parameters are bound to. Raises Invalid for what no column holds."""
        where = [Condition(name, several=False, null=value is None) for name, value in query.where.items()]
        values = {name: self.column(name, value) for name, value in query.where.items()}
        for name, several in query.among.items():
            # No identifier is null: where that is asked all the same, it must not cost the use of the index.
            condition = Condition(name, several=True, null=None in several and name != self.identifier)
            where.append(condition)
            stored = [self.column(name, value) for value in several if value is not None]
            values[condition.parameter] = packed(stored, self._dialect)
        return self.page(tuple(where), query.after is not None), {**values, "\0after": query.after, "\0limit": query.limit}

    def _type(self, name: str) -> Type | None:
        attribute = self.object.by_name.get(name)
        return attribute.type if attribute else None

    def _update(self, names: tuple[str, ...]) -> Statement:
        """Sets these columns (parameters: their names) of one row (parameter: ``key`` after a NUL, which no name holds)."""
        values = {n: param(f"c{i}") for i, n in enumerate(names)}
        statement = compiled(sa.update(self.table).where(self._key == param("key")).values(values), self._dialect)
        order = tuple("\0key" if n == "key" else names[int(n[1:])] for n in statement.names)
        return Statement(statement.sql, order, statement.constants)

    def _page(self, where: tuple[Condition, ...], after: bool) -> Statement:
        """Rows that meet ``where``, by identifier (parameters: those of the conditions, \\0after, \\0limit)."""
        query = sa.select(*self.columns).order_by(self._key).limit(param("limit"))
        for i, condition in enumerate(where):
            query = query.where(condition.met(self.table.c[condition.name], param(f"c{i}"), self._dialect))
        if after:
            query = query.where(self._key > param("after"))
        statement = compiled(query, self._dialect)
        order = tuple(f"\0{n}" if n in ("after", "limit") else _named(n, where) for n in statement.names)
        return Statement(statement.sql, order, statement.constants)

    def _find(self, names: tuple[str, ...]) -> Statement:
        """The identifier of the row with these values (parameters: their names)."""
        query = sa.select(self._key)
        for i, name in enumerate(names):
            query = query.where(self.table.c[name] == param(f"c{i}"))
        statement = compiled(query, self._dialect)
        return Statement(statement.sql, tuple(names[int(n[1:])] for n in statement.names), statement.constants)

    def _referring(self, attribute: str) -> Statement:
        """The rows whose attribute refers to ``target``, directly or in a list."""
        target = param("target")
        owners = [
            sa.select(e.table.c.owner).where(e.table.c.value == target) for e in self.elements if e.attribute.name == attribute
        ]
        if isinstance(self.object.by_name[attribute].type, Reference):
            condition: sa.ColumnElement[bool] = self.table.c[attribute] == target
        else:
            condition = sa.or_(*(self._key.in_(select) for select in owners))
        return compiled(sa.select(*self.columns).where(condition).order_by(self._key), self._dialect)

    def _free(self, name: str) -> tuple[Statement, Statement]:
        """The greatest value between ``least`` and ``most``; and the greatest below ``most`` that has no successor in use.

        Looked for from the top: who takes the last value must not make everyone count all values that come first.
        """
        column = self.table.c[name]
        least, most = param("least"), param("most")
        greatest = sa.select(sa.func.max(column)).where(column >= least, column <= most)
        other = self.table.alias()
        gap = (
            sa.select(column)
            .where(column >= least, column < most, ~sa.exists().where(other.c[name] == column + sa.literal_column("1")))
            .order_by(column.desc())
            .limit(sa.literal_column("1"))
        )
        return compiled(greatest, self._dialect), compiled(gap, self._dialect)


def _named(parameter: str, where: tuple[Condition, ...]) -> str:
    return where[int(parameter[1:])].parameter if parameter.startswith("c") and parameter[1:].isdigit() else parameter


def _is_json(type: Type | None) -> bool:
    return isinstance(type, List | Structure | Json)
