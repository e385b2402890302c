# SPDX-License-Identifier: Apache-2.0
"""Words that a database keeps for itself and SQLAlchemy does not know of: an attribute may have any of them for a name."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

#: Found by asking each database for its own words, and by trying them as names of columns.
RESERVED: Final[dict[str, frozenset[str]]] = {
    "sqlite": frozenset(("nothing", "returning")),
    "postgresql": frozenset(("collation", "concurrently", "lateral", "system_user", "tablesample")),
    "mysql": frozenset(
        (
            *("current_role", "delete_domain_id", "do_domain_ids", "ignore_domain_ids", "master_demote_to_replica"),
            *("master_demote_to_slave", "offset", "page_checksum", "parse_vcol_expr", "portion", "ref_system_id", "returning"),
            *("sql_buffer_result", "sql_cache", "sql_no_cache", "stats_auto_recalc", "stats_persistent", "stats_sample_pages"),
        )
    ),
}
RESERVED["mariadb"] = RESERVED["mysql"]


def quoting(dialect: sa.Dialect) -> None:
    """Have a dialect put quotes around these words as well."""
    preparer: Any = dialect.identifier_preparer
    preparer.reserved_words = frozenset(preparer.reserved_words) | RESERVED[dialect.name]
