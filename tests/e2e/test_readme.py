# SPDX-License-Identifier: Apache-2.0
"""The README's service of your own: its model is saved, and the commands beside it are run as they stand."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from gluon.parts.child import clean_environment
from gluon.parts.site import Site

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BIN = Path(sys.executable).parent
TENANT = "0123456789abcdef0123456789abcdef"


def block(beginning):
    """The first code block that begins like this."""
    return next(
        text for text in re.findall(r"^```\w*\n(.*?)^```", README, re.MULTILINE | re.DOTALL) if text.startswith(beginning)
    )


def run(line, folder, **environment):
    words = line.partition("#")[0].split()
    assert shutil.which(words[0], path=BIN), f"{words[0]} is not installed"
    environment = clean_environment(XDG_CACHE_HOME=str(folder / "cache"), **environment)
    command = (BIN / words[0], *words[1:])
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


async def test_a_service_of_your_own(tmp_path):
    (tmp_path / "circle.yaml").write_text(block("file_version"))
    check, render, serve, client = block("gluon check").splitlines()
    assert serve.startswith("proton-server --config-file")
    for line in (check, render):
        done = run(line, tmp_path)
        assert done.returncode == 0, done.stderr
    async with Site(tmp_path, proton="net-circle", models=tmp_path) as site:
        server = await site.start_server(settings={"api": {"bind_timeout": 20}})
        await site.start_shim("compute-1")
        done = run(client, tmp_path, OS_PROTON_PORT=str(server.port))
        assert done.returncode == 0, done.stderr
        assert "In kilometres" in done.stdout
        command = site.client(server)
        circle = command.run("circle-create", "--radius", "7")
        port = command.run("port-create", "--tenant_id", TENANT)
        command.run("membership-create", "--interface_id", port["id"], "--service_id", circle["id"], "--angle", "90")
        bound = command.run("port-update", port["id"], "--host_id", "compute-1", "--device_id", "vm")
        assert bound["binding_state"] == "BOUND"


def test_the_commands_are_targets_of_make():
    targets = (ROOT / "Makefile").read_text()
    for line in block("make demo").splitlines():
        assert f"\n{line.split()[1]}:" in targets
