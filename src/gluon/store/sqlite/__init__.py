# SPDX-License-Identifier: Apache-2.0
"""The embedded database: one file, no server.

opening        makes or checks the file            ─► connections
reading        threads that read, each on snapshots of its own
committing     one writer thread, commits in groups
transactions   what Reads and Tx run on
engine         the Store that joins them
"""
