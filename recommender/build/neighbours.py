"""Candidate lists: which articles may be related, among a fixed set of articles, as a full build makes them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.arrays import Counts, IntArray, Positions, Vectors
from recommender.articles.article import Article
from recommender.articles.keys import copy_key_of
from recommender.build.stories import Link
from recommender.embedding.pooling import Geometry
from recommender.ranking.candidates import (
    DEPTH,
    DEPTH_OTHER,
    EMPTY,
    CandidateArray,
    by_number,
    floors,
    make_candidates,
    trim,
)
from recommender.ranking.facts import SIDEBAR_PLACES, Ranker
from recommender.ranking.scoring import USUAL, Scale, Scales, scored, similarities
from recommender.retrieval import terms
from recommender.retrieval.base import Index, LexicalModel, Toolbox
from recommender.retrieval.terms import TermRow

Labels = npt.NDArray[np.object_]
Search = Callable[[Positions, int], Positions]  # the best so many for some of the queries, by their places
Posted = Mapping[int, float]  # when each article was published, in seconds since 1970; undated ones are left out

SEARCHED_AT_ONCE = 256  # articles searched at once: bounds the memory of a build at any archive size
SCALE_ARTICLES = 1_000  # scales are measured between so many articles
SCALE_OTHERS = 30  # and so many others of each
_HALF = 2**63  # a copy key less this is a signed number of 64 bits
USUAL_PAIRS = 100  # usual pairs mixed in, so that three articles have scales as well


@dataclass(frozen=True)
class IndexedArticle:
    """One article as the finder holds it: centred unit vectors of its text and of its themes, and weighted terms.

    `text_hash` is made by `keys.indexed_hash`.
    """

    number: int
    text_hash: str
    language: str
    vector: Vectors
    themes: Vectors
    terms: bytes

    @property
    def copies(self) -> int:
        """What it has in common with the copies of its text, and with no other article."""
        key = copy_key_of(self.text_hash)
        return int(key, 16) - _HALF if key else self.number


@dataclass(frozen=True)
class GenerationModels:
    """What one generation has learned, and so how it sees an article."""

    geometry: Geometry
    lexical: LexicalModel

    def text(self, article: Article) -> Article:
        """What is read of an article: all but the passages that many share."""
        return self.geometry.boilerplate.cleaned(article)

    def entry(self, number: int, text_hash: str, language: str, vector: Vectors, row: TermRow) -> IndexedArticle:
        """The entry of an article; `vector` as `article_vectors` gives it."""
        return IndexedArticle(
            number,
            text_hash,
            language,
            self.geometry.embeddings.centred(vector, language),
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
        """`trust` says by language how far the embedding model's similarities count: fully where it names none.

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
        self._set_copies(np.array([entry.copies for entry in entries], dtype=np.int64))
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

    def _set_copies(self, copies: Counts) -> None:
        self._copies = copies
        self._has_copies = len(np.unique(copies)) < len(copies)

    def replaced(self, gone: set[int], came: Sequence[IndexedArticle]) -> "Finder":
        """A finder without some articles, and with others; this one stays as it is.

        What it holds of the other articles is not made anew, which takes seconds in a large archive.
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
        finder._set_copies(np.append(self._copies[keep], np.array([entry.copies for entry in came], dtype=np.int64)))
        finder._terms = self._terms.replaced(keep, [terms.from_bytes(entry.terms) for entry in came])
        return finder

    def lists(self, queries: Sequence[IndexedArticle]) -> list[CandidateArray]:
        """The candidate list of each query; an article never stands in its own list."""
        lists: list[CandidateArray] = []
        for start in range(0, len(queries), SEARCHED_AT_ONCE):
            lists += self._chunk(queries[start : start + SEARCHED_AT_ONCE])
        return lists

    def _chunk(self, queries: Sequence[IndexedArticle]) -> list[CandidateArray]:
        if not len(self.numbers):
            return [EMPTY] * len(queries)
        rows = [terms.from_bytes(query.terms) for query in queries]
        places = self._nearest(queries)
        every: Positions = np.arange(len(self.numbers))

        def by_words(some: Positions, k: int) -> Positions:
            return self._terms.search([rows[query] for query in some.tolist()], k)

        for query, positions in enumerate(self._deep(by_words, len(rows), every, DEPTH + 1)):
            places[query].append(positions)
        unions = [np.unique(np.concatenate(parts)) for parts in places]
        unions = [union[self.numbers[union] != query.number] for union, query in zip(unions, queries, strict=True)]
        return [self.trimmed(pairs) for pairs in self._pairs(queries, rows, unions)]

    def trimmed(self, rows: CandidateArray) -> CandidateArray:
        """What belongs in a list of rows that name articles of here."""
        return trim(rows, self._copies_of(rows))

    def floors(self, rows: CandidateArray) -> tuple[float, float, float]:
        """The floors of such a list: see `candidates.floors`."""
        return floors(rows, self._copies_of(rows))

    def _copies_of(self, rows: CandidateArray) -> Counts:
        copies: Counts = self._copies[[self._places[number] for number in rows["number"].tolist()]]
        return copies

    def _nearest(self, queries: Sequence[IndexedArticle]) -> list[list[Positions]]:
        vectors = np.stack([query.vector for query in queries])
        places: list[list[Positions]] = [[] for _ in queries]
        languages = np.array([query.language for query in queries], dtype=object)
        for language, (members, index) in self._by_language.items():
            for group, depth in ((languages == language, DEPTH + 1), (languages != language, DEPTH_OTHER)):
                asking = np.flatnonzero(group)
                if len(asking):
                    asked = vectors[asking]

                    def nearest(some: Positions, k: int, asked: Vectors = asked, index: Index = index) -> Positions:
                        return index.search(asked[some], k)[0]

                    deep = self._deep(nearest, len(asking), members, depth)
                    for query, row in zip(asking.tolist(), deep, strict=True):
                        places[query].append(members[row])
        return places

    def _deep(self, search: Search, queries: int, members: Positions, depth: int) -> list[Positions]:
        """Positions in `members` of the best of each query, so deep that they hold `depth` texts."""
        found = list(search(np.arange(queries), depth))
        k, short = depth, list(range(queries)) if self._has_copies else []
        while k < len(members):
            short = [query for query in short if len(np.unique(self._copies[members[found[query]]])) < depth]
            if not short:
                break
            k *= 2
            for query, positions in zip(short, search(np.array(short), k), strict=True):
                found[query] = positions
        return found

    def _pairs(
        self, queries: Sequence[IndexedArticle], rows: Sequence[TermRow], others: Sequence[Positions]
    ) -> list[CandidateArray]:
        """Each query compared with its others, given by their places here."""
        query = np.repeat(np.arange(len(others)), [len(places) for places in others])
        other = np.concatenate(others)
        features = dict(self._terms.pairs(rows, query, other))
        features["lexical"] = np.nan_to_num(features["lexical"])  # a text without known words is like no other
        if self._names_known:  # then an article without names or topics has none; else they are unknown
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
        """Similarity by embedding and by words of one article to every one here, each (n,)."""
        if not len(self.numbers):
            return np.empty(0, np.float32), np.empty(0, np.float32)
        trusted = np.minimum(self._trusted, np.float32(self._trust.get(query.language, 1.0)))
        return trusted * (self._vectors @ query.vector), self._terms.similarities(terms.from_bytes(query.terms))

    def scales(self) -> Scales:
        """How similarities spread over random pairs of one language; a few usual pairs are mixed in."""
        random = np.random.default_rng(0)
        size = min(len(self.numbers), SCALE_ARTICLES)
        chosen = np.sort(random.choice(len(self.numbers), size, replace=False))
        pairs = [
            (place, np.setdiff1d(random.choice(members, min(len(members), SCALE_OTHERS), replace=False), [place]))
            for place in chosen.tolist()
            for members in [self._by_language[self.languages[place]][0]]
        ]
        places = np.repeat([place for place, _ in pairs], [len(others) for _, others in pairs])
        other = np.concatenate([others for _, others in pairs])
        apart = self._copies[places] != self._copies[other]  # copies are as similar as nothing else is
        places, other = places[apart], other[apart]
        dense = np.einsum("ij,ij->i", self._vectors[places], self._vectors[other])
        themes = np.einsum("ij,ij->i", self._themes[places], self._themes[other])
        lexical = self._terms.similar(places, other)
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
    return [other for _, _, other in sorted(readable, key=lambda link: (-link[0], link[2]))[:SIDEBAR_PLACES]]
