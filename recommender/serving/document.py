"""The answer as the API gives it: a recommendation as a JSON document."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from recommender.articles.article import Article
from recommender.articles.gazetteer import Gazetteer
from recommender.articles.reasons import reason, reported
from recommender.articles.sentences import SentencePair
from recommender.ranking.facts import RELATED
from recommender.reranking.base import Verdict
from recommender.serving.answers import Item, Recommendation
from recommender.serving.wording import Wording, day, in_language, spoken

Document = dict[str, Any]


Sentences = Mapping[str, SentencePair]
NO_VERDICTS: Mapping[str, Verdict] = {}


def make_document(
    recommendation: Recommendation,
    gazetteer: Gazetteer,
    language: str,
    *,
    wording: Wording,
    explained: Sentences | None = None,
    verdicts: Mapping[str, Verdict] = NO_VERDICTS,
    in_archive: bool = True,
) -> Document:
    """The document of a recommendation, its words in the language given where Babel knows it; a draft is not `known`.

    With `explained`, the closest sentences by the id of a teaser, it also says why each stands there; `verdicts` are
    what a reader of both texts says.

    Equal answers have equal `request_id`s, so that they can be cached and still be distinguished in reports of clicks.
    """
    article = recommendation.article if in_archive else None
    speaks = spoken(language)
    edition = recommendation.article.edition if recommendation.article else ""
    heading, heading_language = wording.heading(speaks, edition)
    document: Document = {
        "article": None
        if article is None
        else {"id": article.id, "url": article.url, "title": article.title, "language": article.language},
        "language": speaks,
        "heading": heading,
        "heading_language": heading_language,
        "fallback_heading": wording.fallback_heading(speaks, edition),
        "items": [
            _item(item, gazetteer, language, explained, verdicts)
            | {
                "date_text": day(item.article.posted_on, speaks) or None,
                "reads_text": wording.reads(item.article.read_count, speaks, edition),
            }
            for item in recommendation.items
        ],
        "model": recommendation.model,
        "generation": recommendation.state.generation,
    }
    document["request_id"] = digest(json.dumps(document).encode())
    return document


def make_draft_document(
    document: Document, linked: Sequence[Article], coverage: Sequence[Article], language: str
) -> Document:
    """The document of a draft's sidebar with what the draft links to already, and what has been reported before."""
    ids = {article.id for article in linked}
    items = [{**item, "linked": item["id"] in ids} for item in document["items"]]
    full = {
        **document,
        "items": items,
        "links": [make_card(article) for article in linked],
        "coverage": [{**make_card(article), "note": reported(article, language)} for article in coverage],
    }
    return full | {"request_id": digest(json.dumps(full).encode())}


def _item(
    item: Item, gazetteer: Gazetteer, language: str, explained: Sentences | None, verdicts: Mapping[str, Verdict]
) -> Document:
    related = item.teaser.source == RELATED
    return {
        **make_card(item.article),
        "score": item.teaser.score,
        "source": item.teaser.source,
        "role": item.teaser.role,
        "in_language": in_language(item.article.language, language),
        "reason": reason(item.shared, gazetteer, language) if related else None,
        **({} if explained is None else _explained(item, gazetteer, language, explained)),
        **({} if explained is None else _read(verdicts.get(item.article.id))),
    }


def _explained(item: Item, gazetteer: Gazetteer, language: str, explained: Sentences) -> Document:
    names = [gazetteer[key].label(language) for key in item.shared["names"] if key in gazetteer]
    pair = explained.get(item.article.id)
    return {
        "parts": dict(item.teaser.parts),
        "shared": {**item.shared, "names": names},
        "sentences": None if pair is None else {"source": pair.source, "teaser": pair.other},
    }


def _read(verdict: Verdict | None) -> Document:
    return {} if verdict is None else {"reader": {"grade": verdict.grade, "reason": verdict.reason or None}}


def make_card(article: Article) -> Document:
    """What a teaser shows of an article."""
    return {
        "id": article.id,
        "url": article.url,
        "title": article.title,
        "summary": article.summary,
        "posted_on": iso(article.posted_on),
        "read_count": article.read_count,
        "edition": article.edition,
        "language": article.language,
        "image_url": article.image_url,
    }


def to_json(document: Document) -> bytes:
    """The bytes that are sent."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def iso(moment: datetime | None) -> str | None:
    """A time as the API writes it: ISO 8601 in UTC with a closing Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def digest(data: bytes) -> str:
    """A digest of some bytes: 16 hexadecimal digits."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def digest_of(items: Sequence[Document]) -> str:
    """A digest of what readers see of a sidebar: equal ones look the same, but for numbers of reads."""
    visible = ("id", "url", "title", "summary", "posted_on", "edition", "language", "image_url", "reason")
    text = json.dumps([[item[name] for name in visible] for item in items], ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
