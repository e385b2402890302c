# SPDX-License-Identifier: Apache-2.0
"""Reads all keys below a prefix, a page at a time.

With each page etcd counts all that is left of the range, so that a million keys read as one range cost it half a thousand
million steps. A large range is therefore read by parts, one for each character with which its keys go on; these are found by
leaping from one to the next.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from gluon.kv.contract import KeyValue, Kv, Page

_PAGE: Final = 1000
#: Keys that are paged through as one range.
_MANY: Final = 5000
_LAST: Final = "\U0010ffff"  # sorts after whatever stands in a key


async def pages(kv: Kv, prefix: str, *, revision: int = 0) -> AsyncIterator[tuple[KeyValue, ...]]:
    """All keys below the prefix, in their order, none of the parts empty.

    ``revision``: all as of this one; 0: each page as of when it is read. Raises KvError, of which Compacted.
    """
    first = await kv.page(prefix, limit=1, revision=revision)
    if first.count <= _MANY:
        page: Page | None = None
        while page is None or page.more:
            page = await kv.page(prefix, after=page.items[-1].key if page else None, limit=_PAGE, revision=revision)
            if page.items:
                yield page.items
        return
    if first.items[0].key == prefix:
        yield first.items
    async for following in leaps(kv, prefix, revision=revision):
        async for items in pages(kv, prefix + following, revision=revision):
            yield items


async def every(kv: Kv, prefix: str, *, revision: int = 0) -> AsyncIterator[KeyValue]:
    """The same, one by one."""
    async for items in pages(kv, prefix, revision=revision):
        for item in items:
            yield item


async def leaps(kv: Kv, prefix: str, *, until: str = "", revision: int = 0) -> AsyncIterator[str]:
    """How the keys below the prefix go on, each way once: the next character, or all before ``until`` where that is given."""
    after: str | None = prefix
    while items := (await kv.page(prefix, after=after, limit=1, revision=revision)).items:
        rest = items[0].key[len(prefix) :]
        part = rest.partition(until)[0] if until else rest[0]
        yield part
        after = f"{prefix}{part}{until}{_LAST}"
