# SPDX-License-Identifier: Apache-2.0
"""What stands before the command: which server, which API, which form the answer takes.

    protonclient [--host H] [--port P] --api A [--api-version V] [--format F] [-c COLUMN]  COMMAND  [what belongs to it]

The line is cut at the first word that is no option, so that an attribute may be called ``host`` or ``port`` as well.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, NoReturn

from gluon.cli.exits import MEANINGS, UsageError

FORMATS: Final = ("json", "table", "yaml", "value")
PROGRAM: Final = "protonclient"
DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 2705
#: The options before the command that take the next word as their value.
_WITH_VALUE: Final = ("--api", "--api-version", "--host", "--port", "--format", "-f", "--column", "-c")
#: The name of a host (also one that is not ASCII yet) or an IPv4 address; what is neither would be another part of a URL.
_NAME: Final = re.compile(r"[\w.-]+")
#: What Python makes of bytes of the command line that are not UTF-8.
_LOST: Final = re.compile("[\ud800-\udfff]")
#: Wide enough for two columns of text, whatever the terminal. (argparse would ask for the width with a slow import.)
_HELP_WIDTH: Final = 110


class Parser(argparse.ArgumentParser):
    """Reports a wrong call as an error with one message, instead of printing usage and ending the process."""

    def __init__(self, prog: str, **how: str) -> None:
        formatter = partial(argparse.RawDescriptionHelpFormatter, width=_HELP_WIDTH, max_help_position=34)
        super().__init__(prog=prog, formatter_class=formatter, allow_abbrev=False, add_help=False, **how)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """Raise it; ``gluon.cli.main`` prints it."""
        message = message.removeprefix("argument ")
        option, _, what = message.rpartition(": ")
        if option.startswith("--") and what == "expected one argument":
            message += f"; one that begins with - is given as {option}=-…"
        raise UsageError(message)


@dataclass(frozen=True, slots=True)
class Invocation:
    """A command line, cut in two. ``command`` is empty where none is given, ``words`` is what follows it."""

    api: str
    api_version: str | None
    host: str
    port: int
    format: str | None
    columns: tuple[str, ...]
    help: bool
    version: bool
    command: str
    words: tuple[str, ...]

    @property
    def url(self) -> str:
        """Where the server is."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def read(argv: Sequence[str], environment: Mapping[str, str]) -> Invocation:
    """Take a command line apart. Raises ``UsageError``."""
    for word in argv:
        if not word.isascii() and _LOST.search(word):
            raise UsageError(f"{word!r} is not UTF-8")
    parser = general_parser()
    split = first_word(argv)
    given = parser.parse_args(argv[:split])
    return Invocation(
        api=given.api or "",
        api_version=given.api_version,
        host=_host(given.host or environment.get("OS_PROTON_HOST") or DEFAULT_HOST),
        port=_port(given.port or environment.get("OS_PROTON_PORT") or DEFAULT_PORT),
        format=given.format,
        columns=tuple(split_columns(given.column)),
        help=given.help,
        version=given.version,
        command=argv[split] if split < len(argv) else "",
        words=tuple(argv[split + 1 :]),
    )


def first_word(argv: Sequence[str]) -> int:
    """Where the command stands: the first word that is neither an option nor an option's value."""
    position = 0
    while position < len(argv) and argv[position].startswith("-"):
        position += 2 if argv[position] in _WITH_VALUE else 1
    return min(position, len(argv))


def general_parser() -> Parser:
    """The options that every command has."""
    parser = Parser(
        PROGRAM,
        usage=f"{PROGRAM} [--host HOST] [--port PORT] --api API [--format FORMAT] COMMAND ...",
        description="Talk to a Proton Server. Its commands are made from the models that it serves.",
    )
    parser.add_argument("--api", metavar="API", help="the Proton to talk to, such as net-l3vpn")
    parser.add_argument("--api-version", metavar="VERSION", help="a version of it other than the server's default")
    parser.add_argument("--host", help=f"where the server is (default: $OS_PROTON_HOST, else {DEFAULT_HOST})")
    parser.add_argument("--port", help=f"its port (default: $OS_PROTON_PORT, else {DEFAULT_PORT})")
    add_form(parser)
    parser.add_argument("--version", action="store_true", help="print the version of protonclient")
    parser.add_argument("-h", "--help", action="store_true", help="with --api, and after a command, it says more")
    return parser


def add_form(parser: argparse._ActionsContainer, taken: frozenset[str] = frozenset()) -> None:
    """The options for the form of an answer, as far as their names are free."""
    if "format" not in taken:
        parser.add_argument(
            "-f",
            "--format",
            choices=FORMATS,
            help="form of the answer (default: table on a terminal, elsewhere json: as it came)",
        )
    if "column" not in taken:
        parser.add_argument(
            "-c", "--column", action="append", metavar="NAME", help="show only this attribute; several: again, or a,b"
        )


def split_columns(given: Sequence[str] | None) -> Iterator[str]:
    """The columns in ``-c a,b -c d``."""
    for columns in given or ():
        yield from (c for c in columns.split(",") if c)


def _host(text: str) -> str:
    host = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if not _NAME.fullmatch(host) and not (":" in host and _is_address(host)):
        raise UsageError(f"--host: {text!r} is not a name or an address of a host, such as proton.example or 192.0.2.1")
    return host


def _is_address(text: str) -> bool:
    from ipaddress import IPv6Address  # only where one is given

    with suppress(ValueError):
        return IPv6Address(text).version == 6
    return False


def _port(text: str | int) -> int:
    try:
        port = int(text)
    except ValueError:
        port = 0
    if not 0 < port < 65536:
        raise UsageError(f"--port: {text!r} is not a TCP port")
    return port


EPILOG: Final = f"""\
exit codes:
{chr(10).join(f"  {code.value:<4} {meaning}" for code, meaning in MEANINGS.items())}

values:
  a,b                a list; as JSON where one of its texts holds a comma: '["a", "b, c"]'
  '{{"a": 1}}'         JSON, for an object or a list of objects; @FILE takes it from a file, @- from standard input
  -                  for a secret: it is asked for and not shown, or the next line of standard input where that is no terminal
  --name=-x          what begins with a hyphen

environment:
  OS_PROTON_HOST, OS_PROTON_PORT   where the server is
  XDG_CACHE_HOME                   what the server says about its APIs is kept in gluon below it (default: ~/.cache)

examples:
  {PROGRAM} --api net-l3vpn --help
  {PROGRAM} --api net-l3vpn port-create --help
  {PROGRAM} --api net-l3vpn port-list -c id,name --tenant_id 5f7a0c8e1d2b4c3a9e8f7d6c5b4a3f2e
  {PROGRAM} --api net-l3vpn port-show ID --format value -c binding_state
  source <({PROGRAM} completion bash)
"""
