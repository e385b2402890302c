# SPDX-License-Identifier: Apache-2.0
"""protonclient against a server that speaks the API: what is sent, what is printed, how it ends."""

from __future__ import annotations

import json

import pytest

from gluon.cli.exits import Exit
from tests.cli.apiserver import ApiServer, Asked, refusal
from tests.cli.conftest import Runner


def gadgets(api: ApiServer, count: int) -> None:
    rows = [
        {"id": f"g{n}", "name": f"name {n}", "size": n, "colours": ["red"], "more": None, "revision": 1} for n in range(count)
    ]
    api.objects["gadgets"] = {str(row["id"]): row for row in rows}


class TestCreate:
    def test_sends_typed_values_and_prints_the_answer_as_it_is(self, api: ApiServer, client: Runner) -> None:
        done = client(
            *("gadget-create", "--name", "5", "--size", "5", "--weight=1.5", "--shiny", "False", "--colour", "red"),
            *("--colours", "red,green", "--sizes", "1, 2", "--parts", '[{"name": "a,b"}]', "--more", '{"a": null}'),
        )
        assert (done.code, done.err) == (Exit.OK, "")
        assert api.calls()[0].body == {
            **{"name": "5", "size": 5, "weight": 1.5, "shiny": False, "colour": "red", "colours": ["red", "green"]},
            **{"sizes": [1, 2], "parts": [{"name": "a,b"}], "more": {"a": None}},
        }
        assert done.json() == api.objects["gadgets"]["id-1"]

    def test_takes_hyphens_and_the_synonym_of_the_tenant(self, api: ApiServer, client: Runner) -> None:
        assert client("plug-create", "--mac-address=fa:16:3e:00:00:01", "--project_id", "t").code == Exit.OK
        assert api.calls()[0].body == {"mac_address": "fa:16:3e:00:00:01", "tenant_id": "t"}

    def test_an_attribute_named_like_an_option_is_given_with_a_prefix(self, api: ApiServer, client: Runner) -> None:
        done = client("gadget-create", "--size", "1", "--attr_format", "disk", "--host", "h", "--unset", "u", "--format", "yaml")
        assert done.code == Exit.OK
        assert api.calls()[0].body == {"size": 1, "format": "disk", "host": "h", "unset": "u"}
        assert "format: disk" in done.out

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("--size", "five"), "--size: 'five' is not an integer"),
            (("--size", "1", "--colour", "blue"), "--colour: 'blue' is none of red, green, grey"),
            (("--size", "1", "--colours", "red,blue"), "--colours: 'blue' is none of red, green, grey"),
            (("--size", "1", "--shiny", "maybe"), "--shiny: 'maybe' is neither true nor false"),
            (("--size", "1", "--weight", "nan"), "--weight: 'nan' is not a number"),
            (("--size", "1", "--more", "[1]"), '--more: expected a JSON object such as {"key": "value"}'),
            (("--size", "1", "--more", '{"a": NaN}'), "NaN is not JSON"),
            (("--size", "1", "--parts", "a,b"), "--parts: expected a JSON array of object with name"),
            (("--size", "1", "--parts", "[" * 100_000), "--parts: expected a JSON array"),
            ((), "the following arguments are required: --size"),
            (("--size", "1", "--siz", "1"), "unrecognized arguments: --siz 1"),
            (("--size",), "--size: expected one argument"),
        ],
    )
    def test_refuses_what_it_cannot_mean(self, api: ApiServer, client: Runner, words: tuple[str, ...], message: str) -> None:
        done = client("gadget-create", *words)
        assert done.code == Exit.USAGE
        assert message in done.err
        assert "protonclient --api toy gadget-create --help" in done.err
        assert len(done.err.splitlines()) == 1
        assert not api.calls()


