# SPDX-License-Identifier: Apache-2.0
"""What gunicorn serves: the WSGI application of the service that the environment names; its answers say which process gave them.

The process ends with gunicorn, however that ends, also while the service is still being imported.

The services read the command line when they are imported, and must not find gunicorn's there. Runs in the service's virtualenv.
"""

import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

_PR_SET_PDEATHSIG = 1  # prctl(2)
ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
sys.argv = [sys.argv[0], *json.loads(os.environ["WSGI_ARGUMENTS"])]
_service = import_module(os.environ["WSGI_MODULE"]).application


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """WSGI (PEP 3333)."""

    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        return start_response(status, [*headers, ("X-Worker", str(os.getpid()))], *more)

    answer: Iterable[bytes] = _service(environ, start)
    return answer
