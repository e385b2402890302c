# SPDX-License-Identifier: Apache-2.0
"""Which ports are Gluon's, for all that this process of Neutron's knows."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from neutron.db import models_v2
from neutron_lib.db import api as db

from gluon.backends.catalogue import Catalogue
from gluon.plugin.following import Following
from gluon.plugin.refusals import Unavailable

LOG = logging.getLogger(__name__)


class Knowing:
    """The list that is followed, and which of it Neutron has ports of its own for."""

    def __init__(self, following: Following) -> None:
        self._following = following
        #: Ids that Neutron has ports of, too; looked up when a port of Gluon's is met for the first time.
        self._own: dict[str, bool] = {}

    def catalogue(self) -> Catalogue | None:
        """The list of all ports; None where it is not known."""
        return self._following.catalogue()

    def find(self, id: str, /) -> Any:
        """See arbiter.Registry."""
        catalogue = self.catalogue()
        return catalogue.find(id) if catalogue is not None else None

    def must(self) -> None:
        """Raise where a port that is not Neutron's may be Gluon's, for all that is known here."""
        if self.catalogue() is None:
            why = self._following.trouble or "etcd does not answer"
            raise Unavailable(reason=f"it is not known which ports are Gluon's: {why}")

    def is_gluon(self, context: Any, id: str) -> bool:
        """Whether a port is a Proton's. Where Neutron has one of that id, too, it is Neutron's: who makes a port in a Proton
        chooses its id, and must not take another's away by that."""
        return self.find(id) is not None and id not in self.taken(context, (id,))

    def taken(self, context: Any, ids: Sequence[str]) -> set[str]:
        """Those of the ids of Gluon's that are of Neutron's own ports, too. Each is looked up once."""
        unknown = [id for id in ids if id not in self._own]
        if unknown:
            taken = _rows(context.elevated(), unknown)
            self._own |= {id: id in taken for id in unknown}
            for id in taken:
                LOG.warning("port %s is registered with Gluon, but it is one of Neutron's own, and stays that", id)
        return {id for id in ids if self._own[id]}

    def deleted(self, id: str) -> None:
        """Neutron has no port of this id any more."""
        self._own.pop(id, None)


@db.retry_if_session_inactive()
@db.CONTEXT_READER
def _rows(context: Any, ids: Sequence[str]) -> set[str]:
    return {row.id for row in context.session.query(models_v2.Port.id).filter(models_v2.Port.id.in_(ids))}
