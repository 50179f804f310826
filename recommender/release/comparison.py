"""Use case: how two model versions differ, on judged queries and in the sidebars of all articles."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean

from recommender import metrics
from recommender.arrays import Vectors
from recommender.articles.article import Article
from recommender.embedding.base import Embedder
from recommender.embedding.input_form import InputForm
from recommender.evaluation.baselines import embedding_system, service_system, sidebars
from recommender.evaluation.breakdown import groups
from recommender.evaluation.evaluation import DEPTH, MAIN, MEASURES, Estimate, System
from recommender.metrics import Grades, PairedDifference
from recommender.release.base import Registry
from recommender.serving.answers import Query
from recommender.serving.recommender import Recommender
from recommender.store.base import Store

COPIED_AT_ONCE = 500
SHOWN = 20  # articles whose sidebars differ most
SERVICE, EMBEDDING = "the service", "embedding alone"


@dataclass(frozen=True)
class JudgedSet:
    """Judged queries, and whose they are, as a report calls them."""

    name: str
    qrels: Mapping[str, Grades]

    def among(self, published: Iterable[str]) -> "JudgedSet":
        """The queries that are among some articles and have something to be found: a grade above 0."""
        queries = frozenset(published)
        return JudgedSet(
            self.name,
            {
                query: grades
                for query, grades in self.qrels.items()
                if query in queries and max(grades.values(), default=0) > 0
            },
        )

    def without(self, queries: Collection[str]) -> "JudgedSet":
        """The set without the queries that a version has learned from; its name says how many are missing."""
        unseen = {query: grades for query, grades in self.qrels.items() if query not in queries}
        missing = len(self.qrels) - len(unseen)
        return JudgedSet(f"{self.name}, without {missing} that it has learned from", unseen) if missing else self


@dataclass(frozen=True)
class Paired:
    """One measure of two model versions on the same queries, and by how much the second is above the first.

    `p_value` is that of the paired randomisation test; `better` and `worse` count queries, of the second.
    """

    queries: int
    first: Estimate
    second: Estimate
    difference: PairedDifference
    p_value: float
    better: int
    worse: int


@dataclass(frozen=True)
class JudgedComparison:
    """What one judged set says: by system and measure, and MAIN of the service by language, country and age.

    `learned` says from how many of its queries each of the two versions has learned.
    """

    name: str
    systems: Mapping[str, Mapping[str, Paired]]
    groups: Mapping[str, Mapping[str, Paired]]
    learned: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class SidebarPair:
    """The sidebars of an article with both versions, by title, and how similar they are."""

    article: str
    title: str
    first: tuple[str, ...]
    second: tuple[str, ...]
    overlap: float
    likeness: float


@dataclass(frozen=True)
class Overlap:
    """How similar the sidebars of two versions are: `overlap` on three places, `likeness` on the first ten.

    Both are means over the articles, see `metrics.overlap` and `metrics.rank_biased_overlap`; `same` counts the
    sidebars that show the same three in the same order. `most` are those that differ most.
    """

    articles: int
    same: int
    overlap: float
    likeness: float
    most: tuple[SidebarPair, ...]


@dataclass(frozen=True)
class Cost:
    """What a version costs: milliseconds for one article (median), bytes in memory and on disk, seconds for a build.

    `memory` is the peak of a process that embeds with it; `build` is without the embedding.
    """

    embedding: float
    memory: int
    disk: int
    build: float


@dataclass(frozen=True)
class ComparedVersion:
    """A model version, built: a store in which its generation is live, the service over it, and what it costs.

    `learned` are the judged queries that it has learned from.
    """

    name: str
    store: Store
    recommender: Recommender
    cost: Cost
    learned: frozenset[str] = frozenset()


@dataclass(frozen=True)
class VersionComparison:
    """All results of the comparison of two model versions."""

    first: str
    second: str
    articles: int
    judged: tuple[JudgedComparison, ...]
    overlap: Overlap
    costs: tuple[Cost, Cost]


def compare(first: ComparedVersion, second: ComparedVersion, sets: Sequence[JudgedSet]) -> VersionComparison:
    """Compares two versions that were built from the same articles. Sets without a query of theirs are left out."""
    articles = published(first.store, first.recommender)
    judged = [judged_set.among(articles) for judged_set in sets]
    return VersionComparison(
        first.name,
        second.name,
        len(articles),
        tuple(_judged(first, second, judged_set, articles) for judged_set in judged if judged_set.qrels),
        overlaps(first.recommender, second.recommender, articles),
        (first.cost, second.cost),
    )


def published(store: Store, recommender: Recommender) -> dict[str, Article]:
    """The articles that sidebars may show, by id, without their bodies."""
    columns = recommender.columns()
    numbers: list[int] = columns.number[columns.shown].tolist()
    return {article.id: article for article in store.articles.get(numbers, texts=False).values()}


def lineage(registry: Registry, name: str) -> list[str]:
    """A version and those that it comes from, as far as they are there; the nearest first."""
    names, versions = registry.names(), list[str]()
    while name in names and name not in versions:
        versions.append(name)
        name = str(registry.card(name).training.get("base"))
    return versions


def learned_queries(registry: Registry, names: Iterable[str]) -> frozenset[str]:
    """The judged queries that some versions have learned from."""
    return frozenset[str]().union(*(registry.card(name).learned_queries for name in names))


# -- judged queries ----------------------------------------------------------------------------------------------------


def values(system: System, judged: JudgedSet, measure: str = MAIN) -> list[float]:
    """One value for each query of a judged set, in order."""
    function = MEASURES[measure]
    return [
        function([article_id for article_id, _ in system(query)[:DEPTH]], grades)
        for query, grades in judged.qrels.items()
    ]


def _judged(
    first: ComparedVersion, second: ComparedVersion, judged: JudgedSet, articles: Mapping[str, Article]
) -> JudgedComparison:
    makers: Mapping[str, Callable[[ComparedVersion], System]] = {
        SERVICE: lambda side: service_system(side.recommender),
        EMBEDDING: lambda side: embedding_system(side.store),
    }
    systems = {}
    for name, make in makers.items():
        first_system, second_system = remembered(make(first)), remembered(make(second))
        systems[name] = {
            measure: (values(first_system, judged, measure), values(second_system, judged, measure))
            for measure in MEASURES
        }
    queries = [articles[query] for query in judged.qrels]
    return JudgedComparison(
        judged.name,
        {name: {measure: paired(*both) for measure, both in measures.items()} for name, measures in systems.items()},
        _grouped(queries, *systems[SERVICE][MAIN], newest=_newest(articles.values())),
        (len(first.learned & judged.qrels.keys()), len(second.learned & judged.qrels.keys())),
    )


def remembered(system: System) -> System:
    """The same system, called once for each query."""
    rankings: dict[str, Sequence[tuple[str, float]]] = {}

    def remembering(query: str) -> Sequence[tuple[str, float]]:
        if query not in rankings:
            rankings[query] = system(query)
        return rankings[query]

    return remembering


def paired(first: Sequence[float], second: Sequence[float]) -> Paired:
    """Two versions' values of the same queries, one or more, side by side."""
    return Paired(
        len(first),
        Estimate(fmean(first), *metrics.bootstrap_interval(first)),
        Estimate(fmean(second), *metrics.bootstrap_interval(second)),
        metrics.paired_difference(first, second),
        metrics.paired_randomisation(first, second),
        sum(after > before for before, after in zip(first, second, strict=True)),
        sum(after < before for before, after in zip(first, second, strict=True)),
    )


