# SPDX-License-Identifier: Apache-2.0
"""Follows etcd in a thread of its own, in each process of Neutron's that needs it.

Neutron makes its plugin and then forks: nothing of gRPC or of threads survives that, so all of it begins with the first question
in a process. That one waits until the list is loaded, and others with it, as long as a call to etcd may take; later ones wait no
more, for most of them are about ports that are none of Gluon's.

A loss of etcd is for the list itself to bear. Whatever else ends the following is said in the log, and it begins anew; until the
new list is loaded, the old one stays in use.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import time
import weakref
from typing import Final

from gluon.backends.catalogue import Catalogue
from gluon.errors import GluonError
from gluon.kv import etcd
from gluon.kv.contract import Kv, KvError
from gluon.particle import keys
from gluon.plugin.notifying import Notifying
from gluon.settings import Etcd
from gluon.sync.pace import Backoff

LOG = logging.getLogger(__name__)

#: Seconds until it begins anew, at first and at most. What went well for longer than that counts as a new beginning.
_PAUSE: Final = 0.5
_LONGEST: Final = 30.0


class Following:
    """The catalogue of all ports, in this process. ``name``: all processes with it are one Neutron, of which one tells Nova."""

    def __init__(self, settings: Etcd, name: str, notifying: Notifying | None = None) -> None:
        self._settings = settings
        self._name = name
        self._notifying = notifying
        self._lock = threading.Lock()
        self._process = 0
        self._patience = 0.0
        self._follower = self._new()

    def catalogue(self) -> Catalogue | None:
        """The list of all ports; None where etcd could not be asked for it yet: ``trouble`` says why."""
        if self._process != os.getpid():
            self._start()
        if not self._follower.ready.is_set():
            self._follower.ready.wait(max(0.0, self._patience - time.monotonic()))
        return self._follower.catalogue

    @property
    def trouble(self) -> str:
        """Why the list is not to be had, or may lag behind; empty where neither is so."""
        return self._follower.trouble

    def look(self, id: str) -> bool:
        """Whether etcd has this port, which the list does not. Where etcd is in trouble, the list is what is known."""
        return self._follower.look(id)

    def _new(self) -> Follower:
        return Follower(self._settings, self._name, self._notifying)

    def _start(self) -> None:
        with self._lock:
            if self._process == os.getpid():
                return
            self._follower = follower = self._new()
            self._patience = time.monotonic() + self._settings.timeout
            threading.Thread(target=_thread, args=(follower, weakref.ref(self)), name="gluon-following", daemon=True).start()
            self._process = os.getpid()


def _thread(follower: Follower, owner: weakref.ref[Following]) -> None:
    """Follow for as long as there is somebody who asks: tests make a plugin each."""

    async def run() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.create_task(follower.run())
        following = owner()
        if following is not None:
            weakref.finalize(following, lambda: loop.call_soon_threadsafe(task.cancel)).atexit = False
            del following
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())


class Follower:
    """What the thread does. ``ready`` is set once there is something to say: the list, or why there is none."""

    def __init__(self, settings: Etcd, name: str, notifying: Notifying | None = None) -> None:
        self.ready = threading.Event()
        self._settings = settings
        self._name = name
        self._notifying = notifying
        self._catalogue: Catalogue | None = None
        self._trouble = ""
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def catalogue(self) -> Catalogue | None:
        """The list of all ports, once it has been loaded."""
        return self._catalogue if self._catalogue is not None and self._catalogue.loaded else None

    @property
    def trouble(self) -> str:
        """See Following."""
        return self._trouble or (self._catalogue.registrations.trouble if self._catalogue is not None else "")

    def look(self, id: str) -> bool:
        """See Following. Called by threads other than its own."""
        catalogue = self.catalogue
        if self._loop is None or catalogue is None or self.trouble:
            return False
        asked = asyncio.run_coroutine_threadsafe(catalogue.registrations.look(id), self._loop)
        try:
            return asked.result(self._settings.timeout)
        except (KvError, TimeoutError) as error:
            asked.cancel()
            LOG.warning("whether port %s has just come cannot be asked: %s", id, str(error) or "etcd does not answer")
            return False

    async def run(self) -> None:
        """Follow until cancelled."""
        self._loop = asyncio.get_running_loop()
        backoff = Backoff(_PAUSE, _LONGEST)
        while True:
            began = time.monotonic()
            try:
                await self._follow()
            except Exception as error:
                self._failed(_cause(error))
            if time.monotonic() - began > _LONGEST:
                backoff.reset()
            await backoff.pause()

    def _failed(self, why: BaseException) -> None:
        if isinstance(why, GluonError):
            self._trouble = str(why)
            LOG.error("the ports of Gluon cannot be followed: %s", why)
        else:
            self._trouble = "following them failed, as Neutron's log says"
            LOG.error("the ports of Gluon cannot be followed; it is tried again", exc_info=why)
        self.ready.set()

    async def _follow(self) -> None:
        kv = await etcd.connect(self._settings)
        try:
            catalogue = Catalogue(kv, self._notifying.changed) if self._notifying else Catalogue(kv)
            if self._catalogue is None:
                self._catalogue = catalogue  # which says by itself why it is not loaded
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(catalogue.run())
                tasks.create_task(self._use(kv, catalogue))
        finally:
            await kv.close()

    async def _use(self, kv: Kv, catalogue: Catalogue) -> None:
        """Take it for the list once it is loaded, and tell Nova of what changes, where that is to be told."""
        await catalogue.once_loaded()
        LOG.info("%d ports of Gluon are known", len(catalogue.registrations.ports))
        before, self._catalogue, self._trouble = self._catalogue, catalogue, ""
        self.ready.set()
        if self._notifying is None:
            return
        if before is not None and before is not catalogue and before.loaded:
            _tell(self._notifying, before, catalogue)
        await self._notifying.run(kv, keys.leader(self._name), f"{socket.gethostname()}/{os.getpid()}")


def _tell(notifying: Notifying, before: Catalogue, now: Catalogue) -> None:
    """What changed while nobody followed: a new list says nothing of what it is loaded with."""
    for id in tuple(now.registrations.ports):
        if now.plugged(id) != before.plugged(id):
            notifying.changed(id, before.plugged(id), now.plugged(id))
    for id in before.registrations.gone_in(now.registrations):
        notifying.changed(id, before.plugged(id), None)


def _cause(error: BaseException) -> BaseException:
    """What ended tasks that run side by side."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
