"""The answer as the API gives it: a recommendation as a JSON document."""

import hashlib
import json
from datetime import datetime
from typing import Any

from recommender.service import Recommendation, reason

Document = dict[str, Any]


def make_document(found: Recommendation, language: str, *, explain: bool = False, known: bool = True) -> Document:
    """The document of a recommendation, its reasons in the language given; a draft is not `known`.

    Equal answers have equal `request_id`s, so that they can be cached and still be told apart in reports of clicks.
    """
    article = found.article if known else None
    document: Document = {
        "article": {"id": article.id, "url": article.url, "title": article.title} if article else None,
        "items": [
            {
                "id": item.article.id,
                "url": item.article.url,
                "title": item.article.title,
                "summary": item.article.summary,
                "posted_on": iso(item.article.posted_on),
                "read_count": item.article.read_count,
                "edition": item.article.edition,
                "language": item.article.language,
                "image_url": item.article.image_url,
                "score": item.teaser.score,
                "source": item.teaser.source,
                "role": None,
                "reason": reason(item, language),
                **({"parts": dict(item.teaser.parts), "shared": dict(item.shared)} if explain else {}),
            }
            for item in found.items
        ],
        "model": found.model,
        "generation": found.state.generation,
    }
    document["request_id"] = digest(json.dumps(document).encode())
    return document


def to_json(document: Document) -> bytes:
    """The bytes that are sent."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def iso(moment: datetime | None) -> str | None:
    """A time as the API writes it: ISO 8601 in UTC with a closing Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def digest(data: bytes) -> str:
    """A short name for some bytes: 16 hexadecimal digits."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()
