# SPDX-License-Identifier: Apache-2.0
"""The floor for HTTP: an ASGI app that reads the body and answers with the same one each time.

Served as ``python -m uvicorn bench.bare:app``; BARE_BODY names a file with the answer.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

_BODY = Path(os.environ["BARE_BODY"]).read_bytes()
_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(_BODY)).encode())],
}
_END = {"type": "http.response.body", "body": _BODY}


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Read what comes, send what we have."""
    while (await receive()).get("more_body"):
        pass
    await send(_START)
    await send(_END)
