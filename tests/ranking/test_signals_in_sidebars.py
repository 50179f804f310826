"""What editors decide shows in the sidebar with the next question, and only there."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from recommender.articles.article import Article
from recommender.curation.rules import Condition, Rule
from recommender.curation.sensitivity import FIXED, Matrix
from recommender.curation.signals import APART, BOOST, BURY, EXCLUDE, OFF, PIN, REJECT
from recommender.desk.decisions import Decisions, Sent, Wish
from recommender.progress import quiet
from recommender.ranking.candidates import TextCandidates
from recommender.ranking.facts import PINNED, RELATED
from recommender.ranking.fallbacks import FALLBACK_EDITION, FALLBACK_READ
from recommender.ranking.scoring import SIGNALS
from recommender.serving.answers import Query, Recommendation
from recommender.serving.prepared import find_prepared, prepare
from recommender.store.base import Store
from tests.factories import NOW, built, days_ago, make_article, make_recommender

AWA = Sent("awa", why="because")
COUP = "junta seized power niamey president bazoum guard palace"
GOLD = "gold mine barrick permit loulo royalties court tonnes"


def story(article_id: str, words: str, **fields: Any) -> Article:
    """An article about some words, with one word of its own."""
    return make_article(article_id, title=f"{article_id} {words}", body=f"{words} own{article_id}", **fields)


ARCHIVE = [
    story("coup", COUP, posted_on=days_ago(60)),
    story("coup-2", f"{COUP} sanctions", posted_on=days_ago(50)),
    story("coup-3", f"{COUP} border closed", posted_on=days_ago(40), tags=("border",)),
    story("coup-4", f"{COUP} exile hearing lawyers", posted_on=days_ago(30), flags=("opinion",)),
    story("coup-5", f"{COUP} anniversary march flags crowd", posted_on=days_ago(20)),
    story("gold", GOLD, posted_on=days_ago(10), read_count=50),
    story("gold-2", f"{GOLD} appeal", posted_on=days_ago(5), edition="Europe"),
    *(story(f"noise{number}", f"lone{number} other{number} apart{number}", posted_on=None) for number in range(50)),
]
USUAL = ["coup-2", "coup-3", "coup-5"]


@pytest.fixture
def archive(store: Store) -> Store:
    built(store, ARCHIVE)
    return store


def decide(store: Store, article_id: str, *wishes: Wish, at: datetime = NOW) -> None:
    Decisions(store, lambda: at).decide(article_id, wishes, AWA)


def keep_rule(store: Store, then: str, **fields: Any) -> None:
    """A rule for every article, unless `when` is given."""
    values = {"when": Condition({}), "what": Condition({})} | fields
    Decisions(store, lambda: NOW).keep_rule(Rule("a rule", then=then, **values), AWA)


def sidebar(store: Store, article_id: str = "coup", *, now: datetime = NOW, **query: Any) -> Recommendation:
    return make_recommender(store, now=now).for_article(article_id, Query(**query))


def ids(recommendation: Recommendation) -> list[str]:
    return [item.article.id for item in recommendation.items]


def sources(recommendation: Recommendation) -> list[str]:
    return [item.teaser.source for item in recommendation.items]


def test_sidebar_without_signals(archive: Store) -> None:
    assert set(ids(sidebar(archive, n=4))) == {"coup-2", "coup-3", "coup-4", "coup-5"}


# -- reject, exclude, apart ------------------------------------------------------------------------------------------


def test_rejected_story_makes_room_for_the_next(archive: Store) -> None:
    first, *rest = ids(sidebar(archive))
    decide(archive, "coup", Wish(REJECT, first))
    assert first not in ids(sidebar(archive))
    assert len(ids(sidebar(archive))) == 3
    assert set(rest) < set(ids(sidebar(archive)))
    assert first in ids(sidebar(archive, "coup-3", n=4))


def test_rejected_story_comes_back_as_no_fallback(archive: Store) -> None:
    assert "gold" in ids(sidebar(archive, "coup", n=9))
    decide(archive, "coup", Wish(REJECT, "gold"))
    assert "gold" not in ids(sidebar(archive, "coup", n=9))


def test_excluded_story_stands_nowhere(archive: Store) -> None:
    decide(archive, "gold", Wish(EXCLUDE, "coup-2"))
    assert not [article.id for article in ARCHIVE if "coup-2" in ids(sidebar(archive, article.id, n=9))]


def test_stories_set_apart_keep_from_each_other(archive: Store) -> None:
    decide(archive, "coup", Wish(APART, "coup-2"))
    assert "coup-2" not in ids(sidebar(archive, "coup", n=9))
    assert "coup" not in ids(sidebar(archive, "coup-2", n=9))


# -- pins ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slot", [1, 2, 3])
def test_pinned_story_stands_in_its_slot(archive: Store, slot: int) -> None:
    decide(archive, "coup", Wish(PIN, "gold", slot))
    recommendation = sidebar(archive)
    assert ids(recommendation)[slot - 1] == "gold"
    assert sources(recommendation)[slot - 1] == PINNED
    assert sources(recommendation).count(RELATED) == 2


def test_pinned_candidate_keeps_its_score(archive: Store) -> None:
    scores = {item.article.id: item.teaser for item in sidebar(archive, n=4).items}
    decide(archive, "coup", Wish(PIN, "coup-4", 1))
    teaser = sidebar(archive).items[0].teaser
    assert (teaser.score, teaser.parts) == (scores["coup-4"].score, scores["coup-4"].parts)


def test_pinned_story_stands_there_once(archive: Store) -> None:
    decide(archive, "coup", Wish(PIN, "coup-2", 3))
    assert ids(sidebar(archive)).count("coup-2") == 1
    assert ids(sidebar(archive))[2] == "coup-2"


def test_whole_order_can_be_pinned(archive: Store) -> None:
    order = ["gold", "coup-5", "coup-2"]
    decide(archive, "coup", *(Wish(PIN, article_id, slot) for slot, article_id in enumerate(order, 1)))
    assert ids(sidebar(archive)) == order


def test_pin_beyond_the_places_asked_for_waits(archive: Store) -> None:
    decide(archive, "coup", Wish(PIN, "gold", 3))
    assert "gold" not in ids(sidebar(archive, n=2))


def test_pins_move_up_where_too_little_is_there(archive: Store) -> None:
    decide(archive, "gold", Wish(PIN, "coup", 3))
    assert ids(sidebar(archive, "gold", fallback="none"))[-1] == "coup"


def test_pin_keeps_out_other_reports_of_its_event(archive: Store) -> None:
    report = f"{COUP} troops loyal barracks mutiny hostage released curfew airport closed radio announced"
    reports = [
        story(name, report, posted_on=days_ago(45), countries=("Niger",), tags=("coup",)) for name in ("report", "twin")
    ]
    built(archive, [*ARCHIVE, *reports])
    shown = ids(sidebar(archive, n=6))
    assert ("report" in shown) != ("twin" in shown)
    other = "twin" if "report" in shown else "report"
    decide(archive, "coup", Wish(PIN, other, 1))
    shown = ids(sidebar(archive, n=6))
    assert shown[0] == other
    assert not {"report", "twin"} - {other} & set(shown)


def test_pins_obey_the_wishes_of_the_page(archive: Store) -> None:
    decide(archive, "coup", Wish(PIN, "gold", 1))
    assert "gold" not in ids(sidebar(archive, exclude=("gold",)))
    assert "gold" not in ids(sidebar(archive, since=days_ago(5)))


def test_exclusion_beats_a_pin(archive: Store) -> None:
    decide(archive, "coup", Wish(PIN, "coup-2", 1))
    decide(archive, "gold", Wish(EXCLUDE, "coup-2"))
    assert "coup-2" not in ids(sidebar(archive))


# -- boost, bury, off ------------------------------------------------------------------------------------------------


def test_boost_and_burial_change_the_order(archive: Store) -> None:
    *_, last = ids(sidebar(archive, n=4, diversity=0.001))
    decide(archive, "gold", Wish(BOOST, last, factor=10.0, everywhere=True))
    assert ids(sidebar(archive, n=4, diversity=0.001))[0] == last
    decide(archive, "coup", Wish(BURY, last, factor=0.01))
    assert ids(sidebar(archive, n=4, diversity=0.001))[-1] == last


def test_parts_add_up_with_signals_among_them(archive: Store) -> None:
    decide(archive, "coup", Wish(BOOST, "coup-2", factor=3.0), Wish(BURY, "coup-3", factor=0.5))
    teasers = {item.article.id: item.teaser for item in sidebar(archive, n=4).items}
    for teaser in teasers.values():
        assert round(sum(teaser.parts.values()), 4) == teaser.score
    assert teasers["coup-2"].parts[SIGNALS] > 0 > teasers["coup-3"].parts[SIGNALS]
    assert SIGNALS not in teasers["coup-5"].parts


def test_boost_multiplies_the_odds(archive: Store) -> None:
    before = {item.article.id: item.teaser.score for item in sidebar(archive, n=4).items}["coup-4"]
    decide(archive, "coup", Wish(BURY, "coup-4", factor=0.5))
    after = {item.article.id: item.teaser.score for item in sidebar(archive, n=4).items}["coup-4"]
    assert after == pytest.approx(before * 0.5 / (1 - before * 0.5), abs=1e-4)


def test_burying_by_nothing_hides(archive: Store) -> None:
    decide(archive, "coup", Wish(BURY, "coup-2", factor=0.0))
    assert "coup-2" not in ids(sidebar(archive, n=9, min_score=0.0))


def test_box_that_is_off_holds_nothing(archive: Store) -> None:
    decide(archive, "coup", Wish(OFF))
    assert ids(sidebar(archive)) == []
    assert ids(sidebar(archive, "coup-2")) != []


# -- rules -----------------------------------------------------------------------------------------------------------

OPINION = Condition({"flag": ("opinion",)})


def test_rule_forbids_stories(archive: Store) -> None:
    keep_rule(archive, "forbid", what=OPINION)
    assert "coup-4" not in ids(sidebar(archive, n=9))


def test_rule_holds_beside_the_articles_it_names(archive: Store) -> None:
    keep_rule(archive, "forbid", when=Condition({"edition": ("Europe",)}), what=OPINION)
    assert "coup-4" in ids(sidebar(archive, n=9))


def test_rule_limits_how_many(archive: Store) -> None:
    keep_rule(archive, "at_most", count=1, what=Condition({"edition": ("Sahel",)}))
    shown = ids(sidebar(archive, n=3))
    assert sum(article_id != "gold-2" for article_id in shown) == 1
    assert "gold-2" in shown


def test_rule_asks_for_a_sort_of_story(archive: Store) -> None:
    """No related story comes from Europe: the rule gives its place to a fallback that does."""
    assert "gold-2" not in ids(sidebar(archive))
    keep_rule(archive, "at_least", count=1, what=Condition({"edition": ("Europe",)}))
    recommendation = sidebar(archive)
    assert ids(recommendation)[2] == "gold-2"
    assert sources(recommendation)[:2] == [RELATED, RELATED]


def test_rule_prefers_related_stories_of_its_sort(archive: Store) -> None:
    keep_rule(archive, "at_least", count=1, what=OPINION)
    recommendation = sidebar(archive, n=2)
    assert "coup-4" in ids(recommendation)
    assert sources(recommendation) == [RELATED, RELATED]


def test_rule_asks_in_vain_where_nothing_fits(archive: Store) -> None:
    before = ids(sidebar(archive))
    keep_rule(archive, "at_least", count=1, what=Condition({"edition": ("Asia",)}))
    assert ids(sidebar(archive)) == before


def test_rule_raises_and_lowers(archive: Store) -> None:
    keep_rule(archive, "lower", factor=0.0, what=OPINION)
    assert "coup-4" not in ids(sidebar(archive, n=4, min_score=0.001, fallback="none"))


def test_rule_turns_fallbacks_off(archive: Store) -> None:
    assert {FALLBACK_READ, FALLBACK_EDITION} & set(sources(sidebar(archive, n=9)))
    keep_rule(archive, "no_fallback")
    assert set(sources(sidebar(archive, n=9))) == {RELATED}


@pytest.mark.parametrize("then", ["no_box"])
def test_rule_that_is_off_does_nothing(archive: Store, then: str) -> None:
    before = ids(sidebar(archive))
    keep_rule(archive, then, enabled=False)
    assert ids(sidebar(archive)) == before


def test_rule_holds_in_its_period(archive: Store) -> None:
    keep_rule(archive, "no_box", since=NOW + timedelta(hours=1), until=NOW + timedelta(hours=2))
    shown = [bool(ids(sidebar(archive, now=NOW + timedelta(minutes=minutes)))) for minutes in (0, 59, 60, 119, 120)]
    assert shown == [True, True, False, False, True]


# -- the matrix, threshold and weights ---------------------------------------------------------------------------------


def test_matrix_holds_with_the_next_question(archive: Store) -> None:
    Decisions(archive, lambda: NOW).keep_matrix(Matrix(FIXED | {("anything", "opinion")}), AWA)
    assert "coup-4" not in ids(sidebar(archive, n=9))
    Decisions(archive, lambda: NOW).keep_matrix(Matrix(FIXED), AWA)
    assert "coup-4" in ids(sidebar(archive, n=9))


def test_threshold_of_editors_takes_the_place_of_the_settings(archive: Store) -> None:
    least = sidebar(archive, n=4).items[0].teaser.score
    Decisions(archive, lambda: NOW).keep_ranking({"min_score": least}, AWA)
    assert len(ids(sidebar(archive, n=4, fallback="none"))) == 1
    assert len(ids(sidebar(archive, n=4, fallback="none", min_score=0.1))) == 4


def test_strengths_multiply_the_weights(archive: Store) -> None:
    Decisions(archive, lambda: NOW).keep_ranking({"weights": {"dense": 0.0}}, AWA)
    assert {item.teaser.parts["dense"] for item in sidebar(archive).items} == {0.0}


# -- time, caches, previews --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("minutes", "pinned"), [(0, True), (59, True), (60, False)])
def test_pin_ends_by_itself(archive: Store, minutes: int, pinned: bool) -> None:
    decide(archive, "coup", Wish(PIN, "gold", 1, until=NOW + timedelta(hours=1)))
    assert ("gold" in ids(sidebar(archive, now=NOW + timedelta(minutes=minutes)))) == pinned


def test_answer_is_looked_at_again_when_a_signal_ends(archive: Store) -> None:
    end = NOW + timedelta(hours=1)
    decide(archive, "coup", Wish(PIN, "gold", 1, until=end))
    decide(archive, "gold", Wish(BOOST, "coup-2", factor=2.0, until=end + timedelta(hours=1), everywhere=True))
    recommendation = sidebar(archive)
    assert recommendation.basis.until == end.timestamp()
    assert make_recommender(archive, now=end - timedelta(seconds=1)).still_right(recommendation.basis, archive.state())
    assert not make_recommender(archive, now=end).still_right(recommendation.basis, archive.state())


@pytest.mark.parametrize(
    "wish",
    [
        Wish(PIN, "gold", 1),
        Wish(REJECT, "coup-2"),
        Wish(BOOST, "coup-2", factor=2.0),
        Wish(BURY, "coup-2", factor=0.5, everywhere=True),
        Wish(EXCLUDE, "coup-2"),
        Wish(APART, "coup-2"),
        Wish(OFF),
    ],
    ids=lambda wish: wish.kind,
)
def test_every_signal_overtakes_answers_made_before(archive: Store, wish: Wish) -> None:
    """Also in a process that has looked at nothing yet, and also when the signal is taken back."""
    watcher = make_recommender(archive)
    before = watcher.for_article("coup", Query()).basis
    decide(archive, "coup", wish)
    state = archive.state()
    assert not watcher.still_right(before, state)
    assert not make_recommender(archive).still_right(before, state)
    during = watcher.for_article("coup", Query()).basis
    numbers = [signal.number for signal in archive.signals.changed_since(-1)]
    Decisions(archive, lambda: NOW).end("coup", numbers, AWA)
    assert not watcher.still_right(during, archive.state())
    assert not make_recommender(archive).still_right(during, archive.state())


def test_signals_elsewhere_leave_answers_alone(archive: Store) -> None:
    basis = sidebar(archive).basis
    assert basis.articles is not None
    apart = set(range(1, len(ARCHIVE) + 1)) - set(basis.articles.tolist())
    first, second = (ARCHIVE[number - 1].id for number in sorted(apart)[:2])
    decide(archive, first, Wish(PIN, second, 1))
    assert make_recommender(archive).still_right(basis, archive.state())


def test_policies_overtake_every_answer(archive: Store) -> None:
    basis = sidebar(archive).basis
    keep_rule(archive, "forbid", when=Condition({"edition": ("Asia",)}), what=OPINION)
    assert not make_recommender(archive).still_right(basis, archive.state())


def test_prepared_answer_is_not_given_after_a_signal(archive: Store) -> None:
    recommender = make_recommender(archive)
    prepare(archive, recommender, quiet)
    assert find_prepared(archive, recommender, "coup", archive.state())
    decide(archive, "coup", Wish(REJECT, "coup-2"))
    assert find_prepared(archive, recommender, "coup", archive.state()) is None


def test_pinned_story_that_is_withdrawn_overtakes_the_answer(archive: Store) -> None:
    decide(archive, "coup", Wish(PIN, "gold-2", 1))
    basis = sidebar(archive).basis
    archive.articles.withdraw("gold-2")
    assert not make_recommender(archive).still_right(basis, archive.state())
    assert "gold-2" not in ids(sidebar(archive))


def test_preview_shows_the_effect_and_keeps_nothing(archive: Store) -> None:
    before, state = ids(sidebar(archive)), archive.state()
    added, ended = Decisions(archive, lambda: NOW).signals("coup", [Wish(PIN, "gold", 1)], AWA)
    recommender = make_recommender(archive)
    assert ids(recommender.previewing(added, ended).for_article("coup", Query()))[0] == "gold"
    assert ids(recommender.for_article("coup", Query())) == before
    assert archive.state() == state


def test_evaluation_leaves_signals_out(archive: Store) -> None:
    before = ids(sidebar(archive))
    decide(archive, "coup", Wish(PIN, "gold", 1))
    assert ids(make_recommender(archive).without_signals().for_article("coup", Query())) == before


def test_draft_obeys_rules_and_matrix(archive: Store) -> None:
    rows = archive.generations.candidates(archive.state().generation or 0, [1])[1]

    draft = replace(ARCHIVE[0], id="draft")
    recommender = make_recommender(archive)
    candidates = TextCandidates(rows[rows["number"] != 1], ())
    assert "coup-4" in ids(recommender.for_draft(draft, candidates, Query(n=9)))
    flagged = replace(draft, flags=("minor",))
    assert "coup-4" not in ids(recommender.for_draft(flagged, candidates, Query(n=9)))
    assert ids(recommender.for_draft(replace(draft, flags=("legal_hold",)), candidates, Query(n=9))) == []
