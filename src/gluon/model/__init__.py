# SPDX-License-Identifier: Apache-2.0
"""The model language: from a YAML file to a frozen Proton, or to every fault in it.

    source ─► nodes ─► grammar ─► declarations ─► inheritance ─► references, typereader, attributes ─► objects ─► compile
    (ruamel)  (places)  (shape)    (+ imports)     (extends)      (meaning)                             (roles, parents, uniques)

What everything above reads: ``schema`` and ``types`` (the nouns), ``links`` (where references stand), ``values``,
``formats`` and ``patterns`` (what a value must be), ``catalogue`` (all models there are, in all their versions), ``faults``.
"""
