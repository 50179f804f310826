"""What the use cases ask of the outside, and what each part promises.

Adapters keep these promises; `tests/contracts` holds every adapter to them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from recommender.article import Article
from recommender.candidates import CandidateArray
from recommender.cards import Card, HistoryEntry
from recommender.editorial import (
    AccountStore,
    AuditStore,
    GradingStore,
    LedgerStore,
    ReviewStore,
    SignalStore,
)
from recommender.interleaving import HourCount, Pick
from recommender.rules import Labels
from recommender.scoring import RankingModel, Scales
from recommender.terms import TermRow

Vectors = npt.NDArray[np.float32]
Positions = npt.NDArray[np.intp]

# Wraps a long loop to show how far it is: (items, how many, what they are) -> the same items.
Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]


def quiet(items: Iterable[Any], _total: int, _label: str) -> Iterable[Any]:
    """Progress that shows nothing."""
    return items


# -- sources -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Record:
    """One record of a source: where it stands (for messages), and its fields or why it could not be read."""

    line: int
    fields: Mapping[str, Any]
    unreadable: str = ""


class Source(Protocol):
    """A stream of records that never holds more than a few of them in memory."""

    @property
    def name(self) -> str:
        """What a message calls it, such as the file's name."""
        ...

    def __iter__(self) -> Iterator[Record]:
        """Every record in order; one that cannot be read has `unreadable` set and does not end the stream."""
        ...


# -- models and indexes ------------------------------------------------------------------------------------------------


class Embedder(Protocol):
    """Texts to unit vectors by one fixed model."""

    @property
    def version(self) -> str:
        """Names the model and its files: equal versions give equal vectors for equal texts. Loads no model."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """(len(texts), dimension) unit vectors, in the order of the texts. Raises ModelUnavailable."""
        ...

    def pieces_per_word(self, texts: Sequence[str]) -> float:
        """How many pieces the model cuts a word of some texts into: few where it was made for their language."""
        ...


class LexicalModel(Protocol):
    """Weights of words, learned once from an archive and then fixed."""

    def rows(self, articles: Sequence[Article]) -> Sequence[TermRow]:
        """The weighted terms of each article; words the archive did not know are left out."""
        ...

    def names(self, article: Article) -> tuple[str, ...]:
        """What an article is about: keys of the gazetteer that it names more than in passing, the rarest first."""
        ...

    def themes(self, rows: Sequence[TermRow]) -> Vectors:
        """(len(rows), themes) unit vectors: which of the archive's themes the terms of each article belong to."""
        ...

    @property
    def covers_names(self) -> bool:
        """Whether the gazetteer knows enough of the archive's names to tell its articles apart."""
        ...

    def to_bytes(self) -> bytes:
        """The learned weights as data: reading them runs no code."""
        ...


class Index(Protocol):
    """Exact nearest neighbours over unit vectors, numbered from 0 in the order given."""

    def search(self, queries: Vectors, k: int) -> tuple[Positions, Vectors]:
        """(q, min(k, n)) positions and cosine similarities, best first; equal ones by position."""
        ...

    def similarities(self, query: Vectors) -> Vectors:
        """(n,) cosine similarity of one vector to every indexed one."""
        ...


class TermIndex(Protocol):
    """Dot products of weighted terms over many articles, numbered from 0 in the order given."""

    def search(self, rows: Sequence[TermRow], k: int) -> Positions:
        """(q, min(k, n)) positions of the best by all words, best first; equal ones by position."""
        ...

    def similarities(self, row: TermRow) -> Vectors:
        """(n,) similarity by all words of one article to every indexed one."""
        ...

    def similar(self, one: Positions, other: Positions) -> Vectors:
        """(p,) similarity by all words of pairs of indexed articles."""
        ...

    def replaced(self, keep: npt.NDArray[np.bool_], rows: Sequence[TermRow]) -> "TermIndex":
        """An index of the articles kept, in their order, and of `rows` after them; this one stays as it is."""
        ...

    def pairs(self, rows: Sequence[TermRow], query: Positions, other: Positions) -> Mapping[str, Vectors]:
        """For each of TERM_FIELDS: similarity of the pairs (rows[query[i]], indexed other[i]), NaN if one is empty."""
        ...


