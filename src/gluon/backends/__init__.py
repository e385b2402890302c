# SPDX-License-Identifier: Apache-2.0
"""Gluon's drivers: the ports of every Proton through one interface, and which Proton a port is of.

    port id ─► Arbiter ─► Driver of the Proton that owns it ─► ProtonServers ─► GET, PATCH … /proton/<proton>/v<version>/<ports>
                 │            made from the model (ModelDriver), or a package's own (entry points ``gluon.backends``)
                 └ Registry, the registrations in etcd, where there is one; else each Proton is asked

Synchronous, and safe for many threads at once. Knows the API as its documents describe it, and no model beside it.
"""
