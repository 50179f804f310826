"""Use case: how good is the service on judged queries, beside the usual methods? TREC's measures, with intervals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from recommender import metrics
from recommender.errors import InvalidInput
from recommender.metrics import Grades
from recommender.ranking.facts import SIDEBAR_PLACES

# A system gives, for the id of an article, the others in its order: (id, score), best first.
Ranking = Sequence[tuple[str, float]]
System = Callable[[str], Ranking]

DEPTH = 10
SERVICE = "the service"
ALL = "all"

MAIN, POOR = f"nDCG@{SIDEBAR_PLACES}", f"poor@{SIDEBAR_PLACES}"
MEASURES: Mapping[str, Callable[[Sequence[str], Grades], float]] = {
    MAIN: lambda ranking, grades: metrics.ndcg(ranking, grades, SIDEBAR_PLACES),
    "nDCG@5": lambda ranking, grades: metrics.ndcg(ranking, grades, 5),
    "nDCG@10": lambda ranking, grades: metrics.ndcg(ranking, grades, 10),
    "recall@10": lambda ranking, grades: metrics.recall(ranking, grades, 10),
    POOR: lambda ranking, grades: metrics.poor_share(ranking, grades, SIDEBAR_PLACES),
}


@dataclass(frozen=True)
class Estimate:
    """A mean over queries with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class BaselineComparison:
    """The service against the best baseline by MAIN: mean difference and p-value of the paired randomisation test."""

    baseline: str
    difference: float
    p_value: float


@dataclass(frozen=True)
class DeliveredPlace:
    """One place of a box: the article that fills it, and whether it is related (else a fallback) and of another
    language than the source."""

    article: str
    related: bool
    foreign: bool


@dataclass(frozen=True)
class Delivered:
    """How good the boxes of some judged queries are as readers get them, and the shares of their places that hold
    related stories, related ones in another language among them, and fallbacks; the rest is empty."""

    queries: int
    ndcg: Estimate
    poor: Estimate
    related: float
    foreign: float
    fallbacks: float


@dataclass(frozen=True)
class Spread:
    """How much of the archive its sidebars show."""

    articles: int
    coverage: float
    never_shown: float
    most_shown: str | None
    largest_share: float
    full_sidebars: float


@dataclass(frozen=True)
class Evaluation:
    """The table: for each system and measure an estimate; then the comparison, and the runs it was made from."""

    queries: int
    missing: tuple[str, ...]
    table: Mapping[str, Mapping[str, Estimate]]
    by_language: Mapping[str, tuple[int, Estimate]]
    comparison: BaselineComparison
    runs: Mapping[str, Mapping[str, Ranking]]


def evaluate(systems: Mapping[str, System], qrels: Mapping[str, Grades], languages: Mapping[str, str]) -> Evaluation:
    """Runs every system on the judged queries that are among `languages` (article id to language).

    Raises InvalidInput when none of them is. A judged query that the archive does not hold is named, not counted.
    """
    judged = {query: grades for query, grades in qrels.items() if query in languages}
    if not judged:
        raise InvalidInput("None of the judged queries is among the articles; are these the right judgments?")
    runs = {name: {query: system(query)[:DEPTH] for query in judged} for name, system in systems.items()}
    values = {
        name: {measure: _values(run, judged, function) for measure, function in MEASURES.items()}
        for name, run in runs.items()
    }
    return Evaluation(
        queries=len(judged),
        missing=tuple(query for query in qrels if query not in languages),
        table={
            name: {measure: _estimate(column) for measure, column in columns.items()}
            for name, columns in values.items()
        },
        by_language=_by_language(values[SERVICE][MAIN], [languages[query] for query in judged]),
        comparison=_compare({name: columns[MAIN] for name, columns in values.items()}),
        runs=runs,
    )


def delivered(
    boxes: Mapping[str, Sequence[DeliveredPlace]], qrels: Mapping[str, Grades], languages: Mapping[str, str], n: int
) -> dict[str, Delivered]:
    """By language of the query, and for all of them as ALL, how good boxes of `n` places are; every place counts.

    `boxes` holds that of each judged query that the archive knows; `languages` is by article id.
    """
    groups: dict[str, list[str]] = {ALL: list(boxes)}
    for query in boxes:
        groups.setdefault(languages[query], []).append(query)
    by_size = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0] != ALL, group[0]))
    return {
        name: _delivered([boxes[query] for query in queries], [qrels[query] for query in queries], n)
        for name, queries in by_size
    }


def _delivered(boxes: Sequence[Sequence[DeliveredPlace]], grades: Sequence[Grades], n: int) -> Delivered:
    lists = [[place.article for place in box] for box in boxes]
    places = [place for box in boxes for place in box]
    related = [place for place in places if place.related]
    total = n * len(boxes)
    return Delivered(
        queries=len(boxes),
        ndcg=_estimate([metrics.ndcg(box, query_grades, n) for box, query_grades in zip(lists, grades, strict=True)]),
        poor=_estimate(
            [metrics.poor_share(box, query_grades, n) for box, query_grades in zip(lists, grades, strict=True)]
        ),
        related=len(related) / total,
        foreign=sum(place.foreign for place in related) / total,
        fallbacks=(len(places) - len(related)) / total,
    )


def _values(
    run: Mapping[str, Ranking], qrels: Mapping[str, Grades], measure: Callable[[Sequence[str], Grades], float]
) -> list[float]:
    return metrics.per_query({query: [item for item, _ in ranking] for query, ranking in run.items()}, qrels, measure)


def _estimate(values: Sequence[float]) -> Estimate:
    low, high = metrics.bootstrap_interval(values)
    return Estimate(sum(values) / len(values), low, high)


def _by_language(values: Sequence[float], languages: Sequence[str]) -> dict[str, tuple[int, Estimate]]:
    groups: dict[str, list[float]] = {}
    for value, language in zip(values, languages, strict=True):
        groups.setdefault(language, []).append(value)
    return {language: (len(group), _estimate(group)) for language, group in sorted(groups.items())}


def _compare(values: Mapping[str, Sequence[float]]) -> BaselineComparison:
    baselines = {name: column for name, column in values.items() if name != SERVICE}
    best = max(baselines, key=lambda name: sum(baselines[name]))
    service = values[SERVICE]
    difference = (sum(service) - sum(baselines[best])) / len(service)
    return BaselineComparison(best, difference, metrics.paired_randomisation(service, baselines[best]))


def spread(lists: Mapping[str, Sequence[str]], n: int) -> Spread:
    """How much of the archive the sidebars of every article (source id to shown ids) show.

    Parameters
    ----------
    lists : mapping of str to sequence of str
        The sidebar of every article: its id to the ids shown, best first. `Site.sidebars` gives it.
    n : int
        How many teasers a full sidebar has.

    Returns
    -------
    Spread
        The number of articles; the shares, 0 to 1, of those shown somewhere and nowhere; the article shown most and the
        share of sidebars it stands in; the share of sidebars with `n` teasers.
    """
    covered = metrics.coverage(lists)
    most, share = metrics.largest_exposure(lists)
    full = sum(len(items) >= n for items in lists.values()) / len(lists) if lists else 0.0
    return Spread(len(lists), covered, 1 - covered, most, share, full)
