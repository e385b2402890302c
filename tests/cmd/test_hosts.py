# SPDX-License-Identifier: Apache-2.0
"""``gluon shim hosts`` against a small Keystone and Nova that speak HTTP."""

from dataclasses import dataclass, field

import pytest

from gluon.cmd.gluon import main
from tests.cmd.cloud import Answer, Cloud


@dataclass
class Nova:
    """``hypervisors``: (host, state, status, reason). ``body``: what it says instead."""

    hypervisors: list[tuple[str, str, str, str | None]] = field(default_factory=lambda: [("compute-1", "up", "enabled", None)])
    body: object = None
    status: int = 200

    def __call__(self, method: str, path: str, query: object, body: object) -> Answer:
        assert (method, path) == ("GET", "/v2.1/os-hypervisors/detail")
        return self.status, self.body or {
            "hypervisors": [
                {"id": n, "state": state, "status": status, "service": {"id": n, "host": host, "disabled_reason": reason}}
                for n, (host, state, status, reason) in enumerate(self.hypervisors)
            ]
        }


@pytest.fixture
def nova(cloud: Cloud) -> Nova:
    nova = Nova()
    cloud.services["compute"] = nova
    cloud.paths["compute"] = "/v2.1"
    return nova


def test_prints_the_line_in_the_order_of_the_names(cloud: Cloud, nova: Nova, capsys: pytest.CaptureFixture[str]) -> None:
    nova.hypervisors = [(f"compute-{n}", "up", "enabled", None) for n in (10, 2, 1, 2)]
    assert main(["shim", "hosts"]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("host_list = compute-1, compute-2, compute-10\n", "")
    (body,) = cloud.bodies
    assert body["auth"]["identity"]["password"]["user"]["domain"] == {"name": "Default"}
    assert body["auth"]["scope"] == {"project": {"name": "admin", "domain": {"id": "default"}}}


def test_says_which_hosts_are_left_out_and_why(nova: Nova, capsys: pytest.CaptureFixture[str]) -> None:
    nova.hypervisors = [
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


def test_no_hypervisor_is_an_error(nova: Nova, capsys: pytest.CaptureFixture[str]) -> None:
    nova.hypervisors = []
    assert main(["shim", "hosts"]) == 1
    assert capsys.readouterr() == ("", "gluon: Nova has no hypervisor\n")


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (
            403,
            {"forbidden": {"code": 403, "message": "Policy doesn't allow it"}},
            "to admins only: Nova answers GET /os-hypervisors/detail with 403: Policy doesn't allow it",
        ),
        (200, {"servers": []}, "what Nova answers is no list of hypervisors"),
        (200, b"<html>", "is no JSON: <html>"),
        (500, {"computeFault": {"code": 500, "message": "broken"}}, "with 500: broken"),
    ],
)
def test_what_nova_refuses(nova: Nova, capsys: pytest.CaptureFixture[str], status: int, body: object, said: str) -> None:
    nova.status, nova.body = status, body
    assert main(["shim", "hosts"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and said in captured.err
