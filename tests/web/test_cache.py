"""The cache of ready answers: each is given only while nothing it was made from has changed."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest

from recommender.articles.article import HOLD_FLAG
from recommender.curation.signals import PIN
from recommender.desk.decisions import Decisions, Sent, Wish
from recommender.release.interleaving import NO_RUN, RunKey
from recommender.serving.answers import Query, RankingDefaults
from recommender.serving.recommender import Recommender
from recommender.store.base import State, Store
from recommender.web import cache as cache_module
from recommender.web.cache import STALE, Answer, SidebarCache, StaleAnswer
from tests.factories import GAZETTEER, NOW, built, make_article, make_recommender, stored

KEY = ("article_id=a0", False)
ANSWER = Answer(b"{}", '"tag"', [], (), fresh=0, until=math.inf)
# Three that belong together, so that the plain question for one article is answered without fallbacks.
ARCHIVE = [make_article(f"a{number}", title="Coup in Niamey", body=f"guard palace own{number}") for number in range(2)]
FAR = make_article("far", title="Tariffs in Brussels", body="steel commission", language="fr")


@pytest.fixture
def archive(store: Store) -> Store:
    built(store, [*ARCHIVE, FAR])
    return store


class Turns:
    """The trial that goes on, and at which states somebody has looked for it."""

    def __init__(self) -> None:
        self.now: RunKey = NO_RUN
        self.asked: list[State] = []

    def __call__(self, state: State) -> RunKey:
        self.asked.append(state)
        return self.now

    def known(self, state: State) -> RunKey | None:
        return self.now if state in self.asked else None


def kept(recommender: Recommender, turns: Turns | None = None, stale: float = 600, **query: object) -> SidebarCache:
    """A cache with ANSWER in it, as made for the first article outside any trial."""
    turns = turns or Turns()
    cache = SidebarCache(recommender, turns, turns.known, stale)
    cache.put(KEY, NO_RUN, recommender.for_article("a0", Query(**query)).basis, ANSWER)  # type: ignore[arg-type]
    return cache


def test_answers_are_kept_while_nothing_changes(archive: Store) -> None:
    recommender = make_recommender(archive)
    assert kept(recommender, fallback="none").get(KEY, archive.state()) is ANSWER


def test_answers_outlive_changes_of_strangers(archive: Store) -> None:
    recommender = make_recommender(archive)
    cache = kept(recommender, fallback="none", min_score=0.0)
    stored(archive, [make_article("new", title="Nothing in common", body="zebra", status="draft")])
    assert cache.get(KEY, archive.state()) is ANSWER


def test_answers_end_with_a_candidates_change(archive: Store) -> None:
    recommender = make_recommender(archive)
    cache = kept(recommender, fallback="none")
    stored(archive, [replace(ARCHIVE[1], read_count=5)])
    assert cache.get(KEY, archive.state()) is None


def test_answers_end_with_their_own_article(archive: Store) -> None:
    recommender = make_recommender(archive)
    cache = kept(recommender, fallback="none")
    archive.articles.withdraw("a0")
    assert cache.get(KEY, archive.state()) is None


def test_fallbacks_end_with_any_change(archive: Store) -> None:
    recommender = make_recommender(archive)
    cache = kept(recommender, fallback="ladder")
    assert cache.get(KEY, archive.state()) is ANSWER
    stored(archive, [make_article("new", title="Nothing in common", body="zebra")])
    assert cache.get(KEY, archive.state()) is None


def test_answers_end_with_their_generation(archive: Store) -> None:
    recommender = make_recommender(archive)
    cache = kept(recommender, fallback="none")
    built(archive, [make_article(f"b{number}", body=f"word{number}") for number in range(60)])
    assert cache.get(KEY, archive.state()) is None


def test_other_requests_find_nothing(archive: Store) -> None:
    cache = kept(make_recommender(archive), fallback="none")
    assert cache.get(("article_id=a0", True), archive.state()) is None


def test_full_caches_start_anew(archive: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    recommender = make_recommender(archive)
    cache = kept(recommender, fallback="none")
    monkeypatch.setattr(cache_module, "MAX_BYTES", cache_module.OVERHEAD_BYTES * 3 // 2)
    cache.put(("other", False), NO_RUN, recommender.for_article("a0", Query(fallback="none")).basis, ANSWER)
    assert cache.get(KEY, archive.state()) is None
    assert cache.get(("other", False), archive.state()) is ANSWER


def test_questions_count_towards_what_is_kept(archive: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger can ask a thousand long questions that have one short answer."""
    monkeypatch.setattr(cache_module, "MAX_BYTES", 100_000)
    cache, basis = kept(make_recommender(archive)), make_recommender(archive).for_article("a0", Query()).basis
    questions = [(f"article_id=a0&exclude={number:0900}", False) for number in range(200)]
    for question in questions:
        cache.put(question, NO_RUN, basis, ANSWER)
    assert sum(len(question) for question, _ in questions if (question, False) in cache) < 100_000


