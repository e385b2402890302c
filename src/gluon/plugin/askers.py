# SPDX-License-Identifier: Apache-2.0
"""Who asks Neutron, and what of Gluon's ports is theirs to see: by the same rules as Neutron's own."""

from __future__ import annotations

from typing import Any, Final

from neutron.db import models_v2
from neutron_lib.db import utils
from oslo_context.context import get_current

#: The role in Keystone by which services know each other.
_SERVICE: Final = "service"


def is_service(context: Any) -> bool:
    """Whether a service asks, for itself or for a user: Nova, which sends a token of its own beside the user's."""
    return _SERVICE in context.roles or _SERVICE in context.service_roles


def is_neutron(context: Any) -> bool:
    """Whether nobody asks but Neutron itself, of its own accord."""
    return bool(context.is_admin) and context.user_id is None


def sees_all(context: Any) -> bool:
    """Whether the ports of all projects are theirs to see."""
    return not utils.model_query_scope_is_project(context, models_v2.Port)


def may_see(context: Any, tenant: str) -> bool:
    """Whether a port of this tenant's is. Who has no project, and no right to all, sees nothing."""
    return sees_all(context) or (bool(context.project_id) and context.project_id == tenant)


def behind(context: Any) -> Any:
    """Who asked Neutron's API, where a part of that goes on with all rights; the same where nobody did. The thread knows it."""
    asked = get_current()
    return asked if asked is not None and asked.request_id == context.request_id else context
