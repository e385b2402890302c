# SPDX-License-Identifier: Apache-2.0
"""How commands ask OpenStack: what is wrong is said in one line, in the service's own words, without any secret."""

import sys

import pytest

from gluon.cmd import openstack
from gluon.cmd.openstack import OpenStackError, RefusedByOpenStack
from gluon.errors import GluonError, SettingsError
from tests.cmd.cloud import SECRET, Cloud


def test_documents_go_both_ways_with_one_token(cloud: Cloud) -> None:
    asked = []

    def echo(*request):
        asked.append(request)
        return 200, {"ok": True}

    cloud.services["network"] = echo
    network = openstack.service("network", "Neutron", "/v2.0")
    assert network.get("/ports", {"name": ["a b", "ü"]}) == {"ok": True}
    assert network.post("/ports", {"port": {"name": "ü"}}) == {"ok": True}
    assert asked == [
        ("GET", "/v2.0/ports", {"name": ["a b", "ü"]}, None),
        ("POST", "/v2.0/ports", {}, {"port": {"name": "ü"}}),
    ]
    assert len(cloud.tokens) == 1


@pytest.mark.parametrize("path", ["", "/", "/v2.0", "/v2.0/"])
def test_an_endpoint_may_have_its_version(cloud: Cloud, path: str) -> None:
    cloud.services["network"] = lambda method, path, query, body: (200, path)
    cloud.paths["network"] = path
    assert openstack.service("network", "Neutron", "/v2.0").get("/ports") == "/v2.0/ports"


@pytest.mark.parametrize(
    ("variables", "kind", "said"),
    [
        ({"OS_AUTH_URL": ""}, SettingsError, "OS_AUTH_URL is not set"),
        ({"OS_PASSWORD": "wrong"}, OpenStackError, "requires authentication"),
        ({"OS_REGION_NAME": "two"}, OpenStackError, "two"),
        ({"OS_INTERFACE": "internalURL"}, OpenStackError, "internal endpoint for network service"),
        ({"OS_AUTH_TYPE": "none"}, OpenStackError, "no public endpoint of Neutron"),
        ({"OS_AUTH_TYPE": "magic"}, OpenStackError, "magic"),
        ({"OS_AUTH_URL": "nonsense"}, OpenStackError, "nonsense"),
        ({"OS_AUTH_URL": "http://127.0.0.1:1/"}, OpenStackError, "127.0.0.1"),
        ({"OS_CACERT": "/nowhere.pem", "OS_AUTH_URL": "https://127.0.0.1:1/"}, OpenStackError, "/nowhere.pem"),
        ({"OS_CERT": "/no.pem", "OS_KEY": "/no.key", "OS_AUTH_URL": "https://127.0.0.1:1/"}, OpenStackError, "/no.pem"),
        ({"OS_INSECURE": "yes", "OS_AUTH_URL": "https://127.0.0.1:1/"}, OpenStackError, "127.0.0.1"),
    ],
)
def test_what_is_wrong_is_said(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], kind: type[GluonError], said: str
) -> None:
    cloud.services["network"] = lambda *_: (200, {})
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(kind) as error:
        openstack.service("network", "Neutron").get("/")
    assert said in str(error.value) and SECRET not in str(error.value)


@pytest.mark.parametrize(
    "answer", [(201, b"<html>"), (201, {"token": {}}), (201, []), (200, {}), (500, b""), (503, {"error": "?"})]
)
def test_what_is_no_keystone(cloud: Cloud, answer: tuple[int, object]) -> None:
    cloud.refusal = answer
    cloud.tokens.append("none")
    with pytest.raises(OpenStackError, match=r"^Keystone"):
        openstack.service("network", "Neutron")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((409, {"NeutronError": {"type": "InUse", "message": "It is in use.", "detail": ""}}), "with 409: It is in use."),
        ((404, {"error": {"code": 404, "message": "No such thing"}}), "with 404: No such thing"),
        ((500, {"a": 1, "b": 2}), 'with 500: {"a": 1, "b": 2}'),
        ((502, b"<h1>Bad\n Gateway</h1>"), "with 502: <h1>Bad Gateway</h1>"),
        ((503, b"x" * 1000), "with 503: " + "x" * 300 + "…"),
        ((504, b""), "with 504: nothing"),
    ],
)
def test_a_refusal_is_in_the_services_own_words(cloud: Cloud, answer: tuple[int, object], said: str) -> None:
    cloud.services["network"] = lambda *_: answer
    with pytest.raises(RefusedByOpenStack) as refusal:
        openstack.service("network", "Neutron").get("/ports")
    assert str(refusal.value) == f"Neutron answers GET /ports {said}"
    assert refusal.value.status == answer[0]


def test_an_answer_that_is_no_json(cloud: Cloud) -> None:
    cloud.services["network"] = lambda *_: (200, b"<html>")
    with pytest.raises(OpenStackError, match="what Neutron answers to GET /ports is no JSON: <html>"):
        openstack.service("network", "Neutron").get("/ports")


def test_an_install_without_the_extra_names_it(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keystoneauth1", None)
    with pytest.raises(SettingsError, match=r"pip install 'gluon\[openstack\]'"):
        openstack.service("network", "Neutron")
