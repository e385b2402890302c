# SPDX-License-Identifier: Apache-2.0
"""A server to ask, with ports of a model whose nouns nobody knows; and packages that bring drivers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gluon.model.compile import compile_text
from gluon.model.schema import Proton
from tests.cli.apiserver import ApiServer, running

MODEL = """\
file_version: "1.0"
imports: base/base.yaml
info: {name: blue, version: "1.0"}
objects:
  Socket: {extends: BasePort, api: {name: socket}}
  Attachment: {extends: BaseInterface, api: {name: attachment, parent: Socket}}
  Overlay: {extends: BaseService, api: {name: overlay}}
  Membership: {extends: BaseServiceBinding, api: {name: membership}}
"""
PORTLESS = """\
file_version: "1.0"
info: {name: blue, version: "1.0"}
objects:
  Colour: {api: {name: colour}, attributes: {name: {type: string}}}
"""
PATH = "/proton/blue/v1.0/sockets"


def model(text: str = MODEL, **replaced: str) -> Proton:
    """The model with some of its words replaced."""
    for old, new in replaced.items():
        text = text.replace(old, new)
    return compile_text(text)


def port(id: str, **values: Any) -> dict[str, Any]:
    """A port's document, as the API shows it."""
    return {
        **{"id": id, "tenant_id": "t", "name": None, "mac_address": "02:00:00:00:00:01", "admin_state_up": True},
        **{"status": "DOWN", "vnic_type": "normal", "mtu": 1500, "vlan_transparency": False, "profile": None},
        **{"device_id": None, "device_owner": None, "host_id": None, "vif_type": None, "vif_details": None},
        **{"binding_state": "UNBOUND", "binding_reason": None, "binding_controller": None, "revision": 1},
        **{"created_at": "2026-01-01T00:00:00.000000Z", "updated_at": "2026-01-01T00:00:00.000000Z"},
        **values,
    }


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with running(ApiServer(model())) as server:
        yield server


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Installs a package: its name, its module's text, its entry points for Protons (proton=object)."""

    def install(name: str, text: str, **drivers: str) -> None:
        folder = tmp_path / name
        metadata = folder / f"{name}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        points = "".join(f"{proton} = {value}\n" for proton, value in drivers.items())
        (metadata / "entry_points.txt").write_text(f"[gluon.backends]\n{points}")
        (folder / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(str(folder))

    return install
