# SPDX-License-Identifier: Apache-2.0
"""The SQL tables of a Proton: a pure function of the compiled model, for SQLite, PostgreSQL and MariaDB alike.

    object ─────────────► <proton>_<object>           attributes + bookkeeping (+ binding_id)
    references in lists ► <proton>_<object>_<attr>    owner, position, value: foreign key and look-up of referrers
    unique items ───────► the same, with a unique index

A list stays whole in its object's row, as JSON; its element table repeats what the database must be able to find.
Values are checked by the model's documents, so there are no CHECKs and no native enums, and only the identifier and the
bookkeeping are NOT NULL: a model grows without touching rows. ``Table.info`` and ``Column.key`` lead back to the model.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable
from typing import Any, Final, assert_never

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from gluon.model.links import Link, links
from gluon.model.schema import BINDING_ID, Attribute, Object, Proton
from gluon.model.types import Boolean, Enum, Integer, Json, List, Number, Reference, String, Structure, Type, Uuid

#: Names stay below the 63 bytes of PostgreSQL and the 64 characters of MariaDB.
_LONGEST_NAME: Final = 60
#: Longer strings than this are TEXT: MariaDB counts every VARCHAR towards 65,535 bytes a row.
_LONGEST_VARCHAR: Final = 1024
_TIME_LENGTH: Final = 27
#: Characters that may stand in an index of MariaDB (3072 bytes, four each).
_INDEXED_CHARACTERS: Final = 768


def tables(proton: Proton) -> sa.MetaData:
    """The tables of all objects, ``info["object"]`` in each; an element table has ``info["attribute"]``, ``["link"]`` too."""
    names = Names(SYSTEM_TABLES)
    metadata = sa.MetaData()
    table_names = {o: names.take(f"{snake(proton.name)}_{snake(o.name)}") for o in proton.objects}
    for obj in proton.objects:
        _object_table(metadata, proton, obj, table_names)
    for obj in proton.objects:
        owner = metadata.tables[table_names[obj]]
        for attribute, link, path in _element_places(obj):
            name = names.take("_".join((owner.name, snake(attribute.name), *map(snake, path))))
            _element_table(metadata, proton, owner, (name, attribute, link), table_names)
    return metadata


def sql(metadata: sa.MetaData, dialect: str = "sqlite", only: Iterable[sa.Table] | None = None) -> list[str]:
    """The statements that make the tables (all, or these) on ``sqlite``, ``postgresql`` or ``mariadb``, in their order."""
    made: list[str] = []
    engine: Any = sa.create_mock_engine(
        f"{dialect}://", lambda ddl, *_, **__: made.append(str(ddl.compile(dialect=engine.dialect)).strip())
    )
    metadata.create_all(engine, checkfirst=False, tables=None if only is None else list(only))
    # A table's indexes come in the order of a set: sorted, so that the same model always prints the same.
    indexes = [i for i, statement in enumerate(made) if _is_index(statement)]
    for run in (list(g) for _, g in itertools.groupby(enumerate(indexes), lambda pair: pair[1] - pair[0])):
        first, last = run[0][1], run[-1][1] + 1
        made[first:last] = sorted(made[first:last])
    return made


def _is_index(statement: str) -> bool:
    return statement.startswith(("CREATE INDEX", "CREATE UNIQUE INDEX"))


class Names:
    """Hands out bounded names, no two equal in any case; one that is cut or taken ends in a hash of the whole."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def take(self, name: str) -> str:
        """The name, or what stands for it."""
        bounded = bound(name)
        if bounded.lower() in self._taken:
            bounded = bound(name, always=True)
        self._taken.add(bounded.lower())
        return bounded


