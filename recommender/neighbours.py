"""Use case: who comes into question beside whom. One generation in memory, searched and kept up to date."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender import terms
from recommender.article import Article
from recommender.candidates import (
    DEPTH,
    DEPTH_OTHER,
    EMPTY,
    CandidateArray,
    IntArray,
    by_number,
    floors,
    make_candidates,
    replace,
    trim,
)
from recommender.errors import NotBuilt
from recommender.interfaces import Generation, Member, NeighbourRow, Positions, Store, Toolbox, Vectors
from recommender.terms import TermRow
from recommender.vectors import Centres

Labels = npt.NDArray[np.object_]

# Two ways of summing the same products differ in the last bits; a newcomer this close to a floor is looked at.
_ROUNDING = 1e-4
# The floors of an article that is being taken in: nothing reaches them, its list is made as a whole.
_CLOSED = (np.inf, np.inf, np.inf)
SEARCHED_AT_ONCE = 256  # articles searched at once: bounds the memory of a build at any archive size


@dataclass(frozen=True)
class Entry:
    """One article as the finder holds it: unit vectors, as the model gave it and centred, and weighted terms."""

    number: int
    text_hash: str
    language: str
    raw: Vectors
    vector: Vectors
    terms: bytes


class Finder:
    """Finds candidate lists among a fixed set of articles."""

    def __init__(self, toolbox: Toolbox, entries: Sequence[Entry]) -> None:
        empty = np.empty((0, 0), np.float32)
        self._set(
            toolbox,
            np.array([entry.number for entry in entries], dtype=np.int32),
            np.array([entry.language for entry in entries], dtype=object),
            np.stack([entry.vector for entry in entries]) if entries else empty,
            np.stack([entry.raw for entry in entries]) if entries else empty,
        )
        self._terms = toolbox.term_index([terms.from_bytes(entry.terms) for entry in entries])

    def _set(self, toolbox: Toolbox, numbers: IntArray, languages: Labels, vectors: Vectors, raw: Vectors) -> None:
        self._toolbox = toolbox
        self.numbers = numbers
        self.languages = languages
        self._vectors = vectors
        self._raw = raw
        self._places = {number: place for place, number in enumerate(numbers.tolist())}
        self._by_language = {
            language: (places, toolbox.index(vectors[places]))
            for language in sorted(set(languages.tolist()))
            for places in [np.flatnonzero(languages == language)]
        }

    def replaced(self, gone: set[int], came: Sequence[Entry]) -> "Finder":
        """A finder without some articles, and with others; this one stays as it is.

        The parts of the others are not made anew, which takes seconds in a large archive.
        """
        if not len(self.numbers):
            return Finder(self._toolbox, came)
        keep = ~np.isin(self.numbers, list(gone))
        finder = Finder.__new__(Finder)
        finder._set(
            self._toolbox,
            np.append(self.numbers[keep], np.array([entry.number for entry in came], dtype=np.int32)),
            np.append(self.languages[keep], np.array([entry.language for entry in came], dtype=object)),
            np.concatenate([self._vectors[keep], *(entry.vector[np.newaxis] for entry in came)]),
            np.concatenate([self._raw[keep], *(entry.raw[np.newaxis] for entry in came)]),
        )
        finder._terms = self._terms.replaced(keep, [terms.from_bytes(entry.terms) for entry in came])
        return finder

    def lists(self, queries: Sequence[Entry]) -> list[CandidateArray]:
        """The candidate list of each query; an article never stands in its own list."""
        found: list[CandidateArray] = []
        for start in range(0, len(queries), SEARCHED_AT_ONCE):
            found += self._chunk(queries[start : start + SEARCHED_AT_ONCE])
        return found

    def _chunk(self, queries: Sequence[Entry]) -> list[CandidateArray]:
        if not len(self.numbers):
            return [EMPTY] * len(queries)
        rows = [terms.from_bytes(query.terms) for query in queries]
        places = self._nearest(queries)
        for query, by_words in enumerate(self._terms.search(rows, DEPTH + 1)):
            places[query].append(by_words)
        unions = [np.unique(np.concatenate(parts)) for parts in places]
        unions = [union[self.numbers[union] != query.number] for union, query in zip(unions, queries, strict=True)]
        return [trim(pairs) for pairs in self._pairs(queries, rows, unions)]

    def _nearest(self, queries: Sequence[Entry]) -> list[list[Positions]]:
        vectors = np.stack([query.vector for query in queries])
        places: list[list[Positions]] = [[] for _ in queries]
        languages = np.array([query.language for query in queries], dtype=object)
        for language, (members, index) in self._by_language.items():
            for group, depth in ((languages == language, DEPTH + 1), (languages != language, DEPTH_OTHER)):
                asking = np.flatnonzero(group)
                if len(asking):
                    positions, _ = index.search(vectors[asking], depth)
                    for query, row in zip(asking.tolist(), positions, strict=True):
                        places[query].append(members[row])
        return places

    def _pairs(
        self, queries: Sequence[Entry], rows: Sequence[TermRow], others: Sequence[Positions]
    ) -> list[CandidateArray]:
        """Each query compared with its others, given by their places here."""
        query = np.repeat(np.arange(len(others)), [len(places) for places in others])
        other = np.concatenate(others)
        features = dict(self._terms.pairs(rows, query, other))
        features["lexical"] = np.nan_to_num(features["lexical"])  # a text without known words is like no other
        features["dense"] = _products([entry.vector for entry in queries], query, self._vectors, other)
        features["raw"] = _products([entry.raw for entry in queries], query, self._raw, other)
        languages = np.array([entry.language for entry in queries], dtype=object)
        table = make_candidates(self.numbers[other], languages[query] == self.languages[other], features)
        ends = np.cumsum([len(places) for places in others])[:-1]
        return [by_number(part) for part in np.split(table, ends)]

    def compared(self, query: Entry, others: Sequence[Entry]) -> CandidateArray:
        """One article compared with some that are here."""
        places = np.array([self._places[entry.number] for entry in others], dtype=np.intp)
        return self._pairs([query], [terms.from_bytes(query.terms)], [places])[0]

    def similarities(self, query: Entry) -> tuple[Vectors, Vectors]:
        """Dense and lexical similarity of one article to every one here, each (n,)."""
        if not len(self.numbers):
            return np.empty(0, np.float32), np.empty(0, np.float32)
        return self._vectors @ query.vector, self._terms.similarities(terms.from_bytes(query.terms))


def _products(queries: Sequence[Vectors], query: Positions, others: Vectors, other: Positions) -> Vectors:
    products: Vectors = np.einsum("ij,ij->i", np.stack(queries)[query], others[other])
    return products


@dataclass(frozen=True)
class Changes:
    """What an update writes: whole rows of articles that came, changed or left, and new lists of others."""

    rows: list[NeighbourRow]
    lists: dict[int, CandidateArray]


class LiveNeighbours:
    """The live generation in memory: answers drafts, and takes in single articles without a new build."""

    def __init__(self, store: Store, toolbox: Toolbox) -> None:
        self._store = store
        self._toolbox = toolbox
        self.forget()

    def forget(self) -> None:
        """Drops the copy; the next `sync` reads everything anew."""
        self.generation: Generation | None = None
        self._revision = -1
        self._entries: dict[int, Entry] = {}
        self._floors: dict[int, tuple[float, float, float]] = {}
        self._finder = Finder(self._toolbox, [])

    def sync(self) -> Generation | None:
        """Reads what others have written since the last call. Call it inside a transaction."""
        state = self._store.state()
        if self.generation is None or self.generation.number != state.generation:
            self.forget()
            self.generation = self._store.generations.live()
            if self.generation is None:
                return None
            self._lexical = self._toolbox.read_lexical(self.generation.lexical)
            self._centres = Centres.from_bytes(self.generation.centres)
        if state.revision != self._revision:
            self._read(self.generation)
            self._revision = state.revision
        return self.generation

    def settle(self, revision: int) -> None:
        """Says that what `apply` changed has been written, as of `revision`."""
        self._revision = revision

    def _read(self, generation: Generation) -> None:
        rows = list(self._store.generations.rows_since(generation.number, self._revision))
        known = {number: entry.text_hash for number, entry in self._entries.items()}
        came = [row for row in rows if row.text_hash and known.get(row.number) != row.text_hash]
        vectors = self._store.generations.vectors(generation.model, [row.text_hash for row in came])
        entries = [self._entry(row, vectors[row.text_hash]) for row in came]
        gone = {row.number for row in rows if known.get(row.number, row.text_hash) != row.text_hash}
        for number in gone:
            del self._entries[number], self._floors[number]
        self._entries |= {entry.number: entry for entry in entries}
        self._floors |= {row.number: floors(row.candidates) for row in rows if row.text_hash}
        if entries or gone:
            self._finder = self._finder.replaced(gone, entries)

    def _entry(self, row: NeighbourRow, vector: Vectors) -> Entry:
        return Entry(
            row.number, row.text_hash, row.language, vector, self._centres.centred(vector, row.language), row.terms
        )

    def candidates(self, article: Article, vector: Vectors) -> CandidateArray:
        """The candidate list of a text that need not be in the archive; `vector` as `article_vectors` gives it."""
        return self._finder.lists([self._new_entry(-1, article, vector)])[0]

    def _new_entry(self, number: int, article: Article, vector: Vectors) -> Entry:
        centred = self._centres.centred(vector, article.language)
        row = terms.to_bytes(self._lexical.rows([article])[0])
        return Entry(number, article.text_hash, article.language, vector, centred, row)

    def apply(self, members: Sequence[Member], articles: Mapping[int, Article], left: Sequence[int]) -> Changes:
        """Takes articles in (new or changed) and out (`left`), and says which rows that changes.

        The lists are those that a full build with the same word weights and centre would give.
        """
        self._known_generation()
        came = [self._new_entry(member.number, articles[member.number], member.vector) for member in members]
        arriving = {entry.number for entry in came}
        gone = (arriving | set(left)) & self._entries.keys()
        shrunk = {number for leaving in gone for number in self._reached_by(self._entries[leaving])} - gone
        for number in gone:
            del self._entries[number], self._floors[number]
        self._entries |= {entry.number: entry for entry in came}
        self._finder = self._finder.replaced(gone, came)

        own = dict(zip(arriving, self._finder.lists([self._entries[number] for number in arriving]), strict=True))
        lists = dict(zip(shrunk, self._finder.lists([self._entries[number] for number in shrunk]), strict=True))
        lists |= self._grown(came, set(own) | set(lists))
        self._floors |= {number: floors(rows) for number, rows in (own | lists).items()}
        rows = [
            NeighbourRow(entry.number, entry.text_hash, entry.language, entry.terms, own[entry.number])
            for entry in came
        ]
        rows += [NeighbourRow(number, "", "", b"", EMPTY) for number in sorted(gone - arriving)]
        return Changes(rows, lists)

    def _known_generation(self) -> Generation:
        if self.generation is None:
            raise NotBuilt
        return self.generation

    def _reached_by(self, entry: Entry) -> set[int]:
        """The articles in whose lists `entry` stands, or would if it were there: it reaches one of their floors."""
        numbers = self._finder.numbers
        floor = np.array([self._floors.get(number, _CLOSED) for number in numbers.tolist()]).reshape(-1, 3)
        dense, lexical = self._finder.similarities(entry)
        same = self._finder.languages == entry.language
        reached = dense >= np.where(same, floor[:, 0], floor[:, 1]) - _ROUNDING
        reached |= (lexical > 0) & (lexical >= floor[:, 2] - _ROUNDING)
        return set(numbers[reached & (numbers != entry.number)].tolist())

    def _grown(self, came: Sequence[Entry], done: set[int]) -> dict[int, CandidateArray]:
        """New lists of the articles that find some of `came` worth a place, without those in `done`."""
        generation = self._known_generation()
        wanted: dict[int, list[Entry]] = {}
        for entry in came:
            for number in self._reached_by(entry) - done:
                wanted.setdefault(number, []).append(entry)
        current = self._store.generations.candidates(generation.number, sorted(wanted))
        return {
            number: replace(current[number], self._finder.compared(self._entries[number], newcomers))
            for number, newcomers in wanted.items()
        }
