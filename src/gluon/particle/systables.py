# SPDX-License-Identifier: Apache-2.0
"""The tables beside those of the Protons: the change log, how far etcd is, keys that etcd refuses, all ports, what the
database is; and which columns hold renamed attributes, which models the tables were brought to, what was done for it."""

from __future__ import annotations

import sqlalchemy as sa

from gluon.particle.columns import TIME_LENGTH, ascii_text, long_text, text


def system_tables() -> sa.MetaData:
    """All of them; ``gluon.particle.tables.SYSTEM_TABLES`` lists their names."""
    metadata = sa.MetaData()
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    sa.Table(
        "gluon_changes",
        metadata,
        sa.Column("id", row_id, primary_key=True, autoincrement=True),
        sa.Column("proton", text(255), nullable=False),
        sa.Column("object", text(255), nullable=False),
        sa.Column("object_id", text(768), nullable=False),
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
        sa.Column("since", ascii_text(TIME_LENGTH), nullable=False),
    )
    # Whose port an identifier is: unique among all Protons, whichever of them a server knows.
    sa.Table(
        "gluon_ports",
        metadata,
        sa.Column("id", text(512), primary_key=True),
        sa.Column("proton", text(255), nullable=False),
    )
    sa.Table(
        "gluon_meta",
        metadata,
        sa.Column("name", ascii_text(64), primary_key=True),
        sa.Column("value", text(255), nullable=False),
    )
    _schema_tables(metadata)
    return metadata


def _schema_tables(metadata: sa.MetaData) -> None:
    """What ``gluon.store.schema`` keeps."""
    sa.Table(
        "gluon_columns",
        metadata,
        sa.Column("table_name", text(64), primary_key=True),
        sa.Column("attribute", text(255), primary_key=True),
        sa.Column("column_name", text(64), nullable=False),
        # The version of the model that brought it: servers of older ones go by the attribute's own name.
        sa.Column("since", text(64), nullable=False),
    )
    sa.Table(
        "gluon_models",
        metadata,
        sa.Column("proton", text(255), primary_key=True),
        sa.Column("version", text(64), nullable=False),
        sa.Column("digest", ascii_text(64), nullable=False),
    )
    sa.Table(
        "gluon_history",
        metadata,
        sa.Column("id", ascii_text(36), primary_key=True),
        sa.Column("at", ascii_text(TIME_LENGTH), nullable=False),
        sa.Column("who", text(255), nullable=False),
        sa.Column("gluon", text(64), nullable=False),
        sa.Column("models", long_text(), nullable=False),
        sa.Column("step", text(255), nullable=False),
        sa.Column("sentence", long_text(), nullable=False),
        sa.Column("statements", long_text(), nullable=False),
        sa.Column("result", long_text(), nullable=False),
    )
