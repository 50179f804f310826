"""From a proposal to the decision: checked, tried, and refused where another editor has been faster."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from recommender.curation.sensitivity import DEFAULT_MATRIX, Matrix
from recommender.curation.signals import MATRIX, MAX_REASON, RANKING, RULE, Signal
from recommender.desk.decisions import END, Decisions, Sent
from recommender.desk.proposals import Overtaken, Proposal, Proposals
from recommender.errors import Conflict, InvalidSignal, NotFound
from recommender.store.audit import AuditQuery
from recommender.store.base import Store
from tests.factories import NOW

AWA, MOUSSA = Sent("awa", "k1"), Sent("moussa", "k2")
DATA = {"description": "No box", "when": {}, "then": "no_box", "what": {}, "count": None, "factor": None}
RULED = Proposal(RULE, {**DATA, "enabled": True})
RANKED = Proposal(RANKING, {"min_score": 0.3})
OPEN_MATRIX = Proposal(MATRIX, {"forbidden": []})


class Clock:
    """A clock that a test sets."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def proposals(store: Store, clock: Clock) -> Proposals:
    return Proposals(store, Decisions(store, clock), clock)


def wrong(proposals: Proposals, wanted: Proposal) -> set[str]:
    """The fields that are refused; none where it is taken."""
    try:
        proposals.check(wanted)
    except InvalidSignal as error:
        return {problem.field for problem in error.problems}
    return set()


def standing(store: Store, kind: str) -> list[tuple[int, Any]]:
    """What of a kind is kept and not ended, as (number, data)."""
    return [(signal.number, signal.data) for signal in store.signals.changed_since(-1) if signal.kind == kind]


@pytest.mark.parametrize(
    "proposal", [RULED, replace(RULED, seen=4, since=NOW, until=NOW + timedelta(days=1), reason="because"), RANKED]
)
def test_proposal_survives_json(proposal: Proposal) -> None:
    assert Proposal.from_data(json.loads(json.dumps(proposal.to_data()))) == proposal


class TestCheck:
    """`Proposals.check`."""

    @pytest.mark.parametrize("wanted", [RULED, RANKED, OPEN_MATRIX, replace(RULED, until=NOW + timedelta(seconds=1))])
    def test_what_makes_sense_is_taken(self, proposals: Proposals, wanted: Proposal) -> None:
        assert wrong(proposals, wanted) == set()

    @pytest.mark.parametrize(
        ("wanted", "fields"),
        [
            (replace(RULED, reason="x" * (MAX_REASON + 1)), {"reason"}),
            (replace(RULED, until=NOW), {"until"}),
            (replace(RULED, data={**RULED.data, "description": ""}), {"description"}),
            (
                replace(RULED, data={**RULED.data, "then": "x"}, reason="x" * 2_000, until=NOW),
                {"then", "reason", "until"},
            ),
            (Proposal(RANKING, {"min_score": 2.0}), {"min_score"}),
            (Proposal(RANKING, {"weights": {"dense": 4.0}}), {"dense"}),
            (Proposal(RANKING, {"weights": {"dense": float("nan")}}), {"dense"}),
            (Proposal(MATRIX, {"forbidden": [["opinion"]]}), {"matrix"}),
            (Proposal(RANKING, {}), {RANKING}),
            (Proposal(MATRIX, DEFAULT_MATRIX.to_data()), {MATRIX}),
        ],
    )
    def test_every_wrong_field_is_told(self, proposals: Proposals, wanted: Proposal, fields: set[str]) -> None:
        assert wrong(proposals, wanted) == fields

    def test_what_is_in_force_is_no_change(self, proposals: Proposals) -> None:
        proposals.apply(RANKED, AWA)
        assert wrong(proposals, RANKED) == {RANKING}
        assert wrong(proposals, Proposal(RANKING, {})) == set()

    @pytest.mark.parametrize("wanted", [Proposal(END, seen=9), replace(RULED, seen=9), Proposal(END)])
    def test_rule_that_there_never_was_is_not_found(self, proposals: Proposals, wanted: Proposal) -> None:
        with pytest.raises(NotFound):
            proposals.check(wanted)

    def test_other_signals_are_no_rules(self, proposals: Proposals, store: Store) -> None:
        (number,) = store.signals.add([Signal(RANKING, None, None, "awa", NOW, data={"min_score": 0.5})])
        with pytest.raises(NotFound):
            proposals.check(Proposal(END, seen=number))


class TestChange:
    """`Proposals.change`."""

    def test_new_rule_is_added(self, proposals: Proposals) -> None:
        change = proposals.change(RULED, "awa")
        assert ([signal.data for signal in change.added], change.ended) == ([RULED.data], ())

    def test_changed_rule_replaces(self, proposals: Proposals) -> None:
        proposals.apply(RULED, AWA)
        assert proposals.change(replace(RULED, seen=1), "awa").ended == (1,)
        assert proposals.change(Proposal(END, seen=1), "awa").added == ()

    def test_later_rule_is_tried_as_if_it_held_now(self, proposals: Proposals) -> None:
        later = replace(RULED, since=NOW + timedelta(days=1), until=NOW + timedelta(days=2))
        (signal,) = proposals.change(later, "awa").added
        assert signal.in_force(NOW)