def test_long_questions_are_not_kept(archive: Store) -> None:
    recommender = make_recommender(archive)
    cache, basis = kept(recommender), recommender.for_article("a0", Query()).basis
    question = (f"article_id=a0&exclude={'x' * 2_000}", False)
    cache.put(question, NO_RUN, basis, ANSWER)
    assert question not in cache


def test_same_answer_again_takes_no_room(archive: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "MAX_BYTES", 10_000)
    cache, basis = kept(make_recommender(archive)), make_recommender(archive).for_article("a0", Query()).basis
    for _ in range(10):
        cache.put(("other", False), NO_RUN, basis, ANSWER)
    assert KEY in cache


def test_current_answers_are_those_of_the_state(archive: Store) -> None:
    """The event loop takes them: whatever has to be looked up is left to a thread."""
    cache = kept(make_recommender(archive), fallback="none", min_score=0.0)
    assert cache.current(KEY, archive.state()) is ANSWER
    stored(archive, [make_article("new", title="Nothing in common", body="zebra", status="draft")])
    assert cache.current(KEY, archive.state()) is None
    assert cache.get(KEY, archive.state()) is ANSWER
    assert cache.current(KEY, archive.state()) is ANSWER


# -- while the database is away ----------------------------------------------------------------------------------------


def is_stale(cache: SidebarCache) -> bool:
    """Whether ANSWER would be given."""
    stale = cache.stale(KEY)
    return stale is not None and stale.answer is ANSWER


def test_last_good_answer_is_given(archive: Store) -> None:
    recommender = make_recommender(archive)
    cache = kept(recommender, fallback="none")
    recommender.state()
    stale = cache.stale(KEY)
    assert stale is not None
    assert (stale.answer, 0 <= stale.age < 60) == (ANSWER, True)
    assert 500 < cache.stale_seconds_left() <= 600


def test_no_cache_may_keep_a_stale_answer(archive: Store) -> None:
    headers = StaleAnswer(replace(ANSWER, headers=[("ETag", '"tag"'), ("Vary", "Accept")]), 7.9).headers()
    assert headers == [("Vary", "Accept"), ("Cache-Control", "no-store"), (STALE, "7")]


def test_stale_answers_end(archive: Store) -> None:
    recommender = make_recommender(archive)
    cache = kept(recommender, stale=0.0, fallback="none")
    recommender.state()
    assert not is_stale(cache)
    assert cache.stale_seconds_left() == 0


def test_nothing_is_given_before_a_first_look(archive: Store) -> None:
    """Nor after a change by this process, before it has looked again."""
    recommender = make_recommender(archive)
    cache = kept(recommender, fallback="none")
    archive.articles.upsert([make_article("new", body="zebra", status="draft")])
    assert not is_stale(cache)
    recommender.snapshot()
    cache.get(KEY, recommender.state())
    assert is_stale(cache)


