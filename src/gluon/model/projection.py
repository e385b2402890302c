# SPDX-License-Identifier: Apache-2.0
"""What an older version's attributes are called in the newest, from whose tables it is served.

    1.0: bandwidth   1.1: speed {renamed_from: bandwidth}   1.2: rate {renamed_from: speed}   ─►   1.0: bandwidth is rate

An attribute that was renamed over several versions is followed through those that are served.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gluon.model.schema import Object, Proton


def renamed(older: Object, later: Sequence[Proton]) -> Mapping[str, str]:
    """From an attribute's name in ``older`` to its name in the last of the ``later`` versions (the oldest first), where the two
    differ and there is one."""
    names = {name: name for name in older.by_name}
    for proton in later:
        obj = proton.by_name.get(older.name)
        if obj is not None:
            names = {old: successor(name, obj) for old, name in names.items()}
    return {old: new for old, new in names.items() if new != old}


def successor(name: str, newer: Object) -> str:
    """What an attribute is called in a newer version; where it is not there any more, as before."""
    if name in newer.by_name:
        return name
    return next((attribute.name for attribute in newer.attributes if attribute.renamed_from == name), name)
