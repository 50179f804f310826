"""The reach of a change: which sidebars it would change, worked out beside everything else."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.articles.article import Article
from recommender.curation.sensitivity import DEFAULT_MATRIX, Matrix
from recommender.curation.signals import MATRIX, OFF, RANKING, RULE, Signal
from recommender.desk.decisions import Decisions, Sent, Wish
from recommender.desk.impact import (
    AT_THE_SAME_TIME,
    KEPT_SECONDS,
    MAX_CHANGED,
    ImpactComparison,
    ProposedChange,
    Reach,
    Reaches,
    Status,
    overlap,
)
from recommender.errors import StoreUnavailable
from recommender.ranking.facts import RELATED
from recommender.serving.answers import Query
from recommender.serving.recommender import Recommender
from recommender.store.base import Store
from tests.factories import NOW, built, days_ago, make_article, make_recommender

COUP = "junta seized power niamey president bazoum guard palace"
GOLD = "gold mine barrick permit loulo royalties court tonnes"
rankings = st.lists(st.integers(0, 9), max_size=5, unique=True)


def story(article_id: str, words: str, **fields: Any) -> Article:
    """An article about some words, with one word of its own."""
    return make_article(article_id, title=f"{article_id} {words}", body=f"{words} own{article_id}", **fields)


ARCHIVE = [
    *(
        story(f"coup-{number}", f"{COUP} chapter{number}", posted_on=days_ago(60 - 7 * number), read_count=10 * number)
        for number in range(5)
    ),
    story("gold-1", GOLD, posted_on=days_ago(10), edition="Europe", tags=("gold",)),
    story("gold-2", f"{GOLD} appeal", posted_on=days_ago(4), edition="Europe", flags=("opinion",)),
    *(story(f"noise-{number}", f"lone{number} other{number}", posted_on=None) for number in range(30)),
]


@pytest.fixture
def archive(store: Store) -> Store:
    built(store, ARCHIVE)
    return store


def policy(kind: str, **data: Any) -> Signal:
    return Signal(kind, None, None, "awa", NOW, data=data)


def rule(then: str, *, when: dict[str, list[str]] | None = None, **fields: Any) -> Signal:
    data = {"description": "A rule", "when": when or {}, "then": then, "what": {}, "count": None, "factor": None}
    return policy(RULE, **{**data, "enabled": True, **fields})


def reach_of(store: Store, *added: Signal, ended: tuple[int, ...] = ()) -> Reach:
    comparison = ImpactComparison(store, make_recommender(store), ProposedChange(added, ended))
    comparison.look()
    while comparison.step():
        pass
    return comparison.reach()


def sidebars(service: Recommender) -> dict[str, list[str]]:
    return {
        article.id: [item.article.id for item in service.for_article(article.id, Query()).items] for article in ARCHIVE
    }


class TestOverlap:
    """`overlap`."""

    @given(rankings, rankings)
    def test_only_equal_rankings_overlap_wholly(self, first: list[int], second: list[int]) -> None:
        assert 0 <= overlap(first, second) <= 1
        assert (overlap(first, second) > 1 - 1e-9) == (first == second)
        assert overlap(first, second) == overlap(second, first)

    def test_rankings_without_a_common_item_do_not(self) -> None:
        assert overlap([1, 2], [3, 4]) == overlap([1], []) == 0

    def test_first_places_weigh_most(self) -> None:
        assert overlap([1, 2, 3], [9, 2, 3]) < overlap([1, 2, 3], [1, 9, 3]) < overlap([1, 2, 3], [1, 2, 9])

    def test_value_worked_out_by_hand(self) -> None:
        """(1 x 0/1 + 0.8 x 2/2) / 1.8 for two that change places."""
        assert overlap([1, 2], [2, 1]) == pytest.approx(0.8 / 1.8)


class TestComparison:
    """`Comparison`."""

    def test_rule_concerns_what_meets_its_condition(self, archive: Store) -> None:
        reach = reach_of(archive, rule("no_box", when={"edition": ["Europe"]}))
        assert (reach.looked_at, reach.changed, reach.losing, reach.gaining) == (2, 2, 2, 0)
        assert {difference.source.id for difference in reach.most} == {"gold-1", "gold-2"}
        assert all(difference.after == () and difference.before for difference in reach.most)

    def test_rule_that_ends_gives_its_boxes_back(self, archive: Store) -> None:
        (number,) = archive.signals.add([rule("no_box", when={"tag": ["gold"]})])
        reach = reach_of(archive, ended=(number,))
        assert (reach.looked_at, reach.changed, reach.losing, reach.gaining) == (1, 1, 0, 1)
        assert reach.most[0].before == ()

    def test_rule_that_moves_concerns_both_its_old_and_its_new_articles(self, archive: Store) -> None:
        (number,) = archive.signals.add([rule("no_box", when={"tag": ["gold"]})])
        reach = reach_of(archive, rule("no_box", when={"flag": ["opinion"]}), ended=(number,))
        assert {difference.source.id for difference in reach.most} == {"gold-1", "gold-2"}
        assert (reach.losing, reach.gaining) == (1, 1)

    def test_rule_that_is_off_concerns_nothing(self, archive: Store) -> None:
        assert reach_of(archive, rule("no_box", enabled=False)).looked_at == 0

    def test_matrix_concerns_the_flags_that_it_changes(self, archive: Store) -> None:
        matrix = Matrix(DEFAULT_MATRIX.forbidden | {("opinion", "anything")})
        reach = reach_of(archive, policy(MATRIX, **matrix.to_data()))
        assert (reach.looked_at, [difference.source.id for difference in reach.most]) == (1, ["gold-2"])

    def test_threshold_concerns_everything(self, archive: Store) -> None:
        reach = reach_of(archive, policy(RANKING, min_score=1.0))
        assert reach.looked_at == len(ARCHIVE)
        sidebars_now = [make_recommender(archive).for_article(article.id, Query()).items for article in ARCHIVE]
        assert reach.weaker == sum(any(item.teaser.source == RELATED for item in items) for items in sidebars_now) == 7

    def test_change_without_effect_changes_nothing(self, archive: Store) -> None:
        reach = reach_of(archive, rule("at_most", count=10))
        assert (reach.looked_at, reach.changed, reach.most) == (len(ARCHIVE), 0, ())

    def test_before_and_after_are_the_sidebars_themselves(self, archive: Store) -> None:
        added = rule("forbid", what={"edition": ["Sahel"]})
        service = make_recommender(archive)
        before, after = sidebars(service), sidebars(service.previewing([added]))
        reach = reach_of(archive, added)
        assert reach.changed == sum(before[name] != after[name] for name in before)
        assert reach.losing == sum(len(after[name]) < len(before[name]) for name in before)
        for difference in reach.most:
            assert [story.id for story in difference.before] == before[difference.source.id]
            assert [story.id for story in difference.after] == after[difference.source.id]

    def test_those_that_change_most_come_first(self, archive: Store) -> None:
        added = rule("no_box", when={"edition": ["Sahel"]})
        most = reach_of(archive, added, rule("forbid", when={"tag": ["gold"]}, what={"flag": ["opinion"]})).most
        assert len(most) == MAX_CHANGED
        # All of the Sahel lose everything: of these the most read come first.
        assert [difference.source.id for difference in most[:4]] == ["coup-4", "coup-3", "coup-2", "coup-1"]

    def test_withdrawn_articles_are_left_out(self, archive: Store) -> None:
        archive.articles.withdraw("gold-1")
        reach = reach_of(archive, rule("no_box", when={"edition": ["Europe"]}))
        assert [difference.source.id for difference in reach.most] == ["gold-2"]

    def test_signals_of_editors_hold_before_and_after(self, archive: Store) -> None:
        Decisions(archive, lambda: NOW).decide("gold-1", [Wish(OFF)], Sent("awa"))
        reach = reach_of(archive, rule("no_box", when={"edition": ["Europe"]}))
        assert [difference.source.id for difference in reach.most] == ["gold-2"]

    def test_steps_can_be_counted(self, archive: Store) -> None:
        comparison = ImpactComparison(
            archive, make_recommender(archive), ProposedChange((policy(RANKING, min_score=1.0),))
        )
        assert (comparison.done, comparison.total) == (0, 0)
        comparison.look()
        counts = [(comparison.step(10), comparison.done) for _ in range(4)]
        assert counts == [(True, 10), (True, 20), (True, 30), (False, len(ARCHIVE))]

    def test_revision_is_that_of_the_beginning(self, archive: Store) -> None:
        comparison = ImpactComparison(archive, make_recommender(archive), ProposedChange((rule("no_box"),)))
        comparison.look()
        before = archive.state().revision
        Decisions(archive, lambda: NOW).decide("gold-1", [Wish(OFF)], Sent("awa"))
        comparison.step()
        assert comparison.reach().revision == before < archive.state().revision

    def test_nothing_is_kept(self, archive: Store) -> None:
        before = archive.state()
        reach_of(archive, rule("no_box"))
        assert archive.state() == before
        assert archive.signals.changed_since(-1) == []

    def test_archive_without_a_build_has_no_reach(self, store: Store) -> None:
        store.articles.upsert(ARCHIVE)
        assert reach_of(store, rule("no_box")).looked_at == 0


# -- several at once ---------------------------------------------------------------------------------------------------


class Gate(Recommender):
    """A service that answers no question before it may, or none at all."""

    open: threading.Event
    failing = False

    def questions(self, numbers: Any, query: Query) -> Any:
        """As the service does."""
        assert self.open.wait(10)
        if self.failing:
            raise StoreUnavailable("the database is away")
        return super().questions(numbers, query)


@pytest.fixture
def gate(archive: Store) -> Iterator[Gate]:
    service = make_recommender(archive)
    service.__class__ = Gate
    assert isinstance(service, Gate)
    service.open = threading.Event()
    yield service
    service.open.set()
    for thread in threading.enumerate():
        if thread.name == "reach":
            thread.join()


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether it comes true within ten seconds."""
    waiting = threading.Event()
    return any(condition() or waiting.wait(0.02) for _ in range(500))


