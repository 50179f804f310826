"""The sidebar of an article, an address or a draft, over a small archive whose right answers are known."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from recommender.articles.article import Article
from recommender.articles.gazetteer import Gazetteer
from recommender.articles.sentences import SentencePair
from recommender.build import neighbours
from recommender.embedding.pooling import vector_version
from recommender.errors import ArticleNotFound, NotBuilt
from recommender.ranking import candidates
from recommender.ranking.candidates import EMPTY, TextCandidates
from recommender.ranking.facts import ANGLE, BACKGROUND, LATEST, RELATED, ROLES
from recommender.ranking.fallbacks import FALLBACK_ANY, FALLBACK_EDITION, FALLBACK_READ, FALLBACK_UNDATED
from recommender.ranking.scoring import DEFAULT
from recommender.serving.answers import Query, RankingDefaults, Recommendation
from recommender.serving.recommender import Recommender
from recommender.store.base import Store
from tests.embedder import ToyEmbedder
from tests.factories import GAZETTEER, NOW, built, days_ago, make_article, make_recommender, stored

COUP = "junta seized power niamey president bazoum guard palace"
BLOCKADE = "jihadists blockade bamako fuel convoys burned drivers kayes"
GOLD = "gold mine barrick permit loulo royalties court tonnes"


def story(article_id: str, words: str, **fields: Any) -> Article:
    """An article about some words, with one word of its own."""
    return make_article(article_id, title=f"{article_id} {words}", body=f"{words} own{article_id}", **fields)


ARCHIVE = [
    story("coup", COUP, posted_on=days_ago(30), countries=("Niger", "Mali"), tags=("coup",)),
    story("coup-2", f"{COUP} sanctions ecowas", posted_on=days_ago(20), countries=("Niger",), tags=("coup",)),
    story("coup-3", f"{COUP} border closed", posted_on=days_ago(10), countries=("Niger",), read_count=3),
    story("blockade", BLOCKADE, posted_on=days_ago(5), read_count=9, url="https://www.example.org/blockade"),
    story("gold", GOLD, posted_on=days_ago(40), read_count=50),
    story("europe", "tariffs brussels steel", edition="Europe", posted_on=days_ago(2)),
    # What similarities are measured against. Without a date none of it is ever a fallback.
    *(story(f"noise{number}", f"lone{number} other{number} apart{number}", posted_on=None) for number in range(50)),
]


def ids(recommendation: Recommendation, source: str | None = None) -> list[str]:
    return [item.article.id for item in recommendation.items if source in (None, item.teaser.source)]


def sidebar(store: Store, article_id: str, **query: Any) -> Recommendation:
    return make_recommender(store).for_article(article_id, Query(**query))


@pytest.fixture
def archive(store: Store) -> Store:
    built(store, ARCHIVE)
    return store


def with_more(store: Store, *more: Article) -> None:
    built(store, [*ARCHIVE, *more])


# -- what is shown -----------------------------------------------------------------------------------------------------


def test_box_without_dates_is_filled_by_the_nearest(store: Store) -> None:
    undated = [replace(article, posted_on=None) for article in ARCHIVE]
    built(store, [*undated, story("last", "rain harvest", posted_on=None)])
    box = sidebar(store, "coup", n=2, min_score=1.0)
    assert ids(box, FALLBACK_UNDATED) == ids(box)
    assert set(ids(box)) == {"coup-2", "coup-3"}


def test_related_stories_come_first(archive: Store) -> None:
    recommendation = sidebar(archive, "coup")
    assert set(ids(recommendation, RELATED)) == {"coup-2", "coup-3"}
    assert ids(recommendation)[2] == "blockade"
    assert recommendation.items[2].teaser.source == FALLBACK_READ


def test_shared_tags_decide_between_equals(archive: Store) -> None:
    assert ids(sidebar(archive, "coup"), RELATED)[0] == "coup-2"


def test_ladder_fills_the_remaining_places(archive: Store) -> None:
    items = sidebar(archive, "coup", n=9).items
    assert [(item.article.id, item.teaser.source) for item in items][2:] == [
        ("blockade", FALLBACK_READ),
        ("gold", FALLBACK_EDITION),
        ("europe", FALLBACK_ANY),
    ]


def test_scores_below_the_threshold_are_not_related(archive: Store) -> None:
    everything = sidebar(archive, "coup", min_score=0.0, fallback="none", n=9)
    assert len(everything.items) == 9
    first, second = everything.items[:2]
    assert first.teaser.score > second.teaser.score > 0.5
    assert ids(sidebar(archive, "coup", min_score=second.teaser.score, fallback="none")) == ["coup-2", "coup-3"]
    assert ids(sidebar(archive, "coup", min_score=second.teaser.score + 1e-4, fallback="none")) == ["coup-2"]


def test_site_threshold_holds_without_a_wish(archive: Store) -> None:
    least = sidebar(archive, "coup").items[1].teaser.score
    strict = make_recommender(archive, min_score=least + 1e-4)
    assert ids(strict.for_article("coup", Query(fallback="none"))) == ["coup-2"]
    assert ids(strict.for_article("coup", Query(fallback="none", min_score=0.12))) == ["coup-2", "coup-3"]


def test_site_model_decides_the_scores(archive: Store) -> None:
    """With all weight on tags, the score of what shares them is theirs alone."""
    tags = replace(DEFAULT, weights={part: 9.0 * (part == "tags") for part in DEFAULT.weights})
    recommender = Recommender(archive, RankingDefaults(0.12, 0.0, tags), GAZETTEER, lambda: NOW)
    recommendation = recommender.for_article("coup", Query(min_score=0.0, fallback="none", n=9))
    assert recommendation.items[0].article.id == "coup-2"
    assert recommendation.items[0].teaser.score > 0
    assert recommendation.items[0].teaser.parts["tags"] == recommendation.items[0].teaser.score


def test_addresses_find_the_same_sidebar(archive: Store) -> None:
    recommender = make_recommender(archive)
    by_url = recommender.for_url("http://example.org/blockade/?utm_source=x", Query())
    assert by_url == recommender.for_article("blockade", Query())


def test_answers_name_state_and_model(archive: Store) -> None:
    recommendation = sidebar(archive, "coup")
    assert recommendation.state == archive.state()
    assert recommendation.model == vector_version(ToyEmbedder())
    assert recommendation.article is not None
    assert recommendation.article.id == "coup"


def test_shared_labels_are_named(archive: Store) -> None:
    shared = {item.article.id: item.shared for item in sidebar(archive, "coup").items}
    assert shared["coup-2"] == {"countries": ["Niger"], "tags": ["coup"], "names": []}
    assert shared["blockade"] == {"countries": [], "tags": [], "names": []}


def test_shared_names_are_those_of_the_source(store: Store) -> None:
    """In the order of what tells most of the source; what only one of the two names is left out."""
    with_more(
        store,
        story("siege", f"{BLOCKADE} JNIM JNIM in Bamako Bamako near Mali Mali", posted_on=days_ago(3)),
        story("siege-2", f"{BLOCKADE} Mali Mali Bamako Bamako with Bazoum Bazoum", posted_on=days_ago(9)),
    )
    (item,) = [item for item in sidebar(store, "siege").items if item.article.id == "siege-2"]
    assert item.shared["names"] == ["bamako", "mali"]


def test_changes_show_in_the_next_answer(archive: Store) -> None:
    recommender = make_recommender(archive)
    before = ids(recommender.for_article("coup", Query()))
    archive.articles.withdraw("coup-2")
    after = ids(recommender.for_article("coup", Query()))
    assert "coup-2" in before
    assert "coup-2" not in after


def test_all_fallbacks_before_the_first_build(store: Store) -> None:
    stored(store, ARCHIVE)
    recommendation = sidebar(store, "coup")
    assert ids(recommendation) == ["blockade", "coup-3", "coup-2"]
    assert ids(recommendation, RELATED) == []
    assert recommendation.model is None
    assert make_recommender(store).story("coup").articles[0].id == "coup"
    with pytest.raises(NotBuilt):
        make_recommender(store).require_build()


# -- what is asked -----------------------------------------------------------------------------------------------------


def test_languages_are_those_of_the_source(store: Store) -> None:
    with_more(store, story("coup-fr", COUP, language="fr", posted_on=days_ago(25)))
    strict = Recommender(store, RankingDefaults(0.12, 0.0, other_languages=False), GAZETTEER, lambda: NOW)
    assert "coup-fr" not in ids(strict.for_article("coup", Query(n=9)))
    assert ids(strict.for_article("coup-fr", Query(n=9))) == []


def test_related_stories_of_other_languages_come_before_fallbacks(store: Store) -> None:
    """The newest of the reader's language are worth less than what is related in another; fallbacks stay in theirs."""
    with_more(
        store,
        story("coup-fr", COUP, language="fr", posted_on=days_ago(25)),
        story("sport-fr", "football stade match buts", language="fr", posted_on=days_ago(1)),
    )
    recommendation = sidebar(store, "coup-fr", n=9)
    assert set(ids(recommendation, RELATED)) == {"coup", "coup-2", "coup-3"}
    assert ids(recommendation)[3:] == ["sport-fr"]