class TestList:
    def test_follows_all_pages_and_merges_them(self, api: ApiServer, client: Runner) -> None:
        gadgets(api, 8)
        done = client("gadget-list")
        assert done.json() == {"gadgets": list(api.objects["gadgets"].values())}
        assert len(api.calls()) == 3
        assert len({call.client for call in api.asked}) == 1, "one connection for all"

    def test_with_a_limit_one_page_as_it_came(self, api: ApiServer, client: Runner) -> None:
        gadgets(api, 8)
        done = client("gadget-list", "--limit", "2", "--marker", "g3")
        assert [row["id"] for row in done.json()["gadgets"]] == ["g4", "g5"]
        assert done.json()["links"]
        assert "there are more: --marker g5" in done.err

    def test_with_a_limit_and_all_pages_of_that_size(self, api: ApiServer, client: Runner) -> None:
        gadgets(api, 8)
        assert len(client("gadget-list", "--limit", "4", "--all").json()["gadgets"]) == 8
        assert [call.query["limit"] for call in api.calls()] == [["4"], ["4"]]

    def test_filters_go_into_the_query_as_they_are(self, api: ApiServer, client: Runner) -> None:
        assert client("gadget-list", "--name", "a b&c", "--plug-id", "").json() == {"gadgets": []}
        assert api.calls()[0].query == {"name": ["a b&c"], "plug_id": [""]}

    def test_a_filter_that_is_given_again_asks_for_any_of_its_values(self, api: ApiServer, client: Runner) -> None:
        client("gadget-list", "--name", "a", "--plug-id", "p", "--name=b", "--name", "")
        assert api.calls()[0].query == {"name": ["a", "b", ""], "plug_id": ["p"]}

    def test_what_cannot_be_compared_is_no_filter(self, client: Runner) -> None:
        assert client("gadget-list", "--more", "{}").code == Exit.USAGE

    def test_chosen_columns_of_rows_for_scripts(self, api: ApiServer, client: Runner) -> None:
        gadgets(api, 4)
        api.objects["gadgets"]["g1"]["name"] = "two\tlines\n"
        done = client("gadget-list", "-c", "id,name", "-c", "colours", "-f", "value")
        assert done.out.splitlines()[:2] == ['g0\tname 0\t["red"]', 'g1\ttwo\\tlines\\n\t["red"]']
        assert client("-c", "id", "gadget-list", "--limit", "1").json() == {"gadgets": [{"id": "g0"}]}

    def test_an_unknown_column_is_refused_before_anything_is_sent(self, api: ApiServer, client: Runner) -> None:
        done = client("gadget-list", "-c", "nam")
        assert done.code == Exit.USAGE
        assert "gadget has no 'nam': did you mean 'name'?" in done.err
        assert not api.calls()

    def test_a_secret_is_no_column(self, client: Runner) -> None:
        assert client("gadget-list", "-c", "secret").code == Exit.USAGE

    def test_is_a_table_on_a_terminal(self, api: ApiServer, client: Runner) -> None:
        gadgets(api, 1)
        lines = client("gadget-list", terminal=True).out.splitlines()
        assert lines[1].startswith("| id | name ")
        assert lines[3].startswith("| g0 | name 0 ")

    def test_pages_that_lead_in_a_circle_end(self, api: ApiServer, client: Runner) -> None:
        next_page = {"gadgets": [], "links": [{"rel": "next", "href": f"{api.base}/gadgets?marker=x"}]}
        api.scripted = lambda asked: (200, next_page, {}) if asked.path.endswith("/gadgets") else None
        done = client("gadget-list")
        assert done.code == Exit.NO_ANSWER
        assert "circle" in done.err

    @pytest.mark.parametrize("body", [b"[]", b"{}", b'{"gadgets": {"a": 1}}', b"<html>"])
    def test_an_answer_that_is_no_list_is_said_to_be_none(self, api: ApiServer, client: Runner, body: bytes) -> None:
        api.scripted = lambda asked: (200, body, {}) if asked.path.endswith("/gadgets") else None
        done = client("gadget-list", "-f", "table")
        assert done.code == Exit.NO_ANSWER
        assert len(done.err.splitlines()) == 1