def begin(reaches: Reaches) -> str:
    job = reaches.start(ProposedChange((rule("no_box"),)))
    assert job is not None
    return job


def done(reaches: Reaches, job: str) -> bool:
    status = reaches.status(job)
    return status is not None and status.reach is not None


class TestReaches:
    """`Reaches`."""

    def test_result_is_told_when_it_is_there(self, archive: Store, gate: Gate) -> None:
        reaches = Reaches(archive, gate)
        job = begin(reaches)
        assert eventually(lambda: reaches.status(job) == Status(0, len(ARCHIVE)))
        gate.open.set()
        assert eventually(lambda: done(reaches, job))
        status = reaches.status(job)
        assert status is not None
        assert (status.done, status.total) == (len(ARCHIVE), len(ARCHIVE))
        assert status.reach == reach_of(archive, rule("no_box"))

    def test_third_one_has_to_wait(self, archive: Store, gate: Gate) -> None:
        reaches = Reaches(archive, gate)
        jobs = [begin(reaches) for _ in range(AT_THE_SAME_TIME)]
        assert reaches.start(ProposedChange((rule("no_box"),))) is None
        gate.open.set()
        assert eventually(lambda: all(done(reaches, job) for job in jobs))
        assert begin(reaches) not in jobs

    def test_cancelled_one_makes_room(self, archive: Store, gate: Gate) -> None:
        reaches = Reaches(archive, gate)
        jobs = [begin(reaches) for _ in range(AT_THE_SAME_TIME)]
        reaches.cancel(jobs[0])
        assert reaches.status(jobs[0]) is None
        begin(reaches)
        reaches.cancel("no-such-job")

    def test_results_are_forgotten_after_an_hour(self, archive: Store, gate: Gate) -> None:
        gate.open.set()
        now = [0.0]
        reaches = Reaches(archive, gate, lambda: now[0])
        job = begin(reaches)
        assert eventually(lambda: done(reaches, job))
        now[0] = KEPT_SECONDS - 1
        assert reaches.status(job) is not None
        now[0] = KEPT_SECONDS
        assert reaches.status(job) is None

    def test_unknown_job_has_no_status(self, archive: Store, gate: Gate) -> None:
        assert Reaches(archive, gate).status("no-such-job") is None

    def test_failure_is_told_and_makes_room(self, archive: Store, gate: Gate) -> None:
        gate.failing = True
        gate.open.set()
        reaches = Reaches(archive, gate)
        for _ in range(AT_THE_SAME_TIME + 1):
            job = begin(reaches)
            assert eventually(lambda job=job: reaches.status(job) == Status(0, len(ARCHIVE), failed=True))


def test_preview_ranks_as_the_decision_does(archive: Store) -> None:
    """What is shown beforehand is what comes."""
    added = [rule("at_least", count=1, what={"edition": ["Europe"]}), policy(RANKING, weights={"dense": 0.0})]
    previewed = sidebars(make_recommender(archive).previewing(added))
    archive.signals.add(added)
    assert sidebars(make_recommender(archive, now=NOW + timedelta(seconds=1))) == previewed
