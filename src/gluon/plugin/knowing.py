# SPDX-License-Identifier: Apache-2.0
"""Which ports are Gluon's, for all that this process of Neutron's knows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, TypeVar

from neutron.db import models_v2
from neutron.db.models import l3
from neutron_lib import exceptions
from neutron_lib.api import validators
from neutron_lib.db import api as db

from gluon.backends.catalogue import Catalogue
from gluon.backends.registrations import Registration
from gluon.plugin import askers
from gluon.plugin.following import Following
from gluon.plugin.refusals import Unavailable

LOG = logging.getLogger(__name__)

_T = TypeVar("_T")

#: Ports that have gone, of which this many may be remembered.
_MANY: Final = 1000


class Knowing:
    """The list that is followed, and which of it Neutron has ports of its own for."""

    def __init__(self, following: Following) -> None:
        self._following = following
        #: Ids of Gluon's that Neutron has no port of, and never will: it makes up the ids of its ports.
        self._only: set[str] = set()
        self._warned: set[str] = set()

    def catalogue(self) -> Catalogue | None:
        """The list of all ports; None where it is not known."""
        return self._following.catalogue()

    def find(self, id: str, /) -> Registration | None:
        """See arbiter.Registry."""
        catalogue = self.catalogue()
        return catalogue.find(id) if catalogue is not None else None

    def must(self) -> None:
        """Raise where a port that is not Neutron's may be Gluon's, for all that is known here."""
        if self.catalogue() is None:
            raise self._unknown()

    def must_miss_none(self, context: Any, filters: Mapping[str, Any], found: Sequence[Any]) -> None:
        """For where it was not known which ports are Gluon's: raise where some may be missed in what was ``found`` of ML2's by
        these filters, those of ids that Neutron lacks, or of a machine. Nova takes away from that what it does not find."""
        ids = set(filters.get("id") or ())
        devices = {id for id in filters.get("device_id") or () if validators.validate_uuid(id) is None}
        missed = ids - _rows(context.elevated(), models_v2.Port.id, ids) if ids else set()
        if not found or context.is_admin or askers.is_service(context):
            # Neutron lists the ports of its own devices the same way; of those only routers have ids like machines.
            missed |= devices - _rows(context.elevated(), l3.Router.id, devices) if devices else set()
        if missed:
            raise self._unknown()

    def _unknown(self) -> Unavailable:
        return Unavailable(reason=f"it is not known which ports are Gluon's: {self._following.trouble or 'etcd does not answer'}")

    def is_gluon(self, context: Any, id: str) -> bool:
        """Whether a port is a Proton's. Where Neutron has one of that id, too, it is Neutron's: who makes a port in a Proton
        chooses its id, and must not take another's away by that."""
        return self.find(id) is not None and id not in self.taken(context, (id,))

    def tenant(self, context: Any, id: str) -> str | None:
        """Whose a port of Gluon's is; None where it is none."""
        registration = self.find(id)
        return registration.tenant_id if registration is not None and self.is_gluon(context, id) else None

    def either(self, context: Any, id: str, ours: Callable[[], _T], own: Callable[[], _T]) -> _T:
        """What is done with a port of Gluon's, or with one of ML2's. One that neither has may be so new that only etcd knows it.
        Raises Unavailable where that may be."""
        if self.is_gluon(context, id):
            return ours()
        try:
            return own()
        except exceptions.PortNotFound:
            self.must()
            if not (self._following.look(id) and self.is_gluon(context, id)):
                raise
        return ours()

    def taken(self, context: Any, ids: Sequence[str]) -> set[str]:
        """Those of the ids of Gluon's that are of Neutron's own ports, too. Only those are looked up more than once."""
        unknown = [id for id in ids if id not in self._only]
        if not unknown:
            return set()
        taken = _rows(context.elevated(), models_v2.Port.id, unknown)
        self._note(set(unknown) - taken)
        for id in taken - self._warned:
            LOG.warning("port %s is registered with Gluon, but it is one of Neutron's own, and stays that", id)
        self._warned |= taken
        return taken

    def _note(self, only: set[str]) -> None:
        """These are Gluon's alone. Now and then those that have gone are forgotten."""
        catalogue = self.catalogue()
        if catalogue is not None and len(self._only) > _MANY + 2 * len(catalogue.registrations.ports):
            self._only = {id for id in tuple(self._only) if id in catalogue.registrations.ports}
        self._only |= only


@db.retry_if_session_inactive()
@db.CONTEXT_READER
def _rows(context: Any, column: Any, ids: Collection[str]) -> set[str]:
    return {row[0] for row in context.session.query(column).filter(column.in_(ids))}
