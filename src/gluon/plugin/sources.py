# SPDX-License-Identifier: Apache-2.0
"""The two homes of the ports of a list: Neutron's database, and the Proton Servers. Both are ``paging.Source``."""

from __future__ import annotations

import copy
import itertools
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from neutron.db import models_v2
from neutron_lib.db import api as db
from neutron_lib.db import utils

from gluon.backends.arbiter import Arbiter
from gluon.backends.catalogue import Catalogue
from gluon.backends.errors import DriverError, NotFound
from gluon.backends.ports import Port
from gluon.plugin.asking import PAGE, backwards, ports
from gluon.plugin.paging import Shown
from gluon.plugin.selecting import Selection, just_now, known
from gluon.plugin.showing import Showing

LOG = logging.getLogger(__name__)


class OwnPorts:
    """ML2's, of a list with these filters. What ML2 does for a list is done here, with another marker than a row of its own."""

    def __init__(self, plugin: Any, context: Any, filters: Mapping[str, Any] | None) -> None:
        self._plugin = plugin
        self._context = context
        self._filters = filters or {}

    def after(self, id: str | None, limit: int | None, *, rising: bool) -> Sequence[Shown]:
        """See paging.Source."""
        return self._after(self._context, id, limit, rising)

    def index(self, keys: Sequence[str]) -> Iterable[Mapping[str, Any]]:
        """See paging.Source."""
        names = utils.get_and_validate_sort_keys([(key, True) for key in keys], models_v2.Port)
        return self._index(self._context, list(zip(keys, names, strict=True)))

    def those(self, ids: Sequence[str]) -> Iterable[Shown]:
        """See paging.Source."""
        return self._shown(self._context, models_v2.Port.id.in_(ids))

    @db.retry_if_session_inactive()
    @db.CONTEXT_READER
    def _after(self, context: Any, id: str | None, limit: int | None, rising: bool) -> list[Shown]:
        column = models_v2.Port.id
        query = self._query(context)
        if id is not None:
            query = query.filter(column > id if rising else column < id)
        query = query.order_by(column.asc() if rising else column.desc())
        return self._made(query.limit(limit) if limit is not None else query)

    @db.retry_if_session_inactive()
    @db.CONTEXT_READER
    def _index(self, context: Any, named: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        columns = [getattr(models_v2.Port, name) for _, name in named]
        rows = self._query(context).with_entities(models_v2.Port.id, *columns)
        return [{"id": row[0], **{key: row[n] for n, (key, _) in enumerate(named, 1)}} for row in rows]

    @db.retry_if_session_inactive()
    @db.CONTEXT_READER
    def _shown(self, context: Any, condition: Any) -> list[Shown]:
        return self._made(self._query(context).filter(condition))

    def _query(self, context: Any) -> Any:
        lazy = [models_v2.Port.port_forwardings, models_v2.Port.distributed_port_binding]
        # It takes keys out of the filters that it is given.
        return self._plugin._get_ports_query(context, filters=copy.deepcopy(dict(self._filters)), lazy_fields=lazy)

    def _made(self, query: Any) -> list[Shown]:
        return self._plugin.made_ports(query)


class GluonPorts:
    """Those of all Protons that fit a selection. ``taken`` says which ids are of Neutron's own ports too, and so not of these."""

    def __init__(
        self,
        arbiter: Arbiter,
        catalogue: Catalogue,
        showing: Callable[[], Showing],
        selection: Selection,
        taken: Callable[[Sequence[str]], Collection[str]],
    ) -> None:
        self._taken = taken
        self._arbiter = arbiter
        self._catalogue = catalogue
        self._showing = showing
        self._selection = selection
        self._known = known(catalogue, selection)
        #: The Protons that are asked: those that have ports of the selection, for all that is known here, and those that may.
        self.protons = [*self._known, *(proton for proton in just_now(catalogue, selection) if proton not in self._known)]

    def after(self, id: str | None, limit: int | None, *, rising: bool) -> Sequence[Shown]:
        """See paging.Source. One request to each Proton, where drivers give just what is asked for."""
        turn = self._rising if rising else self._falling
        found = [port for proton in self.protons for port in itertools.islice(turn(proton, id, limit), limit)]
        found.sort(key=lambda port: port["id"], reverse=not rising)
        return found[:limit]

    def index(self, keys: Sequence[str]) -> Iterable[Mapping[str, Any]]:
        """See paging.Source."""
        return [{"id": port["id"], **{key: port.get(key) for key in keys}} for port in self.all()]

    def those(self, ids: Sequence[str]) -> Iterable[Shown]:
        """See paging.Source."""
        chosen = Selection({**self._selection.asked, "id": tuple(ids)}, self._selection.left)
        return GluonPorts(self._arbiter, self._catalogue, self._showing, chosen, self._taken).all()

    def all(self) -> list[Shown]:
        """All of them, in no order."""
        return [port for proton in self.protons for port in self._rising(proton, None, None)]

    def count(self) -> int:
        """How many they are. Those of all or of tenants are counted without asking."""
        if not self._selection.exact or self._selection.asked.keys() - {"tenant_id"}:
            return len(self.all())
        ids = [id for proton in self.protons for id in self._catalogue.ids(proton, self._selection.asked.get("tenant_id"))]
        return len(set(ids).difference(self._taken(ids)))

    def _rising(self, proton: str, after: str | None, limit: int | None) -> Iterator[Shown]:
        """Those of one Proton behind an id, of which some ``limit`` will be used."""
        at_once = limit if self._selection.exact else PAGE
        return self._shown(self._read(proton, at_once, after), at_once)

    def _falling(self, proton: str, before: str | None, limit: int | None) -> Iterator[Shown]:
        """Those of one Proton before an id, from there on backwards, of which some ``limit`` will be used."""
        asked = self._selection.asked
        if limit is None or "id" in asked or "device_id" in asked:
            return reversed([port for port in self._rising(proton, None, None) if before is None or port["id"] < before])
        registered = self._catalogue.ids(proton, asked.get("tenant_id"))
        ids = sorted(id for id in registered if before is None or id < before)
        found = backwards(partial(self._read, proton), ids, limit if self._selection.exact else PAGE)
        return self._shown(found, limit)

    def _read(self, proton: str, at_once: int | None, after: str | None) -> Iterator[Port]:
        """What its driver gives of one Proton, rising, behind an id; ``at_once`` is only how many are asked for at a time."""
        asked = dict(self._selection.asked)
        if "id" in asked:
            asked["id"] = tuple(id for id in asked["id"] if (r := self._catalogue.find(id)) is not None and r.service == proton)
        certain = proton in self._known
        try:
            for port in ports(self._arbiter.driver(proton), asked, at_once, after):
                certain = True
                yield port
        except NotFound:  # the Proton has gone, or has no ports any more
            return
        except DriverError as error:
            if certain:
                raise
            LOG.debug("%s cannot be asked for ports of a device that are not known yet: %s", proton, error)

    def _shown(self, found: Iterator[Port], at_once: int | None) -> Iterator[Shown]:
        """As Neutron shows them, those that fit. As many as a page holds are looked up together."""
        while some := list(itertools.islice(found, min(at_once or PAGE, PAGE))):
            yield from filter(self._selection.fits, map(self._showing().shown, self._ours(some)))

    def _ours(self, found: Iterable[Port]) -> list[Port]:
        """Those that their Proton has registered: one that is another Proton's, or not registered yet, is not shown."""
        ours = [port for port in found if (r := self._catalogue.find(port.id)) is not None and r.service == port.service]
        taken = self._taken([port.id for port in ours])
        return [port for port in ours if port.id not in taken]