@dataclass(frozen=True)
class Found:
    """What is known of a text before it is ranked: its candidate list, and what it names (see `LexicalModel.names`).

    `generation` is the one that a draft was compared with; another one may be live by the time it is ranked.
    """

    rows: CandidateArray
    names: tuple[str, ...]
    generation: int | None = None


@dataclass(frozen=True)
class Toolbox:
    """Makers of the parts whose data is known only at work: word weights and indexes.

    `recipe` names what they were made with, such as the table of names.
    """

    recipe: str

    fit_lexical: Callable[[Callable[[], Iterable[Article]]], LexicalModel]
    read_lexical: Callable[[bytes], LexicalModel]
    index: Callable[[Vectors], Index]
    term_index: Callable[[Sequence[TermRow]], TermIndex]


# -- the store ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class State:
    """Whether a copy is fresh: one number for all changes, one for the live build."""

    revision: int
    generation: int | None


@dataclass(frozen=True)
class Upserted:
    """What became of a batch of articles."""

    added: int
    changed: int
    unchanged: int


@dataclass(frozen=True)
class Facts:
    """What ranking must know of one article, without its text. `posted` is in seconds since 1970, UTC.

    `published` is the site's word, `held` a legal hold, `update` the tag of a new version of an earlier report,
    `revision` that of its last change, `explains` the tag of an explainer, and `desk` who wrote it. `flags` are bits
    (see `guard`), `labels` what rules can ask for.
    """

    number: int
    posted: int | None
    reads: int
    edition: str
    language: str
    published: bool
    held: bool
    update: bool
    revision: int
    explains: bool
    desk: str
    flags: int
    labels: Labels


@dataclass(frozen=True)
class Generation:
    """One consistent build: the model its vectors come from, how they lie (`Geometry`), and the word weights.

    `release` is the model version, NAME/VERSION, and `ranking` its weights; None where a build is older than versions.
    """

    number: int
    model: str
    geometry: bytes
    lexical: bytes
    scales: Scales
    built_on: datetime
    release: str | None
    ranking: RankingModel | None


@dataclass(frozen=True)
class NewGeneration:
    """What a build has learned before it computes the first neighbour.

    `recipe` names what it was made with besides the model version: another one asks for a new build.
    """

    model: str
    recipe: str
    geometry: bytes
    lexical: bytes
    scales: Scales
    built_on: datetime
    release: str
    ranking: RankingModel


@dataclass(frozen=True)
class Member:
    """A published article with the vector of its text, as the model gave it."""

    number: int
    text_hash: str
    language: str
    vector: Vectors


@dataclass(frozen=True)
class NeighbourRow:
    """One article's place in a generation. An empty `text_hash` says that it has left.

    `names` are keys of the gazetteer, the most telling first; `story` is the number of the first article of its running
    story, its own where it stands alone.
    """

    number: int
    text_hash: str
    language: str
    terms: bytes
    candidates: CandidateArray
    names: tuple[str, ...] = ()
    story: int = 0


@dataclass(frozen=True)
class Standing:
    """Where an article stands in a generation: the revision of its candidate list, its running story, and among how
    many others' best candidates it is.
    """

    relisted: int
    story: int
    demand: int


@dataclass(frozen=True)
class Stale:
    """Numbers of articles whose rows are out of date: new or changed ones, newest first, and those that left."""

    changed: list[int]
    left: list[int]


DELETED = "deleted"  # the status of an article that was withdrawn


class Trace(NamedTuple):
    """What is known of an article even when it has been withdrawn; its status is one of STATUSES, or DELETED."""

    number: int
    id: str
    status: str


