# SPDX-License-Identifier: Apache-2.0
"""The page of the model language in parts: its examples by the comment before each, and its tables.

    <!-- in: attributes -->             attributes of an object           <!-- in: objects -->        objects of a model
    <!-- step: line.yaml -->            a model; what ``gluon check`` says of it follows
    <!-- refused: mesh.yaml -->         a model; the compiler's message follows
    <!-- file: folder/name.yaml -->     one of the files of a folder, which is a catalogue
    <!-- refused version: name.yaml --> instead of that file of the folder versions; the message follows
    <!-- faults: objects -->            a table of fragments and messages; other tables are marked likewise

A block without a comment is a whole model.
"""

import re
from itertools import takewhile
from pathlib import Path

from gluon.model import source
from gluon.model.compile import compile_node
from gluon.model.faults import Faults

TEXT = (Path(__file__).resolve().parents[2] / "docs/model-language.md").read_text()
BLOCKS = re.findall(r"^(?:<!-- ([^\n]*) -->\n)?```yaml\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", TEXT, re.MULTILINE | re.DOTALL)

HEAD = 'file_version: "1.0"\nimports: base.yaml\ninfo: {name: net-try, version: "1.0"}\nobjects:\n'
#: The objects that fragments may refer to.
AROUND = """\
Port: {extends: BasePort, api: {name: port}}
Interface: {extends: BaseInterface, api: {name: interface, parent: Port}}
Ring: {extends: BaseService, api: {name: ring}}
Membership: {extends: BaseServiceBinding, api: {name: membership}}
"""


def marked(kind):
    """The blocks of a kind: (what the mark says of it, YAML, the text that follows)."""
    found = [(mark.removeprefix(f"{kind}: "), code, after) for mark, code, after in BLOCKS if mark.startswith(f"{kind}: ")]
    assert found, f"no example is marked '{kind}'"
    return found


def indented(text, by):
    return re.sub(r"^(?=.)", " " * by, text, flags=re.MULTILINE)


def whole(where, fragment):
    """A model around a fragment."""
    text = HEAD + indented(AROUND, 2)
    if where == "attributes":
        return text + "  Try:\n    api: {name: try, plural_name: tries}\n    attributes:\n" + indented(fragment, 6)
    return text + indented(fragment, 2)


def compiled(library, where, fragment):
    """The Proton of the model around a fragment; what it imports is read once for a library."""
    faults = Faults()
    return compile_node(source.parse(whole(where, fragment), "model.yaml", faults), "model.yaml", library, faults)


def rows(mark):
    """The cells of the table after a mark."""
    lines = TEXT.partition(f"<!-- {mark} -->\n")[2].splitlines()
    table = list(takewhile(lambda line: line.startswith("|"), lines))
    assert len(table) > 2, f"no table is marked '{mark}'"
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]
