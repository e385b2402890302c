# SPDX-License-Identifier: Apache-2.0
"""The driver that is made from a model: all it knows of a Proton it has from the Proton Server, at run time.

bind(…) ─► PATCH /proton/<proton>/v<default version>/<ports>/<id>  {"host_id", "device_id", …} ─► Port

Where a request does not fit any more (404, 400), the server is asked whether the Proton has changed, and the request is made
once more if it has. A refused request did nothing, so that is no blind repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

from gluon.backends.description import Description, PortsApi
from gluon.backends.driver import Filters
from gluon.backends.errors import NotFound, Refused, Unavailable
from gluon.backends.holding import possible
from gluon.backends.ports import SERVICE_BINDINGS, Address, Addresses, Page, Port, Record, base_addresses
from gluon.backends.servers import ProtonServers, decoded
from gluon.backends.waiting import Answered, cut_short, to_the_end
from gluon.client.resources import if_match

_T = TypeVar("_T")
#: What an unbind takes from a port.
_PLACE: Final = ("host_id", "device_id", "device_owner")
_ZONE: Final = "zone"
_NOTHING: Final[Mapping[str, Any]] = {}


class ModelDriver:
    """The ports of one Proton, by its default version. See ``driver.Driver`` for what each call does."""

    def __init__(self, proton: str, servers: ProtonServers, addresses: Addresses = base_addresses) -> None:
        """``addresses`` reads those of a service binding. Nothing is asked before the first call."""
        self.proton = proton
        self._servers = servers
        self._addresses = addresses
        self._description = Description(proton, servers)

    def bind(
        self,
        port_id: str,
        device_owner: str,
        zone: str,
        device_id: str,
        host_id: str,
        binding_profile: Mapping[str, Any] | None = None,
        *,
        revision: int | None = None,
    ) -> Port:
        """PATCH; answered when the bind is done, or with BINDING."""
        values = {"device_owner": device_owner or None, "device_id": device_id, "host_id": host_id}
        return self._changed(port_id, {**values, **_profile(binding_profile)}, {_ZONE: zone or None}, revision)

    def unbind(
        self,
        port_id: str,
        *,
        keeps: Collection[str] = (),
        binding_profile: Mapping[str, Any] | None = None,
        revision: int | None = None,
    ) -> Port:
        """PATCH; the API clears what the bind had set."""
        values = {name: None for name in _PLACE if name not in keeps}
        return self._changed(port_id, {**values, **_profile(binding_profile)}, {_ZONE: None}, revision)

    def update(self, port_id: str, values: Mapping[str, Any], *, revision: int | None = None) -> Port:
        """PATCH."""
        return self._changed(port_id, values, revision=revision)

    def delete(self, port_id: str, *, revision: int | None = None) -> None:
        """DELETE."""
        self._asked(lambda api: self._servers.request("DELETE", _path(api, port_id), headers=if_match(revision)))

    def port(self, port_id: str) -> Port:
        """GET."""

        def one(api: PortsApi) -> Port:
            document = self._servers.json("GET", _path(api, port_id), query=_shown(api))
            with self._understanding():
                return self._port(document, api)

        return self._asked(one)

    def ports(self, filters: Filters, limit: int | None = None, after: str | None = None) -> Page:
        """GET, one request; none for what no port can have. A Proton without ports has an empty page."""

        def page(api: PortsApi) -> Page:
            wanted = possible(filters, api.texts)
            if not all(wanted.values()):
                return Page(())
            if not after or possible({api.identifier: (after,)}, api.texts)[api.identifier]:
                return self._page(api, wanted, limit, after or None)
            # Behind what is no identifier of this Proton's its server cannot begin.
            found = self._page(api, wanted, limit, None)
            while found.after is not None and found.ports[-1].id <= after:
                found = self._page(api, wanted, limit, found.after)
            return Page(tuple(port for port in found.ports if port.id > after), found.after)

        if not all(filters.values()) or self._description.now() is None:
            return Page(())
        return self._asked(page)

    def _page(self, api: PortsApi, filters: Filters, limit: int | None, marker: str | None) -> Page:
        query = [*_query(filters), *_shown(api)]
        query += [("limit", str(limit))] if limit is not None else []
        query += [("marker", marker)] if marker is not None else []
        document = self._servers.json("GET", api.path, query=query)
        with self._understanding():
            return Page(tuple(self._port(record, api) for record in document[api.plural]), _after(document))

    def _changed(
        self,
        port_id: str,
        values: Mapping[str, Any],
        optional: Mapping[str, Any] = _NOTHING,
        revision: int | None = None,
    ) -> Port:
        """The port as the change left it; ``optional`` are values for attributes that the model may not have."""
        answered = self._patched(port_id, values, revision, optional)
        return to_the_end(answered, partial(self._patched, port_id), partial(self.port, port_id), self._servers.timeout)

    def _patched(
        self, port_id: str, values: Mapping[str, Any], revision: int | None, optional: Mapping[str, Any] = _NOTHING
    ) -> Answered:
        def patch(api: PortsApi) -> Answered:
            given = {**values, **{name: value for name, value in optional.items() if name in api.changeable}}
            path, only_if = _path(api, port_id), if_match(revision)
            answer = self._servers.request("PATCH", path, query=_shown(api), values=given, headers=only_if)
            document = decoded(answer, changed=True)
            with self._understanding(changed=True):
                return Answered(self._port(document, api), cut_short(answer))

        return self._asked(patch)

    def _asked(self, ask: Callable[[PortsApi], _T]) -> _T:
        """The answer by what is known of the Proton, or by what it is now if that is something else."""
        known = self._description.now()
        try:
            return ask(self._with_ports(known))
        except (NotFound, Refused) as error:
            if isinstance(error, Refused) and error.status != 400:
                raise
            now = self._description.again()
            if now == known:
                raise
            return ask(self._with_ports(now))

    def _with_ports(self, api: PortsApi | None) -> PortsApi:
        if api is None:
            raise NotFound(f"'{self.proton}' has no ports")
        return api

    def _port(self, record: Any, api: PortsApi) -> Port:
        return Port.of(self.proton, record, self._addresses if api.shows_bindings else _no_addresses)

    @contextmanager
    def _understanding(self, *, changed: bool = False) -> Iterator[None]:
        """Around the reading of an answer, which may be anything."""
        try:
            yield
        except (KeyError, TypeError, ValueError, AttributeError):
            raise Unavailable(f"the answer of {self._servers} is none about ports of '{self.proton}'", sent=changed) from None


def _profile(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """The attribute, where it is to be something else."""
    return {"profile": dict(given)} if given is not None else {}


def _path(api: PortsApi, port_id: str) -> str:
    return f"{api.path}/{quote(port_id, safe='')}"


def _shown(api: PortsApi) -> list[tuple[str, str]]:
    """What is to be shown with each port."""
    return [("include", SERVICE_BINDINGS)] if api.shows_bindings else []


def _no_addresses(_: Record) -> tuple[Address, ...]:
    return ()


def _query(filters: Filters) -> Iterator[tuple[str, str]]:
    """Each value of a filter on its own; null is the empty text, as the API has it."""
    for name, values in filters.items():
        for value in values:
            yield name, str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _after(document: Mapping[str, Any]) -> str | None:
    """The marker in the link to the next page."""
    for link in document.get("links", ()):
        if link["rel"] == "next":
            marker: str = parse_qs(urlsplit(link["href"]).query)["marker"][-1]
            return marker
    return None
