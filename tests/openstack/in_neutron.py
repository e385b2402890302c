# SPDX-License-Identifier: Apache-2.0
"""A plugin of pytest, for Neutron's own tests within Neutron's environment: ML2's tests get another core plugin than ML2.

python -m pytest -p in_neutron --pyargs neutron.tests.unit.plugins.ml2.test_plugin

CORE_PLUGIN, ETCD and, where there is one, PROTON are variables.
"""

import os

from neutron.tests.unit.plugins.ml2 import test_plugin
from oslo_config import cfg

from gluon.plugin import options

test_plugin.PLUGIN_NAME = os.environ["CORE_PLUGIN"]
# Where much else runs, the list of ports may come later than anybody would wait for it in use.
cfg.set_defaults(options.OPTIONS, etcd_endpoints=[os.environ["ETCD"]], etcd_timeout=30.0)
if "PROTON" in os.environ:
    cfg.set_defaults(options.OPTIONS, proton_endpoints=[os.environ["PROTON"]])
