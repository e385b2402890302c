# SPDX-License-Identifier: Apache-2.0
"""A cloud that commands ask by their ``OS_*`` variables."""

import os
from collections.abc import Iterator

import pytest

from tests.cmd.cloud import Cloud, running


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """One without services; the environment names its admin."""
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    with running(Cloud()) as cloud:
        for name, value in cloud.variables.items():
            monkeypatch.setenv(name, value)
        yield cloud
