"""What the store of signals promises, on SQLite and on PostgreSQL."""

from dataclasses import replace
from datetime import timedelta

from recommender.curation.signals import BOOST, EXCLUDE, KINDS, MATRIX, PIN, RULE, Signal
from recommender.store.base import Store
from tests.factories import NOW, make_article, stored

SOON = NOW + timedelta(hours=1)
PINNED = Signal(PIN, 1, 2, "awa", NOW, reason="« l'origine » 🚁", slot=2, until=NOW + timedelta(days=7))
EXCLUDED = Signal(EXCLUDE, None, 3, "moussa", NOW)
POLICY = Signal(RULE, None, None, "awa", NOW, data={"description": "Only here", "when": {"flag": ["opinion"]}})


def kept(store: Store, *signals: Signal) -> list[Signal]:
    """Signals as they come back from the store."""
    stored(store, [make_article(name) for name in "abcd"])
    return list(store.signals.get(store.signals.add(signals)).values())


def test_signal_comes_back_as_it_was(store: Store) -> None:
    complete = replace(PINNED, factor=None, data={"a": [1, "é"]})
    stored = kept(store, complete, replace(EXCLUDED, kind=BOOST, factor=2.5))
    assert [replace(signal, number=0) for signal in stored] == [complete, replace(EXCLUDED, kind=BOOST, factor=2.5)]


def test_times_are_kept_to_the_millisecond(store: Store) -> None:
    moment = NOW.replace(microsecond=123_000)
    assert kept(store, replace(PINNED, since=moment))[0].since == moment


def test_keeping_a_signal_is_a_change(store: Store) -> None:
    before = store.state().revision
    store.signals.add([PINNED, EXCLUDED])
    assert store.state().revision == before + 1


def test_keeping_nothing_is_no_change(store: Store) -> None:
    before = store.state().revision
    assert store.signals.add([]) == []
    store.signals.end([], NOW, "awa")
    assert store.state().revision == before


def test_ended_signal_says_when_and_by_whom(store: Store) -> None:
    (signal,) = kept(store, PINNED)
    before = store.state().revision
    store.signals.end([signal.number], SOON, "moussa")
    assert store.signals.get([signal.number])[signal.number] == replace(signal, ended=SOON, ended_by="moussa")
    assert store.state().revision == before + 1


def test_signal_is_ended_once(store: Store) -> None:
    (signal,) = kept(store, PINNED)
    store.signals.end([signal.number], SOON, "moussa")
    store.signals.end([signal.number], SOON + timedelta(days=1), "awa")
    assert store.signals.get([signal.number])[signal.number].ended == SOON


def test_changes_are_reported_by_revision(store: Store) -> None:
    first, second = kept(store, PINNED, EXCLUDED)
    revision = store.state().revision
    assert store.signals.changed_since(revision) == []
    store.signals.end([first.number], SOON, "awa")
    assert [signal.number for signal in store.signals.changed_since(revision)] == [first.number]
    assert store.signals.changed_since(-1) == [second]


def test_articles_are_touched_by_every_change(store: Store) -> None:
    """Also by a signal that is ended: an answer made while it held is wrong now."""
    first, _ = kept(store, PINNED, EXCLUDED)
    begun = store.state().revision
    assert store.signals.touched_since(-1) == {1: begun, 2: begun, 3: begun}
    store.signals.end([first.number], SOON, "awa")
    assert store.signals.touched_since(begun) == {1: begun + 1, 2: begun + 1}
    assert store.signals.touched_since(-1) == {1: begun + 1, 2: begun + 1, 3: begun}


def test_only_policies_move_their_revision(store: Store) -> None:
    assert store.signals.policy_revision() == -1
    kept(store, PINNED)
    assert store.signals.policy_revision() == -1
    (rule,) = store.signals.add([POLICY])
    assert store.signals.policy_revision() == store.state().revision
    store.signals.add([EXCLUDED])
    store.signals.end([rule], SOON, "awa")
    assert store.signals.policy_revision() == store.state().revision


def test_signals_of_an_article_are_found_from_both_ends(store: Store) -> None:
    first, second = kept(store, PINNED, EXCLUDED)
    store.signals.end([first.number], SOON, "awa")
    assert [signal.number for signal in store.signals.about(1)] == [first.number]
    assert [signal.number for signal in store.signals.about(2)] == [first.number]
    assert store.signals.about(3) == [second]
    assert store.signals.about(4) == []


def test_what_was_in_force_is_reported_for_any_time(store: Store) -> None:
    pinned, excluded = kept(store, PINNED, replace(EXCLUDED, since=SOON))
    store.signals.end([pinned.number], SOON, "awa")

    def numbers(hours: float, *kinds: str) -> list[int]:
        return [signal.number for signal in store.signals.at(NOW + timedelta(hours=hours), kinds or KINDS)]

    assert numbers(-1) == []
    assert numbers(0) == [pinned.number]
    assert numbers(1) == [excluded.number]
    assert numbers(0, EXCLUDE) == []
    assert numbers(0, MATRIX) == []


def test_signals_of_a_kind_are_reported_with_those_over_and_to_come(store: Store) -> None:
    first, _, later = store.signals.add([POLICY, PINNED, replace(POLICY, since=NOW + timedelta(days=1))])
    store.signals.end([first], SOON, "awa")
    assert [signal.number for signal in store.signals.of_kinds([RULE, MATRIX], 9)] == [later, first]
    assert [signal.number for signal in store.signals.of_kinds([RULE], 1)] == [later]
    assert store.signals.of_kinds([MATRIX], 9) == []
