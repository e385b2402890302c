# SPDX-License-Identifier: Apache-2.0
"""Reads the words by which the databases call their types, and SQLAlchemy when it writes them."""

from __future__ import annotations

import re
from typing import Final

from gluon.store.schema.description import Family, Kind

_FAMILIES: Final[dict[str, Family]] = {
    "integer": "integer",
    "int": "integer",
    "bigint": "bigint",
    "bigserial": "bigint",
    "double": "double",
    "double precision": "double",
    "boolean": "boolean",
    "bool": "boolean",
    "tinyint(1)": "boolean",
    "varchar": "text",
    "character varying": "text",
    "text": "text",
    "longtext": "text",
}
_WORDS: Final = re.compile(r"(?P<name>[a-z ]+?)\s*(?:\((?P<size>\d+)\))?(?P<rest>\s+(?:character set|collate).*)?", re.IGNORECASE)


def kind(said: str, dialect: str, charset: str | None = None) -> Kind:
    """The kind that ``VARCHAR(255)``, ``character varying(255)`` or ``int(11)`` stands for.

    ``charset`` is the column's where the type itself does not say it. SQLite keeps any text in any text column, and any integer
    in any integer column, so that lengths say nothing there.
    """
    found = _WORDS.fullmatch(said.strip())
    if found is None:
        return Kind("other", said=said)
    name, size, rest = found["name"].lower().strip(), found["size"], (found["rest"] or "").lower()
    family = _FAMILIES.get(said.strip().lower()) or _FAMILIES.get(name, "other")
    shown = f"{found['name'].strip()}({size})" if size and family != "integer" else found["name"].strip()
    if dialect == "sqlite":
        return Kind("integer" if family == "bigint" else family, said=shown)
    length = int(size) if size and family == "text" else None
    ascii = dialect == "mariadb" and family == "text" and (charset == "ascii" or "character set ascii" in rest)
    return Kind(family, length, ascii, shown)
