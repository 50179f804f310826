"""The sidebar of an article, an address or a draft, over a small archive whose right answers are known."""

from datetime import timedelta
from typing import Any

import pytest

from recommender.article import Article
from recommender.errors import ArticleNotFound, NotBuilt
from recommender.interfaces import Store
from recommender.ranking import FALLBACK_ANY, FALLBACK_EDITION, FALLBACK_READ, RELATED
from recommender.service import Item, Query, Recommendation, reason
from recommender.vectors import vector_version
from tests.embedder import ToyEmbedder
from tests.factories import NOW, built, days_ago, make_article, make_recommender, stored

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
]


def ids(found: Recommendation, source: str | None = None) -> list[str]:
    return [item.article.id for item in found.items if source in (None, item.teaser.source)]


def sidebar(store: Store, article_id: str, **query: Any) -> Recommendation:
    return make_recommender(store).for_article(article_id, Query(**query))


@pytest.fixture
def archive(store: Store) -> Store:
    built(store, ARCHIVE)
    return store


def with_more(store: Store, *more: Article) -> None:
    built(store, [*ARCHIVE, *more])


# -- what is shown -----------------------------------------------------------------------------------------------------


def test_related_stories_come_first(archive: Store) -> None:
    found = sidebar(archive, "coup")
    assert set(ids(found, RELATED)) == {"coup-2", "coup-3"}
    assert ids(found)[2] == "blockade"
    assert found.items[2].teaser.source == FALLBACK_READ


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
    assert ids(sidebar(archive, "coup", min_score=0.99, fallback="none")) == []
    assert len(ids(sidebar(archive, "coup", min_score=0.0, fallback="none", n=9))) == 5


def test_site_threshold_holds_without_a_wish(archive: Store) -> None:
    strict = make_recommender(archive, min_score=0.99)
    assert ids(strict.for_article("coup", Query(fallback="none"))) == []
    assert ids(strict.for_article("coup", Query(fallback="none", min_score=0.12))) != []


def test_addresses_find_the_same_sidebar(archive: Store) -> None:
    recommender = make_recommender(archive)
    by_url = recommender.for_url("http://example.org/blockade/?utm_source=x", Query())
    assert by_url == recommender.for_article("blockade", Query())


def test_answers_name_state_and_model(archive: Store) -> None:
    found = sidebar(archive, "coup")
    assert found.state == archive.state()
    assert found.model == vector_version(ToyEmbedder())
    assert found.article is not None
    assert found.article.id == "coup"


def test_shared_labels_are_named(archive: Store) -> None:
    shared = {item.article.id: item.shared for item in sidebar(archive, "coup").items}
    assert shared["coup-2"] == {"countries": ["Niger"], "tags": ["coup"]}
    assert shared["blockade"] == {"countries": [], "tags": []}


def test_changes_show_in_the_next_answer(archive: Store) -> None:
    recommender = make_recommender(archive)
    before = ids(recommender.for_article("coup", Query()))
    archive.articles.withdraw("coup-2")
    after = ids(recommender.for_article("coup", Query()))
    assert "coup-2" in before
    assert "coup-2" not in after


def test_all_fallbacks_before_the_first_build(store: Store) -> None:
    stored(store, ARCHIVE)
    found = sidebar(store, "coup")
    assert ids(found) == ["blockade", "coup-3", "coup-2"]
    assert ids(found, RELATED) == []
    assert found.model is None
    with pytest.raises(NotBuilt):
        make_recommender(store).require_build()


# -- what is asked -----------------------------------------------------------------------------------------------------


def test_languages_are_those_of_the_source(store: Store) -> None:
    with_more(store, story("coup-fr", COUP, language="fr", posted_on=days_ago(25)))
    assert "coup-fr" not in ids(sidebar(store, "coup", n=9))
    assert ids(sidebar(store, "coup-fr", n=9)) == []


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
    found = sidebar(store, "held", n=9)
    assert found.items == []
    assert found.article is not None


def test_held_drafts_have_no_sidebar(store: Store) -> None:
    builder = built(store, ARCHIVE)
    draft = story("draft", COUP, flags=("legal_hold",))
    assert make_recommender(store).for_draft(draft, builder.draft_candidates(draft), Query()).items == []


def test_future_articles_wait_for_their_hour(store: Store) -> None:
    hour = NOW + timedelta(hours=1)
    with_more(store, story("later", COUP, posted_on=hour))
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
    with_more(store, story("report", REPORT, posted_on=days_ago(20)), story("report-2", REPORT, posted_on=days_ago(7)))
    assert ids(sidebar(store, "report-2"))[0] == "report"


def test_fallbacks_show_no_version_twice(store: Store) -> None:
    """Far from the source, so in no list of its own: what fills the last places is checked as well."""
    nearer = [story(f"near{number}", f"{COUP} word{number}", posted_on=days_ago(50)) for number in range(60)]
    twins = [
        story(name, "drought harvest millet prices", posted_on=days_ago(1), read_count=99) for name in ("d1", "d2")
    ]
    with_more(store, *nearer, *twins)
    shown = ids(sidebar(store, "coup", n=3, min_score=0.99))
    assert len({"d1", "d2"} & set(shown)) == 1


# -- drafts and unknown articles ---------------------------------------------------------------------------------------


def test_drafts_get_related_stories(store: Store) -> None:
    builder = built(store, ARCHIVE)
    draft = story("draft", COUP, posted_on=NOW)
    found = make_recommender(store).for_draft(draft, builder.draft_candidates(draft), Query(fallback="none"))
    assert set(ids(found)) == {"coup", "coup-2", "coup-3"}
    assert found.article == draft


@pytest.mark.parametrize("fallback", ["ladder", "none"])
def test_unknown_articles_are_named(archive: Store, fallback: str) -> None:
    recommender = make_recommender(archive)
    with pytest.raises(ArticleNotFound, match="'ghost'"):
        recommender.for_article("ghost", Query(fallback=fallback))
    with pytest.raises(ArticleNotFound, match=r"example\.org/ghost"):
        recommender.for_url("https://example.org/ghost", Query(fallback=fallback))


def test_unknown_articles_can_get_the_latest(archive: Store) -> None:
    found = sidebar(archive, "ghost", fallback="latest")
    assert found.article is None
    assert [(item.article.id, item.teaser.source) for item in found.items] == [
        ("europe", FALLBACK_ANY),
        ("blockade", FALLBACK_ANY),
        ("coup-3", FALLBACK_ANY),
    ]


# -- the line for readers ----------------------------------------------------------------------------------------------


def first_item(store: Store) -> Item:
    return sidebar(store, "coup").items[0]


def test_reason_names_shared_countries(archive: Store) -> None:
    assert reason(first_item(archive), "en") == "Also about Niger"
    assert reason(first_item(archive), "fr") == "Également sur : Niger"


def test_fallbacks_have_no_reason(archive: Store) -> None:
    assert reason(sidebar(archive, "coup").items[2], "en") is None
