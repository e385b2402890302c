# SPDX-License-Identifier: Apache-2.0
"""The driver for PostgreSQL, over asyncpg, which the extra ``gluon[postgresql]`` brings."""
