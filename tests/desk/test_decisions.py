"""Decisions: one transaction each, written down, idempotent, never overwriting what another editor has decided."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from recommender.curation.rules import Condition, Rule
from recommender.curation.sensitivity import DEFAULT_MATRIX, FIXED, Matrix
from recommender.curation.signals import APART, BOOST, BURY, EXCLUDE, OFF, PIN, RANKING, REJECT, RULE, Signal
from recommender.desk.decisions import Decisions, Sent, Wish, check_ranking
from recommender.errors import ArticleNotFound, Conflict, InvalidSignal, NotFound
from recommender.serving.document import digest_of
from recommender.store.audit import AuditEntry, AuditQuery
from recommender.store.base import Store
from tests.factories import NOW, make_article, stored

AWA = Sent("awa", why="an old story")
MOUSSA = Sent("moussa")


class Clock:
    """A clock that a test sets."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def decisions(store: Store, clock: Clock) -> Decisions:
    stored(store, [make_article(name) for name in "abcd"])
    return Decisions(store, clock)


def in_force(store: Store) -> list[tuple[Any, ...]]:
    """What holds, as (kind, source, target, slot or factor); a is 1, b 2, and so on."""
    return [
        (signal.kind, signal.source, signal.target, signal.slot or signal.factor)
        for signal in store.signals.changed_since(-1)
    ]


def trail(store: Store) -> list[AuditEntry]:
    return store.audit.entries(AuditQuery(), 100)


# -- keeping and ending ------------------------------------------------------------------------------------------------


def test_decision_is_kept_and_written_down(decisions: Decisions, store: Store) -> None:
    until = NOW + timedelta(days=7)
    entry = decisions.decide("a", [Wish(PIN, "b", 2, until=until)], Sent("awa", "k", 0, 12, " fits better "))
    assert in_force(store) == [(PIN, 1, 2, 2)]
    assert trail(store) == [entry]
    assert (entry.by, entry.action, entry.subject, entry.article) == ("awa", PIN, "a", 1)
    assert (entry.why, entry.seconds, entry.at, entry.before) == ("fits better", 12, NOW, None)
    assert entry.after == {
        "signals": [
            {
                "number": 1,
                "kind": PIN,
                "beside": "a",
                "story": "b",
                "slot": 2,
                "from": NOW.isoformat(timespec="seconds"),
                "until": until.isoformat(timespec="seconds"),
                "by": "awa",
                "reason": "fits better",
            }
        ]
    }


@pytest.mark.parametrize(
    ("old", "new", "remaining"),
    [
        (Wish(PIN, "b", 1), Wish(PIN, "c", 1), [(PIN, 1, 3, 1)]),
        (Wish(PIN, "b", 1), Wish(PIN, "b", 2), [(PIN, 1, 2, 2)]),
        (Wish(PIN, "b", 1), Wish(PIN, "c", 2), [(PIN, 1, 2, 1), (PIN, 1, 3, 2)]),
        (Wish(PIN, "b", 1), Wish(REJECT, "b"), [(REJECT, 1, 2, None)]),
        (Wish(REJECT, "b"), Wish(PIN, "b", 1), [(PIN, 1, 2, 1)]),
        (Wish(APART, "b"), Wish(PIN, "b", 1), [(PIN, 1, 2, 1)]),
        (Wish(REJECT, "b"), Wish(REJECT, "c"), [(REJECT, 1, 2, None), (REJECT, 1, 3, None)]),
        (Wish(REJECT, "b"), Wish(REJECT, "b"), [(REJECT, 1, 2, None)]),
        (Wish(BOOST, "b", factor=2.0), Wish(BURY, "b", factor=0.5), [(BURY, 1, 2, 0.5)]),
        (
            Wish(BOOST, "b", factor=2.0),
            Wish(BOOST, "b", factor=3.0, everywhere=True),
            [(BOOST, 1, 2, 2.0), (BOOST, None, 2, 3.0)],
        ),
        (
            Wish(BOOST, "b", factor=2.0, everywhere=True),
            Wish(BURY, "b", factor=0.3, everywhere=True),
            [(BURY, None, 2, 0.3)],
        ),
        (Wish(EXCLUDE, "b"), Wish(EXCLUDE, "b"), [(EXCLUDE, None, 2, None)]),
        (Wish(OFF), Wish(OFF), [(OFF, 1, None, None)]),
        (Wish(OFF), Wish(PIN, "b", 1), [(OFF, 1, None, None), (PIN, 1, 2, 1)]),
    ],
)
def test_new_decision_replaces_what_it_contradicts(
    decisions: Decisions, store: Store, old: Wish, new: Wish, remaining: list[tuple[Any, ...]]
) -> None:
    decisions.decide("a", [old], AWA)
    decisions.decide("a", [new], AWA)
    assert in_force(store) == remaining


