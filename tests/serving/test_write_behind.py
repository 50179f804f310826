"""What is written down behind requests is not lost by the way: at the end, and where a write fails."""

import logging
import time
from collections.abc import Callable

import pytest

from recommender.errors import StoreUnavailable
from recommender.serving.write_behind import AT_ONCE, WriteBehind

ROWS = list(range(4 * AT_ONCE))


class Written:
    """Takes rows, but for the first calls that raise."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.rows: list[int] = []

    def __call__(self, rows: list[int]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.rows += rows


class Still(WriteBehind[int]):
    """Writes only when a test calls `flush`."""

    def _start(self) -> None:
        """No thread."""


def still(written: Written) -> Still:
    behind = Still("list", written)
    for row in ROWS:
        behind.put(row)
    return behind


def wait_until(true: Callable[[], bool]) -> None:
    for _ in range(200):
        if true():
            return
        time.sleep(0.05)
    pytest.fail("it does not happen")


def test_close_writes_all_that_waits() -> None:
    written = Written()
    still(written).close()
    assert written.rows == ROWS


def test_close_ends_where_the_database_is_away(caplog: pytest.LogCaptureFixture) -> None:
    written = Written(*[StoreUnavailable("away")] * 9)
    still(written).close()
    assert (written.rows, len(written.errors)) == ([], 8)
    assert f"{len(ROWS)} rows were not written down" in caplog.text


def test_fault_loses_one_portion_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    written = Written(ZeroDivisionError("a fault"))
    still(written).close()
    assert written.rows == ROWS[AT_ONCE:]
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == f"the list has failed: {AT_ONCE} rows were not written down"
    assert "ZeroDivisionError: a fault" in caplog.text


def test_thread_goes_on_after_a_fault() -> None:
    written = Written(ZeroDivisionError("a fault"))
    behind = WriteBehind("list", written)
    behind.put(1)
    wait_until(lambda: not written.errors)
    behind.put(2)
    wait_until(lambda: written.rows == [2])
    behind.close()


def test_nothing_that_waits_ends_at_once() -> None:
    written = Written(ZeroDivisionError("is not asked"))
    WriteBehind("list", written).close()
    assert written.errors
