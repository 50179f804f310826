"""Passages that many articles share: footers, lines about newsletters, "read also". They say nothing of any of them."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np

from recommender.articles.article import Article
from recommender.articles.shingles import SHORT, length, words

MIN_ARTICLES = 5  # otherwise different ones that a passage stands in
MIN_WORDS = 5  # of a sentence within a paragraph: a shorter one may be half of one, cut at an abbreviation
OPENING = 15  # words of a text by which it is told from others
SAME_OPENING = 0.5  # of all words of two openings those that both have; agencies' copies with edits have more
LOOKED_AT = 200  # articles of one passage; of a text that runs in hundreds of copies no more are compared

_SENTENCE = re.compile(r"(?<=[.!?…؟])\s+|(?<=[。！？])")  # noqa: RUF001  # full-width marks are meant


@dataclass(frozen=True)
class Boilerplate:
    """The passages that an archive's articles share, by their hashes."""

    passages: frozenset[int] = frozenset()

    def cleaned(self, article: Article) -> Article:
        """An article without them; the very same one where there is none in its summary or body."""
        if not self.passages:
            return article
        summary, body = self._without(article.summary), self._without(article.body)
        if (summary, body) == (article.summary, article.body):
            return article
        return replace(article, summary=summary, body=body)

    def _without(self, text: str) -> str:
        paragraphs = text.split("\n")
        kept = [line for line in map(self._line_without, paragraphs) if line is not None]
        if kept == paragraphs:
            return text
        return "\n\n".join(line for line in kept if line)

    def _line_without(self, paragraph: str) -> str | None:
        """A paragraph as it stays; None where nothing does."""
        if not paragraph:
            return paragraph
        if _hash(paragraph) in self.passages:
            return None
        sentences = _SENTENCE.split(paragraph)
        kept = [sentence for sentence in sentences if not self._shared(sentence)]
        if len(kept) == len(sentences):
            return paragraph
        return " ".join(kept) or None

    def _shared(self, sentence: str) -> bool:
        return _is_long(sentence) and _hash(sentence) in self.passages


NO_BOILERPLATE = Boilerplate()


def find_boilerplate(articles: Callable[[], Iterable[Article]]) -> Boilerplate:
    """The paragraphs and sentences that stand in MIN_ARTICLES or more articles that are otherwise different.

    Copies of one text share every passage: they open alike, and count as one. Takes two passes over the archive, which
    need not fit into memory.
    """
    hashes = [np.array(sorted(_passages(article)), dtype=np.uint64) for article in articles()]
    found, counts = np.unique(np.concatenate([*hashes, np.empty(0, np.uint64)]), return_counts=True)
    del hashes
    common = frozenset(found[counts >= MIN_ARTICLES].tolist())
    openings: dict[int, list[frozenset[str]]] = {passage: [] for passage in common}
    looked_at = dict.fromkeys(common, 0)
    for article in articles() if common else ():
        passages = _passages(article)
        for passage in sorted(passages.keys() & common):
            different = openings[passage]
            if len(different) < MIN_ARTICLES and looked_at[passage] < LOOKED_AT:
                looked_at[passage] += 1
                opening = _opening(article, passages[passage])
                if opening is not None and not any(_alike(opening, other) for other in different):
                    different.append(opening)
    return Boilerplate(frozenset(passage for passage, different in openings.items() if len(different) >= MIN_ARTICLES))


def _passages(article: Article) -> dict[int, str]:
    """The paragraphs of summary and body and the longer sentences of each, by their hashes."""
    return {_hash(passage): passage for passage in _texts(article) if any(map(str.isalnum, passage))}


def _texts(article: Article) -> Iterator[str]:
    for paragraph in filter(None, [article.summary, *article.body.split("\n")]):
        yield paragraph
        sentences = _SENTENCE.split(paragraph)
        if len(sentences) > 1:
            yield from filter(_is_long, sentences)


def _is_long(sentence: str) -> bool:
    return length(sentence) >= MIN_WORDS


def _hash(passage: str) -> int:
    return int.from_bytes(blake2b(" ".join(passage.split()).casefold().encode(), digest_size=8).digest(), "big")


def _opening(article: Article, passage: str) -> frozenset[str] | None:
    """The first words of an article without a passage: of its body; of title and summary where nothing is left of that.

    None where a passage that is all of the body is a text, and no stub: one report may have many headlines.
    """
    rest = words(article.body[: len(passage) + 40 * OPENING].replace(passage, " "))
    if not rest and length(passage) >= SHORT:
        return None
    return frozenset((rest or words(f"{article.title} {article.summary}"))[:OPENING])


def _alike(first: frozenset[str], second: frozenset[str]) -> bool:
    return len(first & second) >= SAME_OPENING * max(len(first | second), 1)