class ArticleStore(Protocol):
    """Articles, found by id, address or number."""

    def upsert(self, articles: Sequence[Article]) -> Upserted:
        """Adds what is new and replaces what has changed, all or nothing; of two with one id the last counts."""
        ...

    def withdraw(self, article_id: str) -> bool:
        """Takes an article out of every sidebar and forgets its text; False if there is none."""
        ...

    def by_id(self, article_id: str) -> tuple[int, Article] | None:
        """The published article with this id and its number; its body is empty."""
        ...

    def by_url(self, url: str) -> tuple[int, Article] | None:
        """The only published article at this address, or at its path where no article has its query; with its number.

        Its body is empty.
        """
        ...

    def find(self, article_id: str) -> tuple[int, Article] | None:
        """The article with this id and its number, whatever its status; its body is empty."""
        ...

    def traces(self, numbers: Sequence[int]) -> dict[int, Trace]:
        """What is left of articles, those withdrawn included, by number."""
        ...

    def trace(self, article_id: str) -> Trace | None:
        """What is left of the article that has or had this id."""
        ...

    def search(self, text: str, limit: int) -> list[int]:
        """Numbers of the published articles that hold every word of a text, those first whose title does; a word may
        be the beginning of one. Case and accents do not matter. An id or address finds its article.
        """
        ...

    def numbers(self, article_ids: Sequence[str]) -> dict[str, int]:
        """Numbers by id, of the ids that exist."""
        ...

    def get(self, numbers: Sequence[int], *, texts: bool = True) -> dict[int, Article]:
        """Articles by number, whatever their status; without `texts` their bodies are empty."""
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

    def editions(self) -> dict[str, int]:
        """How many published articles each edition has, largest first."""
        ...


