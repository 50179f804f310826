"""The desk: one process beside a web worker for what needs a model, so that no page view waits for it.

It starts with the first draft or published article, loads the model once, and ends with its worker.
"""

import multiprocessing
import os
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from recommender.article import Article
from recommender.build import Builder, BuildReport
from recommender.candidates import CandidateArray
from recommender.errors import Unavailable
from recommender.settings import Settings
from recommender.wiring import make_builder, open_store

WAIT_SECONDS = 60.0  # the first call loads the model, which takes 10-20 s on a small machine
MAX_DRAFTS = 4  # drafts under way for one worker; a fifth is asked to come back
NICENESS = 5  # page views come first

_builder: Builder | None = None


class DeskBusy(Exception):
    """As many drafts are under way as the desk takes."""


class Desk:
    """Hands work to the desk's process. Safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None
        self._places = threading.BoundedSemaphore(MAX_DRAFTS)

    def update(self, wait: float = WAIT_SECONDS) -> BuildReport | None:
        """Takes what was published or withdrawn into the live generation; None if that goes on after `wait` seconds."""
        future = self._submit(_update)
        try:
            return _result(future, wait)
        except FutureTimeout:
            return None

    def update_later(self) -> None:
        """The same without waiting, where the process runs already; where it does not, the next build does it."""
        if self._pool is not None:
            self._submit(_update)

    def candidates(self, draft: Article, wait: float = WAIT_SECONDS) -> CandidateArray:
        """The candidates of a draft. Raises DeskBusy, or Unavailable when they are not there in time."""
        if not self._places.acquire(blocking=False):
            raise DeskBusy
        try:
            return _result(self._submit(_candidates, draft), wait)
        except FutureTimeout as error:
            raise Unavailable("The model is still being loaded. Try again in some seconds.") from error
        finally:
            self._places.release()

    def _submit(self, task: Any, *arguments: Any) -> "Future[Any]":
        with self._lock:
            if self._pool is None:
                self._pool = self._start()
            try:
                return self._pool.submit(task, *arguments)
            except BrokenProcessPool:
                # The process was killed, for example for want of memory: a new one takes over.
                self._pool = self._start()
                return self._pool.submit(task, *arguments)

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            max_workers=1,
            mp_context=multiprocessing.get_context("spawn"),  # a fork of a process with threads may deadlock
            initializer=_begin,
            initargs=(self._settings,),
        )


def _result(future: "Future[Any]", wait: float) -> Any:
    try:
        return future.result(timeout=wait)
    except BrokenProcessPool as error:
        raise Unavailable("The process that holds the model ended; the next call starts a new one.") from error


def _begin(settings: Settings) -> None:
    """Runs once in the desk's process."""
    global _builder  # noqa: PLW0603  # the one place where a process of a pool can keep what its tasks share
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _builder = make_builder(open_store(settings.database_url.get_secret_value()), settings)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)  # a worker that was killed cannot tell its children


def _update() -> BuildReport:
    assert _builder is not None
    return _builder.update()


def _candidates(draft: Article) -> CandidateArray:
    assert _builder is not None
    return _builder.draft_candidates(draft)
