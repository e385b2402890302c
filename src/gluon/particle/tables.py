# SPDX-License-Identifier: Apache-2.0
"""The SQL tables of a Proton: a pure function of the compiled model, for SQLite, PostgreSQL and MariaDB alike.

    object ─────────────► <proton>_<object>           attributes + bookkeeping (+ binding_id)
    references in lists ► <proton>_<object>_<attr>    owner, position, value: foreign key and look-up of referrers
    unique items ───────► the same, with a unique index

A list stays whole in its object's row, as JSON; its element table repeats what the database must be able to find.
Values are checked by the model's documents, so there are no CHECKs and no native enums, and only the identifier and the
bookkeeping are NOT NULL: a model grows without touching rows. A default is the column's too, for servers that do not know the
attribute yet. ``Table.info`` and ``Column.key`` lead back to the model.

An attribute that was renamed keeps its column: names of columns, and what is named after them, follow ``columns`` where it says
so, so that servers of both models find the same tables.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from gluon.model.links import Link, links
from gluon.model.schema import BINDING_ID, UNSET, Attribute, Object, Proton
from gluon.model.types import List, Reference, Structure
from gluon.particle.columns import TIME_LENGTH, ascii_text, column_type
from gluon.particle.naming import Names, bound, snake
from gluon.particle.quoting import quoting

#: The tables beside those of the Protons (``gluon.particle.systables``); no object's table takes such a name.
SYSTEM_TABLES: Final = (
    "gluon_changes",
    "gluon_sync",
    "gluon_stuck",
    "gluon_ports",
    "gluon_meta",
    "gluon_columns",
    "gluon_models",
    "gluon_history",
)
#: By table and attribute, the column that holds it where that is not the one of its name.
Columns = Mapping[str, Mapping[str, str]]
NO_COLUMNS: Final[Columns] = {}


def tables(proton: Proton, columns: Columns = NO_COLUMNS) -> sa.MetaData:
    """The tables of all objects, ``info["object"]`` in each; an element table has ``info["attribute"]``, ``["link"]`` too."""
    names = Names(SYSTEM_TABLES)
    metadata = sa.MetaData()
    table_names = {o: names.take(f"{snake(proton.name)}_{snake(o.name)}") for o in proton.objects}
    for obj in proton.objects:
        _object_table(metadata, proton, obj, table_names, columns.get(table_names[obj], {}))
    for obj in proton.objects:
        owner = metadata.tables[table_names[obj]]
        for attribute, link, path in _element_places(obj):
            column: str = owner.c[attribute.name].name
            name = names.take("_".join((owner.name, snake(column), *map(snake, path))))
            _element_table(metadata, proton, owner, (name, attribute, link), table_names)
    return metadata


def sql(metadata: sa.MetaData, dialect: str = "sqlite", only: Iterable[sa.Table] | None = None) -> list[str]:
    """The statements that make the tables (all, or these) on ``sqlite``, ``postgresql`` or ``mariadb``, in their order."""
    made: list[str] = []
    engine: Any = sa.create_mock_engine(
        f"{dialect}://",
        lambda ddl, *_, **__: made.append(str(ddl.compile(dialect=engine.dialect)).strip()),
        paramstyle="qmark",  # others double each % in a default
    )
    quoting(engine.dialect)
    metadata.create_all(engine, checkfirst=False, tables=None if only is None else list(only))
    # A table's indexes come in the order of a set: sorted, so that the same model always prints the same.
    indexes = [i for i, statement in enumerate(made) if _is_index(statement)]
    for run in (list(g) for _, g in itertools.groupby(enumerate(indexes), lambda pair: pair[1] - pair[0])):
        first, last = run[0][1], run[-1][1] + 1
        made[first:last] = sorted(made[first:last])
    return made


def _is_index(statement: str) -> bool:
    return statement.startswith(("CREATE INDEX", "CREATE UNIQUE INDEX"))


def _object_table(
    metadata: sa.MetaData, proton: Proton, obj: Object, table_names: dict[Object, str], mapped: Mapping[str, str]
) -> None:
    columns = Names(name.lower() for name in mapped.values())
    table = sa.Table(table_names[obj], metadata, info={"object": obj})
    for attribute in obj.attributes:
        identifier = attribute is obj.identifier
        name = mapped[attribute.name] if attribute.name in mapped else columns.take(attribute.name)
        kind = column_type(attribute.type, indexed=identifier or _indexed(obj, attribute))
        default = None if identifier else _default(attribute)
        table.append_column(
            sa.Column(name, kind, key=attribute.name, primary_key=identifier, autoincrement=False, server_default=default)
        )
    for name, kind in (
        ("revision", sa.BigInteger()),
        ("generation", sa.BigInteger()),
        ("incarnation", ascii_text(36)),
        ("created_at", ascii_text(TIME_LENGTH)),
        ("updated_at", ascii_text(TIME_LENGTH)),
    ):
        table.append_column(sa.Column(columns.take(name), kind, key=name, nullable=False))
    if obj.is_port:
        table.append_column(sa.Column(columns.take(BINDING_ID), ascii_text(36), key=BINDING_ID))
    _object_keys(proton, obj, table, table_names)


def _default(attribute: Attribute) -> str | sa.ColumnElement[Any] | None:
    """What a row gets whose server does not know the attribute. A reference has none: nobody would have looked it up."""
    value = attribute.default
    if value is UNSET or value is None or isinstance(attribute.type, Reference):
        return None
    if isinstance(value, bool):
        return sa.true() if value else sa.false()
    if isinstance(value, int | float):
        return sa.literal_column(repr(value))
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _object_keys(proton: Proton, obj: Object, table: sa.Table, table_names: dict[Object, str]) -> None:
    identifier = table.c[obj.identifier.name]
    uniques = {(a.name,) for a in obj.attributes if (a.unique or a.allocate) and not isinstance(a.type, List)}
    uniques.discard((obj.identifier.name,))
    for names in sorted(uniques | set(obj.unique)):
        _index(table, [table.c[n] for n in names], unique=True)
    led = {identifier.key, *(names[0] for names in uniques | set(obj.unique))}
    for link in links(obj):
        if link.many:
            continue
        column = table.c[link.attribute.name]
        if link.attribute.name not in led:
            _index(table, [column])
        _foreign_key(proton, column, link.reference, table_names)
    if "tenant_id" in table.c and identifier.key != "tenant_id":
        _index(table, [table.c["tenant_id"], identifier])


def _element_places(obj: Object) -> list[tuple[Attribute, Link | None, tuple[str, ...]]]:
    places: list[tuple[Attribute, Link | None, tuple[str, ...]]] = [(k.attribute, k, k.path) for k in links(obj) if k.many]
    linked = {a.name for a, _, path in places if not path}
    places += [(a, None, ()) for a in obj.attributes if unique_items(a) and a.name not in linked]
    return places


def unique_items(attribute: Attribute) -> bool:
    """Whether no two objects may hold the same item of this list."""
    return isinstance(attribute.type, List) and (attribute.type.unique or attribute.unique)


def _element_table(
    metadata: sa.MetaData,
    proton: Proton,
    owner: sa.Table,
    element: tuple[str, Attribute, Link | None],
    table_names: dict[Object, str],
) -> None:
    name, attribute, link = element
    (key,) = owner.primary_key.columns
    assert isinstance(attribute.type, List | Structure)
    kind = link.reference if link else attribute.type.items if isinstance(attribute.type, List) else attribute.type
    unique = unique_items(attribute) and not (link and link.path)
    table = sa.Table(
        name,
        metadata,
        sa.Column("owner", key.type, sa.ForeignKey(key, name=bound(f"fk_{name}__owner"), ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("value", column_type(kind, indexed=True), nullable=False),
        info={"object": owner.info["object"], "attribute": attribute, "link": link},
    )
    _index(table, [table.c.value], unique=unique)
    if link:
        _foreign_key(proton, table.c.value, link.reference, table_names)


def _index(table: sa.Table, columns: list[sa.Column[Any]], *, unique: bool = False) -> None:
    # Two underscores, so that table a_b with column c and table a with column b_c make two names.
    name = bound(f"{'uq' if unique else 'ix'}_{'__'.join((table.name, *(c.name for c in columns)))}")
    sa.Index(name, *columns, unique=unique)


def _foreign_key(proton: Proton, column: sa.Column[Any], reference: Reference, table_names: dict[Object, str]) -> None:
    """A foreign key for a reference to one kind of object; for several, the verbs are what keeps it whole."""
    if len(reference.targets) != 1:
        return
    target = proton.by_name[reference.targets[0]]
    name = bound(f"fk_{column.table.name}__{column.name}")
    pointed = f"{table_names[target]}.{target.identifier.name}"
    column.table.append_constraint(sa.ForeignKeyConstraint([column.key], [pointed], name=name))


def _indexed(obj: Object, attribute: Attribute) -> bool:
    named = any(attribute.name in names for names in obj.unique)
    return named or attribute.unique or attribute.name == "tenant_id" or isinstance(attribute.type, Reference)