class GenerationStore(Protocol):
    """Vectors, generations and neighbour lists."""

    def unembedded(self, model: str, *, again: bool = False) -> list[int]:
        """Numbers of published articles whose text has no vector of the model, one for each text, newest first.

        With `again` it is those of all texts.
        """
        ...

    def put_vectors(self, model: str, vectors: Mapping[str, Vectors]) -> None:
        """Keeps one vector for each text hash, in the place of one that is there already."""
        ...

    def vectors(self, model: str, text_hashes: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of some texts, as far as they are kept."""
        ...

    def prune_vectors(self) -> int:
        """Drops the vectors that belong to no article any more, and says how many."""
        ...

    def members(self, model: str, numbers: Sequence[int] | None = None) -> list[Member]:
        """Published articles that have a vector of this model, by number; all, or those among `numbers`."""
        ...

    def live(self) -> Generation | None:
        """The generation that readers are given, or None before the first build."""
        ...

    def live_model(self) -> str | None:
        """The version of the embedding model behind the live generation."""
        ...

    def previous(self) -> int | None:
        """The generation that `swap_back` makes live."""
        ...

    def shadow(self) -> int | None:
        """The generation that is tried beside the live one."""
        ...

    def generation(self, number: int) -> Generation | None:
        """A generation that is complete, live or not; None if there is no such one."""
        ...

    def model(self, number: int) -> str | None:
        """The version of the embedding model behind a generation; None if there is no such generation."""
        ...

    def release(self, number: int) -> str | None:
        """The model version that a generation was built with; None if it names none, or there is no such generation."""
        ...

    def ranking(self, number: int) -> RankingModel | None:
        """The weights of a generation; None if it names none, or there is no such generation."""
        ...

    def recipe(self, number: int) -> str | None:
        """What a generation was made with, besides its model version; None if there is no such generation."""
        ...

    def scales(self, number: int) -> Scales:
        """How likenesses spread in a generation."""
        ...

    def begin(self, generation: NewGeneration) -> int:
        """Opens a generation beside the live one, and removes what an interrupted build left behind."""
        ...

    def write(self, number: int, rows: Sequence[NeighbourRow]) -> None:
        """Writes rows in the place of those the same articles had; their demand and exposure stay as counted.

        Raises Unavailable if a newer build swept the generation.
        """
        ...

    def write_candidates(self, number: int, lists: Mapping[int, CandidateArray]) -> None:
        """Replaces the candidate lists of articles that are in a generation already."""
        ...

    def finish(self, number: int) -> None:
        """Says that a generation is complete; it is not live yet. Raises Unavailable if a newer build swept it."""
        ...

    def activate(self, number: int, *, keep: bool = False) -> None:
        """Makes a generation the live one for every reader at once. Raises Unavailable if a newer build swept it.

        With `keep` the one that was live is the previous one from now on, which `swap_back` goes back to; without, the
        previous one stays.
        """
        ...

    def swap_back(self) -> int:
        """Makes the previous generation the live one, and the live one the previous, for every reader at once.

        Gives the number of the one that is live now. Raises InvalidInput where there is no previous one.
        """
        ...

    def put_shadow(self, number: int | None) -> None:
        """Says which generation is tried beside the live one; None ends that.

        Raises InvalidInput for one that is live, not complete or not there.
        """
        ...

    def drop_retired(self) -> None:
        """Removes the complete generations that are neither live, nor the previous one, nor the shadow."""
        ...

    def candidates(self, number: int, articles: Sequence[int]) -> dict[int, CandidateArray]:
        """Candidate lists by article; articles without one are left out."""
        ...

    def rows_since(self, number: int, revision: int) -> Iterator[NeighbourRow]:
        """The rows of a generation written after `revision` (-1: all), by article number."""
        ...

    def standings_since(self, number: int, revision: int) -> dict[int, Standing]:
        """Where articles stand, for those whose rows were written after `revision`; -1 gives all."""
        ...

    def names(self, number: int, articles: Sequence[int]) -> dict[int, tuple[str, ...]]:
        """What some articles of a generation name: keys of the gazetteer, the most telling first."""
        ...

    def story(self, number: int, story: int) -> list[int]:
        """The articles of a running story."""
        ...

    def put_standings(self, number: int, stories: Mapping[int, int], demand: Mapping[int, int]) -> None:
        """Says where articles of a generation stand that is being built: see `Standing`."""
        ...

    def put_exposure(self, number: int, shown: Mapping[int, int]) -> None:
        """Keeps in how many sidebars each article of a generation is shown; 0 for those not named."""
        ...

    def exposure(self, number: int) -> dict[int, int]:
        """In how many sidebars each article of a generation is shown."""
        ...

    def numbers(self, number: int) -> list[int]:
        """The articles of a generation, in order."""
        ...

    def put_prepared(self, number: int, answers: Mapping[int, bytes]) -> None:
        """Keeps finished answers of articles of a generation. To readers this is no change."""
        ...

    def prepared(self, number: int, article_id: str) -> bytes | None:
        """The finished answer of a published article."""
        ...

    def all_prepared(self, number: int) -> Iterator[tuple[int, bytes]]:
        """The finished answers of a generation, by article number."""
        ...

    def stale(self, number: int) -> Stale:
        """What has happened to the articles since their rows were written."""
        ...

    def outdated(self, number: int, before: datetime) -> bool:
        """Whether a generation is older than a time and articles have changed since: it does not know their words."""
        ...

    def size(self, number: int) -> int:
        """How many articles a generation holds."""
        ...


@dataclass(frozen=True)
class Beside:
    """What the live model and the one in the shadow would show beside an article, by number, as of a time."""

    article: int
    at: datetime
    live: tuple[int, ...]
    shadow: tuple[int, ...]


class ShadowStore(Protocol):
    """The sidebars of a model that runs in the shadow, beside the live ones."""

    def put(self, generation: int, rows: Sequence[Beside]) -> None:
        """Keeps rows of a shadow's generation in the place of those of the same articles."""
        ...

    def rows(self, generation: int) -> list[Beside]:
        """All rows of a generation, by article."""
        ...

    def clear(self) -> None:
        """Forgets all rows."""
        ...


@dataclass(frozen=True)
class Trial:
    """A model version that shares the sidebars with the live one, both by NAME/VERSION; without `until` it is open."""

    number: int
    live: str
    challenger: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True)
