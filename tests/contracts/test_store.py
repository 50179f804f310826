"""What every store promises of its revisions and transactions."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from recommender.store.articles import Upserted
from recommender.store.base import State, Store
from recommender.wiring import open_store
from tests.contracts.content import SOON, in_thread, live_generation
from tests.factories import make_article, stored


def test_new_store_is_empty(store: Store) -> None:
    assert store.state() == State(0, None)
    assert store.generations.live() is None
    assert store.generations.live_model() is None
    assert store.articles.facts_since(0) == []


def test_revision_rises_with_each_change(store: Store) -> None:
    revisions = [store.state().revision]
    for work in (
        lambda: stored(store, [make_article("a"), make_article("b")]),
        lambda: stored(store, [make_article("a", title="New")]),
        lambda: store.articles.withdraw("a"),
        lambda: live_generation(store),
        lambda: live_generation(store),
    ):
        work()
        revisions.append(store.state().revision)
    assert revisions == sorted(set(revisions))


def test_failed_transactions_leave_nothing(store: Store) -> None:
    stored(store, [make_article("a")])
    before = store.state()

    def fail() -> None:
        with store.writing():
            stored(store, [make_article("b")])
            assert store.articles.by_id("b") is not None
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert store.state() == before
    assert store.articles.by_id("b") is None


def test_writes_inside_a_reading_are_refused(store: Store) -> None:
    with store.reading(), pytest.raises(RuntimeError, match="inside a read transaction"):
        store.articles.withdraw("a")
    assert store.articles.upsert([make_article("a")]) == Upserted(1, 0, 0)


def test_readers_see_one_snapshot(store: Store) -> None:
    stored(store, [make_article("a")])
    with store.reading():
        before = store.state()
        in_thread(lambda: stored(store, [make_article("a", title="New"), make_article("b")]))
        assert store.state() == before
        assert store.articles.by_id("a")[1].title == "a"  # type: ignore[index]
        assert store.articles.by_id("b") is None
    assert store.articles.by_id("b") is not None


def test_readers_never_wait_for_a_writer(store: Store) -> None:
    stored(store, [make_article("a")])
    with store.writing():
        stored(store, [make_article("a", title="New")])

        def read() -> tuple[str, State]:
            with store.reading():
                return store.articles.by_id("a")[1].title, store.state()  # type: ignore[index]

        assert in_thread(read) == ("a", State(1, None))
        assert in_thread(store.state) == State(1, None)


def test_writers_take_turns(store: Store) -> None:
    entered, order = threading.Event(), []

    def second() -> None:
        entered.wait(SOON)
        stored(store, [make_article("second")])
        order.append("second")

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(second)
        with store.writing():
            entered.set()
            stored(store, [make_article("first")])
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
            order.append("first")
        waiting.result(timeout=SOON)
    assert order == ["first", "second"]


def test_crowd_of_writers_loses_nothing(store: Store) -> None:
    revisions: list[int] = []
    lock = threading.Lock()

    def write(number: int) -> None:
        with store.writing():
            stored(store, [make_article(f"a{number}")])
            revision = store.state().revision
        with lock:
            revisions.append(revision)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(12)))
    assert sorted(revisions) == list(range(1, 13))
    assert store.articles.counts() == {"published": 12}


def test_other_processes_see_what_is_written(store: Store, url: str) -> None:
    other = open_store(url)
    stored(store, [make_article("a")])
    assert other.state() == store.state()
    assert other.articles.by_id("a") is not None
    stored(other, [make_article("b")])
    assert store.articles.by_id("b") is not None
    other.close()
