# SPDX-License-Identifier: Apache-2.0
"""The reference page: complete, and Markdown whatever the model says."""

from __future__ import annotations

import dataclasses
import re

import pytest

from gluon.model.schema import Proton
from gluon.particle import keys
from gluon.particle.reference import reference
from gluon.particle.routes import routes


def cells(row: str) -> list[str]:
    return re.split(r"(?<!\\)\|", row)[1:-1]


@pytest.fixture(params=["small", "l3vpn"])
def proton(request):
    return request.getfixturevalue(request.param)


def test_everything_is_named(proton):
    page = reference(proton)
    for obj in proton.objects:
        assert f"\n## {obj.name}\n" in page
        assert f"`{keys.object(proton.name, obj.name, f'<{obj.identifier.name}>')}`" in page
        assert f"protonclient --api {proton.name} {obj.api.name}-create" in page
        assert all(f"| `{name}` |" in page for name in obj.by_name)
    assert all(f"| `{route.template}` |" in page for route in routes(proton))


def test_tables_are_tables(proton):
    lines = [*reference(proton).splitlines(), ""]
    for at, line in enumerate(lines):
        if line.startswith("|---"):
            width = len(cells(lines[at - 1]))
            assert len(cells(line)) == width and lines[at - 2] == ""
            rows = lines[at + 1 : lines.index("", at)]
            assert rows and all(len(cells(row)) == width for row in rows)


def test_flags_are_told(small):
    page = reference(small)
    assert "| `password` | string (up to 40) |  | write only |  |" in page
    assert "| `number` | integer 1 to 99 | a free value | unique |  |" in page
    assert "on delete of its target: set null" in page
    assert "| `order` | number at least 0 at most 1e+06 |  | update: rule:admin\\_only |  |" in page
    assert "| `mtu` | integer 68 to 2147483647 | `1500` |" in page
    assert "object with address: string (ip); weight: integer" in page


def test_what_a_model_says_stays_text(small):
    page = reference(small)
    assert "A word of Python \\| and a pipe" in page
    port = small.port
    told = dataclasses.replace(port, description="# Not a heading\n| <b>nor a table</b>")
    page = reference(Proton("small", "1.0", small.info, (told,), (told,)))
    assert "\\# Not a heading \\| \\<b\\>nor a table\\</b\\>" in page


def test_commands_name_what_must_be_given(small):
    page = reference(small)
    assert "protonclient --api small port-create --tenant_id TENANT_ID\n" in page
    assert "protonclient --api small interface-create --tenant_id TENANT_ID --port_id PORT_ID\n" in page
    assert "protonclient --api small counter-show NUMBER\n" in page
