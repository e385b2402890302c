# SPDX-License-Identifier: Apache-2.0
"""Regular expressions as JSON Schema has them (ECMA-262, by code points), run by Python's ``re``.

    ^[a-z]+$ ─► the same with another end, since $ of Python also stands before a last line break

The API publishes a pattern to clients, who run it elsewhere, so the server must find what they find. Where both know a
construct and differ, it is translated; what one of them does not know, or takes for something else, is refused. One difference
stays: a reference to a group that took no part matches nothing here, and the empty text there.
"""

from __future__ import annotations

import re
from typing import Final

#: White space of ECMA-262, and everything else, as ranges of a class.
_SPACE: Final = r"\t-\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_NO_SPACE: Final = (
    r"\x00-\x08\x0e-\x1f!-\x9f\xa1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e"
    r"\u2030-\u205e\u2060-\u2fff\u3001-\ufefe\uff00-\U0010ffff"
)
_WITHIN: Final = {r"\s": _SPACE, r"\S": _NO_SPACE}
_OUTSIDE: Final = {r"\s": f"[{_SPACE}]", r"\S": f"[^{_SPACE}]", "$": r"\Z", ".": r"[^\n\r\u2028\u2029]"}

_TOKEN: Final = re.compile(
    r"""(?P<class> \[\^?)
      | (?P<group> \( (?: \? (?: [:=!] | <[=!] )? )? )
      | (?P<repeat> (?: [*+?] | \{[0-9]+(?:,[0-9]*)?\} ) [?+]? )
      | (?P<other> \\. | . )""",
    re.VERBOSE | re.DOTALL,
)
_IN_CLASS: Final = re.compile(r"\\.|--|&&|~~|\|\||.", re.DOTALL)
#: What one of both alone knows after a backslash.
_FOREIGN: Final = frozenset({r"\A", r"\Z", r"\a", r"\N", r"\U", r"\p", r"\P", r"\k"})


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, to be searched anywhere in a text. Raises ValueError where it is none, or not one for both."""
    parts, at = [], 0
    while match := _TOKEN.match(pattern, at):
        at, token = match.end(), match[0]
        if match["class"]:
            token, at = _class(pattern, at, token)
        elif match["group"] == "(?":
            raise ValueError(
                f"a group '{pattern[match.start() : at + 1]}' is not known: there are (, (?:, (?=, (?!, (?<= and (?<!"
            )
        elif match["repeat"] and token.endswith("+") and len(token) > 1:
            raise ValueError(f"'{token}' repeats what is repeated")
        elif token in ("{", "}", "]"):
            raise ValueError(f"'{token}' must be written \\{token}")
        parts.append(_OUTSIDE.get(_known(token), token))
    try:
        return re.compile("".join(parts), re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from error


def _class(pattern: str, at: int, opening: str) -> tuple[str, int]:
    """A class of characters that begins before ``at``, and where it ends."""
    parts = [opening]
    while match := _IN_CLASS.match(pattern, at):
        at, token = match.end(), match[0]
        if token == "]" and len(parts) == 1:
            raise ValueError("a class of no characters: write ] in a class as \\]")
        if token in ("[", "--", "&&", "~~", "||"):
            raise ValueError(f"'{token}' in a class must be written {''.join(chr(92) + c for c in token)}")
        parts.append(_WITHIN.get(_known(token), token))
        if token == "]":
            return "".join(parts), at
    raise ValueError("a class is not closed: ] is missing")


def _known(token: str) -> str:
    if token in _FOREIGN:
        raise ValueError(f"'{token}' is not known")
    return token