@pytest.mark.parametrize(
    ("languages", "expected"), [(("any",), True), (("fr",), True), (("fr", "en"), True), (("en",), False)]
)
def test_languages_can_be_chosen(store: Store, languages: tuple[str, ...], expected: bool) -> None:
    with_more(store, story("coup-fr", COUP, language="fr", posted_on=days_ago(25)))
    assert ("coup-fr" in ids(sidebar(store, "coup", n=9, languages=languages))) is expected


def test_unknown_languages_have_no_stories(archive: Store) -> None:
    assert ids(sidebar(archive, "coup", languages=("xx",))) == []


def test_editions_can_be_chosen(archive: Store) -> None:
    assert ids(sidebar(archive, "coup", editions=("europe",))) == ["europe"]
    assert ids(sidebar(archive, "coup", editions=("nowhere",))) == []
    assert len(ids(sidebar(archive, "coup", editions=("Europe", "Sahel"), n=9))) == 5


def test_excluded_articles_are_not_shown(archive: Store) -> None:
    assert ids(sidebar(archive, "coup", exclude=("coup-2", "blockade", "unknown"))) == ["coup-3", "gold", "europe"]


def test_periods_are_kept(archive: Store) -> None:
    assert ids(sidebar(archive, "coup", since=days_ago(10), n=9)) == ["coup-3", "blockade", "europe"]
    assert ids(sidebar(archive, "coup", until=days_ago(20), n=9)) == ["coup-2", "gold"]


