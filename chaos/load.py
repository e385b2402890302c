# SPDX-License-Identifier: Apache-2.0
"""The clients of a run: each owns its objects, asks whichever server answers, and holds every answer against its account."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from chaos.account import Account, Write
from gluon.client.errors import Problem, Unexpected, Unreachable
from gluon.client.http import Client
from gluon.client.resources import Collection

BASE: Final = "/proton/net-l3vpn/v1.0"
TENANT: Final = "0123456789abcdef0123456789abcdef"
_ANSWER: Final = 12.0  # seconds that a client waits for an answer, or for a connection
_CONNECT: Final = 2.0
_MOST: Final = {"ports": 12, "vpns": 4, "interfaces": 6, "vpnbindings": 8}


@dataclass(slots=True)
class Part:
    """An object with what it hangs on and what hangs on it."""

    account: Account
    above: list[Part] = field(default_factory=list)
    below: list[Part] = field(default_factory=list)
    served: bool = False  # a port that has or had a binding: what is unknown of the first must not be mixed up with a second

    @property
    def doubtful(self) -> bool:
        """Whether something unknown about it or its relatives may refuse a request."""
        return any(not part.account.certain for part in (self, *self.above, *self.below))


class ClientThread(threading.Thread):
    """One client. After ``join`` its ``parts`` say what must be found."""

    def __init__(self, number: int, seed: int, urls: Sequence[str], hosts: Sequence[str], pause: float) -> None:
        super().__init__(name=f"client-{number}", daemon=True)
        self.parts: list[Part] = []
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self.ending = threading.Event()
        self._chance = random.Random(seed * 1000 + number)
        self._number = number
        self._urls = list(urls)
        self._hosts = list(hosts)
        self._pause = pause
        self._made = 0
        self._client = self._connected()

    def run(self) -> None:
        try:
            while not self.ending.wait(self._chance.uniform(0, 2 * self._pause)):
                self._act()
        except Exception as error:  # a fault of the run itself must not look like a quiet client
            self.faults.append(f"{self.name} ended: {type(error).__name__}: {error}")
            raise
        finally:
            self._client.close()

    # What is done.

    def _act(self) -> None:
        choices: dict[Callable[[], None], int] = {
            self._create_port: 6,
            self._create_vpn: 2,
            self._create_interface: 2,
            self._create_binding: 4,
            self._update: 10,
            self._bind: 10,
            self._unbind: 3,
            self._delete: 7,
            self._look: 6,
        }
        (choice,) = self._chance.choices(list(choices), list(choices.values()))
        choice()

    def _create_port(self) -> None:
        if self._room("ports"):
            self._create("ports", {"name": self._mark(), **(self._host() if self._chance.random() < 0.3 else {})})

    def _create_vpn(self) -> None:
        if self._room("vpns"):
            self._create("vpns", {"name": self._mark(), "description": self._mark()})

    def _create_interface(self) -> None:
        if (port := self._some("ports")) and self._room("interfaces"):
            values = {"name": self._mark(), "port_id": port.account.id, "segmentation_id": self._chance.randrange(4000)}
            self._create("interfaces", values, [port])

    def _create_binding(self) -> None:
        port, vpn = self._some("ports"), self._some("vpns")
        if port and vpn and self._room("vpnbindings") and not port.served:
            port.served = True
            values = {"service_id": vpn.account.id, "gateway": self._address(), "ipaddress": self._address()}
            self._create("vpnbindings", {"interface_id": port.account.id, **values}, [port, vpn])

    def _update(self) -> None:
        if part := self._some():
            mark = {"gateway": self._address()} if part.account.collection == "vpnbindings" else {"name": self._mark()}
            self._send(part, Write(mark))

    def _bind(self) -> None:
        if part := self._some("ports"):
            self._send(part, Write({"name": self._mark(), **self._host()}))

    def _unbind(self) -> None:
        if part := self._some("ports"):
            self._send(part, Write({"name": self._mark(), "host_id": "", "device_id": ""}))

    def _delete(self) -> None:
        """What hangs on it goes first, save interfaces, which go with their port."""
        if part := self._some():
            holding = [p for p in part.below if p.account.collection == "vpnbindings"]
            self._send(holding[0] if holding and holding[0].account.exists else part, Write(None))

    def _look(self) -> None:
        if not self.parts:
            return
        part = self._chance.choice(self.parts)
        try:
            body = self._collection(part).show(part.account.id).json()
        except Problem as problem:
            if problem.status != 404:
                self._failed(problem)
                return
            body = None
        except (Unreachable, Unexpected):
            self._move()
            return
        self.counts["read"] += 1
        self.faults += part.account.seen(body)
        if body is None and part.account.collection == "ports" and part.account.gone:
            self._gone(part)

    # How it is done.

    def _create(self, collection: str, values: dict[str, Any], above: Sequence[Part] = ()) -> None:
        id = values.get("interface_id") or _uuid(self._chance)
        part = Part(Account(collection, id), list(above))
        identity = {} if "interface_id" in values else {"id": id}
        self.parts.append(part)
        for one in above:
            one.below.append(part)
        if not self._send(part, Write({**identity, **values, "tenant_id": TENANT}, creates=True)):
            self._forget(part)

    def _send(self, part: Part, write: Write) -> bool:
        """Whether it has taken effect, or may have."""
        account, doubtful = part.account, part.doubtful
        try:
            body = self._sent(part, write)
        except (Unreachable, Unexpected) as error:
            if isinstance(error, Unreachable) and not error.sent:
                self.counts["not sent"] += 1
                self._move()
                return False
            self._unknown(part, write)
            self._move()
            return True
        except Problem as problem:
            if problem.status >= 500 or (problem.status == 409 and "while it was being bound" in str(problem)):
                self._failed(problem)
                self._unknown(part, write)
                return True
            self.counts["refused"] += 1
            self.faults += account.refused(write, problem.status, str(problem), doubt=doubtful)
            if account.gone:
                self._gone(part)
            return False
        self.counts["acknowledged"] += 1
        if body is not None and write.values is not None and write.values.get("host_id"):
            self.counts[f"bind {body['binding_state']}"] += 1
        self.faults += account.acknowledged(write, body)
        if write.deletes:
            self._gone(part)
        return True

    def _sent(self, part: Part, write: Write) -> dict[str, Any] | None:
        collection = self._collection(part)
        if write.values is None:
            collection.delete(part.account.id)
            return None
        answer = collection.create(write.values) if write.creates else collection.update(part.account.id, write.values)
        body: dict[str, Any] = answer.json()
        return body

    def _unknown(self, part: Part, write: Write) -> None:
        self.counts["unknown"] += 1
        part.account.unknown(write)
        if write.deletes and part.account.collection == "ports":
            for below in part.below:
                if below.account.collection == "interfaces":
                    below.account.unknown(write)

    def _gone(self, part: Part) -> None:
        """It is off the lists of what hangs together; a port takes its interfaces along."""
        for one in part.above:
            if part in one.below:
                one.below.remove(part)
        if part.account.collection == "ports":
            for below in part.below:
                if below.account.collection == "interfaces":
                    below.account.parent_gone()

    def _forget(self, part: Part) -> None:
        self.parts.remove(part)
        for one in part.above:
            one.below.remove(part)

    def _failed(self, problem: Problem) -> None:
        self.counts[f"status {problem.status}"] += 1
        if problem.status >= 500 and problem.status != 503:
            self.faults.append(f"{self.name} was answered {problem.status}: {problem} ({problem.request_id})")
        if problem.status == 503:
            self._move()

    def _move(self) -> None:
        """Go on with another server."""
        self._urls.append(self._urls.pop(0))
        self._client.close()
        self._client = self._connected()
        time.sleep(self._pause)

    def _connected(self) -> Client:
        return Client(self._urls[0], timeout=_ANSWER, connect_timeout=_CONNECT)

    def _collection(self, part: Part) -> Collection:
        return Collection(self._client, f"{BASE}/{part.account.collection}")

    # What is drawn.

    def _some(self, collection: str = "") -> Part | None:
        found = [p for p in self.parts if p.account.exists and collection in ("", p.account.collection)]
        return self._chance.choice(found) if found else None

    def _room(self, collection: str) -> bool:
        return sum(p.account.exists for p in self.parts if p.account.collection == collection) < _MOST[collection]

    def _host(self) -> dict[str, str]:
        return {"host_id": self._chance.choice(self._hosts), "device_id": self._mark()}

    def _mark(self) -> str:
        self._made += 1
        return f"{self._number}-{self._made}"

    def _address(self) -> str:
        """One that no other write gives: a client has 2^16 of them."""
        self._made += 1
        return f"10.{self._number}.{self._made >> 8 & 255}.{self._made & 255}"


def _uuid(chance: random.Random) -> str:
    text = f"{chance.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
