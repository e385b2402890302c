# SPDX-License-Identifier: Apache-2.0
"""Reads what a database has, by one query a kind of thing, from the catalogue of each database.

SQLite: the table-valued pragmas. PostgreSQL: pg_catalog, of the schema that new tables go to. MariaDB: information_schema.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from gluon.store.driver import Connection
from gluon.store.schema.description import Column, ForeignKey, Index, Table, Tables
from gluon.store.schema.kinds import kind

#: For each database: (table, column, type, charset, nullable, default, place in the primary key or 0), in order;
_COLUMNS: Final = {
    "sqlite": """
        SELECT t.name, c.name, c.type, NULL, NOT (c."notnull" OR c.pk), c.dflt_value, c.pk
        FROM sqlite_schema AS t JOIN pragma_table_info(t.name) AS c
        WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY t.name, c.cid""",
    "postgresql": """
        SELECT t.relname, a.attname, format_type(a.atttypid, a.atttypmod), NULL, NOT a.attnotnull,
               pg_get_expr(d.adbin, d.adrelid), COALESCE(array_position(k.conkey, a.attnum), 0)
        FROM pg_catalog.pg_class AS t JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid
        LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = t.oid AND d.adnum = a.attnum
        LEFT JOIN pg_catalog.pg_constraint AS k ON k.conrelid = t.oid AND k.contype = 'p'
        WHERE t.relkind IN ('r', 'p') AND t.relnamespace = current_schema()::regnamespace
              AND a.attnum > 0 AND NOT a.attisdropped ORDER BY t.relname, a.attnum""",
    "mariadb": """
        SELECT c.table_name, c.column_name, c.column_type, c.character_set_name, c.is_nullable = 'YES', c.column_default,
               COALESCE(k.ordinal_position, 0)
        FROM information_schema.columns AS c JOIN information_schema.tables AS t
             ON t.table_schema = c.table_schema AND t.table_name = c.table_name AND t.table_type = 'BASE TABLE'
        LEFT JOIN information_schema.key_column_usage AS k ON k.table_schema = c.table_schema
             AND k.table_name = c.table_name AND k.column_name = c.column_name AND k.constraint_name = 'PRIMARY'
        WHERE c.table_schema = DATABASE() ORDER BY c.table_name, c.ordinal_position""",
}
#: (table, index, unique, ready, column), in order of the columns, without those of primary keys;
_INDEXES: Final = {
    "sqlite": """
        SELECT t.name, i.name, i."unique", 1, c.name
        FROM sqlite_schema AS t JOIN pragma_index_list(t.name) AS i JOIN pragma_index_info(i.name) AS c
        WHERE t.type = 'table' AND i.origin <> 'pk' ORDER BY t.name, i.name, c.seqno""",
    "postgresql": """
        SELECT t.relname, i.relname, x.indisunique, x.indisvalid, a.attname
        FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS t ON t.oid = x.indrelid
        JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
        JOIN LATERAL unnest(x.indkey::int[]) WITH ORDINALITY AS n(attnum, place) ON true
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = n.attnum
        WHERE t.relnamespace = current_schema()::regnamespace AND NOT x.indisprimary
        ORDER BY t.relname, i.relname, n.place""",
    "mariadb": """
        SELECT table_name, index_name, non_unique = 0, 1, column_name FROM information_schema.statistics
        WHERE table_schema = DATABASE() AND index_name <> 'PRIMARY' ORDER BY table_name, index_name, seq_in_index""",
}
#: (table, constraint, column, table pointed to, column pointed to, what a delete does, checked), in order of the columns.
_FOREIGN_KEYS: Final = {
    "sqlite": """
        SELECT t.name, f.id, f."from", f."table", f."to", f.on_delete, 1
        FROM sqlite_schema AS t JOIN pragma_foreign_key_list(t.name) AS f
        WHERE t.type = 'table' ORDER BY t.name, f.id, f.seq""",
    "postgresql": """
        SELECT t.relname, k.conname, a.attname, o.relname, b.attname,
               CASE k.confdeltype WHEN 'c' THEN 'CASCADE' ELSE '' END, k.convalidated
        FROM pg_catalog.pg_constraint AS k JOIN pg_catalog.pg_class AS t ON t.oid = k.conrelid
        JOIN pg_catalog.pg_class AS o ON o.oid = k.confrelid
        JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS n(here, there, place) ON true
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = n.here
        JOIN pg_catalog.pg_attribute AS b ON b.attrelid = o.oid AND b.attnum = n.there
        WHERE t.relnamespace = current_schema()::regnamespace AND k.contype = 'f'
        ORDER BY t.relname, k.conname, n.place""",
    "mariadb": """
        SELECT k.table_name, k.constraint_name, k.column_name, k.referenced_table_name, k.referenced_column_name,
               r.delete_rule, 1
        FROM information_schema.key_column_usage AS k JOIN information_schema.referential_constraints AS r
             ON r.constraint_schema = k.table_schema AND r.table_name = k.table_name AND r.constraint_name = k.constraint_name
        WHERE k.table_schema = DATABASE() ORDER BY k.table_name, k.constraint_name, k.ordinal_position""",
}


async def describe(connection: Connection, dialect: str) -> Tables:
    """All tables that are there, by name. Raises DatabaseError."""
    columns: dict[str, dict[str, Column]] = defaultdict(dict)
    keys: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for row in await connection.fetch(_COLUMNS[dialect]):
        table, name, said, charset, nullable, default, place = map(_text, row)
        columns[table][name] = Column(name, kind(said, dialect, charset), bool(nullable), default)
        if place:
            keys[table].append((place, name))
    indexes = _grouped(await connection.fetch(_INDEXES[dialect]), 2)
    foreign_keys = _grouped(await connection.fetch(_FOREIGN_KEYS[dialect]), 2)
    return {
        table: Table(
            table,
            found,
            tuple(name for _, name in sorted(keys[table])),
            tuple(_index(rows) for (owner, _), rows in indexes.items() if owner == table),
            tuple(_foreign_key(table, rows) for (owner, _), rows in foreign_keys.items() if owner == table),
        )
        for table, found in columns.items()
    }


def _index(rows: list[list[Any]]) -> Index:
    _, name, unique, ready, _ = rows[0]
    return Index(name, tuple(row[4] for row in rows), bool(unique), bool(ready))


def _foreign_key(table: str, rows: list[list[Any]]) -> ForeignKey:
    _, name, _, target, _, reaction, checked = rows[0]
    columns = tuple(row[2] for row in rows)
    named = name if isinstance(name, str) else f"fk_{table}__{'__'.join(columns)}"  # SQLite numbers them
    return ForeignKey(named, columns, target, tuple(row[4] for row in rows), reaction == "CASCADE", bool(checked))


def _grouped(rows: Iterable[Any], names: int) -> dict[tuple[Any, ...], list[list[Any]]]:
    found: dict[tuple[Any, ...], list[list[Any]]] = defaultdict(list)
    for row in rows:
        values = [_text(value) for value in row]
        found[tuple(values[:names])].append(values)
    return found


def _text(value: Any) -> Any:
    """MariaDB gives some words of its catalogue as bytes."""
    return value.decode() if isinstance(value, bytes) else value