def snake(name: str) -> str:
    """``VPNPort`` → ``vpn_port``, ``net-l3vpn`` → ``net_l3vpn``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"\W", "_", words).lower()


def bound(name: str, *, always: bool = False) -> str:
    """A name of at most 60 characters; where it is cut (or ``always``) it ends in a hash of the whole."""
    if len(name) <= _LONGEST_NAME and not always:
        return name
    return f"{name[: _LONGEST_NAME - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _object_table(metadata: sa.MetaData, proton: Proton, obj: Object, table_names: dict[Object, str]) -> None:
    columns = Names()
    table = sa.Table(table_names[obj], metadata, info={"object": obj})
    for attribute in obj.attributes:
        identifier = attribute is obj.identifier
        kind = column_type(attribute.type, indexed=identifier or _indexed(obj, attribute))
        table.append_column(
            sa.Column(columns.take(attribute.name), kind, key=attribute.name, primary_key=identifier, autoincrement=False)
        )
    for name, kind in (
        ("revision", sa.BigInteger()),
        ("generation", sa.BigInteger()),
        ("incarnation", ascii_text(36)),
        ("created_at", ascii_text(_TIME_LENGTH)),
        ("updated_at", ascii_text(_TIME_LENGTH)),
    ):
        table.append_column(sa.Column(columns.take(name), kind, key=name, nullable=False))
    if obj.is_port:
        table.append_column(sa.Column(columns.take(BINDING_ID), ascii_text(36), key=BINDING_ID))
    _object_keys(proton, obj, table, table_names)


def _object_keys(proton: Proton, obj: Object, table: sa.Table, table_names: dict[Object, str]) -> None:
    identifier = table.c[obj.identifier.name]
    uniques = {(a.name,) for a in obj.attributes if (a.unique or a.allocate) and not isinstance(a.type, List)}
    uniques.discard((obj.identifier.name,))
    for names in sorted(uniques | set(obj.unique)):
        _index(table, [table.c[n] for n in names], unique=True)
    for link in links(obj):
        if link.many:
            continue
        column = table.c[link.attribute.name]
        if column is not identifier and (link.attribute.name,) not in uniques:
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
        sa.Column("owner", key.type, sa.ForeignKey(key, name=bound(f"fk_{name}_owner"), ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("value", column_type(kind, indexed=True), nullable=False),
        info={"object": owner.info["object"], "attribute": attribute, "link": link},
    )
    _index(table, [table.c.value], unique=unique)
    if link:
        _foreign_key(proton, table.c.value, link.reference, table_names)


def _index(table: sa.Table, columns: list[sa.Column[Any]], *, unique: bool = False) -> None:
    name = bound("_".join(("uq" if unique else "ix", table.name, *(c.name for c in columns))))
    sa.Index(name, *columns, unique=unique)


def _foreign_key(proton: Proton, column: sa.Column[Any], reference: Reference, table_names: dict[Object, str]) -> None:
    """A foreign key for a reference to one kind of object; for several, the verbs are what keeps it whole."""
    if len(reference.targets) != 1:
        return
    target = proton.by_name[reference.targets[0]]
    name = bound(f"fk_{column.table.name}_{column.name}")
    pointed = f"{table_names[target]}.{target.identifier.name}"
    column.table.append_constraint(sa.ForeignKeyConstraint([column.key], [pointed], name=name))


def _indexed(obj: Object, attribute: Attribute) -> bool:
    named = any(attribute.name in names for names in obj.unique)
    return named or attribute.unique or attribute.name == "tenant_id" or isinstance(attribute.type, Reference)


def column_type(type: Type, *, indexed: bool = False) -> sa.types.TypeEngine[Any]:  # noqa: PLR0911 one return a type
    """The column that holds a value of this type."""
    match type:
        case Integer():
            return sa.Integer() if type.format == "int32" else sa.BigInteger()
        case Number():
            return sa.Double()
        case String():
            return text(type.length) if indexed or type.length <= _LONGEST_VARCHAR else long_text()
        case Boolean():
            return sa.Boolean(create_constraint=False)
        case Uuid():
            return ascii_text(36)
        case Enum():
            return text(max(map(len, type.values)))
        case Reference():
            return column_type(type.key, indexed=True)
        case List() | Structure() | Json():
            return long_text()
        case _:
            assert_never(type)


def text(length: int) -> sa.types.TypeEngine[Any]:
    """Text that compares by code point everywhere, trailing spaces included."""
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_nopad_bin"), "mysql", "mariadb"
    )


def ascii_text(length: int) -> sa.types.TypeEngine[Any]:
    """Text that the server makes itself: uuids, times."""
    return sa.String(length).with_variant(mysql.VARCHAR(length, charset="ascii", collation="ascii_nopad_bin"), "mysql", "mariadb")


def long_text() -> sa.types.TypeEngine[Any]:
    """Text without a bound of its own."""
    return sa.Text().with_variant(mysql.LONGTEXT(charset="utf8mb4", collation="utf8mb4_nopad_bin"), "mysql", "mariadb")


#: The tables beside those of the Protons; no object's table takes such a name.
SYSTEM_TABLES: Final = ("gluon_changes", "gluon_sync", "gluon_stuck", "gluon_meta")


def system_tables() -> sa.MetaData:
    """The change log, how far etcd is, keys that etcd refuses, and what the database knows about itself."""
    metadata = sa.MetaData()
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    sa.Table(
        "gluon_changes",
        metadata,
        sa.Column("id", row_id, primary_key=True, autoincrement=True),
        sa.Column("proton", text(255), nullable=False),
        sa.Column("object", text(255), nullable=False),
        sa.Column("object_id", text(_INDEXED_CHARACTERS), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        # An id that was used never comes back: settling a batch twice removes nothing new.
        sqlite_autoincrement=True,
    )
    sa.Table(
        "gluon_sync",
        metadata,
        sa.Column("proton", text(255), primary_key=True),
        sa.Column("epoch", text(64), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
    )
    sa.Table(
        "gluon_stuck",
        metadata,
        sa.Column("proton", text(128), primary_key=True),
        sa.Column("object", text(128), primary_key=True),
        sa.Column("object_id", text(512), primary_key=True),
        sa.Column("reason", long_text(), nullable=False),
        sa.Column("since", ascii_text(_TIME_LENGTH), nullable=False),
    )
    sa.Table(
        "gluon_meta",
        metadata,
        sa.Column("name", ascii_text(64), primary_key=True),
        sa.Column("value", text(255), nullable=False),
    )
    return metadata
