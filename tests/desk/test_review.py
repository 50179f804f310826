"""One article as editors see it: candidates, what keeps each out, what a decision would change, what can be undone."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from recommender.articles.article import Article
from recommender.curation.rules import Condition, Rule
from recommender.curation.signals import APART, BOOST, BURY, EXCLUDE, OFF, PIN, REJECT
from recommender.desk.decisions import Decisions, Sent, Wish
from recommender.desk.review import (
    BANNED,
    BEYOND,
    BOX_OFF,
    CANDIDATES,
    FUTURE,
    HELD,
    LANGUAGE,
    LOWER,
    REPORTED,
    RULED,
    SENSITIVE,
    WEAK,
    WITHDRAWN,
    Candidate,
    Page,
    Reviewing,
)
from recommender.errors import ArticleNotFound
from recommender.ranking.facts import PINNED, RELATED
from recommender.ranking.fallbacks import FALLBACK_EDITION
from recommender.serving.answers import Query
from recommender.store.audit import AuditEntry
from recommender.store.base import Store
from tests.factories import NOW, built, days_ago, make_article, make_recommender

AWA = Sent("awa", why="because")
COUP = "junta seized power niamey president bazoum guard palace"


def story(article_id: str, words: str, **fields: Any) -> Article:
    """An article about some words, with one word of its own."""
    return make_article(article_id, title=f"{article_id} {words}", body=f"{words} own{article_id}.", **fields)


ARCHIVE = [
    story("coup", COUP, posted_on=days_ago(60), countries=("Niger",)),
    story("coup-1", f"{COUP} sanctions", posted_on=days_ago(50), countries=("Niger",), tags=("coup",)),
    story("coup-2", f"{COUP} border closed", posted_on=days_ago(40), tags=("border",)),
    story("coup-3", f"{COUP} exile hearing lawyers", posted_on=days_ago(30)),
    story("coup-4", f"{COUP} anniversary march flags crowd", posted_on=days_ago(20), flags=("opinion",)),
    story("coup-5", f"{COUP} markets bread prices cattle", posted_on=days_ago(10)),
    story("held", f"{COUP} court sealed", posted_on=days_ago(45), flags=("legal_hold",)),
    story("coming", f"{COUP} speech planned", posted_on=NOW + timedelta(days=1)),
    story("fr", f"{COUP} le pouvoir", posted_on=days_ago(45), language="fr"),
    story("sponsored", f"{COUP} luxury hotel", posted_on=days_ago(45), flags=("sponsored",)),
    story("gold", "gold mine barrick permit", posted_on=days_ago(5)),
    *(story(f"noise{number}", f"lone{number} other{number} apart{number}", posted_on=None) for number in range(30)),
]


@pytest.fixture
def archive(store: Store) -> Store:
    built(store, ARCHIVE)
    return store


def reviewing(store: Store, now: datetime = NOW, *, other_languages: bool = True) -> Reviewing:
    return Reviewing(store, make_recommender(store, now=now, other_languages=other_languages))


def decide(store: Store, *wishes: Wish, article_id: str = "coup", at: datetime = NOW) -> AuditEntry:
    return Decisions(store, lambda: at).decide(article_id, wishes, AWA)


def keep_rule(store: Store, description: str, then: str, **fields: Any) -> None:
    """A rule for every article."""
    Decisions(store, lambda: NOW).keep_rule(Rule(description, Condition({}), then, **fields), AWA)


def number_of(store: Store, article_id: str) -> int:
    return store.articles.numbers([article_id])[article_id]


def page(store: Store, article_id: str = "coup", **options: Any) -> Page:
    return reviewing(store, **options).page(article_id)


def ids(candidates: list[Candidate]) -> list[str]:
    return [candidate.item.article.id for candidate in candidates]


def candidate(store: Store, article_id: str, **options: Any) -> Candidate:
    """A story on the page of "coup", in its sidebar or below."""
    shown_page = page(store, **options)
    return next(
        story_candidate
        for story_candidate in (*shown_page.sidebar, *shown_page.candidates)
        if story_candidate.item.article.id == article_id
    )


def obstacle(store: Store, article_id: str, **options: Any) -> str | None:
    """What keeps a story out of the sidebar of "coup"; None where it stands in it or nothing is known."""
    obstacles = reviewing(store, **options).obstacles("coup", [number_of(store, article_id)])
    return obstacles[number_of(store, article_id)].kind if obstacles else None


# -- the page


def test_page_shows_the_sidebar_of_readers(archive: Store) -> None:
    result = page(archive)
    shown = make_recommender(archive).for_article("coup", Query())
    assert ids(result.sidebar) == [item.article.id for item in shown.items]
    assert all(candidate.obstacle is None for candidate in result.sidebar)


def test_next_best_come_below(archive: Store) -> None:
    result = page(archive)
    scores = [candidate.item.teaser.score for candidate in result.candidates]
    assert scores == sorted(scores, reverse=True)
    assert len(result.candidates) == CANDIDATES
    assert {"coup", *ids(result.sidebar)}.isdisjoint(ids(result.candidates))
    assert all(candidate.obstacle for candidate in result.candidates)


def test_page_holds_the_texts_of_the_article(archive: Store) -> None:
    assert page(archive).article.body == f"{COUP} owncoup."


def test_unknown_article_has_no_page(archive: Store) -> None:
    with pytest.raises(ArticleNotFound):
        page(archive, "nothing")


def test_candidate_says_what_it_shares(archive: Store) -> None:
    story_candidate = candidate(archive, "coup-1")
    assert story_candidate.item.shared["countries"] == ["Niger"]
    assert story_candidate.sentences is not None
    assert "junta" in story_candidate.sentences.other


def test_other_sidebars_are_counted(archive: Store) -> None:
    for article_id in ("coup", "coup-2"):
        reviewing(archive).note(article_id)
    inside, below = page(archive), page(archive, "coup-2")
    both = set(ids(inside.sidebar)) & set(ids(below.sidebar))
    assert {candidate.elsewhere for candidate in inside.sidebar if candidate.item.article.id in both} == {1}


def test_digest_names_the_sidebar(archive: Store) -> None:
    before = page(archive).digest
    assert reviewing(archive).digest("coup") == before
    decide(archive, Wish(REJECT, page(archive).sidebar[0].item.article.id))
    assert page(archive).digest != before


def test_approval_is_of_this_very_sidebar(archive: Store) -> None:
    digest = page(archive).digest
    assert not page(archive).approved
    Decisions(archive, lambda: NOW).approve("coup", digest, digest, AWA)
    assert page(archive).approved
    decide(archive, Wish(REJECT, page(archive).sidebar[0].item.article.id))
    assert not page(archive).approved
    assert page(archive).review is not None


def test_seen_is_the_latest_decision(archive: Store) -> None:
    assert page(archive).seen == 0
    entry = decide(archive, Wish(REJECT, "coup-1"))
    assert page(archive).seen == entry.number


def test_noted_sidebar_is_in_the_ledger(archive: Store) -> None:
    reviewing(archive).note("coup")
    (outlook,) = archive.ledger.outlooks()
    assert (outlook.source, outlook.digest) == (number_of(archive, "coup"), page(archive).digest)
    assert not archive.ledger.history(outlook.source, 1)[0].served


# -- what keeps a story out


def test_other_report_of_the_event_is_named(archive: Store) -> None:
    title = "palace Niamey Niamey guard Bazoum Bazoum Putsch Putsch soldiers radio curfew airport closed borders"
    built(archive, [story(article_id, title, posted_on=days_ago(3)) for article_id in ("report", "again")])
    obstacles = reviewing(archive).obstacles("report", [number_of(archive, "again")])
    assert [obstacle.kind for obstacle in obstacles.values()] == [REPORTED]


def test_better_ones_are_named(archive: Store) -> None:
    below = [candidate for candidate in page(archive).candidates if candidate.item.article.id.startswith("coup")]
    assert {candidate.obstacle.kind for candidate in below if candidate.obstacle} == {LOWER}


@pytest.mark.parametrize(
    ("article_id", "kind"),
    [("gold", WEAK), ("held", HELD), ("coming", FUTURE), ("sponsored", SENSITIVE)],
)
def test_nature_of_a_story_is_told(archive: Store, article_id: str, kind: str) -> None:
    assert obstacle(archive, article_id) == kind


def test_other_languages_are_told_where_the_site_wants_none(archive: Store) -> None:
    assert obstacle(archive, "fr", other_languages=False) == LANGUAGE
    assert obstacle(archive, "fr") in (LOWER, None)


def test_flags_that_do_not_go_together_are_named(archive: Store) -> None:
    obstacles = reviewing(archive).obstacles("coup", [number_of(archive, "sponsored")])
    assert [obstacle.cell for obstacle in obstacles.values()] == [("anything", "sponsored")]


def test_withdrawn_story_is_told(archive: Store) -> None:
    archive.articles.upsert([replace(ARCHIVE[1], status="unpublished")])
    assert obstacle(archive, "coup-1") == WITHDRAWN


@pytest.mark.parametrize(
    "wish",
    [Wish(REJECT, "coup-1"), Wish(EXCLUDE, "coup-1"), Wish(APART, "coup-1"), Wish(BURY, "coup-1", factor=0.0)],
    ids=lambda wish: wish.kind,
)
def test_signal_that_keeps_a_story_out_is_named(archive: Store, wish: Wish) -> None:
    decide(archive, wish)
    story_candidate = candidate(archive, "coup-1")
    assert story_candidate.obstacle is not None
    assert story_candidate.obstacle.kind == BANNED
    assert story_candidate.obstacle.signal is not None
    assert (
        story_candidate.obstacle.signal.kind,
        story_candidate.obstacle.signal.by,
        story_candidate.obstacle.signal.reason,
    ) == (
        wish.kind,
        "awa",
        "because",
    )


def test_rule_that_forbids_is_named(archive: Store) -> None:
    keep_rule(archive, "No borders", "forbid", what=Condition({"tag": ("border",)}))
    obstacles = reviewing(archive).obstacles("coup", [number_of(archive, "coup-2")])
    assert [(obstacle.kind, obstacle.rule) for obstacle in obstacles.values()] == [(RULED, "No borders")]


def test_rule_whose_number_is_reached_is_named(archive: Store) -> None:
    keep_rule(archive, "One at most", "at_most", count=1, what=Condition({"edition": ("Sahel",)}))
    result = page(archive)
    assert len([candidate for candidate in result.sidebar if candidate.item.teaser.source == RELATED]) == 1
    out = [candidate for candidate in result.candidates if candidate.item.article.id.startswith("coup-")]
    assert {(candidate.obstacle.kind, candidate.obstacle.rule) for candidate in out if candidate.obstacle} == {
        (RULED, "One at most")
    }


def test_box_that_is_off_is_named(archive: Store) -> None:
    decide(archive, Wish(OFF))
    result = page(archive)
    assert result.sidebar == []
    assert {candidate.obstacle.kind for candidate in result.candidates if candidate.obstacle} <= {BOX_OFF, HELD}
    assert result.constraints.off == result.signals[0]


def test_pin_that_is_kept_out_comes_first_below(archive: Store) -> None:
    decide(archive, Wish(PIN, "held", slot=2))
    first = page(archive).candidates[0]
    assert (first.item.article.id, first.item.teaser.source) == ("held", PINNED)
    assert first.obstacle is not None
    assert first.obstacle.kind == HELD


def test_pin_in_another_language_is_shown_below(archive: Store) -> None:
    decide(archive, Wish(PIN, "fr", slot=1))
    first = page(archive, other_languages=False).candidates[0]
    assert first.item.article.id == "fr"
    assert first.obstacle is not None
    assert first.obstacle.kind == LANGUAGE
    assert page(archive).sidebar[0].item.article.id == "fr"


def test_pin_beyond_the_sidebar_is_told(archive: Store) -> None:
    decide(archive, Wish(PIN, "gold", slot=5))
    assert obstacle(archive, "gold") == BEYOND


def test_what_stands_there_has_no_obstacle(archive: Store) -> None:
    decide(archive, Wish(PIN, "gold", slot=1))
    assert obstacle(archive, "gold") is None


def test_without_a_build_nothing_comes_into_question(store: Store) -> None:
    store.articles.upsert(ARCHIVE[:2])
    result = page(store)
    assert [candidate.item.teaser.source for candidate in result.sidebar] == [FALLBACK_EDITION]
    assert result.candidates == []


# -- signals


def test_signals_in_force_are_listed_with_their_articles(archive: Store) -> None:
    decide(archive, Wish(PIN, "gold", slot=1))
    result = page(archive)
    assert [signal.kind for signal in result.signals] == [PIN]
    assert [article.id for article in result.others.values()] == ["gold"]
    assert [signal.kind for signal in candidate(archive, "gold").signals] == [PIN]


def test_signals_that_are_over_are_not(archive: Store) -> None:
    decide(archive, Wish(BOOST, "coup-1", factor=2.0, until=NOW + timedelta(days=1)))
    decide(archive, Wish(BOOST, "coup-1", factor=3.0, until=NOW + timedelta(days=1), everywhere=True))
    later = NOW + timedelta(days=2)
    assert len(candidate(archive, "coup-1").signals) == 2
    assert candidate(archive, "coup-1", now=later).signals == ()
    assert page(archive, now=later).signals == []


def test_pin_beside_another_article_is_not_a_signal_here(archive: Store) -> None:
    """But the other article's page lists it."""
    decide(archive, Wish(PIN, "coup", slot=1), article_id="coup-1")
    assert candidate(archive, "coup-1").signals == ()
    assert [signal.kind for signal in page(archive).signals] == [PIN]


