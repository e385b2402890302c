# SPDX-License-Identifier: Apache-2.0
"""From what a database has to what the models need.

    models ─► wanted ┐                                       ┌─► plan on a screen, script for a DBA
    database ─► description ─┴─► planning (pure) ─► steps ───┼─► checks on the data
    gluon_columns ─► columns ┘                               └─► applying, history

Nothing is taken away unless it was named; nothing that older servers need is changed under them.
"""
