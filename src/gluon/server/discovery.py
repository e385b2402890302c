# SPDX-License-Identifier: Apache-2.0
"""The documents that say what there is: made once at start, served as bytes with an ETag.

/proton                       the Protons
/proton/<p>                   its versions
/proton/<p>/v<v>              its resources
/proton/<p>/v<v>/openapi.json, commands.json
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from gluon.model.catalogue import Family
from gluon.model.schema import Proton
from gluon.particle import commands, openapi, routes
from gluon.server.conditions import unchanged
from gluon.server.dispatch import Endpoint
from gluon.server.exchange import Request, Response

ROOT = "/proton"


def endpoints(families: Mapping[str, Family]) -> Iterator[Endpoint]:
    """An endpoint for each document."""
    yield _document(ROOT, {"protons": [_proton(name) for name in sorted(families)]})
    for family in families.values():
        yield _document(f"{ROOT}/{family.name}", _versions(family))
        for proton in family.versions.values():
            base = routes.prefix(proton)
            yield _document(base, _resources(proton))
            yield _document(f"{base}/openapi.json", openapi.openapi(proton))
            yield _document(f"{base}/commands.json", commands.commands(proton))


def _proton(name: str) -> dict[str, Any]:
    return {"proton_service": name, "status": "CURRENT", "links": [_link("self", f"{ROOT}/{name}")]}


def _versions(family: Family) -> dict[str, Any]:
    """The newest version is the default one and CURRENT, the others are SUPPORTED."""
    versions = [
        {
            "version": proton.version,
            "status": "CURRENT" if proton is family.newest else "SUPPORTED",
            "links": [_link("self", routes.prefix(proton))],
        }
        for proton in family.versions.values()
    ]
    return {"default_version": family.newest.version, "versions": versions}


def _resources(proton: Proton) -> dict[str, Any]:
    base = routes.prefix(proton)
    resources = [
        {
            "resource_name": obj.api.plural_name,
            "status": "CURRENT",
            "links": [_link("self", routes.collection(proton, obj))],
        }
        for obj in proton.objects
    ]
    # RFC 8631 names the relation of a service to its machine-readable description.
    links = [_link("service-desc", f"{base}/openapi.json"), _link("commands", f"{base}/commands.json")]
    return {"resources": resources, "links": links}


def _link(rel: str, href: str) -> dict[str, str]:
    return {"rel": rel, "href": href}


def _document(path: str, content: dict[str, Any]) -> Endpoint:
    body = msgspec.json.encode(content)
    tag = b'"%s"' % hashlib.blake2b(body, digest_size=12).hexdigest().encode()
    whole = Response(200, body, headers=((b"etag", tag),))
    same = Response(304, headers=((b"etag", tag),))

    async def serve(request: Request) -> Response:
        return same if unchanged(request, tag) else whole

    return Endpoint(path, {"GET": serve})