def test_pair_is_set_apart_once_from_either_side(decisions: Decisions, store: Store) -> None:
    decisions.decide("a", [Wish(APART, "b")], AWA)
    decisions.decide("b", [Wish(APART, "a")], AWA)
    assert in_force(store) == [(APART, 2, 1, None)]


def test_signal_of_another_article_stays(decisions: Decisions, store: Store) -> None:
    decisions.decide("a", [Wish(PIN, "c", 1)], AWA)
    decisions.decide("b", [Wish(PIN, "c", 1)], AWA)
    assert len(in_force(store)) == 2


def test_order_is_one_decision(decisions: Decisions, store: Store) -> None:
    entry = decisions.decide("a", [Wish(PIN, "c", 1), Wish(PIN, "b", 2)], AWA)
    assert in_force(store) == [(PIN, 1, 3, 1), (PIN, 1, 2, 2)]
    assert trail(store) == [entry]


def test_signals_are_taken_back(decisions: Decisions, store: Store) -> None:
    decisions.decide("a", [Wish(REJECT, "b")], AWA)
    entry = decisions.end("a", [1], MOUSSA)
    assert in_force(store) == []
    assert entry.before is not None
    assert [signal["story"] for signal in entry.before["signals"]] == ["b"]


def test_what_is_over_cannot_be_taken_back(decisions: Decisions) -> None:
    decisions.decide("a", [Wish(REJECT, "b")], AWA)
    decisions.end("a", [1], AWA)
    with pytest.raises(NotFound, match="not in force"):
        decisions.end("a", [1], AWA)


# -- refused -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (Wish(PIN, "b"), "slot"),
        (Wish(PIN, "b", 0), "slot"),
        (Wish(PIN, "b", 11), "slot"),
        (Wish(PIN, "b", 1, everywhere=True), "source"),
        (Wish(PIN, "a", 1), "target"),
        (Wish(REJECT), "target"),
        (Wish(OFF, "b"), "target"),
        (Wish(BOOST, "b"), "factor"),
        (Wish(BOOST, "b", factor=0.99), "factor"),
        (Wish(BOOST, "b", factor=10.1), "factor"),
        (Wish(BOOST, "b", factor=float("nan")), "factor"),
        (Wish(BURY, "b", factor=0.91), "factor"),
        (Wish(BURY, "b", factor=-0.1), "factor"),
        (Wish(PIN, "b", 1, until=NOW), "until"),
        (Wish("shout", "b"), "kind"),
    ],
)
def test_impossible_signal_is_refused_by_field(decisions: Decisions, store: Store, wish: Wish, field: str) -> None:
    with pytest.raises(InvalidSignal) as refused:
        decisions.decide("a", [wish], AWA)
    assert [problem.field for problem in refused.value.problems] == [field]
    assert in_force(store) == []
    assert trail(store) == []


def test_long_reason_is_refused(decisions: Decisions) -> None:
    with pytest.raises(InvalidSignal, match="too long"):
        decisions.decide("a", [Wish(OFF)], Sent("awa", why="x" * 1001))


def test_slot_is_given_once(decisions: Decisions) -> None:
    with pytest.raises(InvalidSignal, match="twice"):
        decisions.decide("a", [Wish(PIN, "b", 1), Wish(PIN, "c", 1)], AWA)


@pytest.mark.parametrize(("article", "target"), [("z", "b"), ("a", "z")])
def test_unknown_articles_are_refused(decisions: Decisions, article: str, target: str) -> None:
    with pytest.raises(ArticleNotFound):
        decisions.decide(article, [Wish(REJECT, target)], AWA)


# -- two at once, and twice --------------------------------------------------------------------------------------------


def test_request_sent_twice_counts_once(decisions: Decisions, store: Store) -> None:
    sent = Sent("awa", "key-1", 0)
    first = decisions.decide("a", [Wish(REJECT, "b")], sent)
    assert decisions.decide("a", [Wish(REJECT, "b")], sent) == first
    assert len(trail(store)) == len(in_force(store)) == 1


def test_second_editor_is_told(decisions: Decisions, store: Store) -> None:
    decisions.decide("a", [Wish(REJECT, "b")], Sent("awa", seen=0))
    with pytest.raises(Conflict, match="awa has decided") as refused:
        decisions.decide("a", [Wish(PIN, "b", 1)], Sent("moussa", seen=0))
    assert in_force(store) == [(REJECT, 1, 2, None)]
    decisions.decide("a", [Wish(PIN, "b", 1)], Sent("moussa", seen=refused.value.entry))
    assert in_force(store) == [(PIN, 1, 2, 1)]


