# SPDX-License-Identifier: Apache-2.0
"""The databases that the whole runs on."""

import pytest


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database(request):
    """The URL of an empty database for a site; None for a file of the site's own."""
    return None if request.param == "sqlite" else request.getfixturevalue(f"{request.param}_url")