class TestShow:
    def test_forms(self, api: ApiServer, client: Runner) -> None:
        gadgets(api, 2)
        assert client("gadget-show", "g1").json() == api.objects["gadgets"]["g1"]
        assert client("gadget-show", "g1", "-f", "value", "-c", "size").out == "1\n"
        assert "size: 1\ncolours:\n  - red\nmore: null\n" in client("--format", "yaml", "gadget-show", "g1").out
        assert '| colours   | ["red"] |' in client("gadget-show", "g1", terminal=True).out

    def test_an_id_is_one_segment_of_the_path(self, api: ApiServer, client: Runner) -> None:
        gadgets(api, 1)
        api.objects["gadgets"]["a/b ?%é"] = {"id": "a/b ?%é", "revision": 1}
        assert client("gadget-show", "a/b ?%é").json()["id"] == "a/b ?%é"
        assert client("gadget-show", "--", "-strange").code == Exit.NOT_FOUND

    def test_what_is_not_there(self, client: Runner) -> None:
        done = client("gadget-show", "none")
        assert (done.code, done.out, done.err) == (4, "", "protonclient: Not Found: there is no none\n")


class TestUpdate:
    def test_changes_and_clears(self, api: ApiServer, client: Runner) -> None:
        gadgets(api, 1)
        assert client("gadget-update", "g0", "--name", "new", "--attr_unset", "x").json()["revision"] == 2
        assert client("gadget-update", "g0", "--unset", "colour,plug-id", "--unset", "more", "--colours", "").code == 0
        assert [call.body for call in api.calls()] == [
            {"name": "new", "unset": "x"},
            {"colour": None, "plug_id": None, "more": None, "colours": []},
        ]
        assert {call.method for call in api.calls()} == {"PATCH"}

    def test_on_condition_of_a_revision(self, api: ApiServer, client: Runner) -> None:
        gadgets(api, 1)
        assert client("gadget-update", "g0", "--size", "3", "--if-match", "1").code == Exit.OK
        done = client("gadget-update", "g0", "--size", "4", "--if_match", "1")
        assert done.code == Exit.REFUSED
        assert [call.headers["If-Match"] for call in api.calls()] == ['"1"', '"1"']
        assert "Precondition Failed" in done.err

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ((), "nothing to change"),
            (("--id", "x"), "unrecognized arguments"),
            (("--serial", "x"), "unrecognized arguments"),
            (("--unset", "serial"), "no attribute 'serial' that can be changed"),
            (("--unset", "name", "--name", "x"), "name is also given a value"),
        ],
    )
    def test_refuses(self, api: ApiServer, client: Runner, words: tuple[str, ...], message: str) -> None:
        done = client("gadget-update", "g0", *words)
        assert done.code == Exit.USAGE
        assert message in done.err
        assert not api.calls()


class TestBind:
    def test_asks_for_no_longer_than_told_and_says_when_unbound(self, api: ApiServer, client: Runner) -> None:
        port = {"id": "p", "binding_state": "BINDING"}
        api.scripted = lambda asked: (202, port, {}) if asked.method == "PATCH" else None
        done = client("plug-update", "p", "--host_id", "h", "--device_id", "d", "--wait", "2")
        assert api.calls()[0].headers["Prefer"] == "wait=2"
        assert (done.code, done.json()) == (Exit.OK, port)
        assert done.err == "protonclient: not bound yet: plug-show p tells when it is\n"

    def test_a_failed_bind_is_said(self, api: ApiServer, client: Runner) -> None:
        port = {"id": "p", "binding_state": "FAILED", "binding_reason": "no bridge"}
        api.scripted = lambda asked: (201, port, {}) if asked.method == "POST" else None
        done = client("plug-create", "--tenant_id", "t", "--host_id", "h", "--device_id", "d")
        assert done.err == "protonclient: the bind failed: no bridge\n"
        assert "Prefer" not in api.calls()[0].headers

    def test_only_ports_wait(self, client: Runner) -> None:
        assert client("gadget-create", "--size", "1", "--wait", "1").code == Exit.USAGE


