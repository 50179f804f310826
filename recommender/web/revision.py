"""The database's revision for the event loop, which must not wait: every request asks it first."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from recommender.errors import Unavailable
from recommender.store.base import State

LOOK_SECONDS = 2.0  # a look takes less than a millisecond; one that takes so long hangs

_log = logging.getLogger(__name__)


class RevisionLook:
    """Looks at the database's revision, in a thread: all that wait while it reads share the next look."""

    def __init__(self, look: Callable[[], State]) -> None:
        self._read = look
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._next: asyncio.Future[State | None] | None = None  # resolved by a look that has not begun
        self._now: tuple[asyncio.Future[State | None], float] | None = None  # by the one that is being made, since when
        self._ended = time.monotonic()  # when the last one was over
        self._answers = True

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins, for requests of this loop."""
        self._loop = loop
        threading.Thread(target=self._work, daemon=True, name="revision").start()
        loop.call_soon(self._watch)

    def next(self) -> "asyncio.Future[State | None]":
        """The state, read after this call; None where the database does not answer."""
        future = self._next
        if future is None:
            future = self._next = self._loop.create_future()
            self._wake.put(None)
        return future

    def _work(self) -> None:
        while True:
            self._wake.get()
            waiting = self._next
            if waiting is None:
                continue
            self._now = waiting, time.monotonic()
            self._next = None
            try:
                state = self._read()
                self._tell(None)
            except Unavailable as error:
                state = None  # the view says so in a problem
                self._tell(error)
            except Exception:  # noqa: BLE001  # logged with its traceback; a fault of ours must not end the thread
                _log.exception("the look at the revision has failed")
                state = None
            self._now, self._ended = None, time.monotonic()
            self._loop.call_soon_threadsafe(settle, waiting, state)

    def _tell(self, fault: Unavailable | None) -> None:
        """Logs a change, once: requests that are answered from memory say nothing."""
        if (fault is None) != self._answers:
            _log.warning("%s", fault or "The database answers again.")
        self._answers = fault is None

    def _watch(self) -> None:
        """Lets go of requests that wait for a look that hangs; looks by itself where no request asks for it.

        What is in memory may be given for some time after the last look, so that must not be long ago.
        """
        now = self._now
        if now is None and time.monotonic() - self._ended > LOOK_SECONDS:
            self.next()
        if now is not None and time.monotonic() - now[1] > LOOK_SECONDS:
            settle(now[0], None)
            if self._next is not None:
                settle(self._next, None)
                self._next = None
        self._loop.call_later(LOOK_SECONDS / 4, self._watch)


def settle(future: "asyncio.Future[Any]", value: object) -> None:
    if not future.done():
        future.set_result(value)


class QuickLook:
    """Looks at the revision on the event loop itself, once for all requests of one turn of it."""

    def __init__(self, look: Callable[[], State | None]) -> None:
        """`look` never waits: see `QuickReader.state`."""
        self._read = look
        self._state: State | None = None
        self._known = False

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins, for requests of this loop."""
        self._call_soon = loop.call_soon

    def state(self) -> State | None:
        """The state, read after the request that asks has come; None where that would have to wait."""
        if not self._known:
            # In this order: whoever comes while the look is made stands behind the forgetting, and looks anew.
            self._call_soon(self._forget)
            self._state, self._known = self._read(), True
        return self._state

    def _forget(self) -> None:
        self._known = False