def test_decisions_about_another_article_are_no_conflict(decisions: Decisions, store: Store) -> None:
    decisions.decide("a", [Wish(REJECT, "b")], Sent("awa", seen=0))
    decisions.decide("c", [Wish(REJECT, "b")], Sent("moussa", seen=0))
    assert len(in_force(store)) == 2


def test_of_two_at_the_same_moment_one_is_refused(decisions: Decisions, store: Store) -> None:
    barrier, outcomes = threading.Barrier(2), []

    def work(slot: int) -> None:
        barrier.wait()
        try:
            decisions.decide("a", [Wish(PIN, "b", slot)], Sent(f"editor {slot}", seen=0))
            outcomes.append("kept")
        except Conflict:
            outcomes.append("refused")

    threads = [threading.Thread(target=work, args=(slot,)) for slot in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["kept", "refused"]
    assert len(in_force(store)) == 1


# -- approving ---------------------------------------------------------------------------------------------------------


def test_approval_names_the_sidebar_that_was_seen(decisions: Decisions, store: Store) -> None:
    decisions.approve("a", "d1", "d1", AWA)
    review = store.reviews.get(1)
    assert review is not None
    assert (review.by, review.at, review.digest) == ("awa", NOW, "d1")


def test_sidebar_that_has_changed_is_not_approved(decisions: Decisions, store: Store) -> None:
    with pytest.raises(Conflict, match="changed"):
        decisions.approve("a", "d1", "d2", AWA)
    assert store.reviews.get(1) is None
    assert trail(store) == []


# -- undo --------------------------------------------------------------------------------------------------------------


def undo_twice(decisions: Decisions, act: Callable[[], AuditEntry], look: Callable[[], object]) -> None:
    """What an undo brings back is as before; what an undo of the undo brings back is as after."""
    before = look()
    entry = act()
    after = look()
    assert before != after
    undone = decisions.undo(entry.number, MOUSSA)
    assert look() == before
    decisions.undo(undone.number, MOUSSA)
    assert look() == after


@pytest.mark.parametrize(
    "wishes",
    [[Wish(PIN, "b", 1)], [Wish(PIN, "c", 1), Wish(PIN, "d", 2)], [Wish(BURY, "b", factor=0.5)], [Wish(OFF)]],
    ids=lambda wishes: wishes[0].kind,
)
def test_decision_can_be_undone_and_done_again(decisions: Decisions, store: Store, wishes: list[Wish]) -> None:
    decisions.decide("a", [Wish(PIN, "d", 1)], AWA)
    decisions.decide("a", [Wish(BOOST, "b", factor=2.0)], AWA)
    undo_twice(decisions, lambda: decisions.decide("a", wishes, AWA), lambda: sorted(in_force(store), key=repr))


def test_taking_back_can_be_undone(decisions: Decisions, store: Store) -> None:
    decisions.decide("a", [Wish(REJECT, "b")], AWA)
    undo_twice(decisions, lambda: decisions.end("a", [1], AWA), lambda: in_force(store))


def test_approval_can_be_undone(decisions: Decisions, store: Store) -> None:
    decisions.approve("a", "d1", "d1", AWA)

    def digest() -> str | None:
        review = store.reviews.get(1)
        return None if review is None else review.digest

    undo_twice(decisions, lambda: decisions.approve("a", "d2", "d2", AWA), digest)


def test_first_approval_can_be_undone(decisions: Decisions, store: Store) -> None:
    undo_twice(decisions, lambda: decisions.approve("a", "d", "d", AWA), lambda: store.reviews.get(1) is None)


def test_what_has_been_changed_since_cannot_be_undone(decisions: Decisions, store: Store) -> None:
    entry = decisions.decide("a", [Wish(PIN, "b", 1)], AWA)
    decisions.decide("a", [Wish(PIN, "c", 1)], MOUSSA)
    with pytest.raises(Conflict, match="changed since"):
        decisions.undo(entry.number, AWA)
    assert in_force(store) == [(PIN, 1, 3, 1)]


def test_approval_that_was_followed_by_another_cannot_be_undone(decisions: Decisions, store: Store) -> None:
    first = decisions.approve("a", "d1", "d1", AWA)
    decisions.approve("a", "d2", "d2", MOUSSA)
    with pytest.raises(Conflict, match="changed since"):
        decisions.undo(first.number, AWA)


def test_rules_are_no_signals_of_an_article(decisions: Decisions, store: Store) -> None:
    decisions.keep_rule(RULE_A, AWA)
    with pytest.raises(NotFound, match="not a signal"):
        decisions.end("a", [1], AWA)


def test_undo_brings_back_nothing_that_is_over(decisions: Decisions, store: Store, clock: Clock) -> None:
    decisions.decide("a", [Wish(PIN, "b", 1, until=NOW + timedelta(hours=1))], AWA)
    entry = decisions.decide("a", [Wish(PIN, "c", 1)], AWA)
    clock.now = NOW + timedelta(hours=2)
    decisions.undo(entry.number, AWA)
    assert in_force(store) == []


def test_what_is_brought_back_is_brought_back_once(decisions: Decisions, store: Store) -> None:
    """Two people undo one decision, each with a form of their own: the second is refused."""
    decisions.keep_rule(Rule("No box", Condition({}), "no_box"), AWA)
    entry = decisions.end_rule(1, AWA)
    decisions.undo(entry.number, AWA)
    with pytest.raises(Conflict, match="taken back already"):
        decisions.undo(entry.number, MOUSSA)
    assert [signal.kind for signal in store.signals.changed_since(-1)] == [RULE]


def test_undo_sent_twice_counts_once(decisions: Decisions, store: Store) -> None:
    entry = decisions.decide("a", [Wish(PIN, "b", 1)], AWA)
    first = decisions.undo(entry.number, Sent("awa", "u"))
    assert decisions.undo(entry.number, Sent("awa", "u")) == first
    assert len(trail(store)) == 2


@pytest.mark.parametrize("number", [0, 99])
def test_there_is_nothing_to_undo(decisions: Decisions, number: int) -> None:
    with pytest.raises(NotFound):
        decisions.undo(number, AWA)


def test_entries_that_are_not_decisions_cannot_be_undone(decisions: Decisions, store: Store) -> None:
    number = store.audit.append(AuditEntry(NOW, "awa", "role", "moussa", after={"role": "viewer"}))
    with pytest.raises(NotFound, match="cannot be undone"):
        decisions.undo(number, AWA)


# -- for the whole site ------------------------------------------------------------------------------------------------

RULE_A = Rule("No opinion here", Condition({"flag": ("opinion",)}), "no_box")


def policies(store: Store) -> list[Signal]:
    return store.signals.at(NOW, (RULE, RANKING, "matrix"))


def test_rule_is_kept_changed_and_ended(decisions: Decisions, store: Store) -> None:
    decisions.keep_rule(RULE_A, AWA)
    (first,) = policies(store)
    assert first.data["description"] == "No opinion here"
    decisions.keep_rule(Rule("Changed", RULE_A.when, "no_box", number=first.number), AWA)
    (second,) = policies(store)
    assert second.data["description"] == "Changed"
    entry = decisions.end_rule(second.number, AWA)
    assert policies(store) == []
    assert entry.subject == "Changed"


def test_rule_that_was_replaced_is_not_overwritten(decisions: Decisions) -> None:
    decisions.keep_rule(RULE_A, AWA)
    decisions.keep_rule(Rule("Second", RULE_A.when, "no_box", number=1), AWA)
    with pytest.raises(NotFound):
        decisions.keep_rule(Rule("Third", RULE_A.when, "no_box", number=1), MOUSSA)


def test_one_matrix_and_one_ranking_are_in_force(decisions: Decisions, store: Store) -> None:
    decisions.keep_matrix(DEFAULT_MATRIX, AWA)
    decisions.keep_matrix(Matrix(FIXED), AWA)
    decisions.keep_ranking({"min_score": 0.2}, AWA)
    decisions.keep_ranking({"min_score": 0.3}, AWA)
    assert sorted(policy.kind for policy in policies(store)) == ["matrix", RANKING]
    assert {policy.data.get("min_score") for policy in policies(store)} == {None, 0.3}


def test_policy_can_be_undone(decisions: Decisions, store: Store) -> None:
    decisions.keep_ranking({"min_score": 0.2}, AWA)
    undo_twice(
        decisions,
        lambda: decisions.keep_ranking({"min_score": 0.3}, AWA),
        lambda: [policy.data for policy in policies(store)],
    )


@pytest.mark.parametrize(
    "data",
    [{"min_score": -0.1}, {"min_score": 1.1}, {"weights": {"colour": 1.0}}, {"weights": {"dense": 3.1}}],
)
def test_impossible_ranking_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(InvalidSignal):
        check_ranking(data)


# -- what readers see --------------------------------------------------------------------------------------------------


def test_digest_names_what_readers_see() -> None:
    item = dict.fromkeys(("url", "summary", "posted_on", "edition", "language", "image_url", "reason"), "x")
    first = {**item, "id": "a", "title": "A", "read_count": 1, "score": 0.5}
    assert digest_of([first]) == digest_of([{**first, "read_count": 2, "score": 0.6}])
    assert digest_of([first]) != digest_of([{**first, "title": "B"}])
    assert digest_of([first]) != digest_of([])
    other = {**first, "id": "b"}
    assert digest_of([first, other]) != digest_of([other, first])