class TestInclude:
    """Ports with the service bindings on their interfaces."""

    BINDINGS = [{"interface_id": "p", "ipaddress": "192.0.2.7"}]

    @pytest.fixture(autouse=True)
    def plug(self, api: ApiServer) -> None:
        api.objects["plugs"] = {"p": {"id": "p", "name": "web", "revision": 1, "service_bindings": self.BINDINGS}}

    @pytest.mark.parametrize(
        ("words", "method"),
        [
            (("plug-list",), "GET"),
            (("plug-show", "p"), "GET"),
            (("plug-update", "p", "--name", "web"), "PATCH"),
            (("plug-create", "--tenant_id", "t"), "POST"),
        ],
    )
    def test_is_asked_for_with_each_answer_that_shows_ports(
        self, api: ApiServer, client: Runner, words: tuple[str, ...], method: str
    ) -> None:
        assert client(*words, "--include", "service_bindings").code == Exit.OK
        (call,) = api.calls()
        assert (call.method, call.query) == (method, {"include": ["service_bindings"]})
        assert "include" not in (call.body or {})

    def test_goes_with_filters(self, api: ApiServer, client: Runner) -> None:
        client("plug-list", "--name", "web", "--include", "service_bindings,service_bindings", "--limit", "2")
        assert api.calls()[0].query == {"name": ["web"], "include": ["service_bindings"], "limit": ["2"]}

    def test_is_a_column_more(self, client: Runner) -> None:
        words = ("--include", "service_bindings", "-f")
        assert client("plug-list", *words, "table").out.splitlines()[1].rstrip(" |").endswith("service_bindings")
        assert json.loads(client("plug-show", "p", *words, "value", "-c", "service_bindings").out) == self.BINDINGS
        done = client("plug-list", "-c", "service_bindings")
        assert done.code == Exit.USAGE and "plug has no 'service_bindings'" in done.err

    def test_what_there_is_not_is_refused_before_anything_is_sent(self, api: ApiServer, client: Runner) -> None:
        done = client("plug-list", "--include", "strands")
        assert done.code == Exit.USAGE
        assert "--include: plug has no 'strands' to include; there is service_bindings" in done.err
        assert client("gadget-list", "--include", "service_bindings").code == Exit.USAGE, "only ports"
        assert not api.calls()


class TestDelete:
    def test_several_go_on_after_one_fails(self, api: ApiServer, client: Runner) -> None:
        gadgets(api, 3)
        done = client("gadget-delete", "g0", "nope", "g2")
        assert done.code == Exit.NOT_FOUND
        assert done.out == ""
        assert done.err == "protonclient: gadget nope: Not Found: there is no nope\n"
        assert list(api.objects["gadgets"]) == ["g1"]

    def test_a_refusal_counts_more_than_what_is_missing(self, api: ApiServer, client: Runner) -> None:
        gadgets(api, 1)
        assert client("gadget-delete", "g0", "nope", "--if-match", "7").code == Exit.REFUSED


class TestRefusals:
    def test_every_fault_is_a_line(self, api: ApiServer, client: Runner) -> None:
        faults = (("/size", "must be at most 9"), ("/parts/0/name", "is required"), ("", "too much"))
        api.scripted = lambda asked: refusal(400, "size: must be at most 9 (and 2 more)", *faults) if asked.body else None
        done = client("gadget-create", "--size", "10")
        assert done.code == Exit.REFUSED
        assert done.err.splitlines() == [
            "protonclient: Bad Request: size: must be at most 9 (and 2 more)",
            "protonclient: size: must be at most 9",
            "protonclient: parts/0/name: is required",
            "protonclient: too much",
        ]

    def test_a_single_fault_is_not_said_twice(self, api: ApiServer, client: Runner) -> None:
        api.scripted = lambda asked: refusal(400, "size: too big", ("/size", "too big")) if asked.body else None
        assert client("gadget-create", "--size", "10").err == "protonclient: Bad Request: size: too big\n"

    def test_a_failed_server_gives_its_request_id(self, api: ApiServer, client: Runner) -> None:
        api.scripted = lambda asked: refusal(500, "it failed") if asked.body else None
        assert "req-1" in client("gadget-create", "--size", "1").err

    @pytest.mark.parametrize(
        "body", [b"<html>Bad Gateway</html>", b"[]", b'{"title": 5, "errors": {"a": 1}}', b'{"errors": [1]}']
    )
    def test_a_refusal_by_something_else_has_its_status(self, api: ApiServer, client: Runner, body: bytes) -> None:
        api.scripted = lambda asked: (502, body, {}) if asked.body else None
        done = client("gadget-create", "--size", "1")
        assert (done.code, done.err) == (Exit.REFUSED, "protonclient: 502 Bad Gateway\n")


