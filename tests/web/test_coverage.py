"""`coverage` of a draft: what was published in much the same words. Asked of a part of the sample."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files
from typing import Any

import pytest
from apiflask import APIFlask

from recommender.articles.article import Article, parse_article
from recommender.embedding.sentence_transformer import SentenceTransformerEmbedder
from recommender.web.api.schemas import Coverage
from recommender.web.app import make_app
from tests.web.conftest import close, context_of
from tests.web.toy import YESTERDAY, build_archive, settings_for

MARCH = YESTERDAY.replace(year=YESTERDAY.year - 1, month=3, day=12)
RAID = "mali-2024-09-17-jnim-raids-bamako"


@pytest.fixture(scope="module")
def app(model: SentenceTransformerEmbedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[APIFlask]:
    """An application on every sixth story of the sample, with a desk of its own."""
    lines = (files("recommender") / "sample" / "articles.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    chosen = [record for place, record in enumerate(records) if place % 6 == 0 or record["id"] == RAID]
    database = tmp_path_factory.mktemp("coverage") / "sample.db"
    build_archive(database, [parse_article(record) for record in chosen], model)
    made: APIFlask = make_app(settings_for(database))
    yield made
    close(made)


@pytest.fixture(scope="module")
def raid(app: APIFlask) -> Article:
    """A published article with its text."""
    articles = context_of(app).store.articles
    row = articles.by_id(RAID)
    assert row is not None
    return articles.get([row[0]])[row[0]]


def published(app: APIFlask, article: Article) -> None:
    """Puts an article into the archive and its neighbours."""
    context_of(app).store.articles.upsert([article])
    assert context_of(app).worker.update() is not None


def coverage(app: APIFlask, article: Article) -> list[dict[str, Any]]:
    """The coverage of a draft with an article's text."""
    draft = {name: getattr(article, name) for name in ("title", "summary", "body", "language")}
    response = app.test_client().post("/api/v1/recommend", json=draft)
    assert response.status_code == 200, response.text
    covered: list[dict[str, Any]] = response.get_json()["coverage"]
    return covered


def test_told_again_is_covered_by_the_first(app: APIFlask, raid: Article) -> None:
    (card,) = coverage(app, raid)
    assert card["id"] == RAID
    assert card.keys() == Coverage.model_fields.keys()
    assert card["note"] == "reported on 17 September 2024"


def test_note_follows_the_drafts_language(app: APIFlask, raid: Article) -> None:
    published(app, replace(raid, id="fr-raid", url=None, language="fr", posted_on=MARCH))
    card = coverage(app, replace(raid, language="fr"))[0]
    assert (card["id"], card["note"]) == ("fr-raid", f"publié le 12 mars {MARCH.year}")


def test_other_words_are_not_covered(app: APIFlask, raid: Article) -> None:
    assert coverage(app, replace(raid, title="Storks return", summary="They nest.", body="Birds of the delta.")) == []


def test_newest_coverage_comes_first(app: APIFlask, raid: Article) -> None:
    published(app, replace(raid, id="again", url=None, posted_on=YESTERDAY))
    assert [card["id"] for card in coverage(app, raid)] == ["again", "fr-raid", RAID]


def test_held_coverage_is_not_shown(app: APIFlask, raid: Article) -> None:
    published(app, replace(raid, id="held-again", url=None, flags=("legal_hold",), posted_on=YESTERDAY))
    assert "held-again" not in [card["id"] for card in coverage(app, raid)]


def test_coverage_of_the_future_is_not_shown(app: APIFlask, raid: Article) -> None:
    published(app, replace(raid, id="embargoed", url=None, posted_on=YESTERDAY + timedelta(days=9)))
    assert "embargoed" not in [card["id"] for card in coverage(app, raid)]


def test_withdrawn_coverage_is_gone_at_once(app: APIFlask, raid: Article) -> None:
    told = f"{raid.body} More to come."  # of one text, a list holds few articles
    published(app, replace(raid, id="withdrawn", url=None, body=told, posted_on=YESTERDAY))
    assert "withdrawn" in [card["id"] for card in coverage(app, raid)]
    context_of(app).store.articles.withdraw("withdrawn")
    assert "withdrawn" not in [card["id"] for card in coverage(app, raid)]
