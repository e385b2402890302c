# SPDX-License-Identifier: Apache-2.0
"""From a command line to what is done: help, a list of what there is, or one request.

What each way needs is imported on that way only, so that none pays for another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn, TextIO

from gluon.cli import invocation
from gluon.cli.cache import Cache, folder_of
from gluon.cli.exits import Exit, NoCommand, UsageError
from gluon.cli.invocation import PROGRAM, Invocation
from gluon.cli.library import Library
from gluon.cli.nouns import VERBS, Document, Malformed
from gluon.cli.screen import say
from gluon.client.errors import Problem, Unexpected, Unreachable
from gluon.client.http import Client


def run(argv: Sequence[str], environment: Mapping[str, str], out: TextIO) -> Exit:
    """Do what a command line says; answers go to ``out``. Raises ``UsageError``, ``ClientError``."""
    asked = invocation.read(argv, environment)
    if asked.version:
        from gluon import __version__

        print(f"{PROGRAM} {__version__}", file=out)
        return Exit.OK
    cache = Cache(folder_of(environment, asked.host, asked.port))
    if asked.command == "completion" and not asked.api:
        from gluon.cli import completion  # rarely needed

        return completion.run(asked.words, environment, out)
    with Client(asked.url) as client:
        return _with_server(asked, client, cache, out)


def _with_server(asked: Invocation, client: Client, cache: Cache, out: TextIO) -> Exit:
    if not asked.api:
        return _program(asked, Library(client, cache, offline=asked.help), out)
    wants_help = asked.help or not asked.command or "--help" in asked.words or "-h" in asked.words
    library = Library(client, cache, offline=wants_help)
    document = _document(asked, library)
    if library.stale is not None:
        say(f"{library.stale}; this is what was known before")
    if not asked.command:
        return _api(asked, document, out)
    return _command(asked, document, client, out)


def _program(asked: Invocation, library: Library, out: TextIO) -> Exit:
    """No API is named: say which there are."""
    from gluon.cli import manual  # help only

    if asked.help:
        try:
            apis = library.apis()
        except (Unreachable, Unexpected, Problem) as error:
            say(f"{error}; which APIs there are is not known")
            apis = None
        out.write(manual.of_program(apis))
        return Exit.OK
    if asked.command and "-" not in asked.command:
        raise UsageError(f"there is no command {asked.command!r}")
    raise UsageError(
        "which API? Name one with --api:", tuple(f"  {api}" for api in library.apis()) or ("  (the server has none)",)
    )


def _document(asked: Invocation, library: Library) -> Document:
    """The commands of the API that was named. ``UsageError`` where the server has no such API or version."""
    try:
        return library.commands(asked.api, asked.api_version)
    except Problem as problem:
        if problem.status != 404:
            raise
    apis = library.apis()
    if asked.api in apis:
        raise NoCommand(f"{asked.api} has no version {asked.api_version!r}; it has {', '.join(library.versions(asked.api))}")
    there_are = tuple(f"  {api}" for api in apis) or ("  (the server has none)",)
    raise UsageError(f"there is no API {asked.api!r}{_meant(asked.api, apis)} These are there:", there_are)


def _api(asked: Invocation, document: Document, out: TextIO) -> Exit:
    """No command is named: say which there are."""
    from gluon.cli import manual  # help only

    text = manual.of_api(document)
    if not asked.help:
        raise UsageError("which command?", tuple(text.splitlines()))
    out.write(text)
    return Exit.OK


def _command(asked: Invocation, document: Document, client: Client, out: TextIO) -> Exit:
    from gluon.cli.calls import read_call  # not needed for the help of an API
    from gluon.cli.parsing import command_parser

    name, _, verb = asked.command.rpartition("-")
    if verb not in VERBS or name not in document.names:
        _no_command(asked, document)
    try:
        noun = document.noun(name)
    except Malformed:
        raise Unexpected(f"what the server says of {name} cannot be understood: is it of this release?") from None
    call = read_call(asked.api, noun, verb, asked.words)
    if call.help or asked.help:
        out.write(command_parser(asked.api, noun, verb).format_help())
        return Exit.OK
    columns = call.columns or asked.columns
    fields = (*noun.fields, *call.includes)
    for column in columns:
        if column not in fields:
            raise UsageError(f"--column: {noun.name} has no {column!r}{_meant(column, fields)} It has {', '.join(fields)}")

    from gluon.cli.actions import carry_out
    from gluon.cli.output import Output

    form = call.format or asked.format or ("table" if out.isatty() else "json")
    return carry_out(call, client, Output(out, form, columns), say)


def _no_command(asked: Invocation, document: Document) -> NoReturn:
    commands = [f"{noun}-{verb}" for noun in document.names for verb in VERBS]
    raise NoCommand(f"{asked.api} has no command {asked.command!r}{_meant(asked.command, commands)}")


def _meant(word: str, words: Sequence[str]) -> str:
    """The end of a sentence: a suggestion, where one can be made."""
    import difflib  # only where something is wrong already

    close = difflib.get_close_matches(word, words, n=1)
    return f": did you mean {close[0]!r}?" if close else "."
