# SPDX-License-Identifier: Apache-2.0
"""The group ``[gluon]`` of neutron.conf, and what is made of it: the connections to etcd and to the Proton Servers."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from keystoneauth1 import exceptions, loading
from keystoneauth1.session import Session
from oslo_config import cfg

from gluon.backends.errors import Unavailable
from gluon.backends.servers import ProtonServers
from gluon.errors import SettingsError
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
        help="Proton Servers, of one site or of several: each Proton is asked for at those that have it, the next where one"
        " cannot be reached. Tokens go to these only.",
    ),
    cfg.FloatOpt(
        "proton_timeout",
        default=30.0,
        min=1,
        help="Seconds that an answer of theirs may take, to its last byte; longer than their bind_timeout.",
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
    session = _session(conf)
    return ProtonServers(
        said.proton_endpoints,
        headers=(lambda: _token(session)) if session else dict,
        renew=session.invalidate if session else lambda: False,
        timeout=said.proton_timeout,
        connect_timeout=said.proton_connect_timeout,
        context=_context(said),
    )


def _session(conf: cfg.ConfigOpts) -> Session | None:
    """What gets tokens; None where the group does not say how."""
    try:
        auth = loading.load_auth_from_conf_options(conf, GROUP)
        if auth is None:
            return None
        patience = given(conf).timeout or given(conf).proton_timeout  # keystoneauth's own default is to wait for ever
        return loading.load_session_from_conf_options(conf, GROUP, auth=auth, timeout=patience)
    except exceptions.ClientException as error:
        raise SettingsError(f"[{GROUP}] of neutron.conf: {error}") from None


def _token(session: Session) -> Mapping[str, str]:
    """The headers with a token. Raises Unavailable where Keystone gives none."""
    none = f"Keystone ({getattr(session.auth, 'auth_url', '')}) gives no token for the Proton Servers"
    try:
        headers = session.get_auth_headers()
    except (exceptions.ClientException, OSError) as error:  # OSError: a file of cafile, certfile or keyfile
        raise Unavailable(f"{none}: {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Unavailable(f"{none}: what answers is no Keystone") from None
    if headers is None:
        raise Unavailable(none)
    return headers


def _context(said: Any) -> ssl.SSLContext | None:
    """TLS to the Proton Servers, as to Keystone; None where none of them is asked by https. Raises SettingsError."""
    if not any(url.lower().startswith("https:") for url in said.proton_endpoints):
        return None
    for name in ("cafile", "certfile", "keyfile"):
        if said[name] and not Path(said[name]).is_file():
            raise SettingsError(f"[{GROUP}] {name}: there is no file {said[name]}")
    ciphers, oldest = (getattr(said, name, None) for name in ("tls_ciphers", "tls_min_version"))  # of newer keystoneauths
    try:
        context = ssl.create_default_context(cafile=said.cafile)
        if said.certfile:
            context.load_cert_chain(said.certfile, said.keyfile)
        if ciphers:
            context.set_ciphers(ciphers)
    except OSError as error:
        raise SettingsError(f"[{GROUP}] cafile, certfile, keyfile, tls_ciphers: {error}") from None
    if oldest:
        context.minimum_version = ssl.TLSVersion[f"TLSv{oldest.replace('.', '_')}"]
    if said.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
