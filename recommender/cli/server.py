"""The server that `serve` runs: granian, which says here why a process of its has ended."""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Any

from granian.server.mp import MPServer, WorkerProcess

from recommender import web
from recommender.processes import end_with_parents_main_thread
from recommender.web.metrics import EndedProcesses

if TYPE_CHECKING:
    from recommender.web.front_door import FrontDoor

_POLL_SECONDS = 0.05
_STOPS = {signal.SIGTERM, signal.SIGINT}

_log = logging.getLogger(__name__)
_ended = EndedProcesses()


class Server(MPServer):
    """Granian with a log line and a count for each of its processes that ends without being told to."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._process = os.getpid()
        if sys.platform != "win32":  # where no process is forked
            # Python forgets what signals a process got before it has noticed that it was forked: they wait till then.
            os.register_at_fork(
                before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS),
                after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS),
                after_in_child=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS),
            )

    def signal_handler_interrupt(self, *arguments: Any, **named: Any) -> None:
        """Ends the service; or a web process that has just been forked and has this handler from its parent.

        Until its own event loop listens, a stop would be lost there, and the service would wait for it as long as for a
        request under way.
        """
        if os.getpid() != self._process:
            os._exit(0)
        super().signal_handler_interrupt(*arguments, **named)  # type: ignore[no-untyped-call]

    def _spawn_worker(self, idx: int, target: Any, callback_loader: Any) -> WorkerProcess:  # type: ignore[override]
        # The one place where granian makes a process; it tells why one has ended neither by a hook nor in its log.
        worker = super()._spawn_worker(idx, target, callback_loader)
        told = threading.Event()
        for name in ("terminate", "kill"):
            setattr(worker, name, _telling(worker.inner, told, getattr(worker, name)))
        threading.Thread(target=_watch, args=(worker.inner, told), daemon=True, name="web-watcher").start()
        return worker


def create_front_door() -> "FrontDoor":
    """What each web process calls for its application.

    It does not outlive its parent: it would go on serving with settings and keys that a new start has replaced.
    """
    end_with_parents_main_thread()
    return web.create_front_door()


def _telling(process: BaseProcess, told: threading.Event, tell: Callable[[], None]) -> Callable[[], None]:
    """`tell`, which says so in `told`, but for a process that has ended already: granian tells that one as well."""

    def telling() -> None:
        if process.is_alive():
            told.set()
        tell()

    return telling


def _watch(process: BaseProcess, told: threading.Event) -> None:
    while process.pid is None:  # granian starts it after it has made it
        time.sleep(_POLL_SECONDS)
    wait([process.sentinel])
    while process.exitcode is None:  # granian waits for it too, and one of the two learns it first
        time.sleep(_POLL_SECONDS)
    if not told.is_set():
        _report("web", process)


def worker_ended(process: BaseProcess) -> None:
    """Says and counts that the process with the embedding model has ended."""
    _report("model", process)


def _report(kind: str, process: BaseProcess) -> None:
    pid, reason = process.pid or 0, reason_of(process.exitcode or 0)
    event = {"process": kind, "pid": pid, "reason": reason}
    _log.error("the %s process %d has ended: %s", kind, pid, reason, extra={"event": event})
    _ended.count(kind, pid)


def reason_of(code: int) -> str:
    """What an exit code of multiprocessing says: the signal that ended the process, or what it returned."""
    return f"signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"exit code {code}"