def test_never_together_is_shown_on_both_pages(archive: Store) -> None:
    decide(archive, Wish(APART, "coup-1"))
    assert [signal.kind for signal in candidate(archive, "coup-1").signals] == [APART]
    other = page(archive, "coup-1")
    (in_other,) = [candidate for candidate in other.candidates if candidate.item.article.id == "coup"]
    assert [signal.kind for signal in in_other.signals] == [APART]


# -- search


def test_search_finds_what_is_not_a_candidate(archive: Store) -> None:
    _page, candidates = reviewing(archive).search("coup", "barrick")
    assert ids(candidates) == ["gold"]
    assert candidates[0].obstacle is not None
    assert candidates[0].obstacle.kind == WEAK


def test_search_says_what_stands_there_already(archive: Store) -> None:
    inside = ids(page(archive).sidebar)[0]
    _page, candidates = reviewing(archive).search("coup", inside)
    assert (ids(candidates)[0], candidates[0].obstacle) == (inside, None)


def test_search_leaves_the_article_itself_out(archive: Store) -> None:
    _page, candidates = reviewing(archive).search("coup", "junta", limit=3)
    assert len(candidates) == 3
    assert "coup" not in ids(candidates)


@pytest.mark.parametrize("text", ["", "nosuchword", '"* OR', "\x00"])
def test_search_may_find_nothing(archive: Store, text: str) -> None:
    result, stories = reviewing(archive).search("coup", text)
    assert (result.article.id, stories) == ("coup", [])


