"""Tables, ratios over rounds, and what machine this is."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_info


@dataclass(frozen=True)
class Table:
    """One table with a title and a note on how to read it."""

    title: str
    note: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """The table as Markdown."""
        lines = [self.head, ["---"] * len(self.head), *self.rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """The median of the ratios round by round, with the smallest and the largest."""
    ratios = [our / their for our, their in zip(ours, theirs, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def in_turn(first: Callable[[], object], second: Callable[[], object], rounds: int) -> tuple[list[float], list[float]]:
    """Wall seconds of two functions called in turn; which comes first changes, so neither always finds warm caches."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        for which in (0, 1) if number % 2 == 0 else (1, 0):
            start = time.perf_counter()
            (first, second)[which]()
            times[which].append(time.perf_counter() - start)
    return times


def seconds(values: Sequence[float]) -> str:
    """The median in seconds."""
    return f"{statistics.median(values):.2f} s"


def machine() -> str:
    """Processor count, Python and the linear algebra behind numpy."""
    np.dot(np.ones((2, 2)), np.ones((2, 2)))
    blas = sorted({f"{info['internal_api']} {info['version']}" for info in threadpool_info() if info["version"]})
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, {', '.join(blas)}"
