"""What was shown is known to the second, and where nothing is known, nothing is said."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from recommender.articles.article import Article
from recommender.curation.rules import Condition, Rule
from recommender.curation.sensitivity import FIXED, Matrix
from recommender.curation.signals import APART, BOOST, EXCLUDE, PIN, REJECT
from recommender.desk.decisions import Decisions, Sent, Wish
from recommender.desk.history import (
    CORRECTED,
    EVENTS,
    EXCLUDED,
    HELD,
    PLACES,
    PUBLISHED,
    RELEASED,
    UNPUBLISHED,
    WITHDRAWN,
    DisplayHistory,
    PastSidebar,
)
from recommender.errors import ArticleNotFound
from recommender.serving.answers import Query
from recommender.serving.recorder import shown
from recommender.sources.publishing import Publishing
from recommender.store.audit import AuditEntry
from recommender.store.base import Store
from tests.factories import GAZETTEER, NOW, built, days_ago, make_article, make_recommender

COUP = "junta seized power niamey president bazoum guard palace"
SOON, LATER = NOW + timedelta(minutes=1), NOW + timedelta(minutes=9)
TOMORROW = NOW + timedelta(days=1)


def story(article_id: str, words: str = COUP, **fields: Any) -> Article:
    """An article about some words, with one word of its own."""
    return make_article(article_id, title=f"{article_id} {words}", body=f"{words} own{article_id}", **fields)


ARCHIVE = [
    *(story(f"coup-{number}", posted_on=days_ago(10 * number)) for number in range(1, 6)),
    *(story(f"noise{number}", f"lone{number} other{number} apart{number}", posted_on=None) for number in range(40)),
]


@pytest.fixture
def archive(store: Store) -> Store:
    built(store, ARCHIVE)
    return store


def findings(store: Store, now: datetime = TOMORROW) -> DisplayHistory:
    return DisplayHistory(store, make_recommender(store, now=now))


def note(store: Store, at: datetime, *article_ids: str, served: bool = False) -> None:
    """Writes the present sidebars of some articles down, as of a time."""
    recommender = make_recommender(store, now=at)
    recommendations = [recommender.for_article(article_id, Query()) for article_id in article_ids]
    store.ledger.append([shown(recommendation, GAZETTEER, at, served=served) for recommendation in recommendations])


def decide(store: Store, at: datetime, article_id: str, *wishes: Wish, why: str = "") -> AuditEntry:
    return Decisions(store, lambda: at).decide(article_id, wishes, Sent("awa", why=why))


def put(store: Store, at: datetime, article: Article) -> None:
    Publishing(store, "API", lambda: at).put([article])


def ids(sidebar: PastSidebar | None) -> list[str]:
    assert sidebar is not None
    return [item["id"] for item in sidebar.document["items"]]


def shown_now(store: Store, article_id: str, now: datetime = NOW) -> list[str]:
    return [item.article.id for item in make_recommender(store, now=now).for_article(article_id, Query()).items]


# -- history -----------------------------------------------------------------------------------------------------------


def test_nothing_has_happened_yet(archive: Store) -> None:
    history = findings(archive).history("coup-1")
    assert (history.events, history.signals, history.complete) == ([], [], True)


@pytest.mark.parametrize("ask", ["history", "whereabouts", "every_place", "subject"])
def test_article_that_never_was_is_not_found(archive: Store, ask: str) -> None:
    with pytest.raises(ArticleNotFound):
        getattr(findings(archive), ask)("no-such-article")


def test_history_tells_what_came_and_went(archive: Store) -> None:
    note(archive, NOW, "coup-1", served=True)
    first, second, third = shown_now(archive, "coup-1")
    decide(archive, SOON, "coup-1", Wish(REJECT, second))
    note(archive, LATER, "coup-1")
    latest, decision, oldest = findings(archive).history("coup-1").events
    assert isinstance(latest, PastSidebar)
    assert isinstance(decision, AuditEntry)
    assert isinstance(oldest, PastSidebar)
    assert [item["id"] for item in latest.removed] == [second]
    assert {item["id"] for item in latest.added} == set(shown_now(archive, "coup-1", LATER)) - {first, third}
    assert (latest.at, latest.until, latest.shown.served) == (LATER, None, False)
    assert (decision.at, decision.action) == (SOON, REJECT)
    assert (oldest.at, oldest.until, oldest.shown.served) == (NOW, LATER, True)
    assert [item["id"] for item in oldest.added] == [first, second, third]


def test_history_holds_decisions_made_elsewhere(archive: Store) -> None:
    decide(archive, NOW, "coup-2", Wish(PIN, "coup-1", 1), Wish(APART, "coup-3"))
    history = findings(archive).history("coup-1")
    assert history.events == []
    assert [signal.kind for signal in history.signals] == [PIN]
    assert {trace.id for trace in history.names.values()} == {"coup-1", "coup-2"}


def test_history_survives_the_article(archive: Store) -> None:
    note(archive, NOW, "coup-1")
    before = shown_now(archive, "coup-1")
    Publishing(archive, "API", lambda: SOON).withdraw("coup-1")
    history = findings(archive).history("coup-1")
    withdrawal, sidebar = history.events
    assert isinstance(withdrawal, AuditEntry)
    assert isinstance(sidebar, PastSidebar)
    assert ids(sidebar) == before
    assert (history.subject.name, history.subject.article, history.subject.trace.status) == ("coup-1", None, "deleted")


def test_long_history_says_that_there_is_more(archive: Store) -> None:
    (row,) = archive.articles.numbers(["coup-1"]).values()
    base = shown(make_recommender(archive).for_article("coup-1", Query()), GAZETTEER, NOW)
    rows = [replace(base, at=NOW + timedelta(seconds=n), digest=str(n), source=row) for n in range(EVENTS + 1)]
    archive.ledger.append(rows[:EVENTS])
    assert findings(archive).history("coup-1").complete
    archive.ledger.append(rows)
    history = findings(archive).history("coup-1")
    assert (len(history.events), history.complete) == (EVENTS, False)


# -- as it was ---------------------------------------------------------------------------------------------------------


def test_sidebar_of_a_time_is_the_one_that_stood_then(archive: Store) -> None:
    note(archive, NOW, "coup-1")
    before = shown_now(archive, "coup-1")
    decide(archive, SOON, "coup-1", Wish(REJECT, before[0]))
    note(archive, LATER, "coup-1")
    tell = findings(archive).as_of
    assert ids(tell("coup-1", NOW).sidebar) == before
    assert ids(tell("coup-1", LATER - timedelta(milliseconds=1)).sidebar) == before
    assert ids(tell("coup-1", LATER).sidebar) == shown_now(archive, "coup-1", LATER)
    then = tell("coup-1", SOON).sidebar
    assert then is not None
    assert (then.at, then.until) == (NOW, LATER)


def test_before_the_first_sidebar_nothing_is_known(archive: Store) -> None:
    assert findings(archive).as_of("coup-1", SOON).begins is None
    note(archive, LATER, "coup-1")
    past = findings(archive).as_of("coup-1", SOON)
    assert (past.sidebar, past.begins) == (None, LATER)


def test_text_is_that_of_the_time(archive: Store) -> None:
    note(archive, NOW, "coup-1")
    other = shown_now(archive, "coup-1")[0]
    put(archive, SOON, replace(next(article for article in ARCHIVE if article.id == other), title="Corrected"))
    note(archive, LATER, "coup-1")
    titles = [
        sidebar.document["items"][0]["title"]
        for at in (SOON, LATER)
        if (sidebar := findings(archive).as_of("coup-1", at).sidebar) is not None
    ]
    assert titles == [f"{other} {COUP}", "Corrected"]


def test_reasons_of_the_time_are_reported(archive: Store) -> None:
    note(archive, NOW, "coup-1")
    sidebar = findings(archive).as_of("coup-1", NOW).sidebar
    assert sidebar is not None
    assert sum(sidebar.document["items"][0]["parts"].values()) == pytest.approx(sidebar.document["items"][0]["score"])
    assert sidebar.document["generation"] == archive.state().generation


def test_signals_of_the_time_are_reported(archive: Store) -> None:
    note(archive, NOW, "coup-1")
    teaser = shown_now(archive, "coup-1")[0]
    decide(archive, NOW, "coup-1", Wish(PIN, "noise1", 1, until=SOON))
    decide(archive, NOW, "coup-2", Wish(BOOST, teaser, factor=2.0, everywhere=True))
    decide(archive, NOW, "coup-3", Wish(REJECT, "noise2"))
    tell = findings(archive).as_of
    assert {signal.kind for signal in tell("coup-1", NOW).signals} == {PIN, BOOST}
    assert {signal.kind for signal in tell("coup-1", SOON).signals} == {BOOST}
    assert tell("coup-1", NOW - timedelta(seconds=1)).signals == []


def test_signal_taken_back_was_in_force_before(archive: Store) -> None:
    entry = decide(archive, NOW, "coup-1", Wish(PIN, "noise1", 1))
    Decisions(archive, lambda: SOON).undo(entry.number, Sent("awa"))
    tell = findings(archive).as_of
    assert len(tell("coup-1", NOW).signals) == 1
    assert tell("coup-1", SOON).signals == []


def test_policies_of_the_time_are_reported(archive: Store) -> None:
    sahel = Rule("Sahel", Condition({"edition": ("Sahel",)}), "no_fallback")
    elsewhere = Rule("Elsewhere", Condition({"edition": ("Asia",)}), "no_fallback")
    off = Rule("Off", Condition({}), "no_fallback", enabled=False)
    first = Decisions(archive, lambda: NOW)
    for rule in (sahel, elsewhere, off):
        first.keep_rule(rule, Sent("awa"))
    first.keep_matrix(Matrix(FIXED), Sent("awa"))
    Decisions(archive, lambda: SOON).keep_ranking({"min_score": 0.3}, Sent("sira"))
    tell = findings(archive).as_of
    then, later = tell("coup-1", NOW), tell("coup-1", SOON)
    assert [rule.description for rule in then.rules] == ["Sahel"]
    assert then.matrix is not None
    assert then.ranking is None
    assert later.ranking is not None
    assert later.ranking.by == "sira"
    earlier = tell("coup-1", NOW - timedelta(days=1))
    assert (earlier.rules, earlier.matrix) == ([], None)


# -- where it is shown -------------------------------------------------------------------------------------------------

EVERYWHERE = [f"coup-{number}" for number in range(1, 6)]


def kinds(store: Store, article_id: str) -> list[str]:
    """What happened to an article, the oldest first."""
    return [turn.kind for turn in findings(store).whereabouts(article_id).turns][::-1]


def sources(store: Store) -> list[str]:
    """Beside which of the stories coup-2 would stand now."""
    others = [article_id for article_id in EVERYWHERE if article_id != "coup-2"]
    return [article_id for article_id in others if "coup-2" in shown_now(store, article_id)]


def test_places_are_reported_with_slot_and_time(archive: Store) -> None:
    note(archive, NOW, *EVERYWHERE)
    whereabouts = findings(archive).whereabouts("coup-2")
    places = {place.source.id: place for place in whereabouts.now}
    assert sorted(places) == sources(archive)
    assert (whereabouts.before, whereabouts.turns, whereabouts.removal) == ([], [], None)
    for name, place in places.items():
        assert place.stay.slot == shown_now(archive, name).index("coup-2") + 1
        assert (place.stay.since, place.stay.until) == (NOW, None)
        assert place.title == f"{name} {COUP}"


REMOVALS = {
    WITHDRAWN: lambda store: Publishing(store, "API", lambda: SOON).withdraw("coup-2"),
    UNPUBLISHED: lambda store: put(store, SOON, story("coup-2", posted_on=days_ago(20), status="unpublished")),
    HELD: lambda store: put(store, SOON, story("coup-2", posted_on=days_ago(20), flags=("legal_hold",))),
    EXCLUDED: lambda store: decide(store, SOON, "coup-5", Wish(EXCLUDE, "coup-2")),
}


@pytest.mark.parametrize("kind", REMOVALS)
def test_removal_is_reported_with_the_sidebars_it_left(archive: Store, kind: str) -> None:
    note(archive, NOW, *EVERYWHERE)
    before = sources(archive)
    REMOVALS[kind](archive)
    still = findings(archive).whereabouts("coup-2")
    assert still.removal is not None
    assert (still.removal.kind, still.removal.at, len(still.now)) == (kind, SOON, len(before))
    note(archive, LATER, *(article_id for article_id in EVERYWHERE if article_id != "coup-2"))
    whereabouts = findings(archive).whereabouts("coup-2")
    assert whereabouts.now == []
    assert sorted(place.source.id for place in whereabouts.before) == before
    assert {place.late for place in whereabouts.before} == {LATER - SOON}


def test_sidebars_left_before_the_removal_have_no_delay(archive: Store) -> None:
    note(archive, NOW, "coup-1")
    assert "coup-2" in shown_now(archive, "coup-1")
    decide(archive, NOW, "coup-1", Wish(REJECT, "coup-2"))
    note(archive, SOON - timedelta(seconds=1), "coup-1")
    REMOVALS[WITHDRAWN](archive)
    assert [place.late for place in findings(archive).whereabouts("coup-2").before] == [None]


@pytest.mark.parametrize(
    ("steps", "reported"),
    [
        ([{"status": "unpublished"}, {}], [UNPUBLISHED, PUBLISHED]),
        ([{"flags": ("legal_hold",)}, {"flags": ("legal_hold", "minor")}, {}], [HELD, RELEASED]),
        ([{"tags": ("coup",)}, {"tags": ("coup",), "body": "Corrected below."}], []),
        ([{"summary": "Corrected."}, {"summary": "Corrected.", "read_count": 9}], [CORRECTED]),
        ([{"status": "unpublished", "flags": ("legal_hold",)}], [UNPUBLISHED, HELD]),
    ],
    ids=["published again", "released", "not in teasers", "corrected", "both"],
)
def test_turns_are_what_readers_would_notice(archive: Store, steps: list[dict[str, Any]], reported: list[str]) -> None:
    for seconds, fields in enumerate(steps):
        put(archive, NOW + timedelta(seconds=seconds), replace(ARCHIVE[1], **fields))
    assert sorted(kinds(archive, "coup-2")) == sorted(reported)
    if len(reported) == len(steps):
        assert kinds(archive, "coup-2") == reported


def test_article_that_came_back_is_not_gone(archive: Store) -> None:
    REMOVALS[WITHDRAWN](archive)
    put(archive, LATER, ARCHIVE[1])
    whereabouts = findings(archive).whereabouts("coup-2")
    assert whereabouts.removal is None
    assert [turn.kind for turn in whereabouts.turns] == [PUBLISHED, WITHDRAWN]


def test_exclusion_that_is_over_is_reported(archive: Store) -> None:
    entry = decide(archive, SOON, "coup-5", Wish(EXCLUDE, "coup-2"))
    Decisions(archive, lambda: LATER).undo(entry.number, Sent("sira"))
    whereabouts = findings(archive).whereabouts("coup-2")
    assert [(turn.kind, turn.by) for turn in whereabouts.turns] == [(RELEASED, "sira"), (EXCLUDED, "awa")]
    assert whereabouts.removal is None


def test_removal_without_an_entry_has_no_time(archive: Store) -> None:
    archive.articles.withdraw("coup-2")
    whereabouts = findings(archive).whereabouts("coup-2")
    assert (whereabouts.subject.trace.status, whereabouts.removal, whereabouts.turns) == ("deleted", None, [])


def test_correction_is_followed_into_the_sidebars(archive: Store) -> None:
    note(archive, NOW, *EVERYWHERE)
    first, *rest = sources(archive)
    assert rest
    put(archive, SOON, replace(ARCHIVE[1], summary="Corrected."))
    note(archive, LATER, first)
    places = {place.source.id: place for place in findings(archive).whereabouts("coup-2").now}
    assert (places[first].late, places[first].outdated) == (LATER - SOON, False)
    assert {(places[name].late, places[name].outdated) for name in rest} == {(None, True)}


def test_correction_counts_from_the_first_right_sidebar(archive: Store) -> None:
    """Changes of other teasers after it are none of its business."""
    note(archive, NOW, "coup-1")
    put(archive, SOON, replace(ARCHIVE[1], summary="Corrected."))
    note(archive, LATER, "coup-1")
    decide(
        archive,
        LATER,
        "coup-1",
        Wish(REJECT, next(article_id for article_id in shown_now(archive, "coup-1") if article_id != "coup-2")),
    )
    note(archive, LATER + timedelta(minutes=5), "coup-1")
    (place,) = findings(archive).whereabouts("coup-2").now
    assert place.late == LATER - SOON


def test_withdrawn_sources_keep_their_ids(archive: Store) -> None:
    note(archive, NOW, "coup-1")
    archive.articles.withdraw("coup-1")
    (place,) = findings(archive).every_place("coup-2")
    assert (place.source.id, place.source.status, place.title) == ("coup-1", "deleted", "")


def many_places(store: Store, target: int, count: int) -> None:
    base = shown(make_recommender(store).for_article("coup-1", Query()), GAZETTEER, NOW)
    store.ledger.append([replace(base, source=source, items=(target,)) for source in range(3, 3 + count)])


def test_page_holds_some_places_and_the_file_all(store: Store) -> None:
    built(store, [*ARCHIVE, *(story(f"more{number}", f"more{number}", posted_on=None) for number in range(80))])
    (target,) = store.articles.numbers(["coup-2"]).values()
    many_places(store, target, PLACES)
    assert findings(store).whereabouts("coup-2").complete
    many_places(store, target, PLACES + 1)
    whereabouts = findings(store).whereabouts("coup-2")
    assert (len(whereabouts.now), whereabouts.complete) == (PLACES, False)
    assert len(findings(store).every_place("coup-2")) == PLACES + 1
