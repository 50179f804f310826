"""The worker: one process beside those of the web service for what needs an embedding model; page views don't wait.

`recommender serve` starts it and all web processes share it. An application that runs on its own (tests, another
server) starts one with the first draft or published article. It loads the embedding model soon after its start where
there are API keys, else at its first task, another at the first task after a model version with another has become
live, and ends with its parent.
"""

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Listener
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Protocol

from recommender.build.builder import LiveBuilder
from recommender.desk.impact import Reaches
from recommender.errors import RecommenderError, Unavailable
from recommender.logs import set_up_logs
from recommender.processes import end_with_parent
from recommender.settings import Settings
from recommender.store.base import Store
from recommender.wiring import (
    make_follow_up,
    make_live_builder,
    make_recommender,
    make_shadowing,
    make_sweep,
    open_store,
    worker_limits,
)
from recommender.worker.address import Address

REPLACED_AFTER = 1.0  # where all processes get the signal to end at once, this one's parent is gone by then
NICENESS = 5  # page views come first
WARM_AFTER = 10.0  # seconds: what serves for a moment only, such as a check of the settings, loads nothing
SWEEP_SECONDS = 1.0
SWEEP_AFTER_FAULT = 60.0
SWEEP_PAUSE = 0.05  # between two steps: drafts and updates want the processor too

_log = logging.getLogger(__name__)
_CONTEXT = multiprocessing.get_context("spawn")  # a fork of a process with threads may deadlock


def start_worker(settings: Settings, address: Address) -> SpawnProcess:
    """Starts a worker and returns when it listens."""
    ready = _CONTEXT.Event()
    process = _CONTEXT.Process(target=_run, args=(settings, address, ready), daemon=True, name="recommender-worker")
    process.start()
    while not ready.wait(0.1):
        if not process.is_alive():
            raise Unavailable("The worker could not be started; its error stands in the log.")
    return process


def supervise(settings: Settings, address: Address, ended: Callable[[SpawnProcess], None]) -> None:
    """Keeps a worker running for as long as this process lives; one that ends is replaced, the first is awaited.

    `ended` is called with each that has ended.
    """
    process = start_worker(settings, address)

    def replace() -> None:
        current = process
        while True:
            current.join()
            time.sleep(REPLACED_AFTER)
            ended(current)
            Path(address.socket).unlink(missing_ok=True)
            current = start_worker(settings, address)

    threading.Thread(target=replace, daemon=True, name="worker-supervisor").start()


# -- inside the worker -----------------------------------------------------------------------------------------


def _run(settings: Settings, address: Address, ready: Any) -> None:
    set_up_logs(settings.log_format)
    # One thread for scikit-learn and torch, which are loaded later: two wait for each other longer than a small search
    # takes, and the other processor is for page views.
    os.environ["OMP_NUM_THREADS"] = "1"
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is meant for the parent, with which this process ends
    end_with_parent()
    store = open_store(settings.database_url.get_secret_value(), worker_limits(settings))
    follow_up = make_follow_up(store, settings)
    builder = make_live_builder(store, settings, follow_up.note)
    working = threading.Lock()  # one embedding model, one index: tasks take turns
    following = _Following(builder, working)
    makers: dict[str, Callable[[Store, Settings], _Steps]] = {
        "sweep": make_sweep,
        "shadow": make_shadowing,
        "following": lambda _store, _settings: following,
        "reading": lambda _store, _settings: follow_up,
    }
    for name, make in makers.items():
        threading.Thread(target=_sweep, args=(name, make, store, settings), daemon=True, name=name).start()
    if settings.api_keys or store.keys.listing():
        threading.Thread(target=_warm, args=(builder, working), daemon=True, name="warming").start()
    reaches = Reaches(store, make_recommender(store, settings))
    with Listener(address.socket, authkey=address.key) as listener:
        ready.set()
        while True:
            try:
                connection = listener.accept()
            except (OSError, EOFError, multiprocessing.AuthenticationError):
                continue  # a caller that went away, or one without the key
            threading.Thread(target=_answer, args=(connection, builder, reaches, working), daemon=True).start()


def _warm(builder: LiveBuilder, working: threading.Lock) -> None:
    """Loads the embedding model where programs may publish: the first of them gets its answer in a moment too."""
    time.sleep(WARM_AFTER)
    try:
        with working:
            builder.warm()
    except RecommenderError as error:
        _log.warning("the embedding model is not loaded yet: %s", error)


class _Steps(Protocol):
    """Work that is done some at a time."""

    def step(self) -> bool:
        """Does some of what is due; whether more is left. Raises Unavailable."""
        ...


class _Following:
    """Catches up with what was published while another generation was live."""

    def __init__(self, builder: LiveBuilder, working: threading.Lock) -> None:
        self._builder = builder
        self._working = working

    def step(self) -> bool:
        """See `LiveBuilder.step`."""
        with self._working:
            return self._builder.step()


def _sweep(name: str, make: Callable[[Store, Settings], _Steps], store: Store, settings: Settings) -> None:
    """Brings what a change has overtaken up to date, for as long as the process lives."""
    sweep = make(store, settings)
    while True:
        pause = SWEEP_SECONDS
        try:
            pause = SWEEP_PAUSE if sweep.step() else SWEEP_SECONDS
        except Unavailable as error:
            _log.warning("the %s waits for the database: %s", name, error)
        except Exception:  # noqa: BLE001  # logged with its traceback, and it does not end the thread
            # A fault of ours. Without the sweep the ledger would fall behind unnoticed.
            _log.exception("the %s has failed and begins anew in %d seconds", name, SWEEP_AFTER_FAULT)
            sweep, pause = make(store, settings), SWEEP_AFTER_FAULT
        time.sleep(pause)


def _answer(connection: Any, builder: LiveBuilder, reaches: Reaches, working: threading.Lock) -> None:
    with connection:
        task, arguments = connection.recv()
        try:
            if task in _UNLOCKED:
                answer: Any = _UNLOCKED[task](reaches, *arguments)
            else:
                with working:
                    answer = _TASKS[task](builder, *arguments)
        except RecommenderError as error:
            answer = error
        connection.send(answer)


_TASKS: dict[str, Callable[..., Any]] = {"update": LiveBuilder.update, "candidates": LiveBuilder.draft_candidates}
# These only begin something, or look how far it is.
_UNLOCKED: dict[str, Callable[..., Any]] = {
    "start_reach": Reaches.start,
    "reach": Reaches.status,
    "cancel_reach": Reaches.cancel,
}
