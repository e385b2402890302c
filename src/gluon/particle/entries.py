# SPDX-License-Identifier: Apache-2.0
"""The values that the relay writes to etcd; their keys are ``gluon.particle.keys``'s.

/proton/<proton>/<Object>/<id>   every attribute, secrets included (shims need them), revision, generation, incarnation; for a
                                 port its binding_id
/gluon/port/<id>                 service, tenant_id, binding_id, url

Values are JSON objects with real JSON types, in an order that never changes, so that equal records have equal bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, Final

import msgspec

from gluon.model.schema import BINDING_ID, Object, Proton
from gluon.particle.structs import output_struct

#: What etcd shows of an object beside its attributes.
_BOOKKEEPING: Final = ("revision", "generation", "incarnation")


class Entries:
    """The etcd values of a Proton's records."""

    def __init__(self, proton: Proton) -> None:
        self._service = proton.name
        self._encoder = msgspec.json.Encoder()
        self._printers = {obj: _printer(obj) for obj in proton.objects}

    def encode(self, obj: Object, record: Mapping[str, Any]) -> bytes:
        """The value of an object's key. ``record`` is complete, as the store gives it."""
        return self._encoder.encode(self._printers[obj](record))

    def registration(self, record: Mapping[str, Any], url: str) -> bytes:
        """The value under which a port is registered; ``url`` is the base URL of a Proton Server that has it."""
        return self.registered(record) + b'"url":' + self._encoder.encode(url) + b"}"

    def registered(self, record: Mapping[str, Any]) -> bytes:
        """How every registration of the port as it is begins, whichever server's URL follows."""
        said = {"service": self._service, "tenant_id": record["tenant_id"], BINDING_ID: record[BINDING_ID]}
        return self._encoder.encode(said)[:-1] + b","

    @property
    def owned(self) -> bytes:
        """How every registration of a port of this Proton begins."""
        return self._encoder.encode({"service": self._service})[:-1] + b","


def _printer(obj: Object) -> Callable[[Mapping[str, Any]], msgspec.Struct]:
    """From a record to what is written of it."""
    names = [a.name for a in obj.attributes] + list(_BOOKKEEPING) + ([BINDING_ID] if obj.is_port else [])
    struct, pick = output_struct(names), itemgetter(*names)
    return lambda record: struct(*pick(record))