def test_fallbacks_can_be_declined(archive: Store) -> None:
    assert set(ids(sidebar(archive, "coup", fallback="none", n=9))) == {"coup-2", "coup-3"}


# -- what may not be shown ---------------------------------------------------------------------------------------------


def test_held_articles_stand_nowhere(store: Store) -> None:
    with_more(store, story("held", COUP, flags=("legal_hold",), posted_on=days_ago(25)))
    for article in ARCHIVE:
        assert "held" not in ids(sidebar(store, article.id, n=9, languages=("any",)))


def test_held_articles_have_no_sidebar(store: Store) -> None:
    with_more(store, story("held", COUP, flags=("legal_hold",)))
    recommendation = sidebar(store, "held", n=9)
    assert recommendation.items == []
    assert recommendation.article is not None


def test_held_drafts_have_no_sidebar(store: Store) -> None:
    builder = built(store, ARCHIVE)
    draft = story("draft", COUP, flags=("legal_hold",))
    assert make_recommender(store).for_draft(draft, builder.draft_candidates(draft), Query()).items == []


def test_future_articles_wait_for_their_hour(store: Store) -> None:
    hour = NOW + timedelta(hours=1)
    with_more(store, story("later", f"later {BLOCKADE} {COUP}", posted_on=hour))
    before, after = (make_recommender(store, now=now) for now in (hour - timedelta(seconds=1), hour))
    assert "later" not in ids(before.for_article("coup", Query(n=9)))
    assert "later" in ids(after.for_article("coup", Query(n=9)))


