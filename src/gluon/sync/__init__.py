# SPDX-License-Identifier: Apache-2.0
"""The Proton Server's side of etcd: what is wanted goes down, what shims answer comes up.

    election   one relay at a time                      doorbell   another server's commit wakes it
    batching   changes -> transactions (pure)           position   what /gluon/sync says (pure)
    writer     every write: fenced, and in sequence
    relay      change rows -> etcd, one Proton          resync     both sides compared, and repaired
    answers    one watch -> the database -> waits       answer     what an answer says (pure)
    service    all of it together                       metrics    its figures

It knows nothing of HTTP, and no database transaction is open while it talks to etcd.
"""
