# SPDX-License-Identifier: Apache-2.0
"""Read settings: INI files (later ones win), then the environment (``GLUON_<GROUP>__<NAME>``), into ``gluon.settings``.

The only door to oslo.config. What a file or the environment names must exist; every mistake is reported at once.

    proton.conf ┐
    more.conf   ├─► oslo.config ─► ServerSettings | ShimSettings   (frozen)
    GLUON_…     ┘
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from oslo_config import cfg, iniparser

from gluon.errors import SettingsError
from gluon.model.faults import nearest

S = TypeVar("S")
_PREFIX = "GLUON_"


def load(kind: type[S], files: Sequence[str], environment: Mapping[str, str]) -> S:
    """The settings of ``kind`` (ServerSettings or ShimSettings). Raises SettingsError with every fault that was found."""
    groups = {_ini_name(f.name): _type_of(kind, f) for f in dataclasses.fields(typing.cast("Any", kind))}
    faults = [fault for file in files for fault in _unknown_in_file(file, groups)]
    overrides = dict(_from_environment(environment, groups, faults))
    if faults:
        raise SettingsError("\n".join(faults))
    conf = _read(files, groups, overrides)
    return kind(**{_field_name(name): _values(conf, name, group, files) for name, group in groups.items()})


def _ini_name(field: str) -> str:
    return "DEFAULT" if field == "default" else field


def _field_name(group: str) -> str:
    return "default" if group == "DEFAULT" else group


def _type_of(kind: type, field: dataclasses.Field[Any]) -> type:
    return typing.cast("type", typing.get_type_hints(kind)[field.name])


def _options(group: type) -> Iterator[cfg.Opt]:
    hints = typing.get_type_hints(group)
    for f in dataclasses.fields(group):
        hint, low = hints[f.name], f.metadata["min"]
        common: dict[str, Any] = {"default": f.default, "help": f.metadata["help"]}
        if typing.get_origin(hint) is tuple:
            yield cfg.ListOpt(f.name, **common)
        elif typing.get_origin(hint) is Literal:
            yield cfg.StrOpt(f.name, choices=list(typing.get_args(hint)), **common)
        elif hint is bool:
            yield cfg.BoolOpt(f.name, **common)
        elif hint is int:
            yield cfg.IntOpt(f.name, min=low, max=65535 if f.name == "port" else None, **common)
        elif hint is float:
            yield cfg.FloatOpt(f.name, min=low, **common)
        else:
            yield cfg.StrOpt(f.name, **common)


def _unknown_in_file(file: str, groups: Mapping[str, type]) -> Iterator[str]:
    path = Path(file)
    if not path.is_file():
        yield f"{file}: there is no such settings file"
        return
    scan = _Scan()
    try:
        with path.open(encoding="utf-8") as lines:
            scan.parse(lines)
    except (iniparser.ParseError, UnicodeDecodeError, OSError) as error:
        yield f"{file}: {error}"
        return
    for line, group, name in scan.found:
        if group not in groups:
            yield f"{file}:{line}: there is no group [{group}]{_hint(group, groups)}"
        elif name not in (names := {f.name for f in dataclasses.fields(groups[group])}):
            yield f"{file}:{line}: there is no setting {name} in [{group}]{_hint(name, names)}"


class _Scan(iniparser.BaseParser):
    """Collects (line, group, name) of each assignment."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, str, str]] = []
        self._group = "DEFAULT"
        self._line = 0

    def _split_key_value(self, line: str) -> Any:
        self._line = self.lineno  # where the assignment starts; it is reported only once its last line has been read
        return super()._split_key_value(line)

    def new_section(self, section: str) -> None:
        self._group = section

    def assignment(self, key: str, value: Sequence[str]) -> None:
        self.found.append((self._line, self._group, key))


def _from_environment(
    environment: Mapping[str, str], groups: Mapping[str, type], faults: list[str]
) -> Iterator[tuple[tuple[str, str], str]]:
    for variable, value in environment.items():
        group, separator, name = variable.removeprefix(_PREFIX).partition("__")
        if not variable.startswith(_PREFIX) or not separator:
            continue
        ini = _ini_name(group.lower())
        if ini not in groups:  # of the other command, or of a later one
            continue
        names = {f.name for f in dataclasses.fields(groups[ini])}
        if name.lower() in names:
            yield (ini, name.lower()), value
        else:
            faults.append(f"{variable}: there is no setting {name.lower()} in [{ini}]{_hint(name.lower(), names)}")


def _hint(word: str, words: typing.Iterable[str]) -> str:
    close = nearest(word, words)
    return f": did you mean {close}?" if close else ""


def _read(files: Sequence[str], groups: Mapping[str, type], overrides: Mapping[tuple[str, str], str]) -> cfg.ConfigOpts:
    conf = cfg.ConfigOpts()
    for name, group in groups.items():
        conf.register_opts(list(_options(group)), group=None if name == "DEFAULT" else name)
    conf([], project="gluon", default_config_files=list(files), default_config_dirs=[], use_env=False)
    for (section, name), value in overrides.items():
        try:
            conf.set_override(name, value, group=None if section == "DEFAULT" else section)
        except ValueError as error:
            raise SettingsError(f"{_PREFIX}{_field_name(section).upper()}__{name.upper()}: {error}") from None
    return conf


def _where(error: str, files: Sequence[str]) -> str:
    """The file that oslo.config's message is about, for a message of our own."""
    return next((f"{file}: " for file in files if repr(file) in error), "")


def _values(conf: cfg.ConfigOpts, name: str, group: type, files: Sequence[str]) -> Any:
    faults, found = [], {}
    for f in dataclasses.fields(group):
        try:
            value = conf[f.name] if name == "DEFAULT" else conf[name][f.name]
        except (cfg.ConfigFileValueError, ValueError) as error:
            faults.append(f"{_where(str(error), files)}[{name}] {f.name}: {str(error).partition('is not valid: ')[2] or error}")
            continue
        found[f.name] = tuple(v for v in value if v) if isinstance(value, list) else value
    if faults:
        raise SettingsError("\n".join(faults))
    return group(**found)


def sample(kind: type, intro: str) -> str:
    """The text of a sample file: every setting, commented out, with its default and what it is for."""
    lines = [f"# {line}" for line in intro.splitlines()]
    for f in dataclasses.fields(kind):
        lines += ["", f"[{_ini_name(f.name)}]"]
        for option in dataclasses.fields(_type_of(kind, f)):
            lines += [f"# {option.metadata['help']}", f"# {option.name} = {_text(option.default)}".rstrip()]
    return "\n".join(lines) + "\n"


def reference(kinds: Mapping[str, type]) -> str:
    """The settings page of the manual, as Markdown: a table for each group of each file."""
    lines: list[str] = []
    for title, kind in kinds.items():
        lines += [f"## {title}", ""]
        for f in dataclasses.fields(kind):
            group = _ini_name(f.name)
            lines += [f"### [{group}]", "", "| setting | default | environment | what it is for |", "|---|---|---|---|"]
            for option in dataclasses.fields(_type_of(kind, f)):
                default = f"`{_text(option.default)}`" if _text(option.default) else ""
                variable = f"`{_PREFIX}{f.name.upper()}__{option.name.upper()}`"
                lines.append(f"| `{option.name}` | {default} | {variable} | {option.metadata['help']} |")
            lines.append("")
    return "\n".join(lines)


def _text(default: Any) -> str:
    if isinstance(default, tuple):
        return ", ".join(default)
    return str(default).lower() if isinstance(default, bool) else str(default)