# -- previews


def preview(store: Store, *wishes: Wish) -> Any:
    """The preview of some wishes about "coup"."""
    return reviewing(store).preview("coup", *Decisions(store, lambda: NOW).signals("coup", wishes, AWA))


def test_preview_shows_what_saving_gives(archive: Store) -> None:
    wish = Wish(PIN, "gold", slot=2)
    previewed = preview(archive, wish)
    assert previewed.before.items == make_recommender(archive).for_article("coup", Query()).items
    decide(archive, wish)
    assert previewed.after.items == make_recommender(archive).for_article("coup", Query()).items
    assert previewed.obstacles == {}


def test_preview_changes_nothing(archive: Store) -> None:
    before, state = page(archive), archive.state()
    preview(archive, Wish(REJECT, before.sidebar[0].item.article.id))
    assert archive.state() == state
    assert page(archive).digest == before.digest


@pytest.mark.parametrize(("wish", "kind"), [(Wish(PIN, "held", slot=2), HELD), (Wish(BOOST, "gold", factor=1.0), WEAK)])
def test_preview_says_what_keeps_a_wish_out(archive: Store, wish: Wish, kind: str) -> None:
    assert [obstacle.kind for obstacle in preview(archive, wish).obstacles.values()] == [kind]


def test_preview_knows_what_would_end(archive: Store) -> None:
    decide(archive, Wish(PIN, "gold", slot=1))
    previewed = preview(archive, Wish(PIN, "coup-3", slot=1))
    assert previewed.after.items[0].article.id == "coup-3"
    assert "gold" not in [item.article.id for item in previewed.after.items]