def _grouped(
    queries: Sequence[Article], first: Sequence[float], second: Sequence[float], newest: datetime | None
) -> dict[str, dict[str, Paired]]:
    """By kind of group and group; a query of two countries counts in both."""
    return {
        kind: {
            group: paired([first[place] for place in members], [second[place] for place in members])
            for group, members in members_of.items()
        }
        for kind, members_of in groups(queries, newest).items()
    }


def _newest(articles: Iterable[Article]) -> datetime | None:
    return max((article.posted_on for article in articles if article.posted_on), default=None)


# -- sidebars ----------------------------------------------------------------------------------------------------------


def overlaps(first: Recommender, second: Recommender, articles: Mapping[str, Article]) -> Overlap:
    """How similar the sidebars of some articles are, without anything that editors have decided."""
    first, second = first.without_signals(), second.without_signals()
    ids, deep = list(articles), Query(n=DEPTH, fallback="none")
    sidebars_of = [sidebars(side, ids, Query()) for side in (first, second)]
    ten = [sidebars(side, ids, deep) for side in (first, second)]

    def titles(side: int, key: str) -> tuple[str, ...]:
        return tuple(articles[teaser].title for teaser in sidebars_of[side][key])

    pairs = [
        SidebarPair(
            key,
            articles[key].title,
            titles(0, key),
            titles(1, key),
            metrics.overlap(sidebars_of[0][key], sidebars_of[1][key], Query().n),
            metrics.rank_biased_overlap(ten[0][key], ten[1][key]),
        )
        for key in ids
    ]
    differing = sorted(
        (pair for pair in pairs if pair.first != pair.second), key=lambda pair: (pair.overlap, pair.likeness)
    )
    return Overlap(
        len(pairs),
        len(pairs) - len(differing),
        fmean(pair.overlap for pair in pairs) if pairs else 1.0,
        fmean(pair.likeness for pair in pairs) if pairs else 1.0,
        tuple(differing[:SHOWN]),
    )


