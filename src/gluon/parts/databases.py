# SPDX-License-Identifier: Apache-2.0
"""The database servers that tests, chaos and benchmarks start, under one roof."""

from gluon.parts.engine import PASSWORD, USER, DatabaseServer, Tls
from gluon.parts.galera import GaleraCluster, GaleraNode
from gluon.parts.mariadb import MariadbServer
from gluon.parts.postgres import PostgresServer

__all__ = ["PASSWORD", "USER", "DatabaseServer", "GaleraCluster", "GaleraNode", "MariadbServer", "PostgresServer", "Tls"]
