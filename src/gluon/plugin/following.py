# SPDX-License-Identifier: Apache-2.0
"""Follows etcd in a thread of its own, in each process of Neutron's that needs it.

Neutron makes its plugin and then forks: nothing of gRPC or of threads survives that, so all of it begins with the first question
in a process. That one waits until the list is loaded, and others with it, as long as a call to etcd may take; later ones wait no
more, for most of them are about ports that are none of Gluon's.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import time

from gluon.backends.catalogue import Catalogue
from gluon.errors import GluonError
from gluon.kv import etcd
from gluon.particle import keys
from gluon.plugin.notifying import Notifying
from gluon.settings import Etcd

LOG = logging.getLogger(__name__)


class Following:
    """The catalogue of all ports, in this process. ``name``: all processes with it are one Neutron, of which one tells Nova."""

    def __init__(self, settings: Etcd, name: str, notifying: Notifying | None = None) -> None:
        self._settings = settings
        self._name = name
        self._notifying = notifying
        self._lock = threading.Lock()
        self._process = 0
        self._patience = 0.0
        self._ready = threading.Event()
        self._catalogue: Catalogue | None = None
        self._trouble = ""

    def catalogue(self) -> Catalogue | None:
        """The list of all ports; None where etcd could not be asked for it yet: ``trouble`` says why."""
        if self._process != os.getpid():
            self._start()
        if not self._ready.is_set():
            self._ready.wait(max(0.0, self._patience - time.monotonic()))
        catalogue = self._catalogue
        return catalogue if catalogue is not None and catalogue.loaded else None

    @property
    def trouble(self) -> str:
        """Why the list is not to be had, or may lag behind; empty where neither is so."""
        return self._trouble or (self._catalogue.registrations.trouble if self._catalogue is not None else "")

    def _start(self) -> None:
        with self._lock:
            if self._process == os.getpid():
                return
            self._catalogue, self._ready = None, threading.Event()
            self._patience = time.monotonic() + self._settings.timeout
            threading.Thread(target=self._run, args=(self._ready,), name="gluon-following", daemon=True).start()
            self._process = os.getpid()

    def _run(self, ready: threading.Event) -> None:
        try:
            asyncio.run(self._follow(ready))
        except GluonError as error:
            self._trouble = str(error)
            LOG.error("the ports of Gluon cannot be followed: %s", error)
            ready.set()

    async def _follow(self, ready: threading.Event) -> None:
        kv = await etcd.connect(self._settings)
        try:
            notifying = self._notifying
            self._catalogue = catalogue = Catalogue(kv, notifying.changed) if notifying else Catalogue(kv)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(catalogue.run())
                await catalogue.once_loaded()
                LOG.info("%d ports of Gluon are known", len(catalogue.registrations.ports))
                ready.set()
                if notifying:
                    await notifying.run(kv, keys.leader(self._name), f"{socket.gethostname()}/{os.getpid()}")
        finally:
            await kv.close()
