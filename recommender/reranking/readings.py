"""What a reader is given of an article."""

import hashlib
import json

from recommender.articles.article import Article
from recommender.reranking.base import LEAD_WORDS, Reading


def reading_of(article: Article) -> Reading:
    """The title, the summary and the first LEAD_WORDS words of an article with its text."""
    lead = " ".join(article.body.split(maxsplit=LEAD_WORDS)[:LEAD_WORDS])
    words = json.dumps([article.title, article.summary, lead], ensure_ascii=False)
    text_hash = hashlib.blake2b(words.encode(), digest_size=16).hexdigest()
    return Reading(text_hash, article.title, article.summary, lead, article.language, article.posted_on, article.id)
