# SPDX-License-Identifier: Apache-2.0
"""What ``gluon sync stuck`` prints and does: keys that etcd refused for good, and another attempt at them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from gluon.errors import GluonError
from gluon.model.faults import nearest
from gluon.particle import keys
from gluon.store.contract import ChangeLog, StuckKey

_LARGEST: Final = 50  # keys named in a message


class NotStuck(GluonError):
    """A key that was named is not among those set aside."""


def key_of(stuck: StuckKey) -> str:
    """The key in etcd that is set aside."""
    return keys.object(stuck.proton, stuck.object, stuck.id)


async def show(log: ChangeLog, *, as_json: bool) -> int:
    """Print what is set aside; 1 if anything is."""
    found = await log.stuck()
    if as_json:
        document = [{"key": key_of(stuck), "reason": stuck.reason, "since": stuck.since} for stuck in found]
        print(json.dumps({"stuck": document}, indent=2, ensure_ascii=False), flush=True)
    else:
        for stuck in found:
            print(f"{key_of(stuck)} since {stuck.since}: {stuck.reason}", flush=True)
    return 1 if found else 0


async def retry(log: ChangeLog, named: Sequence[str]) -> int:
    """Have these keys sent again, or all where none is named. Raises NotStuck, and has then done nothing."""
    found = {key_of(stuck): stuck for stuck in await log.stuck()}
    for key in named:
        if key not in found:
            near = nearest(key, list(found)[:_LARGEST])
            raise NotStuck(
                f"{key} is not set aside" + (f": did you mean {near}?" if near else "; gluon sync stuck lists what is")
            )
    count = await log.retry_stuck([found[key] for key in named] if named else None)
    print(f"{count} key{'' if count == 1 else 's'} will be sent again; what etcd refuses again is listed again", flush=True)
    return 0
