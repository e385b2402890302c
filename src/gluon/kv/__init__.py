# SPDX-License-Identifier: Apache-2.0
"""etcd, as the rest of Gluon sees it.

    contract                 the values, the errors and the protocols ``Kv`` and ``Lease``
    etcd                     the client of a cluster: codec, wire, members, status, explaining, certificates, leases, watching
    memory                   its twin without a cluster: ledger, limits
    process, cluster         a real etcd as a child, for tests and demonstrations: program

It knows keys and bytes, never what they mean, and only ``etcd`` and what is listed with it import gRPC.
"""

import os

# gRPC's C core writes to standard error by itself, several lines for each failed handshake. What they say reaches the log through
# the errors of calls. It reads this once, when it is first imported.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
