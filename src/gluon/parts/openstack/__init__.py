# SPDX-License-Identifier: Apache-2.0
"""An OpenStack on one machine, as the peer that Gluon meets: Keystone, Neutron, Placement and Nova as they are released, with
MariaDB and RabbitMQ; a fake virt driver in place of a hypervisor, a stub in place of Glance.

    async with Cloud(folder) as cloud:
        cloud.api(OWNER).post("network", "/v2.0/networks", {"network": {"name": "blue"}})
        cloud.client(ADMIN).run("server", "list")

 environments                 a virtualenv for each service, from a lock file, kept in the user's cache
 template                     databases that hold the contents of a new cloud, made once, kept beside them
 keystone, neutron, nova, …   what runs, and with which settings
 cloud                        all of it, started and ended
 api, client, servers         what users of OpenStack do with it
 inside                       what runs within OpenStack's own processes; nothing here imports it

Not for production: passwords are known, and only loopback is listened on.
"""
