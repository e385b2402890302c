# SPDX-License-Identifier: Apache-2.0
"""The engine for a database server (PostgreSQL, MariaDB), written once over ``gluon.store.driver``.

    requests ── write(work) ──► queue ──► lane: takes all that waits, one transaction for it
                                          BEGIN · work · work · work · rows gathered, sent many at once · COMMIT
    requests ── get, page, read ──► pool of reading connections
    relay ───── take, backlog ────► a pool of its own;  settle, marks ──► a lane of its own

gathering      the rows of one transaction that are not sent yet
transactions   Tx: reads and locks at once, gathers what it inserts
attempting     one transaction for a group: what came of it, and whose fault it was
committing     lanes: take groups, part them where one of them went wrong, repeat what may be repeated
pool           connections that read: so many at most, replaced when the database was restarted
opening        makes or checks the tables               engine     the Store that joins them

**No savepoints.** They cost a round trip for each request. Instead, where a group goes wrong, all of it is rolled back. A
member known to be at fault is run again alone, the others together; where it is not known who it was, each half is run again.
So each request gets a result of its own, from a transaction that held it alone or with others that all were well.

**Isolation** is READ COMMITTED for what writes: verbs lock (SELECT … FOR UPDATE) what their decisions rest on, unique indexes
and foreign keys guard the rest, and who allocates values changes one row first that all who allocate change. Nothing but the
database keeps two servers apart. A group waits for no object that another transaction has locked: it goes on without the
member that wants it, which comes again a little later and at last, alone, waits. Snapshots are REPEATABLE READ, read only.

**What may be repeated** is what the database kept nothing of: a deadlock, a lock that took too long, a connection lost before
COMMIT was sent; until ``PATIENCE`` is over. A connection that was lost between COMMIT and its answer: nobody knows, so
its members get Unavailable, and nothing is repeated.
"""
