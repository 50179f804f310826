"""Hands work to the worker, from the processes that answer requests."""

import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from multiprocessing.connection import Client
from typing import Any

from recommender.articles.article import Article
from recommender.build.builder import BuildReport
from recommender.desk.impact import ProposedChange, Status
from recommender.errors import RecommenderError, Unavailable
from recommender.ranking.candidates import TextCandidates
from recommender.settings import Settings
from recommender.worker.address import Address, private_folder
from recommender.worker.process import start_worker

WAIT_SECONDS = 60.0  # the first call loads the embedding model, which takes 10-20 s on a small machine
ANSWER_SECONDS = 10.0  # where it is not needed
# Requests of one worker that wait for the worker: fewer than it has threads, so that page views always find one.
MAX_DRAFTS = 2  # a third is refused for now
MAX_UPDATES = 2  # a third is answered at once, and done when its turn comes


class WorkerBusy(Exception):
    """As many drafts are in work as the worker takes."""


class WorkerClient:
    """Hands work to the worker. Safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._address = Address.from_environment()
        self._own: _OwnWorker | None = None
        self._drafts = threading.BoundedSemaphore(MAX_DRAFTS)
        self._updates = threading.BoundedSemaphore(MAX_UPDATES)
        self._waiting = ThreadPoolExecutor(thread_name_prefix="worker")

    def update(self, wait: float = WAIT_SECONDS) -> BuildReport | None:
        """Takes what was published into the live generation.

        None if that is still going on: after `wait` seconds, or at once where others are waiting already.
        """
        waits = self._updates.acquire(blocking=False)
        try:
            return self._ask("update", wait if waits else 0)  # type: ignore[no-any-return]  # as _TASKS has it
        except FutureTimeout:
            return None
        finally:
            if waits:
                self._updates.release()

    def candidates(self, draft: Article, wait: float = WAIT_SECONDS) -> TextCandidates:
        """The candidates of a draft. Raises WorkerBusy, or Unavailable when they are not there in time."""
        if not self._drafts.acquire(blocking=False):
            raise WorkerBusy
        try:
            return self._ask("candidates", wait, draft)  # type: ignore[no-any-return]  # as _TASKS has it
        except FutureTimeout as error:
            raise Unavailable("The embedding model is still being loaded. Try again in some seconds.") from error
        finally:
            self._drafts.release()

    def start_reach(self, change: ProposedChange) -> str | None:
        """Begins to work out what a change would do: see `Reaches.start`."""
        return self._ask_soon("start_reach", change)  # type: ignore[no-any-return]  # as _UNLOCKED has it

    def reach(self, job: str) -> Status | None:
        """How far that is: see `Reaches.status`."""
        return self._ask_soon("reach", job)  # type: ignore[no-any-return]

    def cancel_reach(self, job: str) -> None:
        """Drops it."""
        self._ask_soon("cancel_reach", job)

    def _ask_soon(self, task: str, *arguments: Any) -> Any:
        try:
            return self._ask(task, ANSWER_SECONDS, *arguments)
        except FutureTimeout as error:
            raise Unavailable("The process beside the workers is busy. Try again in some seconds.") from error

    def _ask(self, task: str, wait: float, *arguments: Any) -> Any:
        answer = self._waiting.submit(_call, self._started(), task, arguments).result(timeout=wait)
        if isinstance(answer, RecommenderError):
            raise answer
        return answer

    def _started(self) -> Address:
        if self._address is not None:
            return self._address
        with self._lock:
            if self._own is not None and not self._own.process.is_alive():
                self._own.close()
                self._own = None
            if self._own is None:
                self._own = _OwnWorker(self._settings)
            return self._own.address

    def close(self) -> None:
        """Ends the process, if this application has started one."""
        if self._own is not None:
            self._own.close()
        self._waiting.shutdown(cancel_futures=True)


class _OwnWorker:
    """A worker for one application, in a folder that goes with it."""

    def __init__(self, settings: Settings) -> None:
        self._folder = private_folder("worker")
        self.address = Address.new(self._folder.path)
        self.process = start_worker(settings, self.address)

    def close(self) -> None:
        """Ends the process and removes its folder."""
        self.process.terminate()
        self.process.join()
        self._folder.close()


def _call(address: Address, task: str, arguments: tuple[Any, ...]) -> Any:
    try:
        with Client(address.socket, authkey=address.key) as connection:
            connection.send((task, arguments))
            return connection.recv()
    except (OSError, EOFError) as error:
        raise Unavailable(
            "The process that holds the embedding model does not answer; it is being replaced."
        ) from error