class TestApply:
    """`Proposals.apply`."""

    def test_each_kind_is_decided(self, proposals: Proposals, store: Store) -> None:
        for place, wanted in enumerate([RULED, RANKED, OPEN_MATRIX]):
            entry = proposals.apply(wanted, replace(AWA, key=f"k{place}", why="because"))
            assert (entry.action, entry.why, entry.by) == (wanted.kind, "because", "awa")
            assert [data for _number, data in standing(store, wanted.kind)] == [wanted.data]

    def test_rule_changes_and_ends(self, proposals: Proposals, store: Store) -> None:
        proposals.apply(RULED, AWA)
        proposals.apply(replace(RULED, seen=1, data={**RULED.data, "enabled": False}), MOUSSA)
        assert [(number, data["enabled"]) for number, data in standing(store, RULE)] == [(2, False)]
        proposals.apply(Proposal(END, seen=2), Sent("awa", "k3"))
        assert standing(store, RULE) == []

    def test_sent_twice_counts_once(self, proposals: Proposals, store: Store) -> None:
        proposals.apply(RULED, AWA)
        wanted = Proposal(END, seen=1)
        assert proposals.apply(wanted, MOUSSA) == proposals.apply(wanted, MOUSSA)
        assert len(store.audit.entries(AuditQuery(), 9)) == 2

    def test_second_of_two_is_refused(self, proposals: Proposals, store: Store) -> None:
        """Of every kind of proposal; what the first has decided stays."""
        proposals.apply(RULED, AWA)
        pairs = [
            (replace(RULED, seen=1, data={**RULED.data, "description": "Other"}), Proposal(END, seen=1)),
            (RANKED, Proposal(RANKING, {"min_score": 0.4})),
            (OPEN_MATRIX, Proposal(MATRIX, {"forbidden": [["opinion", "minor"]]})),
        ]
        for place, (first, second) in enumerate(pairs):
            proposals.apply(first, Sent("awa", f"a{place}"))
            before = standing(store, first.kind)
            with pytest.raises(Conflict, match="awa"):
                proposals.apply(second, Sent("moussa", f"m{place}"))
            assert standing(store, first.kind) == before

    def test_what_is_wrong_is_not_applied(self, proposals: Proposals, store: Store, clock: Clock) -> None:
        """The end of a rule may pass while its reach is looked at."""
        wanted = replace(RULED, until=NOW + timedelta(minutes=1))
        proposals.check(wanted)
        clock.now = NOW + timedelta(minutes=1)
        with pytest.raises(InvalidSignal):
            proposals.apply(wanted, AWA)
        assert standing(store, RULE) == []


class TestOvertaken:
    """`Proposals.overtaken`."""

    def test_no_other_editor_was_faster(self, proposals: Proposals) -> None:
        proposals.apply(RULED, AWA)
        proposals.apply(RANKED, MOUSSA)
        for wanted in (RULED, replace(RULED, seen=1), Proposal(END, seen=1), replace(RANKED, seen=2), OPEN_MATRIX):
            assert proposals.overtaken(wanted) is None

    def test_changed_rule_leads_to_its_next_version(self, proposals: Proposals, clock: Clock) -> None:
        proposals.apply(RULED, AWA)
        clock.now = NOW + timedelta(hours=1)
        proposals.apply(replace(RULED, seen=1, data={**RULED.data, "enabled": False}), MOUSSA)
        assert proposals.overtaken(replace(RULED, seen=1)) == Overtaken("moussa", clock.now, 2)

    def test_ended_rule_leads_nowhere(self, proposals: Proposals) -> None:
        proposals.apply(RULED, AWA)
        proposals.apply(Proposal(END, seen=1), MOUSSA)
        assert proposals.overtaken(replace(RULED, seen=1)) == Overtaken("moussa", NOW, 0)

    def test_undo_overtakes_too(self, proposals: Proposals, store: Store) -> None:
        proposals.apply(RULED, AWA)
        entry = proposals.apply(replace(RULED, seen=1, data={**RULED.data, "enabled": False}), MOUSSA)
        Decisions(store, lambda: NOW).undo(entry.number, Sent("sira"))
        assert proposals.overtaken(replace(RULED, seen=2)) == Overtaken("sira", NOW, 3)

    def test_other_matrix_overtakes(self, proposals: Proposals) -> None:
        proposals.apply(OPEN_MATRIX, MOUSSA)
        assert proposals.overtaken(OPEN_MATRIX) == Overtaken("moussa", NOW, 1)

    def test_undone_ranking_overtakes(self, proposals: Proposals, store: Store) -> None:
        entry = proposals.apply(RANKED, AWA)
        Decisions(store, lambda: NOW).undo(entry.number, MOUSSA)
        assert proposals.overtaken(replace(RANKED, seen=1)) == Overtaken("moussa", NOW, 0)


def test_matrix_is_a_matrix() -> None:
    assert Proposal(MATRIX, {"forbidden": [["opinion", "minor"]]}).matrix == Matrix(
        OPEN_MATRIX.matrix.forbidden | {("opinion", "minor")}
    )
