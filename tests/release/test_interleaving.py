"""A trial of two models: whose sidebar readers get, what holds for it as for any other, and which clicks count."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain

import pytest

from recommender.articles.article import Article
from recommender.curation.rules import AT_MOST, Condition, Rule
from recommender.curation.signals import APART, PIN
from recommender.desk.decisions import Decisions, Sent, Wish
from recommender.errors import InvalidInput, NotFound
from recommender.release.interleaving import (
    LATE,
    MAX_CLICKS,
    NO_RUN,
    WORKER,
    InterleavedSidebar,
    Interleaver,
    InterleavingControl,
    end_left,
)
from recommender.serving.answers import Query
from recommender.serving.recommender import Recommender
from recommender.store.audit import END_TRIAL, AuditQuery
from recommender.store.base import Store
from recommender.store.generation_view import generation_view
from recommender.store.interleaving import CHALLENGER, LIVE
from tests.factories import NOW, days_ago, make_article, make_recommender
from tests.newsroom import ALIKE, BLIND, GOOD, builder_of, opened, stories

AWA = Sent("awa", why="because")
HOURS = [NOW + timedelta(hours=one) for one in range(12)]
KEY = "a key of the tests"


@pytest.fixture
def trial(store: Store) -> Store:
    """The blind version shares the sidebars with the good one."""
    return trying(store)


def trying(store: Store, name: str = BLIND.name, articles: Iterable[Article] = ()) -> Store:
    store.articles.upsert(list(articles))
    opened(store)
    store.generations.put_shadow(builder_of(store, name).build_beside())
    InterleavingControl(store, lambda: NOW).start(name, "awa")
    return store


def worker(store: Store, now: datetime = NOW) -> Interleaver:
    """One worker at a time that stands still."""
    recommender = make_recommender(store, now=now)
    return Interleaver(store, recommender, lambda one: make_recommender(one, now=now), KEY)


def shared(store: Store, article_id: str = "gold-0", now: datetime = NOW) -> InterleavedSidebar:
    found = worker(store, now).answer(article_id)
    assert found is not None
    return found


def ids(found: InterleavedSidebar) -> list[str]:
    return [item.article.id for item in found.recommendation.items]


def alone(recommender: Recommender, article_id: str = "gold-0") -> list[str]:
    return [item.article.id for item in recommender.for_article(article_id, Query()).items]


def models(store: Store, article_id: str = "gold-0") -> tuple[list[str], list[str]]:
    """The sidebars of the live model and of the challenger."""
    shadow = store.generations.shadow()
    assert shadow is not None
    return alone(make_recommender(store), article_id), alone(
        make_recommender(generation_view(store, shadow)), article_id
    )


# -- whose sidebar -----------------------------------------------------------------------------------------------------


def test_sidebar_is_of_both_models(trial: Store) -> None:
    live, challenger = models(trial)
    assert not set(live) & set(challenger)
    found = shared(trial)
    whose = {LIVE: live, CHALLENGER: challenger}
    assert {pick.team for pick in found.picks} == {LIVE, CHALLENGER}
    assert [one in whose[pick.team or ""] for one, pick in zip(ids(found), found.picks, strict=True)] == [True] * 3


def test_all_workers_give_one_sidebar_in_an_hour(trial: Store) -> None:
    first, later = shared(trial), shared(trial, now=NOW + timedelta(minutes=59))
    assert (ids(later), later.picks, later.request("x")) == (ids(first), first.picks, first.request("x"))


def test_hours_differ(trial: Store) -> None:
    found = [shared(trial, now=hour) for hour in HOURS]
    assert len({tuple(ids(one)) for one in found}) == 4  # two rounds, so two coins
    assert len({one.request("x") for one in found}) == len(HOURS)


def test_answer_is_right_until_its_hour_is_over(trial: Store) -> None:
    found = shared(trial, now=NOW + timedelta(minutes=10))
    assert found.until == found.recommendation.basis.until == (NOW + timedelta(hours=1)).timestamp()
    late = make_recommender(trial, now=NOW + timedelta(hours=1))
    assert make_recommender(trial).still_right(found.recommendation.basis, trial.state())
    assert not late.still_right(found.recommendation.basis, trial.state())


def test_answer_is_wrong_when_the_challenger_would_choose_anew(trial: Store) -> None:
    """Although the live model did not even look at the story that has changed."""
    seen = {"gold-0", *chain.from_iterable(models(trial))}
    (changed, *_) = [one.id for one in stories() if one.id not in seen]
    numbers, live = trial.articles.numbers([changed, "gold-0"]), trial.state().generation or 0
    (rows,) = trial.generations.candidates(live, [numbers["gold-0"]]).values()
    kept = {numbers["gold-0"]: rows[rows["number"] != numbers[changed]]}
    trial.generations.write_candidates(live, kept)
    found = shared(trial)
    assert make_recommender(trial).still_right(found.recommendation.basis, trial.state())
    trial.articles.withdraw(changed)
    assert not make_recommender(trial).still_right(found.recommendation.basis, trial.state())


def test_nothing_is_shared_where_both_show_the_same(store: Store) -> None:
    trying(store, ALIKE.name)
    one, live = worker(store), make_recommender(store)
    for article in stories():
        found = one.answer(article.id)
        assert found is not None
        assert (found.picks, ids(found)) == ((), alone(live, article.id))


def test_nothing_is_shared_without_a_trial(store: Store) -> None:
    opened(store)
    assert worker(store).answer("gold-0") is None
    assert worker(store).turn(store.state()) == NO_RUN


def test_article_that_the_challenger_cannot_know_is_left_out(trial: Store) -> None:
    trial.articles.upsert([make_article("gold-9", title="gold golds 9", body="gold golds golder.", posted_on=NOW)])
    builder_of(trial, GOOD.name).update()
    live, _ = models(trial)
    assert "gold-9" in live
    assert ids(shared(trial)) == live
    assert shared(trial).picks == shared(trial, "gold-9").picks == ()


def test_approved_sidebar_stays(trial: Store) -> None:
    assert shared(trial).picks
    Decisions(trial, lambda: NOW).approve("gold-0", "digest", "digest", AWA)
    assert shared(trial).picks == ()
    assert ids(shared(trial)) == models(trial)[0]


# -- what holds for any sidebar ----------------------------------------------------------------------------------------


def test_pin_stays_in_its_slot_and_is_nobodys(trial: Store) -> None:
    Decisions(trial, lambda: NOW).decide("gold-0", [Wish(PIN, "fish-0", slot=2)], AWA)
    for hour in HOURS:
        found = shared(trial, now=hour)
        assert ids(found)[1] == "fish-0"
        assert [pick.team for pick in found.picks].index(None) == 1
        assert len(set(ids(found))) == 3


def test_guard_holds(trial: Store) -> None:
    forbidden = [*models(trial)[0][:1], *models(trial)[1][:1]]
    Decisions(trial, lambda: NOW).decide("gold-0", [Wish(APART, one) for one in forbidden], AWA)
    shown = {one for hour in HOURS for one in ids(shared(trial, now=hour))}
    assert len(shown) >= 4
    assert not shown.intersection(forbidden)


def test_withdrawn_story_is_gone(trial: Store) -> None:
    gone = models(trial)[1][0]
    before = shared(trial)
    trial.articles.withdraw(gone)
    assert not make_recommender(trial).still_right(before.recommendation.basis, trial.state())
    assert gone not in {one for hour in HOURS for one in ids(shared(trial, now=hour))}


def test_rule_limits_both_together(trial: Store) -> None:
    """Either model alone shows one story of a sort; so do both in one sidebar."""
    sort = {models(trial)[0][0], models(trial)[1][0]}
    trial.articles.upsert([replace(one, tags=("sort",)) for one in stories() if one.id in sort])
    condition = Condition({"tag": ("sort",)})
    rule = Rule("one of a sort", when=Condition({}), then=AT_MOST, what=condition, count=1)
    Decisions(trial, lambda: NOW).keep_rule(rule, AWA)
    assert [len(sort.intersection(one)) for one in models(trial)] == [1, 1]
    assert {len(sort.intersection(ids(shared(trial, now=hour)))) for hour in HOURS} == {1}


def test_one_report_of_each_event(store: Store) -> None:
    """Each model shows another report of one event beside coin-0; the coin says which of them stands there."""
    body = f"Putsch: coin, Bazoum, JNIM. {' '.join(f'word{number}' for number in range(30))}"
    event = [make_article(f"coin-{one}", title=f"coin {one}", body=body, posted_on=days_ago(2)) for one in range(1, 3)]
    source = make_article("coin-0", title="coin", body="coin coin.", posted_on=days_ago(40))
    trying(store, ALIKE.name, [source, *event])
    (live,) = models(store, "coin-0")[0][:1]
    numbers, shadow = store.articles.numbers([live, "coin-0"]), store.generations.shadow() or 0
    (rows,) = store.generations.candidates(shadow, [numbers["coin-0"]]).values()
    store.generations.write_candidates(shadow, {numbers["coin-0"]: rows[rows["number"] != numbers[live]]})
    both = {one.id for one in event}
    assert [both.intersection(one) for one in models(store, "coin-0")] == [{live}, both - {live}]
    shown = [both.intersection(ids(shared(store, "coin-0", hour))) for hour in HOURS]
    assert {len(one) for one in shown} == {1}
    assert set().union(*shown) == both


# -- clicks ------------------------------------------------------------------------------------------------------------


def noted(store: Store, article_id: str = "gold-0") -> tuple[InterleavedSidebar, str]:
    """A sidebar that has been shown, and its name."""
    one = worker(store)
    found = one.answer(article_id)
    assert found is not None
    one.note(found.request("x"), found)
    one.close()
    return found, found.request("x")


def clicked(store: Store, request: str, article_id: str, now: datetime = NOW) -> bool:
    one = worker(store, now)
    counted = one.click(request, article_id)
    one.close()
    return counted


def test_clicks_count_for_a_team(trial: Store) -> None:
    found, request = noted(trial)
    teams = [pick.team for pick in found.picks]
    assert clicked(trial, request, ids(found)[teams.index(CHALLENGER)])
    said = InterleavingControl(trial, lambda: NOW).report()
    assert (said.sidebars, said.articles, said.hours) == (1, 1, 1)
    assert (said.preference.wins, said.preference.losses, said.preference.clicks) == (1, 0, 1)


def test_click_on_what_is_not_shown_is_refused(trial: Store) -> None:
    found, request = noted(trial)
    missing = next(one.id for one in stories() if one.id not in ids(found))
    for article_id in (missing, "nobody"):
        with pytest.raises(InvalidInput, match="does not show"):
            clicked(trial, request, article_id)


def test_unknown_answer_is_refused(trial: Store) -> None:
    with pytest.raises(NotFound, match="no interleaving run that goes on"):
        clicked(trial, "0" * 16, "gold-1")


@pytest.mark.parametrize(("seconds", "counts"), [(3600 + LATE - 1, True), (3600 + LATE, False)])
def test_late_clicks_do_not_count(trial: Store, seconds: int, counts: bool) -> None:
    found, request = noted(trial)
    now = NOW + timedelta(seconds=seconds)
    if counts:
        assert clicked(trial, request, ids(found)[0], now)
    else:
        with pytest.raises(NotFound):
            clicked(trial, request, ids(found)[0], now)


def test_flood_ends_at_the_most(trial: Store) -> None:
    found, request = noted(trial)
    trial.interleaving.count({(request, found.picks[0].number): MAX_CLICKS - 1}, MAX_CLICKS)
    assert clicked(trial, request, ids(found)[0])
    assert not clicked(trial, request, ids(found)[0])
    assert clicked(trial, request, ids(found)[1])


def test_clicks_after_the_trial_do_not_count(trial: Store) -> None:
    found, request = noted(trial)
    InterleavingControl(trial, lambda: NOW).end("awa")
    with pytest.raises(NotFound):
        clicked(trial, request, ids(found)[0])


# -- the trial ---------------------------------------------------------------------------------------------------------


def test_worker_sees_start_and_end(store: Store) -> None:
    opened(store)
    store.generations.put_shadow(builder_of(store, BLIND.name).build_beside())
    one, trials = worker(store), InterleavingControl(store, lambda: NOW)
    assert one.turn(store.state()) == NO_RUN
    number = trials.start(BLIND.name, "awa").number
    assert one.turn(store.state()) == (number, store.generations.shadow())
    trials.end("awa")
    assert one.turn(store.state()) == NO_RUN
    assert [(entry.action, entry.by, entry.subject) for entry in store.audit.entries(AuditQuery(), 2)] == [
        ("interleave-off", "awa", BLIND.name),
        ("interleave", "awa", BLIND.name),
    ]


def test_trial_goes_on_through_a_nightly_build(trial: Store) -> None:
    before = worker(trial).turn(trial.state())
    trial.articles.upsert([make_article("salt-9", title="salt salts 9", body="salt salts salter.")])
    builder_of(trial, GOOD.name).build()
    assert worker(trial).turn(trial.state()) == before


def test_trial_goes_on_with_a_newer_build_of_its_challenger(trial: Store) -> None:
    number, before = worker(trial).turn(trial.state())
    trial.generations.put_shadow(builder_of(trial, BLIND.name).build_beside())
    end_left(trial, "awa", NOW)
    after = worker(trial).turn(trial.state())
    assert after == (number, trial.generations.shadow())
    assert after != (number, before)


def no_shadow(store: Store) -> None:
    store.generations.put_shadow(None)


def other_shadow(store: Store) -> None:
    store.generations.put_shadow(builder_of(store, ALIKE.name).build_beside())


def other_live(store: Store) -> None:
    store.generations.activate(builder_of(store, ALIKE.name).build_beside(), keep=True)


def challenger_live(store: Store) -> None:
    store.generations.activate(store.generations.shadow() or 0, keep=True)


def back(store: Store) -> None:
    """The models of the trial are where they were again."""
    if store.generations.previous() is not None:
        store.generations.swap_back()
    store.generations.put_shadow(builder_of(store, BLIND.name).build_beside())


LEAVE = pytest.mark.parametrize("leave", [no_shadow, other_shadow, other_live, challenger_live])


@LEAVE
def test_trial_ends_for_good_when_a_model_leaves_its_place(trial: Store, leave: Callable[[Store], None]) -> None:
    leave(trial)
    assert not InterleavingControl(trial, lambda: NOW).report().going_on
    end_left(trial, "ben", NOW + timedelta(days=1))
    back(trial)
    assert worker(trial).turn(trial.state()) == NO_RUN
    assert InterleavingControl(trial, lambda: NOW).report().run.until == NOW + timedelta(days=1)
    assert ends(trial) == [("ben", BLIND.name)]


@LEAVE
def test_worker_ends_what_it_sees_to_be_over(trial: Store, leave: Callable[[Store], None]) -> None:
    """Two of them, and whoever made the change has not done it."""
    workers = [worker(trial), worker(trial)]
    leave(trial)
    for one in workers:
        assert one.turn(trial.state()) == NO_RUN
    back(trial)
    for one in workers:
        one.close()
        assert one.turn(trial.state()) == NO_RUN
    assert ends(trial) == [(WORKER, BLIND.name)]


def test_new_trial_ends_one_that_was_left_open(trial: Store) -> None:
    other_shadow(trial)
    InterleavingControl(trial, lambda: NOW).start(ALIKE.name, "ben")
    assert ends(trial) == [("ben", BLIND.name)]


def ends(store: Store) -> list[tuple[str, str]]:
    """Who has ended trials of which challengers, as the audit trail says."""
    return [(entry.by, entry.subject) for entry in store.audit.entries(AuditQuery(action=END_TRIAL), 9)]


def test_only_what_is_in_the_shadow_can_be_tried(store: Store) -> None:
    opened(store)
    with pytest.raises(InvalidInput, match="models shadow blind/1"):
        InterleavingControl(store, lambda: NOW).start(BLIND.name, "awa")


def test_two_trials_at_once_are_refused(trial: Store) -> None:
    with pytest.raises(InvalidInput, match="--off"):
        InterleavingControl(trial, lambda: NOW).start(BLIND.name, "awa")


def test_nothing_to_end_or_report(store: Store) -> None:
    trials = InterleavingControl(store, lambda: NOW)
    with pytest.raises(InvalidInput, match="No model shares"):
        trials.end("awa")
    with pytest.raises(InvalidInput, match="no interleaving yet"):
        trials.report()
