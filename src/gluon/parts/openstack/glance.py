# SPDX-License-Identifier: Apache-2.0
"""A stub in place of Glance: one public image, whose data nobody fetches, because the fake virt driver boots nothing, and those
that Nova makes of machines which it shelves.

``python -m gluon.parts.openstack.glance PORT`` serves it. Answers as the Image API v2 does: versions, images, their schema.
"""

from __future__ import annotations

import json
import sys
import uuid
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


class Images:
    """Those that there are."""

    def __init__(self) -> None:
        self._made: dict[str, dict[str, Any]] = {IMAGE_ID: _IMAGE}

    def answer(self, method: str, path: str, base: str, body: bytes = b"") -> tuple[int, dict[str, Any]]:
        """Status and document of the answer. ``base``: the URL of the stub."""
        parts = path.partition("?")[0].rstrip("/").split("/")[1:]
        match method, parts:
            case "POST", ["v2", "images"]:
                id = str(uuid.uuid4())
                place = f"/v2/images/{id}"
                self._made[id] = {**_IMAGE, **json.loads(body), "id": id, "self": place, "file": f"{place}/file"}
                return 201, self._made[id]
            case "DELETE", ["v2", "images", id] if id in self._made and id != IMAGE_ID:
                del self._made[id]
                return 204, {}
            case "GET", _ if (found := self._get(parts, base)) is not None:
                return found
            case _:
                return 404, {"message": f"there is no {path} to {method}"}

    def _get(self, parts: list[str], base: str) -> tuple[int, dict[str, Any]] | None:
        match parts:
            case [] | [""]:
                version = {"id": "v2.9", "status": "CURRENT", "links": [{"rel": "self", "href": f"{base}/v2/"}]}
                return 300, {"versions": [version]}
            case ["v2", "schemas", "image"]:
                return 200, _SCHEMA
            case ["v2", "images"]:
                return 200, {"images": list(self._made.values()), "schema": "/v2/schemas/images", "first": "/v2/images"}
            case ["v2", "images", id] if id in self._made:
                return 200, self._made[id]
            case _:
                return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    images: Final = Images()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, document = self.images.answer(self.command, self.path, f"http://{self.headers['Host']}", body)
        data = json.dumps(document).encode() if status != 204 else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = _answer


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()
