"""Archives with judgments, each in a database that was built as a site builds it."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from pydantic import SecretStr

from benchmarks import corpora
from recommender.articles.gazetteer import Gazetteer
from recommender.evaluation.evaluation import DEPTH, MEASURES, System
from recommender.evaluation.trec import read_qrels
from recommender.metrics import Grades, bootstrap_interval, per_query
from recommender.ranking.scoring import DEFAULT, RankingModel
from recommender.serving.answers import ANY_LANGUAGE, Query, RankingDefaults
from recommender.serving.recommender import Recommender
from recommender.settings import Settings
from recommender.store.base import Store
from recommender.store.generations import Generation
from recommender.training import ranking_weights
from recommender.training.ranking_weights import JudgedQuery
from recommender.wiring import Evaluated, make_fitter, make_gazetteer, make_systems, open_store, utc_now

SAMPLE = corpora.ROOT / "recommender" / "sample"
# Lee, Pincombe and Welsh 2005; de Loupy et al., LREC 2010. Not ours to pass on: beside the checkout, or left out.
OTHERS = ("lee2005", "rpm2_french")
# An embedding model that reads French, where it has been made: see benchmarks/multilingual.py.
MULTILINGUAL = corpora.ROOT / "var" / "models" / "multilingual-e5-small"
SHOWN = ("nDCG@3", "nDCG@10", "poor@3")
REPEATS = 5
SETTINGS = Settings()


@dataclass(frozen=True)
class Archive:
    """One judged archive: its store, its judgments, and the ways to rank it."""

    name: str
    store: Store
    qrels: Mapping[str, Grades]
    gazetteer: Gazetteer

    @cached_property
    def live(self) -> Generation:
        """The archive's generation."""
        generation = self.store.generations.live()
        if generation is None:
            raise SystemExit("The benchmark's database has no generation.")
        return generation

    @cached_property
    def evaluated(self) -> Evaluated:
        """The service and the usual methods."""
        return make_systems(self.store, self.recommender())

    @cached_property
    def judged(self) -> list[JudgedQuery]:
        """The similarities of all judged candidates."""
        return ranking_weights.collect(self.store, self.qrels)

    def recommender(
        self,
        model: RankingModel = DEFAULT,
        *,
        roles: bool = True,
        min_score: float = SETTINGS.min_score,
        other_languages: bool = True,
    ) -> Recommender:
        """The service as a site has it, or with other choices."""
        defaults = RankingDefaults(min_score, 0.0, model, SETTINGS.roles if roles else (), other_languages)
        return Recommender(self.store, defaults, self.gazetteer, utc_now)

    def values(self, system: System, measure: str) -> list[float]:
        """A measure of `recommender evaluate` for each query."""
        run = {query: [article for article, _ in system(query)[:DEPTH]] for query in self.qrels}
        return per_query(run, self.qrels, MEASURES[measure])

    @cached_property
    def held_out(self) -> Mapping[str, list[float]]:
        """The measures of the service for each query, ranked by weights that were learned on other stories."""
        values: dict[str, dict[str, list[float]]] = {measure: {query: [] for query in self.qrels} for measure in SHOWN}
        for seed in range(REPEATS):
            for training, held in ranking_weights.folds(self.judged, seed):
                system = three(self.recommender(ranking_weights.learn(training, make_fitter(), "fold")), DEPTH, 0.0)
                for query in held:
                    ids = [article for article, _ in system(query.query)]
                    for measure, queries in values.items():
                        queries[query.query].append(MEASURES[measure](ids, self.qrels[query.query]))
        return {
            measure: [sum(values) / len(values) for values in queries.values()] for measure, queries in values.items()
        }


def three(recommender: Recommender, n: int = 3, min_score: float | None = None) -> System:
    """The service asked for `n` in all languages, without fallbacks; with the site's threshold or another."""
    query = Query(n=n, languages=(ANY_LANGUAGE,), min_score=min_score, fallback="none")

    def system(article_id: str) -> list[tuple[str, float]]:
        items = recommender.for_article(article_id, query).items
        return [(item.article.id, item.teaser.score) for item in items]

    return system


def sample(stack: ExitStack) -> Archive:
    """The sample, built by the default model."""
    return _opened(SAMPLE, stack, None)


def archives(stack: ExitStack, model: str | Path | None = None) -> list[Archive]:
    """The sample first, then the other judged archives that are there; built by the default model or another."""
    folders = [SAMPLE, *(corpora.REUTERS.parents[1] / name for name in OTHERS)]
    return [_opened(folder, stack, model) for folder in folders if (folder / "qrels.txt").is_file()]


def _opened(folder: Path, stack: ExitStack, model: str | Path | None) -> Archive:
    url = corpora.built(folder.name, (str(folder / "articles.jsonl"),), model)
    store = open_store(url)
    stack.callback(store.close)
    settings = SETTINGS.model_copy(update={"database_url": SecretStr(url)})
    return Archive(folder.name, store, read_qrels(folder / "qrels.txt"), make_gazetteer(settings))


def estimate(values: Sequence[float]) -> str:
    """A mean with its 95 % bootstrap interval over queries."""
    low, high = bootstrap_interval(values)
    return f"{sum(values) / len(values):.3f} ({low:.3f}-{high:.3f})"


def mean(values: Sequence[float]) -> str:
    """A mean."""
    return f"{sum(values) / len(values):.3f}"


def event_groups() -> list[set[str]]:
    """The sample's groups of articles that report one event."""
    return [set(group["ids"]) for group in json.loads((SAMPLE / "event_groups.json").read_text(encoding="utf-8"))]


def milliseconds(work: Callable[[], object], rounds: int) -> float:
    """The median time of some work."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times) * 1000)