class Mixed:
    """A sidebar that two models share, as it was shown beside an article in an hour (from 1970); `request` names it."""

    request: str
    trial: int
    article: int
    hour: int
    picks: tuple[Pick, ...]


class TrialStore(Protocol):
    """Trials in which two models share the sidebars, and how often their teasers were clicked on."""

    def start(self, live: str, challenger: str, at: datetime) -> int:
        """Opens a trial and gives its number; what earlier ones have counted is forgotten. Is a change to readers."""
        ...

    def end(self, number: int, at: datetime) -> None:
        """Ends a trial. Is a change to readers."""
        ...

    def latest(self) -> Trial | None:
        """The trial that was opened last, whether it goes on or not."""
        ...

    def note(self, answers: Sequence[Mixed]) -> None:
        """Keeps what was shown; an answer that is there already stays as it is."""
        ...

    def shown(self, request: str) -> tuple[Mixed, Mapping[int, int]] | None:
        """An answer by its name, and the clicks on each of its articles."""
        ...

    def count(self, clicks: Mapping[tuple[str, int], int], most: int) -> None:
        """Adds clicks by answer and article; none has more than `most`, and what was not shown has none."""
        ...

    def counts(self, number: int) -> list[HourCount]:
        """What a trial has counted, by article and hour; those without clicks included."""
        ...


class Store(Protocol):
    """Everything that is kept. Readers never wait for a writer; writers take turns."""

    @property
    def articles(self) -> ArticleStore:
        """The articles."""
        ...

    @property
    def generations(self) -> GenerationStore:
        """Vectors and neighbours."""
        ...

    @property
    def accounts(self) -> AccountStore:
        """Who may sign in."""
        ...

    @property
    def audit(self) -> AuditStore:
        """Who did what."""
        ...

    @property
    def signals(self) -> SignalStore:
        """Editors' signals, rules and policies."""
        ...

    @property
    def reviews(self) -> ReviewStore:
        """Which sidebars have been approved."""
        ...

    @property
    def ledger(self) -> LedgerStore:
        """What was shown, and when."""
        ...

    @property
    def grading(self) -> GradingStore:
        """Panels and grades."""
        ...

    @property
    def shadow(self) -> ShadowStore:
        """What a model in the shadow would show."""
        ...

    @property
    def trials(self) -> TrialStore:
        """Trials in which two models share the sidebars."""
        ...

    def state(self) -> State:
        """Revision and live generation, read anew; inside a transaction, as that one sees them."""
        ...

    def reading(self) -> AbstractContextManager[object]:
        """Several reads from one snapshot."""
        ...

    def writing(self) -> AbstractContextManager[object]:
        """Several reads and writes as one; nobody else writes meanwhile."""
        ...

    def close(self) -> None:
        """Gives every connection back."""
        ...


# -- model versions ----------------------------------------------------------------------------------------------------


class Registry(Protocol):
    """Model versions, by NAME/VERSION. An unknown one raises NotFound, a damaged card InvalidInput."""

    def names(self) -> list[str]: ...  # every version, in order

    def folder(self, name: str) -> Path: ...  # where its files lie

    def card(self, name: str) -> Card: ...  # what is known of it

    def live(self) -> str: ...  # the version that builds build

    def put_live(self, name: str) -> None: ...  # says which that is

    def create(self, card: Card, files: Mapping[str, bytes | Path]) -> Card: ...  # adds one, whole or not at all

    def record(self, name: str, entry: HistoryEntry) -> None: ...  # adds to its history

    def verify(self, name: str) -> list[str]: ...  # what is wrong with its files

    def fetch(self, name: str, source: str) -> list[str]: ...  # gets what is missing from a folder or address
