# SPDX-License-Identifier: Apache-2.0
"""The parser of one command, made from one noun: its options, its help.

An attribute is given as ``--mac_address`` or ``--mac-address``. Where it has the name of one of the command's own options
(``--wait``, ``--format``, …) it is given as ``--attr_<name>``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from gluon.cli import examples
from gluon.cli.invocation import PROGRAM, Parser, add_form
from gluon.cli.nouns import Noun, Option
from gluon.cli.sources import INPUT, of_file
from gluon.cli.values import NotThat, is_json, parse, placeholder, remarks

#: The options of each verb beside the attributes and ``--help``.
OWN: Final = {
    "list": ("format", "column", "include", "limit", "marker", "all"),
    "create": ("format", "column", "include", "wait"),
    "show": ("format", "column", "include"),
    "update": ("format", "column", "include", "wait", "unset", "if-match"),
    "delete": ("if-match",),
}
#: Marks in what the parser gives that a name is an attribute's, not that of an option.
ATTRIBUTE: Final = "attribute "
#: Stands for a secret that is to be asked for, once the rest of the line is known to be right.
ASKED_FOR: Final = object()
_ABOUT: Final = {
    "list": "List the {plural} that there are.",
    "create": "Create a new {name}.",
    "show": "Show one {name}.",
    "update": "Change what is named of one {name}; the rest stays as it is.",
    "delete": "Delete one or more {plural}.",
}


def flag(verb: str, name: str) -> str:
    """The option for an attribute."""
    return f"--attr_{name}" if name in ("help", *(own.replace("-", "_") for own in OWN[verb])) else f"--{name}"


def flags(noun: Noun, verb: str) -> Iterator[str]:
    """Every option of a command."""
    yield from (flag(verb, o.name) for o in noun.options_of(verb))
    lacking = {name for name, has in (("wait", noun.binds), ("include", noun.includes)) if not has}
    yield from (f"--{name}" for name in OWN[verb] if name not in lacking)
    yield "--help"


def command_parser(api: str, noun: Noun, verb: str) -> Parser:
    """The parser of ``<noun>-<verb>``."""
    command = f"{noun.name}-{verb}"
    about = [_ABOUT[verb].format(name=noun.name, plural=noun.plural), noun.description]
    parser = Parser(
        f"{PROGRAM} --api {api} {command}",
        usage=_escaped(_usage(api, noun, verb)),
        description="\n".join(line for line in about if line),
        epilog=examples.of(api, noun, verb),
    )
    if verb in ("show", "update", "delete"):
        many = {"nargs": "+"} if verb == "delete" else {}
        parser.add_argument("id", metavar="ID", type=_identifier, help=f"{noun.identifier} of the {noun.name}", **many)  # type: ignore[arg-type]
    required = [o for o in noun.options_of(verb) if o.required and verb == "create"]
    _add(parser.add_argument_group("required"), verb, required)
    heading = (
        "filters: only objects that have these values ('' is null; given again: any of them)" if verb == "list" else "attributes"
    )
    _add(parser.add_argument_group(heading), verb, [o for o in noun.options_of(verb) if o not in required])
    _add_own(parser.add_argument_group("options"), noun, verb)
    return parser


def _usage(api: str, noun: Noun, verb: str) -> str:
    """One line: what must be there in full, the many that may be there as what they are."""
    words = {"show": "ID", "update": "ID", "delete": "ID [ID ...]"}
    musts = [f"{flag(verb, o.name)} {placeholder(o.value)}" for o in noun.options_of(verb) if o.required and verb == "create"]
    rest = {"list": "[filters] [options]", "create": "[attributes] [options]", "update": "attributes [options]"}
    parts = [f"{PROGRAM} --api {api} {noun.name}-{verb}", words.get(verb, ""), *musts, rest.get(verb, "[options]")]
    return " ".join(part for part in parts if part)


def _add(group: argparse._ArgumentGroup, verb: str, options: Sequence[Option]) -> None:
    for option in options:
        group.add_argument(
            flag(verb, option.name),
            dest=f"{ATTRIBUTE}{option.name}",
            metavar=placeholder(option.value),
            help=_escaped(remarks(option, at_creation=verb == "create")),
            required=verb == "create" and option.required,
            default=argparse.SUPPRESS,
            action="append" if verb == "list" else "store",
            type=str if verb == "list" else _reader(option),
        )


def _reader(option: Option) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        if option.secret and text == INPUT:
            return ASKED_FOR
        try:
            return parse(option.value, of_file(text[1:]) if text.startswith("@") and is_json(option.value) else text)
        except NotThat as error:
            raise argparse.ArgumentTypeError(_escaped(str(error))) from None

    return read


def _escaped(text: str) -> str:
    """argparse formats what it is given once more."""
    return text.replace("%", "%%")


def _add_own(group: argparse._ArgumentGroup, noun: Noun, verb: str) -> None:
    own = OWN[verb]
    if "limit" in own:
        group.add_argument("--limit", type=_positive, metavar="N", help="one page of at most N objects")
        group.add_argument("--marker", metavar="ID", help="start behind this object")
        group.add_argument("--all", action="store_true", help="all pages, of --limit objects each (the default without --limit)")
    if "include" in own and noun.includes:
        what = f"show this, too: {', '.join(noun.includes)}; several: again, or a,b"
        group.add_argument("--include", action="append", metavar="WHAT", help=what)
    if "wait" in own and noun.binds:
        group.add_argument("--wait", type=_seconds, metavar="SECONDS", help="wait no longer than this for a bind")
    if "unset" in own:
        group.add_argument("--unset", action="append", metavar="NAME", help="set this attribute to null; several: again, or a,b")
    if "if-match" in own:
        group.add_argument("--if-match", metavar="REVISION", help="only if the object is still at this revision")
    if "format" in own:
        add_form(group)
    group.add_argument("-h", "--help", action="store_true", help="print this")


def _identifier(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return seconds