# -- undo


def undoable(store: Store) -> list[tuple[str, bool]]:
    """The latest decisions about "coup", and whether they can be undone."""
    return [(entry.action, can) for entry, can in page(store).decisions]


def undo(store: Store, entry: AuditEntry) -> AuditEntry:
    return Decisions(store, lambda: NOW).undo(entry.number, AWA)


def test_decision_can_be_undone_once(archive: Store) -> None:
    entry = decide(archive, Wish(REJECT, "coup-1"))
    assert undoable(archive) == [(REJECT, True)]
    undone = undo(archive, entry)
    assert undoable(archive) == [("undo", True), (REJECT, False)]
    undo(archive, undone)
    assert undoable(archive) == [("undo", True), ("undo", False), (REJECT, False)]


def test_what_has_been_replaced_cannot_be_undone(archive: Store) -> None:
    decide(archive, Wish(PIN, "coup-1", slot=1))
    decide(archive, Wish(PIN, "coup-2", slot=1))
    assert undoable(archive) == [(PIN, True), (PIN, False)]


def test_end_is_undone_once(archive: Store) -> None:
    decide(archive, Wish(PIN, "coup-1", slot=1))
    decisions = Decisions(archive, lambda: NOW)
    ended = decisions.end("coup", [page(archive).signals[0].number], AWA)
    assert undoable(archive)[0] == ("end", True)
    undo(archive, ended)
    assert undoable(archive)[:2] == [("undo", True), ("end", False)]


def test_approval_is_undone_by_the_latest_only(archive: Store) -> None:
    digest = page(archive).digest
    for minutes, name in enumerate(("awa", "ben")):
        decisions = Decisions(archive, lambda at=NOW + timedelta(minutes=minutes): at)  # type: ignore[misc]  # a clock
        decisions.approve("coup", digest, digest, Sent(name))
    assert undoable(archive) == [("approve", True), ("approve", False)]
    undo(archive, page(archive).decisions[0][0])
    assert [can for _action, can in undoable(archive)] == [True, False, True]


def test_what_is_no_decision_cannot_be_undone(archive: Store) -> None:
    archive.audit.append(AuditEntry(NOW, "awa", "grade", article=number_of(archive, "coup")))
    assert undoable(archive) == [("grade", False)]
