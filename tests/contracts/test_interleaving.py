"""What the store of trials promises, on SQLite and on PostgreSQL."""

from dataclasses import replace
from datetime import timedelta

from recommender.store.base import Store
from recommender.store.interleaving import CHALLENGER, LIVE, HourCount, InterleavingRun, MixedSidebar, Pick
from tests.factories import NOW

PICKS = (Pick(4, LIVE), Pick(9, None), Pick(2, CHALLENGER))


def started(store: Store) -> int:
    return store.interleaving.start("good/1", "new/1", NOW)


def answer(trial: int, request: str = "aa", *, article: int = 1, hour: int = 5) -> MixedSidebar:
    return MixedSidebar(request, trial, article, hour, PICKS)


def test_run_comes_back(store: Store) -> None:
    assert store.interleaving.latest() is None
    number = started(store)
    assert store.interleaving.latest() == InterleavingRun(number, "good/1", "new/1", NOW)
    store.interleaving.end(number, NOW + timedelta(hours=1))
    assert store.interleaving.latest() == InterleavingRun(number, "good/1", "new/1", NOW, NOW + timedelta(hours=1))


def test_start_and_end_are_changes_to_readers(store: Store) -> None:
    before = store.state().revision
    number = started(store)
    assert store.state().revision == before + 1
    store.interleaving.end(number, NOW)
    assert store.state().revision == before + 2


def test_answers_and_clicks_are_no_change_to_readers(store: Store) -> None:
    number = started(store)
    before = store.state()
    store.interleaving.note([answer(number)])
    store.interleaving.count({("aa", 4): 1}, 10)
    assert store.state() == before


def test_answer_comes_back_in_its_order(store: Store) -> None:
    shown = answer(started(store))
    store.interleaving.note([shown])
    assert store.interleaving.shown("aa") == (shown, {4: 0, 9: 0, 2: 0})
    assert store.interleaving.shown("bb") is None


def test_same_answer_of_two_workers_counts_once(store: Store) -> None:
    number = started(store)
    store.interleaving.note([answer(number), answer(number)])
    store.interleaving.count({("aa", 4): 3}, 10)
    store.interleaving.note([answer(number), answer(number, "bb")])
    assert store.interleaving.shown("aa") == (answer(number), {4: 3, 9: 0, 2: 0})
    assert store.interleaving.shown("bb") == (answer(number, "bb"), {4: 0, 9: 0, 2: 0})


def test_clicks_add_up_to_the_most(store: Store) -> None:
    number = started(store)
    store.interleaving.note([answer(number)])
    store.interleaving.count({("aa", 4): 3, ("aa", 2): 1}, 5)
    store.interleaving.count({("aa", 4): 3, ("aa", 7): 1, ("bb", 4): 1}, 5)
    assert store.interleaving.shown("aa") == (answer(number), {4: 5, 9: 0, 2: 1})


def test_counts_are_by_article_and_hour(store: Store) -> None:
    number = started(store)
    both = [answer(number), answer(number, "bb")]
    store.interleaving.note([*both, answer(number, "cc", hour=6), answer(number, "dd", article=3)])
    store.interleaving.count({("aa", 4): 2, ("bb", 4): 1, ("bb", 2): 4, ("dd", 9): 5}, 10)
    expected = [HourCount(1, 5, 3, 4, 0), HourCount(1, 6, 0, 0, 0), HourCount(3, 5, 0, 0, 5)]
    assert store.interleaving.counts(number) == expected


def test_new_run_forgets_the_one_before(store: Store) -> None:
    first = started(store)
    store.interleaving.note([answer(first)])
    second = started(store)
    assert second > first
    assert store.interleaving.shown("aa") is None
    store.interleaving.note([answer(first), replace(answer(second), request="bb")])  # by a late worker
    assert store.interleaving.shown("aa") is None
    assert store.interleaving.shown("bb") is not None
