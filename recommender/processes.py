"""Processes that end with the one that has started them: one that is killed cannot tell its children."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent() -> None:
    """Ends this process, whatever it does, as soon as its parent has ended."""
    threading.Thread(target=_end_after_parent, daemon=True, name="parent-watcher").start()


def end_with_parents_main_thread() -> None:
    """The same for a process that the main thread of its parent has started.

    Linux itself kills it, at the end of that thread: it need not be able to run any code then. Forked processes hold
    the ends of each other's pipes by which a parent is watched, so that they would end one after the other.
    """
    if sys.platform != "linux":
        end_with_parent()
        return
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL):
        raise OSError(ctypes.get_errno(), "prctl")
    parent = multiprocessing.parent_process()
    if parent is not None and os.getppid() != parent.pid:  # it ended before
        os._exit(0)


def _end_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)


def in_own_process(
    work: Callable[Parameters, Result], *arguments: Parameters.args, **keywords: Parameters.kwargs
) -> Result:
    """What a function of a module gives in a new process, which ends with this one. Raises what the function raises."""
    # The executor's processes wait for more work at a pipe that they hold the other end of: they would wait for ever.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=end_with_parent) as pool:
        return pool.submit(work, *arguments, **keywords).result()
