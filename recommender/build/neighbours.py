"""Use case: who comes into question beside whom. One generation in memory, searched and kept up to date."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.arrays import IntArray, Positions, Vectors
from recommender.articles.article import Article
from recommender.build.stories import Link, joined_story
from recommender.embedding.pooling import Geometry
from recommender.errors import NotBuilt
from recommender.ranking.candidates import (
    DEPTH,
    DEPTH_OTHER,
    EMPTY,
    CandidateArray,
    Found,
    by_number,
    floors,
    make_candidates,
    replace,
    trim,
)
from recommender.ranking.facts import Ranker
from recommender.ranking.scoring import USUAL, RankingModel, Scale, Scales, scored, similarities
from recommender.retrieval import terms
from recommender.retrieval.base import LexicalModel, Toolbox
from recommender.retrieval.terms import TermRow
from recommender.store.base import Store
from recommender.store.generations import Generation, Member, NeighbourRow

Labels = npt.NDArray[np.object_]
Posted = Mapping[int, float]  # when each article was published, in seconds since 1970; undated ones are left out

# Two ways of summing the same products differ in the last bits; a newcomer this close to a floor is looked at.
_ROUNDING = 1e-4
# The floors of an article that is being taken in: nothing reaches them, its list is made as a whole.
_CLOSED = (np.inf, np.inf, np.inf)
SEARCHED_AT_ONCE = 256  # articles searched at once: bounds the memory of a build at any archive size
SCALE_ARTICLES = 1_000  # scales are measured between so many articles
SCALE_OTHERS = 30  # and so many others of each
SIDEBAR = 3  # places of a sidebar, as far as demand is counted
USUAL_PAIRS = 100  # usual pairs mixed in, so that three articles have scales as well


@dataclass(frozen=True)
class IndexedArticle:
    """One article as the finder holds it: centred unit vectors of its text and of its themes, and weighted terms."""

    number: int
    text_hash: str
    language: str
    vector: Vectors
    themes: Vectors
    terms: bytes


@dataclass(frozen=True)
class GenerationModels:
    """What one generation has learned, and so how it sees an article."""

    geometry: Geometry
    lexical: LexicalModel

    def entry(self, number: int, text_hash: str, language: str, vector: Vectors, row: TermRow) -> IndexedArticle:
        """The entry of an article; `vector` as `article_vectors` gives it."""
        return IndexedArticle(
            number,
            text_hash,
            language,
            self.geometry.dense.centred(vector, language),
            self.geometry.themes.centred(self.lexical.themes([row])[0], language),
            terms.to_bytes(row),
        )

    def finder(self, toolbox: Toolbox, entries: Sequence[IndexedArticle]) -> "Finder":
        """The finder among some entries."""
        return Finder(toolbox, entries, self.geometry.trust, names_known=self.lexical.covers_names)


class Finder:
    """Finds candidate lists among a fixed set of articles."""

    def __init__(
        self,
        toolbox: Toolbox,
        entries: Sequence[IndexedArticle],
        trust: Mapping[str, float],
        *,
        names_known: bool = False,
    ) -> None:
        """`trust` says by language how far the model's likenesses count; all of it where a language is not named.

        `names_known` says that the gazetteer covers the archive: then an article without names or topics has none.
        """
        self._trust = trust
        self._names_known = names_known
        empty = np.empty((0, 0), np.float32)
        self._set(
            toolbox,
            np.array([entry.number for entry in entries], dtype=np.int32),
            np.array([entry.language for entry in entries], dtype=object),
            np.stack([entry.vector for entry in entries]) if entries else empty,
            np.stack([entry.themes for entry in entries]) if entries else empty,
        )
        self._terms = toolbox.term_index([terms.from_bytes(entry.terms) for entry in entries])

    def _set(self, toolbox: Toolbox, numbers: IntArray, languages: Labels, vectors: Vectors, themes: Vectors) -> None:
        self._toolbox = toolbox
        self.numbers = numbers
        self.languages = languages
        self._vectors = vectors
        self._themes = themes
        self._trusted = np.array([self._trust.get(language, 1.0) for language in languages], dtype=np.float32)
        self._places = {number: place for place, number in enumerate(numbers.tolist())}
        self._by_language = {
            language: (places, toolbox.index(vectors[places]))
            for language in sorted(set(languages.tolist()))
            for places in [np.flatnonzero(languages == language)]
        }

    def replaced(self, gone: set[int], came: Sequence[IndexedArticle]) -> "Finder":
        """A finder without some articles, and with others; this one stays as it is.

        The parts of the others are not made anew, which takes seconds in a large archive.
        """
        if not len(self.numbers):
            return Finder(self._toolbox, came, self._trust, names_known=self._names_known)
        keep = ~np.isin(self.numbers, list(gone))
        finder = Finder.__new__(Finder)
        finder._trust = self._trust
        finder._names_known = self._names_known
        finder._set(
            self._toolbox,
            np.append(self.numbers[keep], np.array([entry.number for entry in came], dtype=np.int32)),
            np.append(self.languages[keep], np.array([entry.language for entry in came], dtype=object)),
            np.concatenate([self._vectors[keep], *(entry.vector[np.newaxis] for entry in came)]),
            np.concatenate([self._themes[keep], *(entry.themes[np.newaxis] for entry in came)]),
        )
        finder._terms = self._terms.replaced(keep, [terms.from_bytes(entry.terms) for entry in came])
        return finder

    def lists(self, queries: Sequence[IndexedArticle]) -> list[CandidateArray]:
        """The candidate list of each query; an article never stands in its own list."""
        found: list[CandidateArray] = []
        for start in range(0, len(queries), SEARCHED_AT_ONCE):
            found += self._chunk(queries[start : start + SEARCHED_AT_ONCE])
        return found

    def _chunk(self, queries: Sequence[IndexedArticle]) -> list[CandidateArray]:
        if not len(self.numbers):
            return [EMPTY] * len(queries)
        rows = [terms.from_bytes(query.terms) for query in queries]
        places = self._nearest(queries)
        for query, by_words in enumerate(self._terms.search(rows, DEPTH + 1)):
            places[query].append(by_words)
        unions = [np.unique(np.concatenate(parts)) for parts in places]
        unions = [union[self.numbers[union] != query.number] for union, query in zip(unions, queries, strict=True)]
        return [trim(pairs) for pairs in self._pairs(queries, rows, unions)]

    def _nearest(self, queries: Sequence[IndexedArticle]) -> list[list[Positions]]:
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
        self, queries: Sequence[IndexedArticle], rows: Sequence[TermRow], others: Sequence[Positions]
    ) -> list[CandidateArray]:
        """Each query compared with its others, given by their places here."""
        query = np.repeat(np.arange(len(others)), [len(places) for places in others])
        other = np.concatenate(others)
        features = dict(self._terms.pairs(rows, query, other))
        features["lexical"] = np.nan_to_num(features["lexical"])  # a text without known words is like no other
        if self._names_known:  # then an article without names or topics has none; else nothing is known of them
            features["topics"] = np.nan_to_num(features["topics"])
            features["names"] = np.nan_to_num(features["names"])
        trusted = np.array([self._trust.get(entry.language, 1.0) for entry in queries], dtype=np.float32)
        features["dense"] = _products([entry.vector for entry in queries], query, self._vectors, other)
        features["dense"] *= np.minimum(trusted[query], self._trusted[other])
        features["themes"] = _products([entry.themes for entry in queries], query, self._themes, other)
        languages = np.array([entry.language for entry in queries], dtype=object)
        table = make_candidates(self.numbers[other], languages[query] == self.languages[other], features)
        ends = np.cumsum([len(places) for places in others])[:-1]
        return [by_number(part) for part in np.split(table, ends)]

    def compared(self, query: IndexedArticle, others: Sequence[IndexedArticle]) -> CandidateArray:
        """One article compared with some that are here."""
        places = np.array([self._places[entry.number] for entry in others], dtype=np.intp)
        return self._pairs([query], [terms.from_bytes(query.terms)], [places])[0]

    def similarities(self, query: IndexedArticle) -> tuple[Vectors, Vectors]:
        """Dense and lexical similarity of one article to every one here, each (n,)."""
        if not len(self.numbers):
            return np.empty(0, np.float32), np.empty(0, np.float32)
        trusted = np.minimum(self._trusted, np.float32(self._trust.get(query.language, 1.0)))
        return trusted * (self._vectors @ query.vector), self._terms.similarities(terms.from_bytes(query.terms))

    def scales(self) -> Scales:
        """How likenesses spread over random pairs of one language; a few usual pairs are mixed in."""
        random = np.random.default_rng(0)
        size = min(len(self.numbers), SCALE_ARTICLES)
        chosen = np.sort(random.choice(len(self.numbers), size, replace=False))
        pairs = [
            (one, np.setdiff1d(random.choice(members, min(len(members), SCALE_OTHERS), replace=False), [one]))
            for one in chosen.tolist()
            for members in [self._by_language[self.languages[one]][0]]
        ]
        one = np.repeat([place for place, _ in pairs], [len(others) for _, others in pairs])
        other = np.concatenate([others for _, others in pairs])
        dense = np.einsum("ij,ij->i", self._vectors[one], self._vectors[other])
        themes = np.einsum("ij,ij->i", self._themes[one], self._themes[other])
        lexical = self._terms.similar(one, other)
        return Scales(
            _scale(dense, USUAL.dense),
            _scale(np.sqrt(np.clip(lexical, 0, 1)), USUAL.lexical),
            _scale(themes, USUAL.themes),
        )


def _scale(values: Vectors, usual: Scale) -> Scale:
    """Mean and deviation of some values and of USUAL_PAIRS that are as usual."""
    total = len(values) + USUAL_PAIRS
    mean = (values.sum() + USUAL_PAIRS * usual.mean) / total
    square = (np.square(values - mean).sum() + USUAL_PAIRS * (usual.deviation**2 + (usual.mean - mean) ** 2)) / total
    return Scale(float(mean), float(np.sqrt(square)))


def _products(queries: Sequence[Vectors], query: Positions, others: Vectors, other: Positions) -> Vectors:
    products: Vectors = np.einsum("ij,ij->i", np.stack(queries)[query], others[other])
    return products


def story_links(number: int, rows: CandidateArray, posted: Posted, ranker: Ranker) -> list[Link]:
    """How strongly an article is linked with each candidate: their scores."""
    apart = np.array([posted.get(other, np.nan) for other in rows["number"].tolist()]) - posted.get(number, np.nan)
    scores = scored(similarities(rows, np.abs(apart), ranker.scales), ranker.model).score
    return [(score, number, other) for score, other in zip(scores.tolist(), rows["number"].tolist(), strict=True)]


def best_of(links: Sequence[Link], rows: CandidateArray, min_score: float) -> list[int]:
    """The candidates in the article's language that a sidebar would show first, by their links: see `story_links`.

    What scores below `min_score` is not shown as related, and below it the last bit of a sum would decide.
    """
    readable = [link for link, same in zip(links, rows["same"].tolist(), strict=True) if same and link[0] >= min_score]
    return [other for _, _, other in sorted(readable, key=lambda link: (-link[0], link[2]))[:SIDEBAR]]


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
        """Reads what others have written since the last call. Call it inside a transaction."""
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
            del self._entries[number], self._floors[number], self._stories[number]
        self._stories |= {row.number: row.story for row in rows if row.text_hash}
        self._entries |= {entry.number: entry for entry in entries}
        self._floors |= {row.number: floors(row.candidates) for row in rows if row.text_hash}
        if entries or gone:
            self._finder = self._finder.replaced(gone, entries)

    def _entry(self, row: NeighbourRow, vector: Vectors) -> IndexedArticle:
        return self._frame.entry(row.number, row.text_hash, row.language, vector, terms.from_bytes(row.terms))

    def candidates(self, article: Article, vector: Vectors) -> Found:
        """The candidates of a text that need not be in the archive; `vector` as `article_vectors` gives it."""
        rows = self._finder.lists([self._new_entry(-1, article, vector)])[0]
        return Found(rows, self._frame.lexical.names(article), self._known_generation().number)

    def _new_entry(self, number: int, article: Article, vector: Vectors) -> IndexedArticle:
        row = self._frame.lexical.rows([article])[0]
        return self._frame.entry(number, article.text_hash, article.language, vector, row)

    def apply(self, members: Sequence[Member], articles: Mapping[int, Article], left: Sequence[int]) -> Changes:
        """Takes articles in (new or changed) and out (`left`), and says which rows that changes.

        The lists are those that a full build with the same word weights and centre would give. An article joins the
        running story that it is nearest to; which stories there are is for builds to say.
        """
        self._known_generation()
        came = [self._new_entry(member.number, articles[member.number], member.vector) for member in members]
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
        self._floors |= {number: floors(rows) for number, rows in (own | lists).items()}
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
        """New lists of the articles that find some of `came` worth a place, without those in `done`."""
        generation = self._known_generation()
        wanted: dict[int, list[IndexedArticle]] = {}
        for entry in came:
            for number in self._reached_by(entry) - done:
                wanted.setdefault(number, []).append(entry)
        current = self._store.generations.candidates(generation.number, sorted(wanted))
        return {
            number: replace(current[number], self._finder.compared(self._entries[number], newcomers))
            for number, newcomers in wanted.items()
        }
