# SPDX-License-Identifier: Apache-2.0
"""What a command line asks for, as a value.

"vpn-create", --vni 5 --import_targets 64500:1,64500:2  ─►  Call(verb="create", values={"vni": 5, "import_targets": [...]})
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from gluon.cli.exits import UsageError
from gluon.cli.invocation import split_columns
from gluon.cli.nouns import Noun
from gluon.cli.parsing import ASKED_FOR, ATTRIBUTE, command_parser, flags
from gluon.cli.sources import secret
from gluon.cli.values import NotThat, parse


@dataclass(frozen=True, slots=True)
class Call:
    """What a command line asks for. ``query``: that of the request, with what is included."""

    noun: Noun
    verb: str
    ids: tuple[str, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)
    query: tuple[tuple[str, str], ...] = ()
    includes: tuple[str, ...] = ()
    all_pages: bool = True
    revision: str | None = None
    wait: float | None = None
    format: str | None = None
    columns: tuple[str, ...] = ()
    help: bool = False


def read_call(api: str, noun: Noun, verb: str, words: Sequence[str]) -> Call:
    """Understand what follows the command. Raises ``UsageError``."""
    spelled = _spelled(noun, verb, words)
    if _asks_for_help(spelled):
        return Call(noun, verb, help=True)
    given = vars(command_parser(api, noun, verb).parse_args(spelled))
    attributes = {key.removeprefix(ATTRIBUTE): value for key, value in given.items() if key.startswith(ATTRIBUTE)}
    ids = given.get("id", ())
    includes = _includes(noun, given.get("include"))
    if verb == "update":
        attributes.update(_unset(noun, given["unset"], attributes))
        if not attributes:
            raise UsageError("nothing to change: name at least one attribute")
    attributes.update(_asked_for(noun, attributes))
    return Call(
        noun,
        verb,
        ids=(ids,) if isinstance(ids, str) else tuple(ids),
        values={} if verb == "list" else attributes,
        query=(*(_query(attributes, given) if verb == "list" else ()), *(("include", what) for what in includes)),
        includes=includes,
        all_pages=bool(given.get("all")) or given.get("limit") is None,
        revision=given.get("if_match"),
        wait=given.get("wait"),
        format=given.get("format"),
        columns=tuple(split_columns(given.get("column"))),
    )


def _asked_for(noun: Noun, given: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The secrets that the line leaves out."""
    for option in noun.options:
        if given.get(option.name) is ASKED_FOR:
            try:
                yield option.name, parse(option.value, secret(option.name))
            except NotThat as error:
                raise UsageError(f"--{option.name}: {error}") from None


def _query(filters: dict[str, list[str]], given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield from ((name, text) for name, texts in filters.items() for text in texts)
    yield from ((name, str(given[name])) for name in ("limit", "marker") if given.get(name) is not None)


def _includes(noun: Noun, named: Sequence[str] | None) -> tuple[str, ...]:
    """What is to be shown, too, each once."""
    names = tuple(dict.fromkeys(split_columns(named)))
    for name in names:
        if name not in noun.includes:
            raise UsageError(f"--include: {noun.name} has no {name!r} to include; there is {', '.join(noun.includes)}")
    return names


def _unset(noun: Noun, named: Sequence[str] | None, given: dict[str, Any]) -> dict[str, None]:
    """The attributes to clear."""
    possible = {o.name for o in noun.options_of("update")}
    names = [name.replace("-", "_") if name not in possible else name for name in split_columns(named)]
    for name in names:
        if name not in possible:
            raise UsageError(f"--unset: {noun.name} has no attribute {name!r} that can be changed")
        if name in given:
            raise UsageError(f"--unset: {name} is also given a value")
    return dict.fromkeys(names)


def _spelled(noun: Noun, verb: str, words: Sequence[str]) -> list[str]:
    """The words: ``--mac-address`` spelled as the attribute is, ``--if_match`` as the option, ``--name -x`` as ``--name=-x``."""
    known = {f.replace("_", "-"): f for f in flags(noun, verb)}
    if "--tenant-id" in known:
        known.setdefault("--project-id", known["--tenant-id"])  # the API's synonym
    takes_value = set(known.values()) - {"--all", "--help"}
    spelled: list[str] = []
    end = words.index("--") if "--" in words else len(words)
    for word in words[:end]:
        if spelled and spelled[-1] in takes_value and _begins_with_hyphen(word):
            spelled[-1] += f"={word}"
        elif word.startswith("--"):
            name, equals, value = word.partition("=")
            spelled.append(known.get(name.replace("_", "-"), name) + equals + value)
        else:
            spelled.append(word)
    return [*spelled, *words[end:]]


def _begins_with_hyphen(word: str) -> bool:
    """Whether a word that follows an option can only be its value: it is none of the options -c, -f, -h, and no --option."""
    return len(word) > 1 and word[0] == "-" and word[1] not in "-cfh"


def _asks_for_help(words: Sequence[str]) -> bool:
    """Whether help is wanted, however incomplete the rest."""
    return any(word in ("-h", "--help") for word in words[: words.index("--") if "--" in words else None])
