# SPDX-License-Identifier: Apache-2.0
"""What a plan is made of."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from gluon.model.schema import Attribute, Object
from gluon.store.schema.columns import Entry


class Grade(enum.Enum):
    """What a step costs."""

    SAFE = "safe"  # done at once, and nothing that runs notices
    SLOW = "slow"  # takes time with the number of rows
    DESTRUCTIVE = "destructive"  # takes something away for good


@dataclass(frozen=True, slots=True)
class Check:
    """What the data must be like before a step. ``query`` finds rows that are not; ``says`` what is wrong with them, and what
    to do. ``columns`` names what the query returns."""

    query: str
    says: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fill:
    """Values that no statement makes: for rows of ``table`` that have none. For the element table ``element``, where it is named,
    which stands at ``into`` while it is filled."""

    object: Object
    attribute: Attribute
    table: str
    element: str = ""
    into: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do. ``name`` is what ``--allow`` takes and the history shows: ``add-column:net_l3vpn_port.mtu``.

    First ``sql``, then ``fill``, then ``after``.
    ``needed``: servers of these models cannot run without it. ``apart``: cannot be in a transaction. Each statement leaves a
    state from which a new plan goes on. ``when``: a query; where it finds no row there is nothing to do.
    """

    name: str
    sentence: str
    grade: Grade
    sql: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    fill: Fill | None = None
    after: tuple[str, ...] = ()
    needed: bool = True
    apart: bool = False
    when: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """What ``gluon_models`` says of a Proton: the newest model that the tables were brought to."""

    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """What Gluon has noted in the database about its tables, and of the database itself (``gluon_meta``)."""

    columns: tuple[Entry, ...] = ()
    models: Mapping[str, Applied] = field(default_factory=dict)
    meta: Mapping[str, str] = field(default_factory=dict)

    def of(self, proton: str) -> Applied | None:
        """What the tables of a Proton were brought to."""
        return self.models.get(proton)


@dataclass(frozen=True, slots=True)
class Plan:
    """``steps`` in order. ``kept``: what no model needs and stays, as steps that ``--allow`` would add; ``refused``: why the
    models cannot be applied, which empties nothing else."""

    steps: tuple[Step, ...]
    kept: tuple[Step, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        """Whether there is nothing to do."""
        return not self.steps and not self.refused