# -- making a side -----------------------------------------------------------------------------------------------------


def copy_articles(site: Store, apart: Store) -> list[str]:
    """Puts the published articles of a site into a store of its own; gives the keys of their texts."""
    keys: list[str] = []
    numbers = [facts.number for facts in site.articles.facts_since(-1) if facts.published]
    for start in range(0, len(numbers), COPIED_AT_ONCE):
        articles = list(site.articles.get(numbers[start : start + COPIED_AT_ONCE]).values())
        apart.articles.upsert(articles)
        keys += [article.text_key for article in articles]
    return keys


def copy_vectors(giver: Store, taker: Store, model: str, keys: Sequence[str]) -> int:
    """Copies the vectors of some texts that `giver` keeps and `taker` lacks; gives their number."""
    copied = 0
    for start in range(0, len(keys), COPIED_AT_ONCE):
        batch = keys[start : start + COPIED_AT_ONCE]
        known = taker.generations.vectors(model, batch)
        new = {key: vector for key, vector in giver.generations.vectors(model, batch).items() if key not in known}
        if new:
            taker.generations.put_vectors(model, new)
        copied += len(new)
    return copied


def copy_verdicts(giver: Store, taker: Store, reranker: str | None) -> None:
    """Copies what a version of a reader has said, so that a comparison asks about nothing that was read before."""
    for article, verdicts in [] if reranker is None else giver.verdicts.of(reranker):
        taker.verdicts.put(reranker or "", article, verdicts)


class Timed:
    """`Embedder` that counts the seconds that another one works, the loading of its model included."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.seconds = 0.0

    @property
    def version(self) -> str:
        """That of the other one."""
        return self._embedder.version

    @property
    def input_form(self) -> InputForm:
        """That of the other one."""
        return self._embedder.input_form

    def embed(self, texts: Sequence[str]) -> Vectors:
        """As the other one does."""
        with self._counted():
            return self._embedder.embed(texts)

    def pieces_per_word(self, texts: Sequence[str]) -> float:
        """As the other one says."""
        with self._counted():
            return self._embedder.pieces_per_word(texts)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - started
