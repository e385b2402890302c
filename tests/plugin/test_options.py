# SPDX-License-Identifier: Apache-2.0
"""What neutron.conf says of Gluon, and what comes of it: etcd's settings, tokens, TLS. Keystone is a small one, over HTTP."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from oslo_config import cfg

from gluon.backends.errors import Refused, Unavailable
from gluon.errors import SettingsError
from gluon.plugin import options
from gluon.settings import Etcd
from tests.backends.conftest import model
from tests.cli.apiserver import ApiServer
from tests.cli.apiserver import running as serving
from tests.cli.test_client import listener
from tests.cmd.cloud import SECRET, Cloud, running
from tests.kv.certificates import Authority

Configured = Callable[..., cfg.ConfigOpts]


@pytest.fixture
def configured(tmp_path: Path) -> Configured:
    """Reads a neutron.conf whose group [gluon] is given, and perhaps another group."""

    def read(given: dict[str, Any], **others: dict[str, Any]) -> cfg.ConfigOpts:
        groups = {options.GROUP: given, **others}
        lines = [line for name, group in groups.items() for line in (f"[{name}]", *(f"{n} = {v}" for n, v in group.items()))]
        file = tmp_path / "neutron.conf"
        file.write_text("\n".join(lines))
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[str(file)], default_config_dirs=[])
        options.register(conf)
        options.register(conf)  # as a second plugin in the process would
        return conf

    return read


@pytest.fixture
def keystone() -> Iterator[Cloud]:
    with running(Cloud()) as cloud:
        yield cloud


@pytest.fixture
def api() -> Iterator[ApiServer]:
    """A Proton Server that takes the newest token only."""
    with serving(ApiServer(model())) as api:
        yield api


def credentials(keystone: Cloud, **more: str) -> dict[str, str]:
    names = {name.removeprefix("OS_").lower(): value for name, value in keystone.variables.items()}
    return {"auth_type": "password", **names, **more}


def test_a_file_without_the_group_means_everything_on_this_machine(configured: Configured) -> None:
    conf = configured({})
    assert options.etcd(conf) == Etcd()
    assert str(options.servers(conf)) == "http://127.0.0.1:2705"


def test_etcd_is_reached_as_the_file_says(configured: Configured) -> None:
    names = {"ca_file": "/ca", "cert_file": "/cert", "key_file": "/key", "username": "u", "password": "p"}
    given = {"endpoints": "https://a:2379,https://b:2379", "timeout": "2.5", **names}
    conf = configured({f"etcd_{name}": value for name, value in given.items()})
    assert options.etcd(conf) == Etcd(endpoints=("https://a:2379", "https://b:2379"), timeout=2.5, **names)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_token_goes_with_every_request_and_another_after_it_was_refused(
    configured: Configured, keystone: Cloud, api: ApiServer, elsewhere: bool
) -> None:
    where = {"proton_endpoints": api.url}
    shared = {"auth_section": "nova"} if elsewhere else credentials(keystone)
    conf = configured({**where, **shared}, **({"nova": credentials(keystone)} if elsewhere else {}))

    def newest_only(asked: Any) -> tuple[int, Any, dict[str, str]] | None:
        return None if asked.headers.get("X-Auth-Token") == keystone.tokens[-1] else (401, {"title": "Unauthorized"}, {})

    api.scripted = newest_only
    with options.servers(conf) as servers:
        for _ in range(2):
            servers.json("GET", "/proton")
        assert keystone.tokens == ["tok-1"]
        keystone.tokens.append("tok-2")  # the first one is no good any more
        servers.json("GET", "/proton")
        assert keystone.tokens == ["tok-1", "tok-2", "tok-3"]
        api.scripted = lambda asked: (401, {"title": "Unauthorized"}, {})
        with pytest.raises(Refused):
            servers.json("GET", "/proton")
        assert len(keystone.tokens) == 4


def test_without_an_auth_type_no_token_is_sent(configured: Configured, keystone: Cloud, api: ApiServer) -> None:
    given = credentials(keystone)
    del given["auth_type"]
    with options.servers(configured({"proton_endpoints": api.url, **given})) as servers:
        servers.json("GET", "/proton")
    assert keystone.bodies == [] and "X-Auth-Token" not in api.asked[-1].headers


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"password": "wrong"}, "requires authentication"),
        ({"auth_url": "http://127.0.0.1:1/"}, "127.0.0.1"),
        ({"auth_url": "https://127.0.0.1:1/", "cafile": "/nowhere.pem"}, "/nowhere.pem"),
        ({"auth_url": "nonsense"}, "nonsense"),
    ],
)
def test_no_token_is_said_as_drivers_say_that_they_cannot_ask(
    configured: Configured, keystone: Cloud, api: ApiServer, given: dict[str, str], said: str
) -> None:
    conf = configured({"proton_endpoints": api.url, **credentials(keystone, **given)})
    with options.servers(conf) as servers, pytest.raises(Unavailable) as error:
        servers.json("PATCH", "/proton", values={})
    assert " gives no token for the Proton Servers: " in str(error.value) and said in str(error.value)
    assert SECRET not in str(error.value) and not error.value.sent
    assert api.asked == []


@pytest.mark.parametrize("answer", [(201, b"<html>"), (201, b""), (201, []), (503, {})])
def test_what_is_no_keystone_gives_no_token(
    configured: Configured, keystone: Cloud, api: ApiServer, answer: tuple[int, Any]
) -> None:
    keystone.refusal = answer
    keystone.tokens.append("none")
    with options.servers(configured({"proton_endpoints": api.url, **credentials(keystone)})) as servers:
        with pytest.raises(Unavailable, match=r"^Keystone .* gives no token"):
            servers.json("GET", "/proton")


def test_a_keystone_that_says_nothing_is_not_waited_for_longer_than_a_proton_server(
    configured: Configured, keystone: Cloud
) -> None:
    def silent(connection: socket.socket) -> None:
        with suppress(OSError):
            while connection.recv(65536):
                pass

    with listener(silent) as url:
        conf = configured({"proton_timeout": "1", **credentials(keystone, auth_url=f"{url}/v3")})
        with options.servers(conf) as servers, pytest.raises(Unavailable, match="timed out"):
            servers.json("GET", "/proton")


@pytest.mark.parametrize("settings", [{"insecure": "true"}, {"cafile": "{ca}"}, {"cafile": "{ca}", "tls_min_version": "1.3"}])
def test_tls_to_the_proton_servers_is_checked_as_to_keystone(
    configured: Configured, tmp_path: Path, settings: dict[str, str]
) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("server")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.pair.cert)
    server.load_cert_chain(pair.cert, pair.key)
    server.verify_mode = ssl.CERT_REQUIRED
    said = {name: value.format(ca=authority.pair.cert) for name, value in settings.items()}
    versions = []

    def answer(connection: socket.socket) -> None:
        with suppress(OSError), server.wrap_socket(connection, server_side=True) as wrapped:
            versions.append(wrapped.version())
            wrapped.recv(65536)
            wrapped.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with listener(answer) as url:
        https = {"proton_endpoints": url.replace("http", "https")}
        own = {"certfile": pair.cert, "keyfile": pair.key}
        with options.servers(configured({**https, **own, **said})) as servers:
            assert servers.json("GET", "/proton") == {}
        with options.servers(configured({**https, **own})) as servers:
            with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
                servers.json("GET", "/proton")
    assert versions == ["TLSv1.3"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"auth_type": "magic"}, "[gluon] of neutron.conf: The plugin magic could not be found"),
        ({"auth_type": "password"}, "[gluon] of neutron.conf: Auth plugin requires parameters"),
        ({"proton_endpoints": "proton.example"}, "'proton.example' is not the URL of a Proton Server"),
        ({"proton_endpoints": "https://a", "cafile": "/nowhere.pem"}, "[gluon] cafile: there is no file /nowhere.pem"),
        ({"proton_endpoints": "https://a", "keyfile": "/nowhere.pem"}, "[gluon] keyfile: there is no file /nowhere.pem"),
        ({"proton_endpoints": "https://a", "certfile": __file__}, "[gluon] cafile, certfile, keyfile, tls_ciphers: "),
        ({"proton_endpoints": "HTTPS://a", "tls_ciphers": "none"}, "[gluon] cafile, certfile, keyfile, tls_ciphers: "),
    ],
)
def test_wrong_settings_are_named(configured: Configured, given: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError) as error:
        options.servers(configured(given))
    assert str(error.value).startswith(said)


def test_the_generator_of_samples_is_told_of_every_option_once(configured: Configured) -> None:
    ((group, listed),) = options.listed()
    names = [option.dest for option in listed]
    assert group == "gluon" and len(set(names)) == len(names)
    assert {"etcd_endpoints", "proton_endpoints", "network", "auth_url", "username", "password", "cafile"} <= set(names)
    conf = configured({})
    assert all(name in conf.gluon for name in names if name in (option.dest for option in options.OPTIONS))
    assert all(option.help for option in listed)


def test_a_token_that_is_empty_is_none(configured: Configured, keystone: Cloud, api: ApiServer) -> None:
    keystone.refusal = (201, {"token": keystone.token()})
    keystone.tokens.append("")
    with options.servers(configured({"proton_endpoints": api.url, **credentials(keystone)})) as servers:
        with pytest.raises(Unavailable, match=r"^Keystone .* gives no token for the Proton Servers$"):
            servers.json("GET", "/proton")
