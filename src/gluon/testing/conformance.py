# SPDX-License-Identifier: Apache-2.0
"""Whether a backend stands what a shim will do to it: the suite for authors of backends.

With pytest:                                          As a program:
    class TestMine(Conformance):                          python -m gluon.testing.conformance net-l3vpn net-l3vpn-dummy
        proton = load_catalogue()["net-l3vpn"].newest
        make = MyBackend

Each scenario drives a real shim on an etcd in memory. At its end the backend must have been handed what is wanted, and must
have been told to undo all else; it may have raised nothing but ``Temporary`` and ``Permanent``.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import traceback
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from gluon.model.catalogue import load_catalogue
from gluon.model.schema import Proton
from gluon.shim import loading
from gluon.testing import scenarios
from gluon.testing.rig import Rig

Scenario = Callable[[Rig], Awaitable[None]]


class Conformance:
    """The suite for pytest: subclass it, name the Proton, and say how the backend is made (anew for each start of a shim)."""

    proton: ClassVar[Proton]
    make: ClassVar[Callable[[], object]]
    #: Seconds that a scenario may wait for the backend.
    patience: ClassVar[float] = 60.0

    def run(self, scenario: Scenario) -> None:
        """Run one scenario. Raises AssertionError with what went wrong."""
        asyncio.run(run(scenario, self.proton, type(self).make, patience=self.patience))

    def test_life(self) -> None:
        self.run(scenarios.life)

    def test_duplicate_calls(self) -> None:
        self.run(scenarios.duplicate_calls)

    def test_restart_between_any_two_calls(self) -> None:
        self.run(scenarios.restart_between_any_two_calls)

    def test_temporary(self) -> None:
        self.run(scenarios.temporary)

    def test_permanent(self) -> None:
        self.run(scenarios.permanent)

    def test_any_exception(self) -> None:
        self.run(scenarios.any_exception)

    def test_refusal(self) -> None:
        self.run(scenarios.refusal)

    def test_delete_while_bound(self) -> None:
        self.run(scenarios.delete_while_bound)

    def test_host_change(self) -> None:
        self.run(scenarios.host_change)

    def test_created_again(self) -> None:
        self.run(scenarios.created_again)

    def test_late_references(self) -> None:
        self.run(scenarios.late_references)

    def test_many(self) -> None:
        self.run(scenarios.many)


async def run(scenario: Scenario, proton: Proton, make: Callable[[], object], *, patience: float = 60.0) -> None:
    """Run one scenario. Raises AssertionError with what went wrong."""
    rig = Rig(proton, make, patience)
    try:
        await scenario(rig)
    finally:
        await rig.stop()
        await rig.kv.close()


def check(proton: Proton, make: Callable[[], object]) -> dict[str, Exception | None]:
    """Run all scenarios; what each ended with (None: it passed)."""
    results: dict[str, Exception | None] = {}
    for scenario in scenarios.ALL:
        try:
            asyncio.run(run(scenario, proton, make))
        except AssertionError as error:
            results[scenario.__name__] = error
        else:
            results[scenario.__name__] = None
    return results


def main(argv: Sequence[str] | None = None) -> int:
    """Check an installed backend; 0 where it conforms."""
    parser = argparse.ArgumentParser(prog="python -m gluon.testing.conformance", description=__doc__.splitlines()[0])
    parser.add_argument("proton", help="the Proton whose objects it is handed")
    parser.add_argument("backend", help="its name among the entry points gluon.shim.backends")
    args = parser.parse_args(argv)
    results = check(load_catalogue()[args.proton].newest, lambda: loading.load_backend(args.backend))
    for name, error in results.items():
        sys.stdout.write(f"{'ok    ' if error is None else 'FAILED'} {name}\n")
        if error is not None:
            sys.stdout.write("".join(traceback.format_exception_only(error)))
    return int(any(results.values()))


if __name__ == "__main__":
    raise SystemExit(main())
