# SPDX-License-Identifier: Apache-2.0
"""Tests for Neutron's environment: ports whose driver comes with a package, and has its say in each bind and unbind.

Run by test_drivers.py; PORT, MACHINE: variables.
"""

import os

from neutron.tests.unit.plugins.ml2 import test_plugin
from neutron_lib import exceptions
from neutron_lib.plugins import utils

PORT, MACHINE = os.environ["PORT"], os.environ["MACHINE"]
FREED = {"binding:host_id": None, "device_id": "", "device_owner": ""}


class TestADriverOfAPackage(test_plugin.Ml2PluginV2TestCase):
    def setUp(self):
        super().setUp()
        stand_in = {"tenant_id": "t", "name": "gluon", "shared": True}
        utils.create_network(self.driver, self.context, {"network": stand_in})

    def change(self, **values):
        return self.driver.update_port(self.context, PORT, {"port": values})

    def bind(self, host, zone="north", **more):
        place = {"binding:host_id": host, "device_id": MACHINE, "device_owner": f"compute:{zone}"}
        return self.change(**place, **more)

    def refused(self, why, do, *given, **named):
        with self.assertRaisesRegex(exceptions.Conflict, why):
            do(*given, **named)

    def test_it_refuses_and_neutron_does(self):
        self.refused("shelf-1 is in no rack", self.bind, "shelf-1")
        self.refused("there are no racks in attic", self.bind, "rack-1", "attic")
        self.assertEqual("", self.driver.get_port(self.context, PORT)["binding:host_id"])
        bound = self.bind("rack-1", name="racked")
        self.assertEqual(("ovs", "ACTIVE", "racked"), tuple(bound[key] for key in ("binding:vif_type", "status", "name")))
        self.refused("no machine is shelved here", self.change, **{"binding:host_id": None})
        self.refused("shelf-2 is in no rack", self.change, **{"binding:host_id": "shelf-2"})
        self.assertEqual("rack-1", self.driver.get_port(self.context, PORT)["binding:host_id"])
        self.assertEqual("unbound", self.change(**FREED)["binding:vif_type"])
