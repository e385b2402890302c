# SPDX-License-Identifier: Apache-2.0
"""The driver in ``docs/writing-a-driver.md`` works as it stands there; the page names every call and every error."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from gluon.backends import errors
from gluon.backends.driver import Driver
from gluon.backends.drivers import Drivers
from gluon.backends.errors import Refused
from gluon.backends.ports import Address, Port
from gluon.backends.servers import ProtonServers
from tests.cli.apiserver import ApiServer

from .conftest import model, port

PAGE = (Path(__file__).parents[2] / "docs/writing-a-driver.md").read_text()


def test_the_example(api: ApiServer, package: Callable[..., None]) -> None:
    (text,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (proton, value) = re.findall(r"^gluon\.backends =\n    (\S+) = (\S+)$", PAGE, re.MULTILINE)[0]
    package("net_racks", text, **{proton: value})
    api.proton = model(**{"name: blue": f"name: {proton}"})
    bindings = [{"interface_id": "p", "networks": ["192.0.2.7/24", "2001:db8::7/64"]}]
    api.objects["sockets"] = {"p": port("p", service_bindings=bindings)}
    with ProtonServers([api.url]) as servers:
        driver = Drivers(servers).of(proton)
        with pytest.raises(Refused, match="shelf-1 is in no rack"):
            driver.bind("p", "", "", "vm", "shelf-1")
        bound = driver.bind("p", "", "", "vm", "rack-1")
    assert isinstance(bound, Port) and bound.host_id == "rack-1"
    assert bound.addresses == (Address("192.0.2.7", "p", 24), Address("2001:db8::7", "p", 64))


def test_every_call_and_error_is_named() -> None:
    calls = [name for name in vars(Driver) if not name.startswith("_") and name != "proton"]
    assert len(calls) == 6 and [call for call in calls if f"`{call}(" not in PAGE] == []
    family = [kind.__name__ for kind in errors.DriverError.__subclasses__() if kind.__module__ == errors.__name__]
    assert len(family) == 4 and [name for name in family if f"`{name}`" not in PAGE] == []
