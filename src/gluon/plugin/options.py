# SPDX-License-Identifier: Apache-2.0
"""The group ``[gluon]`` of neutron.conf, and what is made of it: the connections to etcd and to the Proton Servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from keystoneauth1 import loading
from oslo_config import cfg

from gluon.backends.servers import ProtonServers
from gluon.settings import Etcd

GROUP: Final = "gluon"

OPTIONS: Final = (
    cfg.ListOpt("etcd_endpoints", default=["http://127.0.0.1:2379"], help="The members of Gluon's etcd."),
    cfg.StrOpt("etcd_ca_file", default="", help="Certificates of the authority that etcd's are checked with (PEM)."),
    cfg.StrOpt("etcd_cert_file", default="", help="The certificate shown to etcd (PEM)."),
    cfg.StrOpt("etcd_key_file", default="", help="Its key (PEM)."),
    cfg.StrOpt("etcd_username", default="", help="User of etcd's own authentication."),
    cfg.StrOpt("etcd_password", default="", secret=True, help="Password of that user."),
    cfg.FloatOpt("etcd_timeout", default=5.0, min=0.1, help="Seconds that a call to etcd may take over all its members."),
    cfg.ListOpt(
        "proton_endpoints",
        default=["http://127.0.0.1:2705"],
        help="Proton Servers of one site: the next is asked where one cannot be reached. Tokens go to these only.",
    ),
    cfg.FloatOpt(
        "proton_timeout",
        default=30.0,
        min=1,
        help="Seconds without a byte of an answer of theirs; longer than their bind_timeout.",
    ),
    cfg.FloatOpt(
        "proton_connect_timeout",
        default=5.0,
        min=0.1,
        help="Seconds until a Proton Server is given up that cannot be connected to.",
    ),
    cfg.StrOpt(
        "name", default="neutron", help="What tells this Neutron from others on the same etcd, the same in all its processes."
    ),
    cfg.StrOpt("network", default="gluon", help="Name or id of the network that stands for Gluon's ports."),
    cfg.ListOpt("subnets", default=[], help="Names or ids of its subnets that addresses are shown on; all by default."),
    cfg.StrOpt(
        "delete_port",
        default="refuse",
        choices=[
            ("refuse", "A port of Gluon's is deleted where it was made, in its service's API."),
            ("pass", "Deleting it in Neutron deletes it there."),
        ],
        help="What becomes of a request to delete a port of Gluon's.",
    ),
)


def register(conf: cfg.ConfigOpts = cfg.CONF) -> None:
    """Make the options known; may be done again."""
    conf.register_opts(OPTIONS, GROUP)
    loading.register_auth_conf_options(conf, GROUP)
    loading.register_session_conf_options(conf, GROUP)


def listed() -> list[tuple[str, list[Any]]]:
    """For oslo-config-generator."""
    auth = loading.get_auth_common_conf_options() + loading.get_auth_plugin_conf_options("password")
    return [(GROUP, [*OPTIONS, *auth, *loading.get_session_conf_options()])]


def given(conf: cfg.ConfigOpts = cfg.CONF) -> Any:
    """The group, as Neutron's files have it."""
    return conf[GROUP]


def etcd(conf: cfg.ConfigOpts = cfg.CONF) -> Etcd:
    """How etcd is reached."""
    said = given(conf)
    names = ("ca_file", "cert_file", "key_file", "username", "password", "timeout")
    return Etcd(endpoints=tuple(said.etcd_endpoints), **{name: said[f"etcd_{name}"] for name in names})


def servers(conf: cfg.ConfigOpts = cfg.CONF) -> ProtonServers:
    """The Proton Servers, with a token where the group says how to get one. Raises SettingsError."""
    said = given(conf)
    headers = _headers(conf)
    return ProtonServers(
        said.proton_endpoints, headers=headers, timeout=said.proton_timeout, connect_timeout=said.proton_connect_timeout
    )


def _headers(conf: cfg.ConfigOpts) -> Callable[[], Mapping[str, str]]:
    if not given(conf).auth_type:
        return dict
    auth = loading.load_auth_from_conf_options(conf, GROUP)
    session = loading.load_session_from_conf_options(conf, GROUP, auth=auth)
    return lambda: session.get_auth_headers() or {}
