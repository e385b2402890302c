# SPDX-License-Identifier: Apache-2.0
"""``gluon port list|show|bind|unbind``: the ports of every Proton through Gluon's drivers, without OpenStack."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from gluon.backends.arbiter import Arbiter
from gluon.backends.description import Protons
from gluon.backends.driver import Driver, Filters, pages
from gluon.backends.errors import DriverError
from gluon.backends.ports import SERVICE_BINDINGS, Address, Port
from gluon.backends.servers import ProtonServers
from gluon.cli import invocation
from gluon.cli.table import table
from gluon.errors import GluonError
from gluon.model.faults import nearest
from gluon.model.schema import BindingState

_HEADS: Final = ("id", "proton", "tenant", "host", "device", "state", "controller")
_ROWS: Final = 1000  # of one table


class NotBound(GluonError):
    """A bind was refused, or is still awaited."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list the ports of every Proton, page by page")
    listing.add_argument("--proton", action="append", help="of this Proton only (repeatable)")
    for option, what in (("--tenant", "of this tenant"), ("--host", "on this host")):
        listing.add_argument(option, action="append", help=f"only ports {what} (repeatable)")
    states = [state.value for state in BindingState]
    listing.add_argument("--state", action="append", type=str.upper, choices=states, help="only such ports (repeatable)")
    showing = actions.add_parser("show", help="show a port, whichever Proton it is of")
    binding = actions.add_parser("bind", help="plug a port into a device on a host; 0 once it is BOUND, 1 where it is not")
    unbinding = actions.add_parser("unbind", help="take a port from its host and device")
    for action in (showing, binding, unbinding):
        action.add_argument("port", metavar="PORT", help="its id")
        action.add_argument("--proton", help="its Proton; by default it is looked for")
    binding.add_argument("--host", required=True, help="the host, as a shim's host_list has it")
    binding.add_argument("--device", required=True, metavar="ID", help="the virtual machine that uses the port")
    binding.add_argument("--owner", default="", help="the service that uses it, such as compute:nova")
    binding.add_argument("--zone", default="", help="the availability zone, where the model's port has one")
    binding.add_argument("--profile", type=_json_object, metavar="JSON", help="what the backend must know of the host's device")
    for action in (listing, showing, binding, unbinding):
        action.add_argument("--json", action="store_true", help="print one JSON object, ports as the API shows them")
        action.add_argument(
            "--server",
            action="append",
            metavar="URL",
            help="a Proton Server, such as http://127.0.0.1:2705 (repeatable: each Proton is asked for where it is, at the next"
            " server of its site where one cannot be reached; default: from $OS_PROTON_HOST and $OS_PROTON_PORT)",
        )


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"{text!r} is not a JSON object, such as '{{\"key\": 1}}'")
    return value


def run(args: argparse.Namespace) -> int:
    """0 if it was done; 1 where a Proton could not be asked or a port is not bound."""
    with ProtonServers(args.server or [invocation.read((), os.environ).url]) as servers:
        arbiter = Arbiter(servers)
        if args.action == "list":
            return _list(arbiter, args)
        if args.action == "show":
            return _show(_driver(arbiter, args).port(args.port) if args.proton else arbiter.port(args.port), args)
        driver = _driver(arbiter, args) if args.proton else arbiter.owner(args.port)
        return _bind(driver, args) if args.action == "bind" else _unbind(driver, args)


def _driver(arbiter: Arbiter, args: argparse.Namespace) -> Driver:
    return arbiter.driver(_known(args.proton, arbiter.protons()))


def _known(name: str, protons: Protons) -> str:
    if name not in protons.names:
        near = nearest(name, protons.names)
        raise protons.without(f"there is no Proton '{name}'" + (f": did you mean '{near}'?" if near else ""))
    return name


def _list(arbiter: Arbiter, args: argparse.Namespace) -> int:
    """Ports as they come. A Proton or a server that cannot be asked is told of, and costs no other."""
    protons = arbiter.protons()
    wanted = [_known(name, protons) for name in args.proton or protons.names]
    given = {"tenant_id": args.tenant, "host_id": args.host, "binding_state": args.state}
    filters = {name: values for name, values in given.items() if values}
    failures: list[DriverError] = []
    found = _ports(arbiter, wanted, filters, failures)
    (_write_json if args.json else _write_table)(found)
    for failure in failures:
        print(f"gluon: {failure}", file=sys.stderr)
    for silent in () if args.proton else protons.silent:
        print(f"gluon: {silent}; ports of a Proton that no other server has are not listed", file=sys.stderr)
    return 1 if failures else 0


def _ports(arbiter: Arbiter, names: Sequence[str], filters: Filters, failures: list[DriverError]) -> Iterator[Port]:
    for name in names:
        try:
            for page in pages(arbiter.driver(name), filters):
                yield from page.ports
        except DriverError as error:
            failures.append(error)


def _write_json(found: Iterator[Port]) -> None:
    """One object, a port a line, so that no list is ever whole in memory."""
    before = '{"ports": ['
    for port in found:
        print(f"{before}\n{json.dumps(_document(port), ensure_ascii=False)}", end="")
        before = ","
    print("\n]}" if before == "," else f"{before}]}}")


def _write_table(found: Iterator[Port]) -> None:
    """A table, or several of a long list: each as wide as what is in it, and shown as soon as it is full."""
    rows = [_row(port) for port in islice(found, _ROWS)]
    while True:
        _print_table(_HEADS, rows)
        rows = [_row(port) for port in islice(found, _ROWS)]
        if not rows:
            return


def _print_table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in table(heads, rows, width):
        print(line)


def _row(port: Port) -> list[Any]:
    binding = (port.host_id, port.device_id, port.binding_state.value, port.binding_controller)
    return [port.id, port.service, port.tenant_id, *binding]


def _document(port: Port) -> Mapping[str, Any]:
    return {"proton": port.service, **port.record}


def _show(port: Port, args: argparse.Namespace) -> int:
    if args.json:
        print(json.dumps(_document(port), indent=2, ensure_ascii=False))
        return 0
    shown = {name: value for name, value in _document(port).items() if name != SERVICE_BINDINGS}
    addresses = ", ".join(map(_cidr, port.addresses))
    _print_table(("attribute", "value"), [[name, value] for name, value in {**shown, "addresses": addresses}.items()])
    return 0


def _cidr(address: Address) -> str:
    return address.address if address.prefix is None else f"{address.address}/{address.prefix}"


def _bind(driver: Driver, args: argparse.Namespace) -> int:
    port = driver.bind(args.port, args.owner, args.zone, args.device, args.host, args.profile)
    if args.json:
        _show(port, args)
    elif port.binding_state is BindingState.BOUND:
        print(f"{port.id} is bound on {port.host_id} by {port.binding_controller}: {port.vif_type}")
    if port.binding_state is not BindingState.BOUND:
        raise NotBound(_why(port))
    return 0


def _why(port: Port) -> str:
    if port.binding_state is BindingState.FAILED:
        return f"{port.id} is not bound on {port.host_id}: {port.binding_reason or 'no reason is given'}"
    return (
        f"{port.id} is not bound yet ({port.binding_state}): no controller has answered for host {port.host_id};"
        " gluon shim list says which hosts have one"
    )


def _unbind(driver: Driver, args: argparse.Namespace) -> int:
    port = driver.unbind(args.port)
    if args.json:
        return _show(port, args)
    print(f"{port.id} is unbound")
    return 0
