# SPDX-License-Identifier: Apache-2.0
"""``protonclient completion``: scripts for shells, and what these ask: how can these words go on?

    bash|zsh|fish script ─► protonclient completion words WORD… ─► candidates, one a line

Works from the cache alone: a server is never asked while someone is typing. What has not been seen yet is not completed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TextIO

from gluon.cli import invocation
from gluon.cli.cache import Cache, folder_of
from gluon.cli.exits import Exit, UsageError
from gluon.cli.invocation import FORMATS, Invocation
from gluon.cli.library import Library
from gluon.cli.nouns import VERBS, Malformed, Noun, Value
from gluon.cli.parsing import flag, flags
from gluon.client.errors import ClientError

_BASH: Final = """\
_protonclient() {
    local IFS=$'\\n'
    COMPREPLY=($(protonclient completion words "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -F _protonclient protonclient
"""
_ZSH: Final = """\
#compdef protonclient
_protonclient() {
    local -a candidates
    candidates=("${(@f)$(protonclient completion words "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    compadd -- $candidates
}
compdef _protonclient protonclient
"""
_FISH: Final = """\
complete -c protonclient -f -a '(protonclient completion words (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
"""
SCRIPTS: Final = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
_USAGE: Final = f"usage: protonclient completion {'|'.join(SCRIPTS)}"
_GENERAL: Final = ("--api", "--api-version", "--host", "--port", "--format", "--column", "--version", "--help")


def run(words: Sequence[str], environment: Mapping[str, str], out: TextIO) -> Exit:
    """``protonclient completion WORDS…``."""
    match list(words):
        case ["words", *typed]:
            out.writelines(f"{candidate}\n" for candidate in candidates(typed or [""], environment))
        case [shell] if shell in SCRIPTS:
            out.write(SCRIPTS[shell])
        case ["-h" | "--help"]:
            out.write(f"{_USAGE}\n")
        case _:
            raise UsageError(_USAGE)
    return Exit.OK


def candidates(typed: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """How the last of the words can go on. ``typed`` is what stands behind the program's name, up to the cursor."""
    *before, word = _without_equals(typed)
    try:
        split = invocation.first_word(before)
        asked = invocation.read(before[:split] if _complete(before[:split]) else before[: split - 1], environment)
        library = Library(None, Cache(folder_of(environment, asked.host, asked.port)))
        if split < len(before):
            return list(_in_command(asked, library, before[split:], word))
        return _fitting(_before_command(asked, library, before, word), word)
    except (UsageError, ClientError, Malformed):
        return []


def _complete(before: Sequence[str]) -> bool:
    """Whether the last option has its value."""
    return invocation.first_word([*before, "word"]) == len(before)


def _without_equals(typed: Sequence[str]) -> list[str]:
    """The words as other shells give them: bash hands over ``--name``, ``=``, ``value`` as three."""
    words = list(typed)
    if len(words) > 1 and words[-1] == "=":
        return [*words[:-1], ""]
    if len(words) > 2 and words[-2] == "=":
        return [*words[:-2], words[-1]]
    return words


def _before_command(asked: Invocation, library: Library, before: Sequence[str], word: str) -> Iterable[str]:
    if before and not _complete(before):
        return _of_general(before[-1], library)
    if word.startswith("-"):
        return _GENERAL
    if not asked.api:
        return ("completion",)
    return (f"{noun}-{verb}" for noun in library.commands(asked.api, asked.api_version).names for verb in VERBS)


def _of_general(option: str, library: Library) -> Sequence[str]:
    match option:
        case "--api":
            return library.known_apis()
        case "--format" | "-f":
            return FORMATS
        case _:
            return ()


def _in_command(asked: Invocation, library: Library, words: Sequence[str], word: str) -> Iterable[str]:
    command, *given = words
    if not asked.api:
        return _fitting(SCRIPTS if command == "completion" and not given else (), word)
    name, _, verb = command.rpartition("-")
    document = library.commands(asked.api, asked.api_version)
    if verb not in VERBS or name not in document.names:
        return ()
    noun = document.noun(name)
    option, equals, typed = word.partition("=")
    if equals and option.startswith("--"):
        return [f"{option}={value}" for value in _of_option(noun, verb, option, typed) or ()]
    if given and (values := _of_option(noun, verb, given[-1], word)) is not None:
        return values
    free = [f for f in flags(noun, verb) if f not in given]
    if "-" in word[2:]:
        free = [f"--{f[2:].replace('_', '-')}" for f in free]
    return _fitting(free, word)


def _of_option(noun: Noun, verb: str, option: str, word: str) -> list[str] | None:
    """What can follow an option; None where it is none that takes a value."""
    spelled = option.replace("-", "_")
    for attribute in noun.options_of(verb):
        if flag(verb, attribute.name).replace("-", "_") == spelled:
            return _of_value(attribute.value, word)
    match option:
        case "--format" | "-f":
            return _fitting(FORMATS, word)
        case "--column" | "-c" | "--include" | "--unset":
            return _listed(_several(noun, option), word)
        case "--limit" | "--marker" | "--wait" | "--if-match":
            return []
        case _:
            return None


def _several(noun: Noun, option: str) -> Iterable[str]:
    """What an option takes of which several may be given."""
    match option:
        case "--include":
            return noun.includes
        case "--unset":
            return (o.name for o in noun.options_of("update"))
        case _:
            return (*noun.fields, *noun.includes)


def _of_value(value: Value, word: str) -> list[str]:
    if value.type == "list" and value.items is not None:
        return _listed(value.items.choices, word)
    return _fitting(("true", "false") if value.type == "boolean" else value.choices, word)


def _listed(words: Iterable[str], word: str) -> list[str]:
    """The same for the last of ``a,b,…``."""
    before, comma, last = word.rpartition(",")
    return [f"{before}{comma}{found}" for found in _fitting(words, last)]


def _fitting(words: Iterable[str], word: str) -> list[str]:
    return [found for found in words if found.startswith(word)]
