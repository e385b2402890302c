# SPDX-License-Identifier: Apache-2.0
"""The help pages: of protonclient, of an API, of one command."""

from __future__ import annotations

from collections.abc import Sequence

from gluon.cli.invocation import EPILOG, PROGRAM, general_parser
from gluon.cli.nouns import VERBS, Document


def of_program(apis: Sequence[str] | None) -> str:
    """``protonclient --help``. ``apis`` is None where the server cannot be asked."""
    parser = general_parser()
    known = "\n".join(f"  {api}" for api in apis) if apis else "  none"
    parser.epilog = f"APIs of this server:\n{known}\n\n{EPILOG}" if apis is not None else EPILOG
    return parser.format_help()


def of_api(document: Document) -> str:
    """``protonclient --api net-l3vpn --help``."""
    name = document.proton
    lines = [f"usage: {PROGRAM} --api {name} COMMAND ...", ""]
    lines += [f"{document.description} ({name} {document.version})".lstrip(), "", "commands:"]
    for noun in document.names:
        lines.append("  " + "  ".join(f"{noun}-{verb}" for verb in VERBS))
        if description := document.description_of(noun):
            lines.append(f"      {description}")
    lines += ["", f"Each says more: {PROGRAM} --api {name} {document.names[0] if document.names else 'COMMAND'}-list --help", ""]
    return "\n".join(lines)
