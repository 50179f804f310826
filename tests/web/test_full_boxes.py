"""A box is never empty unless the guard or an editor wants it so, and every teaser of it leads somewhere."""

from dataclasses import replace
from pathlib import Path

import pytest

from recommender.articles.article import Article
from tests.embedder import ToyEmbedder
from tests.web.conftest import MakeClient
from tests.web.toy import ARCHIVE, build_archive, story

URL = "/api/v1/recommend"
BEST = "blockade-3"  # beside blockade-1
ARABIC = story("ar-1", "سوق غاو يفتح أبوابه من جديد", "عاد التجار إلى السوق.", "2025-11-02", language="ar")


@pytest.fixture
def of(make_client: MakeClient, database: Path):  # type: ignore[no-untyped-def]
    """The items beside an article of an archive."""

    def items(articles: list[Article], article_id: str, **query: object) -> list[dict[str, object]]:
        database.unlink()
        build_archive(database, articles, ToyEmbedder())
        answer = make_client().get(URL, query_string={"article_id": article_id, **query}).get_json()
        return list(answer["items"])

    return items


def without_address(*ids: str) -> list[Article]:
    return [replace(article, url=None) if article.id in ids or not ids else article for article in ARCHIVE]


def test_article_without_an_address_gives_its_place_to_the_next(of) -> None:  # type: ignore[no-untyped-def]
    items = of(without_address(BEST), "blockade-1")
    assert len(items) == 3
    assert BEST not in [item["id"] for item in items]


def test_page_that_links_by_id_gets_it(of) -> None:  # type: ignore[no-untyped-def]
    assert of(without_address(BEST), "blockade-1", unlinked="true")[0]["id"] == BEST


def test_site_without_any_address_gets_its_boxes(of) -> None:  # type: ignore[no-untyped-def]
    assert of(without_address(), "blockade-1")[0]["id"] == BEST


def test_archive_without_dates_has_fallbacks(of) -> None:  # type: ignore[no-untyped-def]
    items = of([replace(article, posted_on=None) for article in ARCHIVE], "lone")
    assert [item["source"] for item in items] == ["fallback_any_undated"] * 3


def test_only_article_of_its_language_gets_stories_of_others(of) -> None:  # type: ignore[no-untyped-def]
    items = of([*ARCHIVE, ARABIC], "ar-1", min_score=1)
    assert len(items) == 3
    assert {item["source"] for item in items} <= {"fallback_edition_read", "fallback_edition_latest"}
    assert items[0]["in_language"] in ("الإنجليزية", "الفرنسية")


def test_language_that_is_asked_for_is_kept_to(of) -> None:  # type: ignore[no-untyped-def]
    assert of([*ARCHIVE, ARABIC], "ar-1", lang="ar") == []


def test_box_of_a_held_article_stays_empty(make_client: MakeClient) -> None:
    for fallback in ("ladder", "latest"):
        assert make_client().get(URL, query_string={"article_id": "held", "fallback": fallback}).status_code == 404


def test_arabic_article_has_an_arabic_box(make_client: MakeClient, database: Path) -> None:
    database.unlink()
    build_archive(database, [*ARCHIVE, ARABIC], ToyEmbedder())
    answer = make_client().get(URL, query_string={"article_id": "ar-1"}).get_json()
    assert (answer["language"], answer["heading"], answer["heading_language"]) == ("ar", "المزيد عن الساحل", "ar")
    assert {item["reason"] for item in answer["items"]} == {None}
    assert answer["items"][0]["reads_text"].startswith("القراءات: ")
