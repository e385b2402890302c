# SPDX-License-Identifier: Apache-2.0
"""The table of routes: every object's own, and a child's below its parent."""

import pytest

from gluon.particle import routes


def test_every_object_has_its_own_routes(families):
    for family in families.values():
        for proton in family.versions.values():
            table = routes.routes(proton)
            templates = [route.template for route in table]
            assert len(set(templates)) == len(templates)
            for obj in proton.objects:
                own = routes.collection(proton, obj)
                assert own == f"/proton/{proton.name}/v{proton.version}/{obj.api.plural_name}"
                assert {own, f"{own}/{{id}}"} <= set(templates)


def test_children_are_below_their_parents_one_level_deep(families):
    proton = families["things"].newest
    nested = [route.template.removeprefix(routes.prefix(proton)) for route in routes.routes(proton) if route.parent is not None]
    assert nested == [
        "/things/{thing_id}/sensors",
        "/things/{thing_id}/sensors/{id}",
        "/sensors/{sensor_id}/readings",
        "/sensors/{sensor_id}/readings/{id}",
        "/things/{thing_id}/notes",
        "/things/{thing_id}/notes/{id}",
    ]


@pytest.mark.parametrize(("member", "actions"), [(False, {"GET", "POST"}), (True, {"GET", "PUT", "PATCH", "DELETE"})])
def test_methods(families, member, actions):
    for route in routes.routes(families["net-l3vpn"].newest):
        if route.member is member:
            assert set(route.actions) == actions


def test_the_path_of_an_object():
    assert routes.member("/things", "a/b %") == "/things/a%2Fb%20%25"
    assert routes.member("/sensors", -7) == "/sensors/-7"