@pytest.mark.parametrize("status", ["draft", "unpublished"])
def test_unpublished_articles_stand_nowhere(archive: Store, status: str) -> None:
    archive.articles.upsert([story("coup-2", COUP, status=status)])
    assert "coup-2" not in ids(sidebar(archive, "coup", n=9))
    with pytest.raises(ArticleNotFound, match="'coup-2'"):
        sidebar(archive, "coup-2")


# -- versions ----------------------------------------------------------------------------------------------------------

REPORT = f"{BLOCKADE} {COUP} {GOLD}"


def test_update_stands_for_its_original(store: Store) -> None:
    with_more(
        store,
        story("report", REPORT, posted_on=days_ago(8)),
        story("report-update", REPORT, posted_on=days_ago(7.5), tags=("update",)),
    )
    shown = ids(sidebar(store, "coup", n=9))
    assert "report-update" in shown
    assert "report" not in shown


def test_source_hides_its_own_versions(store: Store) -> None:
    with_more(store, story("report", REPORT, posted_on=days_ago(8)), story("report-2", REPORT, posted_on=days_ago(7)))
    assert "report" not in ids(sidebar(store, "report-2", n=9))
    assert "report-2" not in ids(sidebar(store, "report", n=9))


def test_distant_reports_are_no_versions(store: Store) -> None:
    backwards = " ".join(reversed(REPORT.split()))  # the same words, and no five of them in the same order
    with_more(
        store, story("report", REPORT, posted_on=days_ago(20)), story("report-2", backwards, posted_on=days_ago(7))
    )
    assert ids(sidebar(store, "report-2"))[0] == "report"


def test_copies_hide_no_fallback(store: Store) -> None:
    """A text that is there twice is a fallback as another is, and fills one place."""
    twice = [
        replace(article, id=f"{article.id}-copy", url=f"https://www.example.org/{article.id}-copy")
        for article in ARCHIVE[:4]
    ]
    built(store, [*ARCHIVE[:4], *twice])
    box = ids(sidebar(store, "coup", n=9, min_score=1.0))
    assert sorted(item.removesuffix("-copy") for item in box) == ["blockade", "coup-2", "coup-3"]


@pytest.mark.parametrize("posted_on", [None, days_ago(400)])
def test_copies_are_versions_at_any_time(store: Store, posted_on: datetime | None) -> None:
    """A text that an agency sends again, or that has moved, stands neither beside itself nor twice in a box."""
    with_more(store, story("report", REPORT, posted_on=days_ago(8)), story("report-2", REPORT, posted_on=posted_on))
    assert "report" not in ids(sidebar(store, "report-2", n=9))
    assert len({"report", "report-2"} & set(ids(sidebar(store, "coup", n=9)))) == 1


def test_articles_at_one_address_stand_beside_neither_themselves_nor_each_other(store: Store) -> None:
    """Related, as a fallback, or pinned; by their own addresses or by further ones."""
    url = "https://example.org/taken"
    with_more(
        store,
        story("first", f"{COUP} tents", url=url, posted_on=days_ago(90), read_count=99),
        story("second", f"{COUP} houses wells schools", url="https://m.example.org//taken/amp", posted_on=days_ago(8)),
        story("third", "salt caravans bilma", aliases=(f"{url}#top",), posted_on=days_ago(1), read_count=900),
    )
    copies = {"first", "second", "third"}
    for source in copies:
        assert not copies & set(ids(sidebar(store, source, n=20)))
    for source in ("coup", "blockade"):
        assert len(copies & set(ids(sidebar(store, source, n=20)))) == 1


