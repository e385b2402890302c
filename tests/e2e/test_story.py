# SPDX-License-Identifier: Apache-2.0
"""The whole path with real parts, told of any model: create everything, bind, look into etcd, unbind, delete.

Nothing here names an object, a path or an attribute that is not of the base objects.
"""

import json
from pathlib import Path

import pytest

from gluon.client.http import Client
from gluon.client.resources import Collection
from gluon.model.catalogue import load_catalogue
from gluon.model.schema import Role
from gluon.particle import keys
from gluon.parts.site import Site
from tests.e2e.values import TENANT, changeable, made_by_clients, needed

MODELS = Path(__file__).parent.parent / "models"
PROTONS = load_catalogue([str(MODELS)])
HIDDEN = {"created_at", "updated_at"}


@pytest.mark.parametrize("name", ["net-l3vpn", "ietf-sfc", "renamed"])
async def test_everything_is_created_bound_seen_unbound_and_deleted(name, tmp_path, database):
    proton = PROTONS[name].newest
    port = proton.port
    assert port is not None
    async with Site(tmp_path, proton=name, models=MODELS, database=database) as site:
        server = await site.start_server(settings={"api": {"bind_timeout": 20}})
        shim = await site.start_shim("compute-1")
        with Client(server.url) as client:
            base = f"/proton/{name}/v{proton.version}"
            of = {obj.name: Collection(client, f"{base}/{obj.api.plural_name}") for obj in proton.objects}
            made = {}
            for obj in made_by_clients(proton):
                made[obj.name] = of[obj.name].create(needed(proton, obj, made)).json()
                if obj is port and proton.interface:
                    made[proton.interface.name] = of[proton.interface.name].show(made[obj.name]["id"]).json()
            assert set(made) == {obj.name for obj in proton.objects}

            # The command line that was made from the model sees the same.
            command = site.client(server)
            for obj in proton.objects:
                listed = command.run(f"{obj.api.name}-list")
                assert listed[obj.api.plural_name] == [made[obj.name]]
            (shown,) = command.run(f"{port.api.name}-list", "--include", "service_bindings")[port.api.plural_name]
            bindings = [made[obj.name] for obj in proton.having(Role.SERVICE_BINDING)]
            assert shown == {**made[port.name], "service_bindings": bindings}

            # Bind.
            id = made[port.name]["id"]
            bound = command.run(f"{port.api.name}-update", id, "--host_id", "compute-1", "--device_id", "vm-1")
            assert (bound["binding_state"], bound["vif_type"], bound["status"]) == ("BOUND", "ovs", "ACTIVE")
            assert bound["vif_details"] == {"port_filter": False, "bridge_name": "br-gluon"}
            assert bound["binding_controller"] == "compute-1"

            # etcd says what the API says, with JSON's own types.
            made[port.name] = bound
            for obj in proton.objects:
                shown = made[obj.name]
                key = keys.object(name, obj.name, str(shown[obj.identifier.name]))

                async def same(key=key, shown=shown):
                    kv = await site.kv.get(key)
                    return kv is not None and json.loads(kv.value).get("revision") == shown["revision"] and kv

                stored = json.loads((await site.until(same, f"{key} at revision {shown['revision']}")).value)
                for attribute, value in shown.items():
                    assert attribute in HIDDEN or stored[attribute] == value, (key, attribute)
            registered = json.loads((await site.kv.get(keys.port(id))).value)
            assert registered["tenant_id"] == TENANT
            assert (registered["service"], registered["url"]) == (name, server.url)
            answer = json.loads((await site.kv.get(keys.answer(name, port.name, id))).value)
            assert (answer["vif_type"], answer["controller"]) == ("ovs", "compute-1")
            assert answer["binding_id"] == registered["binding_id"]

            # Every object can be changed, and the change gets there.
            for obj in proton.objects:
                if attribute := changeable(obj):
                    shown = of[obj.name].update(str(made[obj.name][obj.identifier.name]), {attribute.name: "changed"}).json()
                    assert shown[attribute.name] == "changed"
                    assert shown["revision"] > made[obj.name]["revision"]

            # Unbind, delete in the order of references reversed, and nothing is left.
            free = command.run(f"{port.api.name}-update", id, "--unset", "host_id", "--unset", "device_id")
            assert (free["binding_state"], free["vif_type"], free["status"]) == ("UNBOUND", None, "DOWN")
            for obj in reversed(made_by_clients(proton)):
                of[obj.name].delete(str(made[obj.name][obj.identifier.name]))
            for prefix in (keys.PROTONS, keys.PORTS, keys.CONTROLLERS):

                async def empty(prefix=prefix):
                    return not (await site.kv.page(prefix)).items

                await site.until(empty, f"{prefix} to be empty", shim)
        if proton.having(Role.SERVICE_BINDING):
            assert "modify_service_binding" in shim.output()