class TestNaming:
    def test_without_api_it_says_which_there_are(self, client: Runner) -> None:
        done = client.bare()
        assert (done.code, done.out) == (Exit.USAGE, "")
        assert "  toy" in done.err.splitlines()
        assert client.bare("gadget-list").code == Exit.USAGE

    def test_an_unknown_api_is_answered_with_those_there_are(self, client: Runner) -> None:
        done = client.bare("--api", "tyo", "gadget-list")
        assert done.code == Exit.USAGE
        assert "there is no API 'tyo': did you mean 'toy'?" in done.err

    def test_an_unknown_version(self, client: Runner) -> None:
        done = client.bare("--api", "toy", "--api-version", "9", "gadget-list")
        assert (done.code, "toy has no version '9'" in done.err) == (Exit.USAGE, True)

    def test_a_known_version_saves_a_question(self, api: ApiServer, client: Runner) -> None:
        assert client.bare("--api", "toy", "--api-version=1.0", "gadget-list").code == Exit.OK
        assert [a.path for a in api.asked] == [f"{api.base}/commands.json", f"{api.base}/gadgets"]

    def test_an_unknown_command_has_a_suggestion(self, client: Runner) -> None:
        done = client("gadgets-list")
        assert done.code == Exit.USAGE
        assert "did you mean 'gadget-list'?" in done.err

    def test_an_api_without_a_command_lists_them(self, client: Runner) -> None:
        done = client()
        assert done.code == Exit.USAGE
        assert "gadget-create" in done.err

    @pytest.mark.parametrize("port", ["0", "65536", "x", "-1"])
    def test_a_wrong_port(self, client: Runner, port: str) -> None:
        assert client.bare(f"--port={port}", "--api", "toy").code == Exit.USAGE

    def test_host_and_port_can_be_options(self, api: ApiServer, client: Runner) -> None:
        client.environment.pop("OS_PROTON_HOST")
        client.environment["OS_PROTON_PORT"] = "1"
        assert client("--host", "localhost", "--port", str(api.address[1]), "gadget-list").code == Exit.OK


class TestHelp:
    def test_of_the_program_names_apis_and_exit_codes(self, client: Runner) -> None:
        done = client.bare("--help")
        assert done.code == Exit.OK
        assert "APIs of this server:\n  toy\n" in done.out
        assert "exit codes:" in done.out
        assert "OS_PROTON_HOST" in done.out

    def test_of_an_api_lists_its_commands(self, client: Runner) -> None:
        done = client("--help")
        assert (done.code, done.err) == (Exit.OK, "")
        assert "gadget-list  gadget-create  gadget-show  gadget-update  gadget-delete" in done.out

    def test_of_a_command_says_types_choices_and_what_is_required(self, api: ApiServer, client: Runner) -> None:
        done = client("gadget-create", "--help")
        assert done.code == Exit.OK
        text = " ".join(done.out.split())
        assert "usage: protonclient --api toy gadget-create --size INTEGER [attributes] [options]" in text
        assert "required: --size INTEGER How big (integer 1 to 9)" in text
        assert "What it is called, 100% yours (string)" in text
        assert "--colours CHOICE,… list of red | green | grey" in text
        assert "--shiny BOOLEAN boolean; default: true" in text
        assert "--parts JSON list of object with name" in text
        assert "--plug_id ID id of a plug" in text
        assert "--secret STRING string; never shown again" in text
        assert "--attr_format STRING" in text
        assert "examples: protonclient --api toy gadget-create --size 1" in text
        assert not api.calls()

    @pytest.mark.parametrize("verb", ["list", "create", "show", "update", "delete"])
    def test_the_examples_in_the_help_work(self, api: ApiServer, client: Runner, verb: str) -> None:
        api.scripted = lambda asked: (200, {"gadgets": []}, {}) if asked.path.startswith(f"{api.base}/gadgets") else None
        text = client(f"gadget-{verb}", "--help").out.partition("examples:\n")[2]
        for example in text.strip().splitlines():
            words = example.split()
            assert words[:2] == ["protonclient", "--api"]
            assert client.bare(*words[1:]).code == Exit.OK

    def test_of_an_incomplete_command(self, client: Runner) -> None:
        assert client("gadget-update", "--size", "x", "-h").code == Exit.OK

    def test_version(self, client: Runner) -> None:
        assert client.bare("--version").out.startswith("protonclient ")