def test_answer_outlives_changes_of_strangers_that_are_known(archive: Store) -> None:
    recommender, turns = make_recommender(archive), Turns()
    cache = kept(recommender, turns, fallback="none", min_score=0.0)
    stored(archive, [make_article("new", title="Nothing in common", body="zebra", status="draft")])
    turns(recommender.state())
    assert not is_stale(cache)  # what has changed was never looked at
    recommender.snapshot()
    assert is_stale(cache)


@pytest.mark.parametrize("looked_at", [False, True])
def test_withdrawn_story_does_not_come_back(archive: Store, *, looked_at: bool) -> None:
    """This process has seen that something has changed, or besides what."""
    recommender, turns = make_recommender(archive), Turns()
    cache = kept(recommender, turns, fallback="none", min_score=0.0)
    archive.articles.withdraw("a1")
    turns(recommender.state())
    if looked_at:
        recommender.snapshot()
    assert not is_stale(cache)


def test_held_story_does_not_come_back(archive: Store) -> None:
    recommender, turns = make_recommender(archive), Turns()
    cache = kept(recommender, turns, fallback="none", min_score=0.0)
    stored(archive, [replace(ARCHIVE[1], flags=(HOLD_FLAG,))])
    turns(recommender.state())
    recommender.snapshot()
    assert not is_stale(cache)


@pytest.mark.parametrize(("minutes", "given"), [(59, True), (60, False)])
@pytest.mark.parametrize("fallback", ["none", "ladder"])
def test_answer_ends_where_time_changes_it(archive: Store, minutes: int, given: bool, fallback: str) -> None:
    """A pin ends. That fallbacks are looked at again every minute does not count here."""
    wish = Wish(PIN, "a1", 1, until=NOW + timedelta(hours=1))
    Decisions(archive, lambda: NOW).decide("a0", [wish], Sent("awa", why="because"))
    now = [NOW]
    recommender = Recommender(archive, RankingDefaults(min_score=0.5, diversity=0.0), GAZETTEER, lambda: now[0])
    cache = kept(recommender, fallback=fallback)
    recommender.state()
    now[0] += timedelta(minutes=minutes)
    assert is_stale(cache) == given


def test_hour_of_a_trial_ends_its_answers(archive: Store) -> None:
    recommender = make_recommender(archive)
    cache = kept(recommender, fallback="none")
    basis = recommender.for_article("a0", Query(fallback="none")).basis
    cache.put(KEY, NO_RUN, basis, replace(ANSWER, until=NOW.timestamp()))
    recommender.state()
    assert cache.stale(KEY) is None


def test_answer_of_another_trial_is_not_given(archive: Store) -> None:
    recommender, turns = make_recommender(archive), Turns()
    cache = kept(recommender, turns, fallback="none", min_score=0.0)
    stored(archive, [make_article("new", title="Nothing in common", body="zebra", status="draft")])
    turns.now = (1, 2)
    turns(recommender.state())
    recommender.snapshot()
    assert not is_stale(cache)


# -- trials of two models ----------------------------------------------------------------------------------------------


def test_no_trial_is_looked_for_while_nothing_changes(archive: Store) -> None:
    """A page view costs the same as if there were no interleaving."""
    turns = Turns()
    cache = kept(make_recommender(archive), turns, fallback="none")
    turns.asked.clear()
    for _ in range(3):
        assert cache.get(KEY, archive.state()) is ANSWER
    assert turns.asked == []


def test_answers_end_with_the_begin_of_a_trial(archive: Store) -> None:
    turns = Turns()
    cache = kept(make_recommender(archive), turns, fallback="none", min_score=0.0)
    stored(archive, [make_article("new", title="Nothing in common", body="zebra", status="draft")])
    turns.now = (1, 2)
    assert cache.get(KEY, archive.state()) is None


def test_answer_that_a_trial_has_overtaken_is_not_kept(archive: Store) -> None:
    turns = Turns()
    turns.now = (1, 2)
    assert kept(make_recommender(archive), turns, fallback="none").get(KEY, archive.state()) is None
