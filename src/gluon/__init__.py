# SPDX-License-Identifier: Apache-2.0
"""Gluon: from one YAML model of a networking service to its objects, database, REST API, command line and etcd layout."""

__version__ = "0.1.0"
