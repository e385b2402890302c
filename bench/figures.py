# SPDX-License-Identifier: Apache-2.0
"""A figure: what was measured, in what unit, and the floor it is to be read against."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """``floor`` is in the same unit; ``note`` says which processes shared the cores, or what went wrong."""

    group: str
    what: str
    value: float
    unit: str
    floor: float | None = None
    floor_is: str = ""
    note: str = ""

    @property
    def ratio(self) -> str:
        """The value over its floor."""
        return f"{self.value / self.floor:.2f}" if self.floor else ""


def table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table."""
    rows = [("group", "what", "value", "floor", "ratio", "floor is", "note"), ("---",) * 7]
    for f in figures:
        floor = f"{f.floor:,.4g}" if f.floor else ""
        value = f"{f.value:,.0f}" if f.value >= 100 else f"{f.value:.3g}"
        rows.append((f.group, f.what, f"{value} {f.unit}", floor, f.ratio, f.floor_is, f.note))
    widths = [max(len(row[i]) for row in rows) for i in range(7)]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows)


def write(figures: Sequence[Figure], path: Path) -> None:
    """Write the figures and what they were measured on as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    run = {"measured": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine}
    path.write_text(json.dumps(run | {"figures": [asdict(f) for f in figures]}, indent=2) + "\n")
