# SPDX-License-Identifier: Apache-2.0
"""How large an object may be: each has to fit into one request to etcd, or it would be stored and never arrive."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gluon.errors import TooLarge
from gluon.model.schema import Object
from gluon.particle.wording import named
from gluon.store.contract import Record

#: Bytes of an object as JSON. Etcd takes 1.5 MiB a request, with the keys and what is written beside the object.
MAX_OBJECT: Final = 1_400_000


def require_fitting(obj: Object, id: Any, record: Record) -> None:
    """Raise TooLarge where the object as it would be is too large as a whole, whatever the sizes of its values."""
    size = len(msgspec.json.encode(record))
    if size > MAX_OBJECT:
        raise TooLarge(f"{named(obj, id)} would have {size} bytes in all; the most is {MAX_OBJECT}")
