# SPDX-License-Identifier: Apache-2.0
"""``gluon shim hosts`` against a small Keystone and Nova that speak HTTP."""

import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gluon.cmd.gluon import main

TOKEN = "tok-1"
SECRET = "s3cret"


@dataclass
class Cloud:
    """``hypervisors``: (host, state, status, reason). ``body``: what Nova says instead. ``bodies``: what Keystone was asked."""

    hypervisors: list[tuple[str, str, str, str | None]] = field(default_factory=list)
    body: object = None
    status: int = 200
    url: str = ""
    bodies: list[dict] = field(default_factory=list)
    region: str = "one"

    def nova(self) -> object:
        return self.body or {
            "hypervisors": [
                {"id": n, "state": state, "status": status, "service": {"id": n, "host": host, "disabled_reason": reason}}
                for n, (host, state, status, reason) in enumerate(self.hypervisors)
            ]
        }

    def answer(self, method: str, path: str, token: str, body: dict | None) -> tuple[int, object]:
        match method, path.rstrip("/"):
            case "GET", "/identity" | "/identity/v3":
                version = {"id": "v3.14", "status": "stable", "links": [{"rel": "self", "href": f"{self.url}/identity/v3/"}]}
                return 200, {"version": version} if path.rstrip("/").endswith("v3") else {"versions": {"values": [version]}}
            case "POST", "/identity/v3/auth/tokens":
                assert body is not None
                self.bodies.append(body)
                if body["auth"]["identity"].get("password", {}).get("user", {}).get("password") != SECRET:
                    return 401, {"error": {"code": 401, "message": "The request you have made requires authentication."}}
                return 201, {"token": self.token()}
            case "GET", "/compute/v2.1/os-hypervisors/detail" if token == TOKEN:
                return self.status, self.nova()
        return 404, {"error": {"code": 404, "message": f"nothing at {path}"}}

    def token(self) -> dict:
        endpoint = {"id": "e", "interface": "public", "region": self.region, "region_id": self.region}
        endpoints = [endpoint | {"url": f"{self.url}/compute/v2.1"}]
        catalog = [{"id": "c", "type": "compute", "name": "nova", "endpoints": endpoints}]
        return {
            **{"methods": ["password"], "expires_at": "2099-01-01T00:00:00.000000Z", "issued_at": "2026-01-01T00:00:00.000000Z"},
            **{"user": {"id": "u", "name": "admin", "domain": {"id": "default", "name": "Default"}}, "catalog": catalog},
            **{"roles": [{"id": "r", "name": "admin"}]},
        }


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    cloud = Cloud([("compute-1", "up", "enabled", None)])

    class Handler(BaseHTTPRequestHandler):
        def serve(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            status, document = cloud.answer(self.command, self.path, self.headers.get("X-Auth-Token", ""), body)
            content = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if status == 201:
                self.send_header("X-Subject-Token", TOKEN)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = serve

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        cloud.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        given = {"AUTH_URL": f"{cloud.url}/identity", "USERNAME": "admin", "PASSWORD": SECRET, "PROJECT_NAME": "admin"}
        for name, value in {**given, "USER_DOMAIN_NAME": "Default", "PROJECT_DOMAIN_ID": "default"}.items():
            monkeypatch.setenv(f"OS_{name}", value)
        yield cloud
        server.shutdown()
        thread.join()


def test_prints_the_line_in_the_order_of_the_names(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.hypervisors = [(f"compute-{n}", "up", "enabled", None) for n in (10, 2, 1, 2)]
    assert main(["shim", "hosts"]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("host_list = compute-1, compute-2, compute-10\n", "")
    (body,) = cloud.bodies
    assert body["auth"]["identity"]["password"]["user"]["domain"] == {"name": "Default"}
    assert body["auth"]["scope"] == {"project": {"name": "admin", "domain": {"id": "default"}}}


def test_says_which_hosts_are_left_out_and_why(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.hypervisors = [
        ("a", "up", "enabled", None),
        ("b", "down", "enabled", None),
        ("c", "up", "disabled", "new disks"),
        ("d", "down", "disabled", "sold"),
    ]
    assert main(["shim", "hosts"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "host_list = a, b, c\n"
    assert captured.err.splitlines() == [
        "gluon: b is down: listed all the same",
        "gluon: c is disabled (new disks): listed all the same",
        "gluon: d is down and disabled (sold): left out (--all lists it)",
    ]
    assert main(["shim", "hosts", "--all"]) == 0
    assert capsys.readouterr().out == "host_list = a, b, c, d\n"


def test_no_hypervisor_is_an_error(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.hypervisors = []
    assert main(["shim", "hosts"]) == 1
    assert capsys.readouterr() == ("", "gluon: Nova has no hypervisor\n")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"OS_AUTH_URL": ""}, "OS_AUTH_URL is not set"),
        ({"OS_PASSWORD": "wrong"}, "requires authentication"),
        ({"OS_REGION_NAME": "two"}, "two"),
        ({"OS_AUTH_TYPE": "magic"}, "magic"),
        ({"OS_AUTH_URL": "http://127.0.0.1:1/"}, "127.0.0.1"),
        ({"OS_CACERT": "/nowhere.pem", "OS_AUTH_URL": "https://127.0.0.1:1/"}, "/nowhere.pem"),
    ],
)
def test_what_is_wrong_is_said(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variables: dict[str, str], said: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert main(["shim", "hosts"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and said in captured.err and SECRET not in captured.err
    assert "Traceback" not in captured.err


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (403, {"forbidden": {"code": 403, "message": "Policy doesn't allow it"}}, "to admins only"),
        (200, {"servers": []}, "no list of Nova's hypervisors"),
        (200, b"<html>", "no list of Nova's hypervisors"),
        (500, {"computeFault": {"code": 500, "message": "broken"}}, "500"),
    ],
)
def test_what_nova_refuses(cloud: Cloud, capsys: pytest.CaptureFixture[str], status: int, body: object, said: str) -> None:
    cloud.status, cloud.body = status, body
    assert main(["shim", "hosts"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and said in captured.err


def test_an_install_without_the_extra_names_it(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "keystoneauth1", None)
    assert main(["shim", "hosts"]) == 1
    assert "pip install 'gluon[openstack]'" in capsys.readouterr().err
