# SPDX-License-Identifier: Apache-2.0
"""A stub in place of Glance: one public image, whose data nobody fetches, because the fake virt driver boots nothing.

``python -m gluon.parts.openstack.glance PORT`` serves it. Answers as the Image API v2 does: versions, images, their schema.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from gluon.parts.openstack.layout import Layout
from gluon.parts.openstack.program import Program

#: The image that there is.
IMAGE_ID: Final = "00000000-0000-4000-8000-0000000d15c0"
IMAGE_NAME: Final = "disk"

_TIME: Final = "2026-01-01T00:00:00Z"
_IMAGE: Final[dict[str, Any]] = {
    "id": IMAGE_ID,
    "name": IMAGE_NAME,
    "status": "active",
    "visibility": "public",
    "protected": False,
    "os_hidden": False,
    "owner": None,
    "container_format": "bare",
    "disk_format": "raw",
    "min_disk": 0,
    "min_ram": 0,
    "size": 1024,
    "virtual_size": None,
    "checksum": "0" * 32,
    "created_at": _TIME,
    "updated_at": _TIME,
    "tags": [],
    "self": f"/v2/images/{IMAGE_ID}",
    "file": f"/v2/images/{IMAGE_ID}/file",
    "schema": "/v2/schemas/image",
}
_SCHEMA: Final = {
    "name": "image",
    "properties": {name: {"type": ["null", "string", "integer", "boolean", "array"]} for name in _IMAGE},
    "additionalProperties": {"type": "string"},
}


def programs(layout: Layout) -> list[Program]:
    """Its process."""
    port = layout.image_port
    return [Program("glance", (sys.executable, "-m", "gluon.parts.openstack.glance", str(port)), port=port)]


def answer(path: str, base: str) -> tuple[int, dict[str, Any]]:
    """Status and document of a GET. ``base``: the URL of the stub."""
    match path.partition("?")[0].rstrip("/").split("/")[1:]:
        case [] | [""]:
            version = {"id": "v2.9", "status": "CURRENT", "links": [{"rel": "self", "href": f"{base}/v2/"}]}
            return 300, {"versions": [version]}
        case ["v2", "schemas", "image"]:
            return 200, _SCHEMA
        case ["v2", "images"]:
            return 200, {"images": [_IMAGE], "schema": "/v2/schemas/images", "first": "/v2/images"}
        case ["v2", "images", name] if name == IMAGE_ID:
            return 200, _IMAGE
        case _:
            return 404, {"message": f"there is no {path}"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status, document = answer(self.path, f"http://{self.headers['Host']}")
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()
