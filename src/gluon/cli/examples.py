# SPDX-License-Identifier: Apache-2.0
"""Examples for the help of a command, made from its noun."""

from __future__ import annotations

import json

from gluon.cli.invocation import PROGRAM
from gluon.cli.nouns import Noun, Option, Value

_ID = "5e0cd0ae-3c1f-4a6b-9d55-0d2f6b1c7a42"
_OF_FORMAT = {
    "uuid": _ID,
    "date-time": "2026-01-31T12:00:00Z",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "ip": "192.0.2.1",
    "cidr": "192.0.2.0/24",
    "mac": "fa:16:3e:00:00:01",
    "uri": "http://example.com/",
    "email": "someone@example.com",
    "hostname": "compute-1",
    "route-target": "64500:1",
    "route-distinguisher": "64500:1",
    "json": "'{}'",
}
_OF_NAME = {
    "tenant_id": "5f7a0c8e1d2b4c3a9e8f7d6c5b4a3f2e",
    "host_id": "compute-1",
    "device_id": "c0ffee00-8d5e-4b0a-9f6e-3d1f8a2b7c11",
    "name": "first",
}


def of(api: str, noun: Noun, verb: str) -> str:
    """The epilog of a command's help."""
    command = f"{PROGRAM} --api {api} {noun.name}-{verb}"
    lines = [f"{command}{rest}" for rest in _rests(noun, verb)]
    return "examples:\n" + "\n".join(f"  {line}" for line in lines)


def _rests(noun: Noun, verb: str) -> list[str]:
    id = _an_id(noun)
    match verb:
        case "list":
            filters = [o for o in noun.options_of("list") if o.name == "tenant_id"]
            return ["", " --limit 100", *(_given(o) for o in filters)]
        case "create":
            return ["".join(map(_given, _shown(noun, "create")))]
        case "update":
            changed = "".join(map(_given, _shown(noun, "update")))
            return [f" {id}{changed}", f" {id}{changed} --if-match 3"]
        case "delete":
            return [f" {id}"]
        case _:
            return [f" {id}", f" {id} --format value -c {noun.fields[-1]}"]


def _shown(noun: Noun, verb: str) -> list[Option]:
    """What must be given; of a port that is changed, what binds it; else the first."""
    options = list(noun.options_of(verb))
    if verb == "create":
        return [o for o in options if o.required] or [o for o in options if o.name == "name"]
    binding = [o for o in options if noun.binds and o.name in ("host_id", "device_id")]
    return binding or options[:1]


def _given(option: Option) -> str:
    return f" --{option.name} {_OF_NAME.get(option.name) or _sample(option.value)}"


def _an_id(noun: Noun) -> str:
    return next((_sample(o.value) for o in noun.options if o.name == noun.identifier), _ID)


def _sample(value: Value) -> str:
    if value.choices:
        return value.choices[0]
    match value.type:
        case "integer" | "number":
            return json.dumps(value.low if value.low is not None else 1)
        case "boolean":
            return "true"
        case "list":
            return _sample(value.items) if value.items and value.items.type != "object" else "'[]'"
        case "object":
            return "'{}'"
        case _:
            return _OF_FORMAT.get(value.format, "text")
