# SPDX-License-Identifier: Apache-2.0
"""What gunicorn serves: the WSGI application of the service that the environment names.

The services read the command line when they are imported, and must not find gunicorn's there. Runs in the service's virtualenv.
"""

import json
import os
import sys
from importlib import import_module

sys.argv = [sys.argv[0], *json.loads(os.environ["WSGI_ARGUMENTS"])]
application = import_module(os.environ["WSGI_MODULE"]).application
