"""The look at the revision: the event loop never waits for the database."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from recommender.errors import StoreUnavailable
from recommender.store.base import State
from recommender.web import revision
from recommender.web.revision import QuickLook, RevisionLook

Result = TypeVar("Result")


def run(asking: Coroutine[Any, Any, Result]) -> Result:
    """Runs it in a loop of its own, in a thread of its own: browser tests leave theirs running."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, asking).result()


def looked(look: Callable[[], State], requests: int) -> list[State | None]:
    """What some requests that come together are told."""

    async def ask() -> list[State | None]:
        revisions = RevisionLook(look)
        revisions.start(asyncio.get_running_loop())
        return [await future for future in [revisions.next() for _ in range(requests)]]

    return run(ask())


def test_one_look_serves_all_that_wait() -> None:
    looks: list[State] = []

    def look() -> State:
        looks.append(State(len(looks), 1))
        return looks[-1]

    assert looked(look, 100) == [State(0, 1)] * 100


def test_look_begins_after_the_request() -> None:
    """A change that was confirmed before a request is seen by it, also where a look is under way."""
    now, begun, go_on = [1], threading.Event(), threading.Event()

    def look() -> State:
        seen = State(now[0], 1)
        begun.set()
        go_on.wait(10)
        return seen

    async def ask() -> tuple[State | None, State | None]:
        revisions = RevisionLook(look)
        revisions.start(asyncio.get_running_loop())
        first = revisions.next()
        await asyncio.to_thread(begun.wait, 10)
        now[0] = 2
        second = revisions.next()
        go_on.set()
        return await first, await second

    assert run(ask()) == (State(1, 1), State(2, 1))


def test_look_that_fails_says_nothing() -> None:
    def look() -> State:
        raise StoreUnavailable("gone")

    assert looked(look, 2) == [None, None]


def test_look_that_hangs_lets_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revision, "LOOK_SECONDS", 0.1)
    hanging = threading.Event()

    def look() -> State:
        hanging.wait(20)
        return State(1, 1)

    async def ask() -> list[State | None]:
        revisions = RevisionLook(look)
        revisions.start(asyncio.get_running_loop())
        first = revisions.next()
        await asyncio.sleep(0.05)
        answers = [await first, await revisions.next()]
        hanging.set()
        return [*answers, await revisions.next()]

    assert run(asyncio.wait_for(ask(), 10)) == [None, None, State(1, 1)]


def test_it_looks_also_where_no_request_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in memory may stand in for some time after the last look, so that must not be long ago."""
    monkeypatch.setattr(revision, "LOOK_SECONDS", 0.05)
    looked = threading.Event()

    def look() -> State:
        looked.set()
        return State(1, 1)

    async def wait() -> bool:
        RevisionLook(look).start(asyncio.get_running_loop())
        return await asyncio.to_thread(looked.wait, 10)

    assert run(wait())


def test_change_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Requests that are answered from memory say nothing."""
    faults: list[StoreUnavailable | None] = [None, *[StoreUnavailable("gone")] * 3, None, None]

    def look() -> State:
        fault = faults.pop(0) if faults else None
        if fault is not None:
            raise fault
        return State(1, 1)

    async def ask() -> None:
        revisions = RevisionLook(look)
        revisions.start(asyncio.get_running_loop())
        for _ in range(6):
            await revisions.next()

    run(ask())
    assert [record.getMessage() for record in caplog.records] == ["gone", "The database answers again."]


# -- on the loop itself


def test_one_turn_of_the_loop_looks_once() -> None:
    looks: list[State] = []

    def look() -> State:
        looks.append(State(len(looks), 1))
        return looks[-1]

    async def ask() -> list[State | None]:
        quick = QuickLook(look)
        quick.start(asyncio.get_running_loop())

        async def request() -> State | None:
            return quick.state()

        together = await asyncio.gather(*(request() for _ in range(10)))
        return [*together, await asyncio.create_task(request())]

    assert run(ask()) == [State(0, 1)] * 10 + [State(1, 1)]


def test_request_that_comes_during_a_look_looks_anew() -> None:
    """It may have been sent after a change that the look did not see."""
    revisions = iter((1, 2))

    async def ask() -> tuple[State | None, State | None]:
        loop, later = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()

        def look() -> State:
            state = State(next(revisions), 1)
            if state.revision == 1:
                loop.call_soon(lambda: later.set_result(quick.state()))
            return state

        quick = QuickLook(look)
        quick.start(loop)
        return quick.state(), await later

    assert run(ask()) == (State(1, 1), State(2, 1))
