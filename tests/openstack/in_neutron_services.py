# SPDX-License-Identifier: Apache-2.0
"""Tests for Neutron's environment: what its own services ask of the core plugin, with ports of Gluon's in etcd and nobody at the
Proton Servers' place. Run by test_neutrons_own.py; PROTON, PORT: variables."""

import os
from uuid import uuid4

from neutron.api.rpc.handlers import dhcp_rpc
from neutron.objects import ports
from neutron.tests.common import helpers
from neutron.tests.unit.plugins.ml2 import test_plugin
from neutron_lib import constants, context, exceptions
from neutron_lib.plugins import utils

HOST = "network-1"


class TestServicesOfNeutron(test_plugin.Ml2PluginV2TestCase):
    def setUp(self):
        super().setUp()
        helpers.register_dhcp_agent(HOST)
        self.stand_in = self.made("network", name="gluon", shared=True)
        self.gluons = self.made("subnet", network_id=self.stand_in, cidr="0.0.0.0/1", ip_version=4, enable_dhcp=False)
        self.network = self.made("network", name="mine")
        self.subnet = self.made("subnet", network_id=self.network, cidr="10.1.0.0/24", ip_version=4)
        self.port = self.made("port", network_id=self.network)
        self.assertEqual([os.environ["PORT"]], self.driver._knowing.catalogue().among([os.environ["PORT"]]))

    def made(self, what, **values):
        make = getattr(utils, f"create_{what}")
        return make(self.driver, self.context, {what: {"tenant_id": "t", **values}})["id"]

    def listed(self, **filters):
        names = {"vif_type": "binding:vif_type"}
        found = self.driver.get_ports(self.context, {names.get(name, name): values for name, values in filters.items()})
        return [port["id"] for port in found]

    def test_dhcp_agents_get_the_networks_of_ml2(self):
        self.assertEqual([], self.driver.schedule_network(self.context, {"id": self.stand_in}))
        infos = dhcp_rpc.DhcpRpcCallback().get_active_networks_info(self.context, host=HOST)
        self.assertEqual([(self.network, [self.port])], [(info["id"], [port["id"] for port in info["ports"]]) for info in infos])
        self.assertEqual([], self.driver.get_dhcp_agents_hosting_networks(self.context, [self.stand_in]))

    def test_one_that_was_scheduled_before_is_not_given_to_an_agent(self):
        (agent,) = self.driver.get_agent_objects(self.context)
        self.driver.network_scheduler.resource_filter.bind(self.context, [agent], self.stand_in)
        self.assertEqual(
            [self.stand_in], [n["id"] for n in self.driver.list_networks_on_dhcp_agent(self.context, agent.id)["networks"]]
        )
        infos = dhcp_rpc.DhcpRpcCallback().get_active_networks_info(self.context, host=HOST)
        self.assertNotIn(self.stand_in, [info["id"] for info in infos])
        self.assertEqual([], self.driver.get_dhcp_agents_hosting_networks(self.context, [self.stand_in]))

    def test_it_is_given_to_no_agent_by_hand(self):
        agent = self.driver.get_agents(self.context)[0]["id"]
        refused = (self.driver.add_network_to_dhcp_agent, self.context, agent, self.stand_in)
        self.assertRaises(exceptions.InvalidInput, *refused)
        self.driver.add_network_to_dhcp_agent(self.context, agent, self.network)
        self.driver.remove_network_from_dhcp_agent(self.context, agent, self.network)

    def test_ovn_gives_the_stand_in_a_port_for_metadata_and_nobody_another(self):
        metadata = {"device_owner": constants.DEVICE_OWNER_DISTRIBUTED, "device_id": f"ovnmeta-{self.stand_in}"}
        port = self.made("port", network_id=self.stand_in, fixed_ips=[], **metadata)
        found = {name: [value] for name, value in metadata.items()}
        self.assertEqual([port], self.listed(network_id=[self.stand_in], **found))
        self.assertRaises(exceptions.InvalidInput, self.made, "port", network_id=self.stand_in)
        self.driver.delete_port(self.context, port)

    def test_lists_of_routers_and_of_ml2s_subnets_are_ml2s(self):
        interface = constants.DEVICE_OWNER_ROUTER_INTF
        for filters in (
            {"device_owner": [constants.DEVICE_OWNER_ROUTER_GW]},
            {"device_owner": [constants.DEVICE_OWNER_ROUTER_HA_INTF], "status": ["ACTIVE"]},
            {"device_owner": [constants.DEVICE_OWNER_DVR_INTERFACE], "fixed_ips": {"subnet_id": [self.subnet]}},
            {"device_owner": [interface], "network_id": [self.stand_in]},
            {"device_id": [str(uuid4())]},
            {"network_id": [self.network], "fixed_ips": {"ip_address": ["10.1.0.99"]}, "vif_type": "bridge"},
            {"security_groups": [str(uuid4())]},
        ):
            self.assertEqual([], self.listed(**filters), filters)
        self.assertEqual([self.port], self.listed(fixed_ips={"subnet_id": [self.subnet]}))
        self.assertEqual([self.port], self.listed(id=[self.port]))
        self.assertEqual([self.port], self.listed(network_id=[self.network]))

    def test_what_neutron_compares_with_its_own_is_ml2s(self):
        self.assertEqual([self.port], [port["id"] for port in self.driver.get_ports(context.get_admin_context())])
        somebody = context.Context(user_id="admin", is_admin=True)
        self.assertRaises(exceptions.ServiceUnavailable, self.driver.get_ports, somebody)

    def test_what_may_have_gluons_is_503(self):
        for filters in (
            {},
            {"id": [os.environ["PORT"]]},
            {"network_id": [self.stand_in]},
            {"fixed_ips": {"subnet_id": [self.gluons]}},
        ):
            self.assertRaises(exceptions.ServiceUnavailable, self.listed, **filters)

    def test_ports_of_tenants_are_counted_in_memory(self):
        for filters, count in (({}, 2), ({"tenant_id": ["t"]}, 2), ({"project_id": ["u"]}, 0)):
            self.assertEqual(count, self.driver.get_ports_count(self.context, filters))
        self.assertRaises(exceptions.ServiceUnavailable, self.driver.get_ports_count, self.context, {"name": ["web"]})

    def test_rows_of_ports_that_there_are_not(self):
        (port,) = [os.environ["PORT"]]
        for roles, project, error in (
            (["member"], "t", exceptions.BadRequest),
            (["member"], "u", exceptions.PortNotFound),
            (["admin"], "u", exceptions.BadRequest),
        ):
            asker = context.Context(user_id="somebody", project_id=project, roles=roles)
            for given in (asker, asker.elevated()):
                self.assertRaises(error, ports.Port.get_object, given, id=port)
            self.assertIsNone(ports.Port.get_object(asker, id=str(uuid4())))

    def test_who_has_no_project_sees_nothing_of_gluons(self):
        nobody = context.Context(user_id="somebody", roles=["member"])
        self.assertEqual([], self.driver.get_ports(nobody))
        self.assertEqual(0, self.driver.get_ports_count(nobody))
