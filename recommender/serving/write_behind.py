"""Use case: what one worker writes down after its requests, so that no page waits for it."""

import logging
import threading
from collections.abc import Callable
from queue import Full, Queue
from typing import Generic, TypeVar

from recommender.errors import Unavailable

WAITING = 10_000  # rows that wait to be written down; those of the ledger are some kilobytes each
PAUSE_SECONDS = 0.2
AT_ONCE = 500

Row = TypeVar("Row")

_log = logging.getLogger(__name__)


class WriteBehind(Generic[Row]):
    """Hands rows to `write`, some at a time, in a thread of its own that the first row starts."""

    def __init__(self, name: str, write: Callable[[list[Row]], object]) -> None:
        """`name` is for messages and the thread.

        `write` may raise Unavailable; then it gets the rows again. After any other error they are lost.
        """
        self._name = name
        self._write = write
        self._waiting: Queue[Row] = Queue(WAITING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()

    def put(self, row: Row) -> bool:
        """Takes a row to be written down; False where too many wait already, and it is lost."""
        if self._thread is None:
            self._start()
        try:
            self._waiting.put_nowait(row)
        except Full:
            _log.error("the %s cannot keep up: an answer was given and not written down", self._name)
            return False
        return True

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True, name=self._name)
                self._thread.start()

    def _work(self) -> None:
        while not self._ending.wait(PAUSE_SECONDS):
            self.flush()

    def flush(self) -> bool:
        """Writes down what waits, AT_ONCE rows at the most; False where there is none, or the database does not answer.

        What cannot be written now is tried again with the next.
        """
        rows: list[Row] = []
        while not self._waiting.empty() and len(rows) < AT_ONCE:
            rows.append(self._waiting.get_nowait())
        if not rows:
            return False
        try:
            self._write(rows)
        except Unavailable as error:
            _log.warning("the %s waits for the database: %s", self._name, error)
            for row in rows:
                self.put(row)
            return False
        except Exception:  # noqa: BLE001  # logged with its traceback; a fault of ours must not end the thread
            _log.exception("the %s has failed: %d rows were not written down", self._name, len(rows))
        return True

    def close(self) -> None:
        """Writes down all that waits, as far as the database answers, and ends the thread."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
        while self.flush():
            pass
        if lost := self._waiting.qsize():
            _log.error("the %s ends: %d rows were not written down", self._name, lost)
