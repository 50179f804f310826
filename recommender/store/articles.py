"""The promise of the articles."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from recommender.articles.article import Article
from recommender.curation.rules import Labels


@dataclass(frozen=True)
class Upserted:
    """What became of a batch of articles."""

    added: int
    changed: int
    unchanged: int


@dataclass(frozen=True)
class SharedAddress:
    """An address at which several articles stand, and their ids, of any status but deleted."""

    url: str
    ids: tuple[str, ...]

    def __str__(self) -> str:
        first = ", ".join(self.ids[:MAX_NAMED])
        more = f" and {len(self.ids) - MAX_NAMED:,} more" if len(self.ids) > MAX_NAMED else ""
        return f"{len(self.ids):,} articles stand at {self.url}: {first}{more}; url= finds none of them there"


@dataclass(frozen=True)
class Selection:
    """Which articles a list holds; None and an empty text mean any.

    `public_at` leaves only those that are public at a time, `after` those of a higher number.
    """

    status: str | None = None
    updated_since: datetime | None = None
    language: str = ""
    edition: str | None = None
    public_at: datetime | None = None
    after: int = 0


@dataclass(frozen=True)
class Listed:
    """One line of a list: an article without its body, its number, and when it last changed here."""

    number: int
    article: Article
    updated: datetime


@dataclass(frozen=True)
class Facts:
    """What ranking needs of one article, without its text. `posted` is in seconds since 1970, UTC.

    `published` is the status that the site gives, `linked` says whether it has an address, `held` a legal hold,
    `update` the tag of a new version of an earlier report, `revision` that of its last change, `explains` the tag of an
    explainer, and `byline` who wrote it. `flags` are bits (see `curation.sensitivity`), `labels` what rules can ask
    for. `page` is the lowest number of the articles that share an address, its own where it shares none.
    """

    number: int
    posted: int | None
    reads: int
    edition: str
    language: str
    published: bool
    linked: bool
    held: bool
    update: bool
    revision: int
    explains: bool
    byline: str
    flags: int
    labels: Labels
    page: int


MAX_NAMED = 5  # ids in one message
DELETED = "deleted"  # the status of an article that was withdrawn


class Trace(NamedTuple):
    """What is known of an article even when it has been withdrawn; its status is one of STATUSES, or DELETED."""

    number: int
    id: str
    status: str


class ArticleStore(Protocol):
    """Articles, found by id, address or number.

    An article is public at a time if it is published, not on legal hold, and not dated later. Only that may be told to
    strangers; `ranking.filters.public` says the same of columns.
    """

    def upsert(self, articles: Sequence[Article], *, keep_counts: bool = True) -> Upserted:
        """Adds what is new and replaces what has changed, all or nothing; of two with one id the last counts.

        An article without a count of reads keeps the one that is stored, unless `keep_counts` is False.
        """
        ...

    def withdraw(self, article_id: str) -> bool:
        """Takes an article out of every sidebar and forgets its text; False if there is none."""
        ...

    def by_id(self, article_id: str) -> tuple[int, Article] | None:
        """The published article with this id and its number; its body is empty."""
        ...

    def by_url(self, url: str) -> tuple[int, Article] | None:
        """The only published article at this address, or at its path where no article has its query; with its number.

        Its own address and its further ones count alike; where several stand there it is none. Its body is empty.
        """
        ...

    def public_by_id(self, article_id: str, at: datetime) -> tuple[int, Article] | None:
        """As `by_id`, of the articles that are public at a time."""
        ...

    def public_by_url(self, url: str, at: datetime) -> tuple[int, Article] | None:
        """As `by_url`, as if there were no articles but those that are public at a time."""
        ...

    def next_public_at(self, url: str, at: datetime) -> datetime | None:
        """When the next article at this address, or at its path, becomes public after a time."""
        ...

    def shared(self, article_ids: Sequence[str]) -> list[SharedAddress]:
        """The addresses of some articles at which others stand too, by address."""
        ...

    def select(self, selection: Selection, limit: int) -> list[Listed]:
        """Articles in the order of their numbers, of any status but deleted."""
        ...

    def updated(self, article_id: str) -> datetime | None:
        """When an article last changed here, to the second; that of the upgrade, where it has not changed since."""
        ...

    def find(self, article_id: str) -> tuple[int, Article] | None:
        """The article with this id and its number, of any status but deleted; its body is empty."""
        ...

    def traces(self, numbers: Sequence[int]) -> dict[int, Trace]:
        """What is left of articles, those withdrawn included, by number."""
        ...

    def trace(self, article_id: str) -> Trace | None:
        """What is left of the article that has or had this id."""
        ...

    def search(self, text: str, limit: int) -> list[int]:
        """Numbers of the published articles that hold every word of a text, those first whose title does, newest first.

        A word may be the beginning of one; case and accents do not matter. If the text is an id or an address, its
        articles lead.
        """
        ...

    def numbers(self, article_ids: Sequence[str]) -> dict[str, int]:
        """Numbers by id, of the ids that exist."""
        ...

    def get(self, numbers: Sequence[int], *, texts: bool = True) -> dict[int, Article]:
        """Articles by number, of any status but deleted; without `texts` their bodies are empty."""
        ...

    def posted(self, numbers: Sequence[int] | None = None) -> dict[int, float]:
        """When articles were published, in seconds since 1970; all of them, or those among `numbers`. Undated ones and
        those withdrawn are left out.
        """
        ...

    def facts_since(self, revision: int) -> list[Facts]:
        """Facts of the articles changed after `revision`; -1 gives all."""
        ...

    def counts(self) -> dict[str, int]:
        """How many articles there are of each status."""
        ...

    def listing(self, edition: str | None, limit: int, offset: int) -> list[Article]:
        """Published articles, newest first, without their bodies; of one edition or of all."""
        ...

    def public_listing(self, edition: str | None, limit: int, offset: int, at: datetime) -> list[Article]:
        """The same, of the articles that are public at a time."""
        ...

    def editions(self) -> dict[str, int]:
        """How many published articles each edition has, largest first."""
        ...

    def public_editions(self, at: datetime) -> dict[str, int]:
        """The same, of the articles that are public at a time; an edition that has none is left out."""
        ...
