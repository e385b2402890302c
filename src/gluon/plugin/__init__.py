# SPDX-License-Identifier: Apache-2.0
"""Neutron's core plugin: ML2, with the ports that Gluon knows beside its own.

    port id ─► registered in etcd? ─► no  ─► ML2, as if Gluon were not there
                                   └► yes ─► the driver of its Proton

Everything that imports Neutron stands in this package, and nothing outside it imports this package.
"""
