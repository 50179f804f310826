"""Use case: records of a source into the store; a bad one is reported, the others go in."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from recommender.articles.article import Article, parse_article
from recommender.errors import InvalidArticle
from recommender.sources.base import Source
from recommender.store.articles import Upserted

BATCH = 500  # articles in one transaction: what an interrupted run has to read again


@dataclass(frozen=True)
class Refusal:
    """Why one record was refused, in words for its sender."""

    source: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.source}, line {self.line}: {self.reason}"


@dataclass(frozen=True)
class IngestReport:
    """How many records of a source were added, changed, unchanged and refused."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0


def ingest(
    put: Callable[[Sequence[Article]], Upserted], source: Source, on_refusal: Callable[[Refusal], None]
) -> IngestReport:
    """Hands every valid record to `put`, in batches; each refused one is handed to `on_refusal` and skipped.

    Running it again over the same source changes nothing, so an interrupted run is simply started anew.
    """
    added = changed = unchanged = refused = 0

    def refuse(refusal: Refusal) -> None:
        nonlocal refused
        refused += 1
        on_refusal(refusal)

    for batch in _batches(_valid(source, refuse)):
        result = put(batch)
        added += result.added
        changed += result.changed
        unchanged += len(batch) - result.added - result.changed
    return IngestReport(added, changed, unchanged, refused)


def _valid(source: Source, refuse: Callable[[Refusal], None]) -> Iterator[Article]:
    for record in source:
        if record.unreadable:
            refuse(Refusal(source.name, record.line, record.unreadable))
            continue
        try:
            yield parse_article(record.fields)
        except InvalidArticle as error:
            refuse(Refusal(source.name, record.line, str(error)))


def _batches(articles: Iterator[Article]) -> Iterator[list[Article]]:
    batch: list[Article] = []
    for article in articles:
        batch.append(article)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
