"""The desk: one process beside the web workers for what needs a model, so that no page view waits for it.

`recommender serve` starts it and all workers share it. An application that runs on its own (tests, another server)
starts one with the first draft or published article. It loads the model at its first task, another one at the first
task after a release with another one has become live, and ends with its parent.
"""

import logging
import multiprocessing
import os
import secrets
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from multiprocessing.connection import Client, Listener
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Protocol

from recommender.article import Article
from recommender.build import BuildReport, LiveBuilder
from recommender.errors import RecommenderError, Unavailable
from recommender.interfaces import Found, Store
from recommender.reach import Change, Reaches, Status
from recommender.settings import Settings
from recommender.wiring import make_live_builder, make_recommender, make_shadowing, make_sweep, open_store

WAIT_SECONDS = 60.0  # the first call loads the model, which takes 10-20 s on a small machine
ANSWER_SECONDS = 10.0  # where no model is needed
# Requests of one worker that wait for the desk: fewer than it has threads, so that page views always find one.
MAX_DRAFTS = 2  # a third is asked to come back
MAX_UPDATES = 2  # a third is answered at once, and done when its turn comes
REPLACED_AFTER = 1.0  # where all processes are told to end at once, this one's parent is gone by then
NICENESS = 5  # page views come first
SWEEP_SECONDS = 1.0
SWEEP_AFTER_FAULT = 60.0
SWEEP_PAUSE = 0.05  # between two steps: drafts and updates want the processor too
VARIABLE = "_RECOMMENDER_DESK"

_log = logging.getLogger(__name__)
_CONTEXT = multiprocessing.get_context("spawn")  # a fork of a process with threads may deadlock


class DeskBusy(Exception):
    """As many drafts are under way as the desk takes."""


@dataclass(frozen=True)
class Address:
    """Where a desk listens: a socket that only this user can open, and a key on top."""

    socket: str
    key: bytes

    @classmethod
    def new(cls, folder: Path) -> "Address":
        """An address inside a private folder."""
        return cls(str(folder / "desk.sock"), secrets.token_bytes(32))

    @classmethod
    def from_environment(cls) -> "Address | None":
        """The desk that `recommender serve` has started."""
        value = os.environ.get(VARIABLE)
        if value is None:
            return None
        key, _, socket = value.partition(":")
        return cls(socket, bytes.fromhex(key))

    def to_environment(self) -> None:
        """Tells the processes started from here on."""
        os.environ[VARIABLE] = f"{self.key.hex()}:{self.socket}"


