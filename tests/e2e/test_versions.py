# SPDX-License-Identifier: Apache-2.0
"""Three versions of one Proton from end to end: the client of each, one set of tables, and etcd with the newest."""

from __future__ import annotations

import json
from pathlib import Path

from gluon.parts.site import Site

MODELS = Path(__file__).parents[1] / "server" / "versions"
TENANT = "0123456789abcdef0123456789abcdef"


async def test_the_client_of_each_version_and_what_etcd_carries(tmp_path):
    async with Site(tmp_path, proton="line", models=MODELS) as site:
        client = site.client(await site.start_server())
        words = ("line-create", "--tenant_id", TENANT, "--bandwidth", "7", "--label", "a")
        line = client.run("--api-version", "1.0", *words)
        assert line["bandwidth"] == 7 and "rate" not in line
        assert client.run("--api-version", "1.1", "line-update", line["id"], "--speed", "8")["speed"] == 8
        assert client.run("line-update", line["id"], "--colour", "red")["rate"] == 8
        assert client.run("--api-version", "1.0", "line-update", line["id"], "--bandwidth", "9")["bandwidth"] == 9
        assert client.run("--api-version", "1.0", "line-list", "--bandwidth", "9")["lines"][0]["id"] == line["id"]
        refused = client.call("--api-version", "1.0", "line-update", line["id"], "--rate", "1")
        assert refused.returncode != 0 and "rate" in refused.stderr

        async def carried():
            found = await site.kv.get(f"/proton/line/Line/{line['id']}")
            said = json.loads(found.value) if found else {}
            return said if said.get("rate") == 9 else None

        said = await site.until(carried, "the line in etcd")
        assert (said["colour"], said["protected"]) == ("red", False)
        assert not {"bandwidth", "speed", "pin"} & said.keys()
