# SPDX-License-Identifier: Apache-2.0
"""What a session is told before it is used, and what a server must be to be used at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from gluon.store.driver import Lost, Refused

#: The oldest series that has all that is used here: SELECT … SKIP LOCKED came with it.
OLDEST: Final = (10, 6)
#: Seconds: how long a transaction may wait for its client, for a lock on a row, and for a lock on a table.
_IDLE: Final = 5
_LOCK: Final = 1
_TABLE_LOCK: Final = 5

#: What to ask a server first. A node of a cluster answers this also while it is not ready.
FACTS: Final = (
    "SHOW VARIABLES WHERE Variable_name IN ('version', 'wsrep_on', 'wsrep_provider', 'read_only')",
    "SHOW STATUS WHERE Variable_name IN ('wsrep_ready', 'wsrep_local_state_comment')",
)


def check(facts: Mapping[str, Any], *, several: bool) -> None:
    """Raises Refused for a server that is not ours, Lost for a node that does not take part in its cluster now.

    With ``several`` servers, one that can only be read is passed over; a single one can at least be read.
    """
    version = str(facts.get("version", ""))
    series = re.match(r"(\d+)\.(\d+)", version)
    if "mariadb" not in version.lower() or series is None:
        raise Refused(f"the server is MySQL {version}, which is not supported; MariaDB {_dotted(OLDEST)} or later is expected")
    if (int(series[1]), int(series[2])) < OLDEST:
        raise Refused(f"the server is MariaDB {version}; {_dotted(OLDEST)} is the oldest that works")
    if clustered(facts) and facts.get("wsrep_ready") != "ON":
        raise Lost(f"this node of the cluster is not ready ({facts.get('wsrep_local_state_comment')})")

    if several and facts.get("read_only") == "ON":
        raise Lost("the database can only be read: it is a replica, or was set read-only")


def clustered(facts: Mapping[str, Any]) -> bool:
    """Whether the server is a node of a Galera cluster."""
    return facts.get("wsrep_on") == "ON" and facts.get("wsrep_provider", "none") not in ("none", "")


def settings(facts: Mapping[str, Any], timeout: float) -> str:
    """What the session is told: several statements. ``timeout``: seconds until a statement is given up."""
    values = {
        # Values that do not fit are errors; the backslash is an escape, whatever the server's own habit.
        "sql_mode": "'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
        "autocommit": "1",
        "foreign_key_checks": "1",
        "unique_checks": "1",
        "innodb_lock_wait_timeout": str(_LOCK),
        "lock_wait_timeout": str(_TABLE_LOCK),
        "idle_transaction_timeout": str(_IDLE),
        "max_statement_time": f"{timeout:f}",
    }
    if clustered(facts):
        # A transaction and a read begin once this node has applied what was committed on the others.
        values["wsrep_sync_wait"] = "1"
    told = ", ".join(f"SESSION {name} = {value}" for name, value in values.items())
    return (
        "SET NAMES utf8mb4 COLLATE utf8mb4_nopad_bin;"
        f"SET {told};"
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
    )  # fmt: skip


def _dotted(series: tuple[int, int]) -> str:
    return ".".join(map(str, series))
