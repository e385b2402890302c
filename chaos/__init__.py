# SPDX-License-Identifier: Apache-2.0
"""A seeded run of random faults against a whole site under load, and the proofs that nothing was lost or reordered.

run ─► schedule (seed ─► faults)
   ├─► site     servers, shims, etcd members, database: each part a process, in a network namespace of its own (network)
   ├─► injuries does what the schedule says and heals it
   ├─► load     clients that keep account of what they were told (account); recorder is the backend behind the shims
   ├─► watcher  an independent look at etcd
   └─► proofs   what must be true at the end, from what evidence has gathered
"""