def test_fallbacks_show_no_version_twice(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Far from the source, so in no list of its own: what fills the last places is checked as well."""
    for module in (candidates, neighbours):
        monkeypatch.setattr(module, "DEPTH", 2)
    drought = "drought harvest millet prices wells cattle granary nomads " + " ".join(f"word{n}" for n in range(12))
    with_more(
        store, *(story(name, drought, posted_on=days_ago(days), read_count=99) for name, days in (("d1", 2), ("d2", 1)))
    )
    recommendation = sidebar(store, "coup", n=4)
    assert ids(recommendation, RELATED) == ["coup-2", "coup-3"]
    assert ids(recommendation)[2:] == ["d2", "blockade"]


TRANSLATED = {"language": "fr", "title": "Niamey Niamey garde", "body": "Bazoum Bazoum Putsch Putsch palais"}
ORIGINAL = "palace Niamey Niamey guard Bazoum Bazoum Putsch Putsch"


@pytest.mark.parametrize(("source", "expected"), [("earlier", "report"), ("avant", "traduit")])
def test_one_of_two_translations_is_shown(store: Store, source: str, expected: str) -> None:
    """Two desks report one event in their languages within two days: readers get the one in theirs."""
    with_more(
        store,
        story("report", ORIGINAL, posted_on=days_ago(3)),
        make_article("traduit", **TRANSLATED, posted_on=days_ago(2)),
        story("earlier", f"{ORIGINAL} earlier", posted_on=days_ago(30)),
        make_article("avant", **TRANSLATED | {"summary": "avant"}, posted_on=days_ago(60)),
    )
    shown = ids(sidebar(store, source, n=9, languages=("any",)))
    assert {"report", "traduit"} & set(shown) == {expected}


def test_translations_of_different_events_stay(store: Store) -> None:
    with_more(
        store,
        story("report", ORIGINAL, posted_on=days_ago(3)),
        make_article("traduit", **TRANSLATED, posted_on=days_ago(13)),
        story("earlier", f"{ORIGINAL} earlier", posted_on=days_ago(30)),
    )
    assert {"report", "traduit"} <= set(ids(sidebar(store, "earlier", n=9, languages=("any",))))


# -- roles -------------------------------------------------------------------------------------------------------------

SIEGE = [
    story("siege", f"{BLOCKADE} first week", posted_on=days_ago(40), author="Bamako desk"),
    story("siege-before", f"{BLOCKADE} before", posted_on=days_ago(90), author="Bamako desk"),
    story("siege-after", f"{BLOCKADE} after", posted_on=days_ago(20), author="Bamako desk"),
    story("siege-explained", f"{BLOCKADE} why", posted_on=days_ago(50), author="Bamako desk", tags=("explainer",)),
    story("siege-abroad", f"{BLOCKADE} abroad", posted_on=days_ago(45), author="Dakar desk"),
]


def roles(store: Store, wanted: tuple[str, ...]) -> dict[str, str | None]:
    """The role of each related teaser beside the first report of SIEGE."""
    recommender = Recommender(store, RankingDefaults(0.12, 0.0, DEFAULT, wanted), GAZETTEER, lambda: NOW)
    items = recommender.for_article("siege", Query(n=4, fallback="none", exclude=("blockade",))).items
    return {item.article.id: item.teaser.role for item in items}


def test_teasers_say_what_they_add(store: Store) -> None:
    with_more(store, *SIEGE)
    assert roles(store, ROLES) == {
        "siege-before": BACKGROUND,
        "siege-after": LATEST,
        "siege-explained": BACKGROUND,
        "siege-abroad": ANGLE,
    }


def test_site_chooses_its_roles(store: Store) -> None:
    with_more(store, *SIEGE)
    assert roles(store, (LATEST,)) == {
        "siege-before": None,
        "siege-after": LATEST,
        "siege-explained": None,
        "siege-abroad": None,
    }


# -- running stories ---------------------------------------------------------------------------------------------------


def told(store: Store, article_id: str) -> list[str]:
    return [article.id for article in make_recommender(store).story(article_id).articles]


@pytest.mark.parametrize("article_id", ["siege", "siege-after"])
def test_story_is_reported_from_its_beginning(store: Store, article_id: str) -> None:
    with_more(store, *SIEGE)
    beginning = ["siege-before", "siege-explained", "siege-abroad", "siege", "siege-after", "blockade"]
    assert told(store, article_id) == beginning


def test_lone_article_is_its_own_story(archive: Store) -> None:
    assert told(archive, "gold") == ["gold"]


def test_story_hides_what_may_not_be_shown(store: Store) -> None:
    hour = NOW + timedelta(hours=1)
    with_more(
        store,
        *SIEGE,
        story("siege-held", f"{BLOCKADE} held", posted_on=days_ago(30), flags=("legal_hold",)),
        story("siege-later", f"{BLOCKADE} later", posted_on=hour),
    )
    store.articles.upsert([replace(SIEGE[1], status="unpublished")])
    store.articles.withdraw("siege-abroad")
    assert told(store, "siege") == ["siege-explained", "siege", "siege-after", "blockade"]
    later = make_recommender(store, now=hour).story("siege")
    assert [article.id for article in later.articles][-1] == "siege-later"


@pytest.mark.parametrize("article_id", ["ghost", "held", "gone"])
def test_story_of_unknown_articles_is_refused(store: Store, article_id: str) -> None:
    with_more(store, story("held", COUP, flags=("legal_hold",)), story("gone", COUP))
    store.articles.withdraw("gone")
    with pytest.raises(ArticleNotFound, match=f"'{article_id}'"):
        told(store, article_id)


# -- drafts and unknown articles ---------------------------------------------------------------------------------------


def test_drafts_get_related_stories(store: Store) -> None:
    builder = built(store, ARCHIVE)
    draft = story("draft", f"guard palace {COUP} curfew night tanks streets", posted_on=NOW)
    recommendation = make_recommender(store).for_draft(draft, builder.draft_candidates(draft), Query(fallback="none"))
    assert set(ids(recommendation)) == {"coup", "coup-2", "coup-3"}
    assert recommendation.article == draft


def test_undated_draft_is_of_today(store: Store) -> None:
    """It is about to be published: what is near to now is near to it."""
    builder = built(store, ARCHIVE)
    recommender = make_recommender(store)
    dated, undated, old = (
        recommender.for_draft(draft, builder.draft_candidates(draft), Query(fallback="none")).items[0].teaser
        for date in (NOW, None, days_ago(2_000))
        for draft in [story("draft", COUP, posted_on=date)]
    )
    assert dated.score == undated.score > old.score


def covered(store: Store, draft: Article) -> list[str]:
    builder = built(store, [])
    return [article.id for article in make_recommender(store).coverage(draft, builder.draft_candidates(draft))]


def test_coverage_is_what_says_nearly_the_same(store: Store) -> None:
    """Newest first, whenever that was, the undated last; a part of the words is not enough."""
    with_more(
        store,
        story("report", REPORT, posted_on=days_ago(400)),
        story("report-2", REPORT, posted_on=days_ago(2)),
        story("report-u", REPORT, posted_on=None),
    )
    assert covered(store, story("draft", REPORT, posted_on=NOW)) == ["report-2", "report", "report-u"]


def test_coverage_is_of_the_same_language_and_public(store: Store) -> None:
    with_more(
        store,
        story("report", REPORT, posted_on=days_ago(4)),
        story("report-fr", REPORT, language="fr"),
        story("report-held", REPORT, flags=("legal_hold",)),
        story("report-later", REPORT, posted_on=NOW + timedelta(hours=1)),
    )
    assert covered(store, story("draft", REPORT)) == ["report"]


def test_links_of_a_draft_find_their_articles(store: Store) -> None:
    with_more(store, story("held", COUP, url="https://example.org/held", flags=("legal_hold",)))
    links = [
        "https://example.org/nothing",
        "http://www.example.org/blockade?utm_source=draft",
        "https://example.org/held",
    ]
    assert [article.id for article in make_recommender(store).linked(links)] == ["blockade"]


def test_closest_sentences_show_the_common_ground(store: Store) -> None:
    source = make_article("s", title="Siege", body="Rain fell in the north. Convoys reached Bamako with tankers.")
    other = make_article("o", title="Road", body="Guards escorted convoys to Bamako. The harvest was good this year.")
    built(store, [*ARCHIVE, source, other])
    recommender = make_recommender(store)
    recommendation = recommender.for_article("s", Query(min_score=0.0, fallback="none", n=9))
    pairs = recommender.closest_sentences(recommendation)
    assert pairs["o"] == SentencePair("Convoys reached Bamako with tankers.", "Guards escorted convoys to Bamako.")
    assert set(pairs) < set(ids(recommendation))  # what shares no word has none


def test_drafts_bring_their_own_sentences(store: Store) -> None:
    builder = built(store, ARCHIVE)
    draft = make_article("draft", title="Gold", body="The barrick permit lapsed. Nothing else happened.")
    recommender = make_recommender(store)
    recommendation = recommender.for_draft(
        draft, builder.draft_candidates(draft), Query(min_score=0.0, fallback="none", n=9)
    )
    assert recommender.closest_sentences(recommendation)["gold"].source == "The barrick permit lapsed."


def test_unknown_sources_have_no_sentences(archive: Store) -> None:
    recommender = make_recommender(archive)
    assert recommender.closest_sentences(recommender.for_article("ghost", Query(fallback="latest"))) == {}


def test_drafts_before_the_first_build_get_fallbacks(store: Store) -> None:
    stored(store, ARCHIVE)
    recommendation = make_recommender(store).for_draft(story("draft", COUP), TextCandidates(EMPTY, ()), Query(n=1))
    assert [(item.article.id, item.teaser.source) for item in recommendation.items] == [("blockade", FALLBACK_READ)]


@pytest.mark.parametrize("fallback", ["ladder", "none"])
def test_unknown_articles_are_named(archive: Store, fallback: str) -> None:
    recommender = make_recommender(archive)
    with pytest.raises(ArticleNotFound, match="'ghost'"):
        recommender.for_article("ghost", Query(fallback=fallback))
    with pytest.raises(ArticleNotFound, match=r"example\.org/ghost"):
        recommender.for_url("https://example.org/ghost", Query(fallback=fallback))


def test_unknown_articles_can_get_the_latest(archive: Store) -> None:
    recommendation = sidebar(archive, "ghost", fallback="latest")
    assert recommendation.article is None
    assert [(item.article.id, item.teaser.source) for item in recommendation.items] == [
        ("europe", FALLBACK_ANY),
        ("blockade", FALLBACK_ANY),
        ("coup-3", FALLBACK_ANY),
    ]


# -- what a worker knows -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("defaults", "gazetteer"),
    [
        (RankingDefaults(0.2, 0.0), GAZETTEER),
        (RankingDefaults(0.12, 0.5), GAZETTEER),
        (RankingDefaults(0.12, 0.0, replace(DEFAULT, threshold=9.0)), GAZETTEER),
        (RankingDefaults(0.12, 0.0, DEFAULT, ("latest",)), GAZETTEER),
        (RankingDefaults(0.12, 0.0), Gazetteer([])),
    ],
    ids=["min_score", "diversity", "model", "roles", "gazetteer"],
)
def test_every_choice_of_the_site_is_in_the_fingerprint(
    store: Store, defaults: RankingDefaults, gazetteer: Gazetteer
) -> None:
    usual = make_recommender(store).fingerprint
    assert make_recommender(store).fingerprint == usual
    assert Recommender(store, defaults, gazetteer, lambda: NOW).fingerprint != usual


def test_columns_are_as_of_now(archive: Store) -> None:
    recommender = make_recommender(archive)
    number = archive.articles.by_id("gold")[0]  # type: ignore[index]
    assert recommender.columns().shown[number]
    archive.articles.withdraw("gold")
    assert not recommender.columns().shown[number]