class Desk:
    """Hands work to the desk's process. Safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._address = Address.from_environment()
        self._own: _OwnDesk | None = None
        self._drafts = threading.BoundedSemaphore(MAX_DRAFTS)
        self._updates = threading.BoundedSemaphore(MAX_UPDATES)
        self._waiting = ThreadPoolExecutor(thread_name_prefix="desk")

    def update(self, wait: float = WAIT_SECONDS) -> BuildReport | None:
        """Takes what was published into the live generation.

        None if that goes on: after `wait` seconds, or at once where others are waiting already.
        """
        waits = self._updates.acquire(blocking=False)
        try:
            return self._ask("update", wait if waits else 0)  # type: ignore[no-any-return]  # as _TASKS has it
        except FutureTimeout:
            return None
        finally:
            if waits:
                self._updates.release()

    def candidates(self, draft: Article, wait: float = WAIT_SECONDS) -> Found:
        """The candidates of a draft. Raises DeskBusy, or Unavailable when they are not there in time."""
        if not self._drafts.acquire(blocking=False):
            raise DeskBusy
        try:
            return self._ask("candidates", wait, draft)  # type: ignore[no-any-return]  # as _TASKS has it
        except FutureTimeout as error:
            raise Unavailable("The model is still being loaded. Try again in some seconds.") from error
        finally:
            self._drafts.release()

    def start_reach(self, change: Change) -> str | None:
        """Begins to work out what a change would do: see `Reaches.start`."""
        return self._told("start_reach", change)  # type: ignore[no-any-return]  # as _UNLOCKED has it

    def reach(self, job: str) -> Status | None:
        """How far that is: see `Reaches.status`."""
        return self._told("reach", job)  # type: ignore[no-any-return]

    def cancel_reach(self, job: str) -> None:
        """Drops it."""
        self._told("cancel_reach", job)

    def _told(self, task: str, *arguments: Any) -> Any:
        try:
            return self._ask(task, ANSWER_SECONDS, *arguments)
        except FutureTimeout as error:
            raise Unavailable("The process beside the workers is busy. Try again in some seconds.") from error

    def _ask(self, task: str, wait: float, *arguments: Any) -> Any:
        answer = self._waiting.submit(_call, self._found(), task, arguments).result(timeout=wait)
        if isinstance(answer, RecommenderError):
            raise answer
        return answer

    def _found(self) -> Address:
        if self._address is not None:
            return self._address
        with self._lock:
            if self._own is not None and not self._own.process.is_alive():
                self._own.close()
                self._own = None
            if self._own is None:
                self._own = _OwnDesk(self._settings)
            return self._own.address

    def close(self) -> None:
        """Ends the process, if this application has started one."""
        if self._own is not None:
            self._own.close()
        self._waiting.shutdown(cancel_futures=True)


class _OwnDesk:
    """A desk for one application, in a folder that goes with it."""

    def __init__(self, settings: Settings) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="recommender-desk-", ignore_cleanup_errors=True)
        self.address = Address.new(Path(self._folder.name))
        self.process = start_desk(settings, self.address)

    def close(self) -> None:
        """Ends the process and removes its folder."""
        self.process.terminate()
        self.process.join()
        self._folder.cleanup()


def start_desk(settings: Settings, address: Address) -> SpawnProcess:
    """Starts a desk and returns when it listens."""
    ready = _CONTEXT.Event()
    process = _CONTEXT.Process(target=_run, args=(settings, address, ready), daemon=True, name="recommender-desk")
    process.start()
    while not ready.wait(0.1):
        if not process.is_alive():
            raise Unavailable("The desk could not be started; its error stands in the log.")
    return process


def supervise(settings: Settings, address: Address) -> None:
    """Keeps a desk running for as long as this process lives; one that ends is replaced, the first is awaited."""
    process = start_desk(settings, address)

    def replace() -> None:
        current = process
        while True:
            current.join()
            time.sleep(REPLACED_AFTER)
            Path(address.socket).unlink(missing_ok=True)
            current = start_desk(settings, address)

    threading.Thread(target=replace, daemon=True, name="desk-supervisor").start()


def _call(address: Address, task: str, arguments: tuple[Any, ...]) -> Any:
    try:
        with Client(address.socket, authkey=address.key) as connection:
            connection.send((task, arguments))
            return connection.recv()
    except (OSError, EOFError) as error:
        raise Unavailable("The process that holds the model does not answer; it is being replaced.") from error


# -- inside the desk's process -----------------------------------------------------------------------------------------


def _run(settings: Settings, address: Address, ready: Any) -> None:
    # One thread for scikit-learn and torch, which are loaded later: two wait for each other longer than a small search
    # takes, and the other processor is for page views.
    os.environ["OMP_NUM_THREADS"] = "1"
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is meant for the parent, with which this process ends
    threading.Thread(target=_end_with_parent, daemon=True).start()
    store = open_store(settings.database_url.get_secret_value())
    builder = make_live_builder(store, settings)
    working = threading.Lock()  # one model, one index: tasks take turns
    following = _Following(builder, working)
    makers: dict[str, Callable[[Store, Settings], _Steps]] = {
        "sweep": make_sweep,
        "shadow": make_shadowing,
        "following": lambda _store, _settings: following,
    }
    for name, make in makers.items():
        threading.Thread(target=_sweep, args=(name, make, store, settings), daemon=True, name=name).start()
    reaches = Reaches(store, make_recommender(store, settings))
    with Listener(address.socket, authkey=address.key) as listener:
        ready.set()
        while True:
            try:
                connection = listener.accept()
            except (OSError, EOFError, multiprocessing.AuthenticationError):
                continue  # a caller that went away, or one without the key
            threading.Thread(target=_answer, args=(connection, builder, reaches, working), daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)  # a parent that was killed cannot tell its children


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
            # A fault of ours. Without the sweep the ledger would fall behind and nobody would see it.
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