def test_text_beyond_latin_goes_both_ways(api: ApiServer, client: Runner) -> None:
    done = client("gadget-create", "--size", "1", "--name", "Überbrückung 橋 🌉")
    assert api.calls()[0].body["name"] == json.loads(done.out)["name"] == "Überbrückung 橋 🌉"


def test_what_others_wrote_does_not_reach_the_terminal_as_commands(api: ApiServer, client: Runner) -> None:
    api.objects["gadgets"] = {"g": {"id": "g", "name": "\x1b[2J\x9b", "revision": 1}}
    assert client("gadget-show", "g", "-c", "name", "-f", "value").out == "\\x1b[2J\\x9b\n"
    assert client("gadget-show", "\x1b[2J").err == "protonclient: Not Found: there is no \\x1b[2J\n"


def test_what_the_server_says_of_itself_must_be_understood(api: ApiServer, client: Runner) -> None:
    for path in ("/proton", "/proton/toy", f"{api.base}/commands.json"):
        api.scripted = lambda asked, wrong=path: (200, {"objects": 5}, {}) if asked.path == wrong else None
        done = client.bare() if path == "/proton" else client("gadget-list")
        assert done.code == Exit.NO_ANSWER
        assert f"what the server says at {path} is not understood" in done.err
    noun = {"proton": "toy", "version": "1", "description": "", "objects": [{"name": "gadget", "options": 5}]}
    api.scripted = lambda asked: (200, noun, {}) if asked.path.endswith("commands.json") else None
    assert "what the server says of gadget" in client("gadget-list").err


def test_a_server_that_fails_is_not_a_missing_api(api: ApiServer, client: Runner) -> None:
    api.scripted = lambda asked: refusal(503, "the database cannot be asked")
    done = client("gadget-list")
    assert (done.code, "the database cannot be asked" in done.err) == (Exit.REFUSED, True)


@pytest.mark.parametrize("words", [("--limit", "0"), ("--limit", "x"), ("--limit", "²")])
def test_a_limit_is_a_number(client: Runner, words: tuple[str, ...]) -> None:
    assert client("gadget-list", *words).code == Exit.USAGE


@pytest.mark.parametrize("seconds", ["x", "-1", "nan", "inf"])
def test_a_wait_is_a_number_of_seconds(client: Runner, seconds: str) -> None:
    assert client("plug-update", "p", "--name", "n", f"--wait={seconds}").code == Exit.USAGE


def test_a_word_before_the_api_is_no_command(client: Runner) -> None:
    assert "there is no command 'nonsense'" in client.bare("nonsense").err


def test_asks_with_what_it_has_on_one_connection(api: ApiServer, client: Runner) -> None:
    client("gadget-list")
    api.asked.clear()
    client("gadget-list")

    def described(asked: Asked) -> tuple[str, bool]:
        return asked.path, "If-None-Match" in asked.headers

    assert [described(a) for a in api.asked] == [
        ("/proton/toy", True),
        (f"{api.base}/commands.json", True),
        (f"{api.base}/gadgets", False),
    ]
    assert len({a.client for a in api.asked}) == 1
