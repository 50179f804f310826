"""Use case: the live generation in memory; its lists are brought up to date with single articles."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.arrays import Vectors
from recommender.articles.article import Article
from recommender.articles.keys import indexed_hash, vector_key
from recommender.articles.shingles import copy_key
from recommender.build.neighbours import Finder, GenerationModels, IndexedArticle, story_links
from recommender.build.stories import joined_story
from recommender.embedding.pooling import Geometry
from recommender.errors import NotBuilt
from recommender.ranking.candidates import (
    EMPTY,
    CandidateArray,
    TextCandidates,
    with_newcomers,
)
from recommender.ranking.facts import Ranker
from recommender.ranking.scoring import RankingModel
from recommender.retrieval import terms
from recommender.retrieval.base import Toolbox
from recommender.store.base import Store
from recommender.store.generations import Generation, Member, NeighbourRow

# Two ways of summing the same products differ in the last bits; a newcomer this close to a floor is looked at.
_ROUNDING = 1e-4
# The floors of an article that is being taken in: nothing reaches them, its list is made as a whole.
_CLOSED = (np.inf, np.inf, np.inf)


@dataclass(frozen=True)
class Changes:
    """What an update writes: whole rows of articles that came, changed or left, and new lists of others."""

    rows: list[NeighbourRow]
    lists: dict[int, CandidateArray]


class LiveNeighbours:
    """The live generation in memory: answers drafts, and takes in single articles without a new build."""

    def __init__(self, store: Store, toolbox: Toolbox, model: RankingModel) -> None:
        """`model` says how strongly articles are linked in a generation that names no weights of its own."""
        self._store = store
        self._toolbox = toolbox
        self._model = model
        self.forget()

    def forget(self) -> None:
        """Drops the copy; the next `sync` reads everything anew."""
        self.generation: Generation | None = None
        self._revision = -1
        self._entries: dict[int, IndexedArticle] = {}
        self._floors: dict[int, tuple[float, float, float]] = {}
        self._stories: dict[int, int] = {}
        self._finder = Finder(self._toolbox, [], {})

    def sync(self) -> Generation | None:
        """Reads what other processes have written since the last call. Call it inside a transaction."""
        state = self._store.state()
        if self.generation is None or self.generation.number != state.generation:
            self.forget()
            self.generation = self._store.generations.live()
            if self.generation is None:
                return None
            self._frame = GenerationModels(
                Geometry.from_bytes(self.generation.geometry), self._toolbox.read_lexical(self.generation.lexical)
            )
            self._finder = self._frame.finder(self._toolbox, [])
        if state.revision != self._revision:
            self._read(self.generation)
            self._revision = state.revision
        return self.generation

    def settle(self, revision: int) -> None:
        """Notes that what `apply` changed has been written, as of `revision`."""
        self._revision = revision

    def _read(self, generation: Generation) -> None:
        rows = list(self._store.generations.rows_since(generation.number, self._revision))
        held = {number: entry.text_hash for number, entry in self._entries.items()}
        came = [row for row in rows if row.text_hash and held.get(row.number) != row.text_hash]
        vectors = self._store.generations.vectors(generation.model, [vector_key(row.text_hash) for row in came])
        entries = [self._entry(row, vectors[vector_key(row.text_hash)]) for row in came]
        gone = {row.number for row in rows if held.get(row.number, row.text_hash) != row.text_hash}
        for number in gone:
            del self._entries[number], self._floors[number], self._stories[number]
        self._stories |= {row.number: row.story for row in rows if row.text_hash}
        self._entries |= {entry.number: entry for entry in entries}
        if entries or gone:
            self._finder = self._finder.replaced(gone, entries)
        self._floors |= {row.number: self._finder.floors(row.candidates) for row in rows if row.text_hash}

    def _entry(self, row: NeighbourRow, vector: Vectors) -> IndexedArticle:
        return self._frame.entry(row.number, row.text_hash, row.language, vector, terms.from_bytes(row.terms))

    @property
    def models(self) -> GenerationModels:
        """What the generation has learned. Raises NotBuilt."""
        self._known_generation()
        return self._frame

    @property
    def reranker(self) -> str | None:
        """The reader whose grades the generation shows. Raises NotBuilt."""
        return self._known_generation().reranker

    def candidates(self, article: Article, vector: Vectors) -> TextCandidates:
        """The candidates of a text that need not be in the archive; `vector` as `article_vectors` gives it.

        The text is without boilerplate already, here and in `apply`: see `GenerationModels.text`.
        """
        entry = self._new_entry(-1, indexed_hash(article.text_key, copy_key(article), ""), article, vector)
        names = self._frame.lexical.names(article)
        return TextCandidates(self._finder.lists([entry])[0], names, self._known_generation().number, copy_key(article))

    def _new_entry(self, number: int, text_hash: str, article: Article, vector: Vectors) -> IndexedArticle:
        row = self._frame.lexical.rows([article])[0]
        return self._frame.entry(number, text_hash, article.language, vector, row)

    def apply(self, members: Sequence[Member], articles: Mapping[int, Article], left: Sequence[int]) -> Changes:
        """Takes articles in (new or changed) and out (`left`), and returns the rows that this changes.

        `articles` are the texts of `members`. The lists are those that a full build with the same word weights and
        centre would give. An article joins the running story that it is nearest to; only builds make stories anew.
        """
        self._known_generation()
        came = [
            self._new_entry(member.number, member.text_hash, articles[member.number], member.vector)
            for member in members
        ]
        arriving = {entry.number for entry in came}
        gone = (arriving | set(left)) & self._entries.keys()
        shrunk = {number for leaving in gone for number in self._reached_by(self._entries[leaving])} - gone
        for number in gone:
            del self._entries[number], self._floors[number], self._stories[number]
        self._entries |= {entry.number: entry for entry in came}
        self._finder = self._finder.replaced(gone, came)

        own = dict(zip(arriving, self._finder.lists([self._entries[number] for number in arriving]), strict=True))
        lists = dict(zip(shrunk, self._finder.lists([self._entries[number] for number in shrunk]), strict=True))
        lists |= self._grown(came, set(own) | set(lists))
        self._floors |= {number: self._finder.floors(rows) for number, rows in (own | lists).items()}
        rows = []
        for entry in came:
            number = entry.number
            names = self._frame.lexical.names(articles[number])
            story = self._stories[number] = self._story(number, own[number])
            rows.append(NeighbourRow(number, entry.text_hash, entry.language, entry.terms, own[number], names, story))
        rows += [NeighbourRow(number, "", "", b"", EMPTY) for number in sorted(gone - arriving)]
        return Changes(rows, lists)

    def _story(self, number: int, rows: CandidateArray) -> int:
        posted = self._store.articles.posted([number, *rows["number"].tolist()])
        generation = self._known_generation()
        ranker = Ranker(generation.ranking or self._model, generation.scales)
        links = story_links(number, rows, posted, ranker)
        sizes = Counter(self._stories.values())
        alone = number if number not in sizes else -1 - number  # its number may name the story that it has left
        return joined_story(alone, links, self._stories, sizes)

    def _known_generation(self) -> Generation:
        if self.generation is None:
            raise NotBuilt
        return self.generation

    def _reached_by(self, entry: IndexedArticle) -> set[int]:
        """The articles in whose lists `entry` stands, or would if it were there: it reaches one of their floors."""
        numbers = self._finder.numbers
        floor = np.array([self._floors.get(number, _CLOSED) for number in numbers.tolist()]).reshape(-1, 3)
        dense, lexical = self._finder.similarities(entry)
        same = self._finder.languages == entry.language
        reached = dense >= np.where(same, floor[:, 0], floor[:, 1]) - _ROUNDING
        reached |= (lexical > 0) & (lexical >= floor[:, 2] - _ROUNDING)
        return set(numbers[reached & (numbers != entry.number)].tolist())

    def _grown(self, came: Sequence[IndexedArticle], done: set[int]) -> dict[int, CandidateArray]:
        """New lists of the articles in whose lists some of `came` belong, without those in `done`."""
        generation = self._known_generation()
        wanted: dict[int, list[IndexedArticle]] = {}
        for entry in came:
            for number in self._reached_by(entry) - done:
                wanted.setdefault(number, []).append(entry)
        current = self._store.generations.candidates(generation.number, sorted(wanted))
        return {
            number: self._finder.trimmed(
                with_newcomers(current[number], self._finder.compared(self._entries[number], newcomers))
            )
            for number, newcomers in wanted.items()
        }
