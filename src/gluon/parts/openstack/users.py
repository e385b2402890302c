# SPDX-License-Identifier: Apache-2.0
"""Who is who in the lab: administrators, two tenants who are strangers to each other, the services themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: The region and the domain of everything.
REGION: Final = "RegionOne"
DOMAIN: Final = "default"


@dataclass(frozen=True, slots=True)
class User:
    """A user of Keystone with roles in one project."""

    name: str
    project: str
    roles: tuple[str, ...]
    password: str = "secret"

    def environment(self, auth_url: str) -> dict[str, str]:
        """The variables by which OpenStack's clients act as this user."""
        return {
            "OS_AUTH_URL": auth_url,
            "OS_AUTH_TYPE": "password",
            "OS_USERNAME": self.name,
            "OS_PASSWORD": self.password,
            "OS_PROJECT_NAME": self.project,
            "OS_USER_DOMAIN_ID": DOMAIN,
            "OS_PROJECT_DOMAIN_ID": DOMAIN,
            "OS_REGION_NAME": REGION,
            "OS_IDENTITY_API_VERSION": "3",
        }

    def section(self, auth_url: str) -> dict[str, object]:
        """The options of keystoneauth by which a service acts as this user."""
        return {
            "auth_type": "password",
            "auth_url": auth_url,
            "username": self.name,
            "password": self.password,
            "project_name": self.project,
            "user_domain_id": DOMAIN,
            "project_domain_id": DOMAIN,
            "region_name": REGION,
        }


ADMIN: Final = User("admin", "admin", ("admin",))
OWNER: Final = User("owner", "owners", ("member",))
#: An administrator within the owner's project, who may say on which host a server of it is to run.
OPERATOR: Final = User("operator", "owners", ("admin", "member"))
STRANGER: Final = User("stranger", "strangers", ("member",))

# Neutron and Nova act for all tenants on each other; Gluon has no more than the role of a service.
NEUTRON: Final = User("neutron", "service", ("admin", "service"))
NOVA: Final = User("nova", "service", ("admin", "service"))
PLACEMENT: Final = User("placement", "service", ("admin", "service"))
GLUON: Final = User("gluon", "service", ("service",))

#: All but the administrator, whom the bootstrap of Keystone makes.
USERS: Final = (OWNER, OPERATOR, STRANGER, NEUTRON, NOVA, PLACEMENT, GLUON)
