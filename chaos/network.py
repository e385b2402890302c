# SPDX-License-Identifier: Apache-2.0
"""A network of namespaces on one machine: each part has an address of its own, and any two can be cut off from each other.

network = Network.make(["server-1", "database"])   (needs root)
network.place("server-1")                          its address, and the command that runs something there
network.cut("server-1", "database")                what the first sends to the second is lost
network.close()                                    all is removed: rules, namespaces, bridge

We ourselves are on the bridge, at ``gateway``. Rules live in the namespaces only, and go with them.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from gluon.errors import GluonError
from gluon.kv.process import Place

_OURS = re.compile(r"gluon-(\d+)-")
_NETS = range(1, 250)


class NoNetwork(GluonError):
    """Namespaces cannot be made here."""


class Network:
    """See above. ``make`` is the way to one."""

    def __init__(self, net: int, parts: Sequence[str]) -> None:
        self.gateway = f"10.213.{net}.1"
        self._bridge = f"gluon{net}"
        self._namespaces = {part: f"gluon-{os.getpid()}-{part}" for part in parts}
        self._addresses = {part: f"10.213.{net}.{at}" for at, part in enumerate(parts, start=10)}

    @classmethod
    def make(cls, parts: Sequence[str]) -> Network:
        """A network with these parts. Raises NoNetwork with the reason."""
        if os.geteuid() != 0:
            raise NoNetwork("network namespaces need root: run it as root, or with --no-network (then nothing is cut)")
        _program("iptables")
        with (Path(tempfile.gettempdir()) / "gluon-chaos.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # runs that start at once take turns
            sweep()
            network = cls(_free_net(), parts)
            try:
                network._build()
            except BaseException:
                network.close()
                raise
        return network

    def place(self, part: str) -> Place:
        """Where a part runs."""
        return Place(self._addresses[part], (_program("ip"), "netns", "exec", self._namespaces[part]))

    def cut(self, sender: str, receiver: str) -> None:
        """What ``sender`` sends to ``receiver`` is lost from now on. We are called "" here."""
        self._rule("-I", sender, receiver)

    def join(self, sender: str, receiver: str) -> None:
        """Undo a cut."""
        self._rule("-D", sender, receiver)

    def close(self) -> None:
        """Remove all of it. Processes that still run in a namespace keep it until they end."""
        for namespace in self._namespaces.values():
            subprocess.run(("ip", "netns", "delete", namespace), capture_output=True, check=False)
        subprocess.run(("ip", "link", "delete", self._bridge), capture_output=True, check=False)

    def _build(self) -> None:
        _ip("link", "add", self._bridge, "type", "bridge")
        _ip("address", "add", f"{self.gateway}/24", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")
        for at, (part, namespace) in enumerate(self._namespaces.items()):
            link = f"{self._bridge}v{at}"
            _ip("netns", "add", namespace)
            _ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", namespace)
            _ip("link", "set", link, "master", self._bridge, "up")
            _ip("-n", namespace, "address", "add", f"{self._addresses[part]}/24", "dev", "eth0")
            _ip("-n", namespace, "link", "set", "eth0", "up")
            _ip("-n", namespace, "link", "set", "lo", "up")

    def _rule(self, verb: str, sender: str, receiver: str) -> None:
        """At the sender's way out; where that is ours, at the receiver's way in."""
        if sender:
            at, rule = sender, ("OUTPUT", "-d", self._addresses.get(receiver, self.gateway))
        else:
            at, rule = receiver, ("INPUT", "-s", self.gateway)
        _ip("netns", "exec", self._namespaces[at], "iptables", "-w", verb, *rule, "-j", "DROP")


def sweep() -> None:
    """Remove the namespaces and bridges that a run left behind that was killed."""
    for namespace in _listed("netns", "list"):
        found = _OURS.match(namespace)
        if found and not Path(f"/proc/{found[1]}").exists():
            subprocess.run(("ip", "netns", "delete", namespace), capture_output=True, check=False)
    links = [line.split()[1].rstrip(":") for line in _listed("-o", "link", "show")]
    for bridge in (link for link in links if re.fullmatch(r"gluon\d+", link)):
        if not any(link.startswith(f"{bridge}v") for link in links):
            subprocess.run(("ip", "link", "delete", bridge), capture_output=True, check=False)


def _free_net() -> int:
    links = "\n".join(_listed("-o", "link", "show"))
    for net in _NETS:
        if f" gluon{net}:" not in links:
            return net
    raise NoNetwork("too many networks of earlier runs are there: look at `ip link`")


def _listed(*words: str) -> list[str]:
    done = subprocess.run((_program("ip"), *words), capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def _program(name: str) -> str:
    if found := shutil.which(name):
        return found
    raise NoNetwork(f"the command `{name}` is needed to cut parts off from each other: install iproute2 and iptables")


def _ip(*words: str) -> None:
    done = subprocess.run((_program("ip"), *words), capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoNetwork(f"ip {' '.join(words)}: {done.stderr.strip()}")
