"""Use case: a recipe becomes a model version: what it learns from, what it is measured on, and what its card says."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from recommender.arrays import Vectors
from recommender.articles.article import Article
from recommender.articles.text import passages
from recommender.embedding.pooling import Centres, Geometry, is_of, unit
from recommender.errors import InvalidInput, NotBuilt
from recommender.evaluation.breakdown import groups
from recommender.evaluation.evaluation import DEPTH, MAIN, MEASURES, System
from recommender.metrics import Grades, bootstrap_interval, ndcg
from recommender.ranking.facts import SIDEBAR_PLACES
from recommender.ranking.scoring import RankingModel
from recommender.release.cards import CANDIDATE, LEARNED_QUERIES, Embedding, HistoryEntry, ModelCard
from recommender.store.base import Store
from recommender.training import ranking_weights
from recommender.training.examples import EpochEvaluation, Example, Learned
from recommender.training.pairs import GRADE, REJECTION, TEST, TRAIN, TextPair, counts
from recommender.training.ranking_weights import Fitter, JudgedQuery
from recommender.training.recipes import (
    ADAPTER,
    WITHIN,
    FinetuneRecipe,
    RankingRecipe,
    Recipe,
    StaticRecipe,
    content,
)

EDGES = (0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
MIN_STORIES = 2
MIN_OF_GROUP = 3  # queries, for a group to have figures of its own
RELATED_LABEL = 0.5  # a graded pair is an example from grade 2 on, "real context or a clear parallel"
ALONE = f"{MAIN}, embedding alone"
NOT_MAIN = MEASURES.keys() - {MAIN}

Figures = dict[str, dict[str, float]]  # measure: mean, low, high
Metrics = dict[str, Figures]  # set of queries: its figures


class Trainer(Protocol):
    """Trains embedding models; equal input gives equal files."""

    def libraries(self) -> dict[str, str]:
        """The versions of everything that a run depends on."""
        ...

    def finetune(
        self,
        base: Path,
        recipe: FinetuneRecipe,
        examples: Sequence[Example],
        articles: Sequence[Sequence[str]],
        *,
        evaluation: EpochEvaluation | None,
        into: Path,
    ) -> Learned:
        """Trains the model in `base` on and writes the best one into a folder. Raises ModelUnavailable.

        `articles`, the passages of each, are needed where the loss is WITHIN, `examples` for the others.
        """
        ...

    def distil(self, base: Path, recipe: StaticRecipe, texts: Sequence[str], into: Path) -> None:
        """Writes a static model that imitates the one in `base` on some texts. Raises ModelUnavailable."""
        ...


@dataclass(frozen=True)
class TrainingServices:
    """What training needs from the assembly.

    `described` is what a card says of the embedding model in a folder, `system` the service over a store with some
    weights. `built` gives a temporary store with the articles of another, built with the embedding model in a folder.
    """

    trainer: Trainer
    fitter: Fitter
    described: Callable[[Path], Embedding]
    system: Callable[[Store, RankingModel], System]
    built: Callable[[Store, str], AbstractContextManager[Store]]


# -- a version ---------------------------------------------------------------------------------------------------------

HELD_OUT, BEFORE = "held-out queries", "held-out queries, live model"
BY_STORY = "held out by story"
EMBEDDING = "embedding"  # the folder of a version with its embedding model
SEEN_TEXTS = "The texts of the held-out queries took part; what people said of them did not."
NO_ORDER = "A text is the mean of its words: their order, and what a word means beside others, is lost."


@dataclass(frozen=True)
class Base:
    """The model version that a recipe starts from: its name, its embedding model and where that lies, its weights.

    Without `folder` it is none that sentence-transformers reads, so only its weights can be learned.
    """

    name: str
    embedding: Embedding
    folder: Path | None
    ranking: RankingModel

    @property
    def model(self) -> str:
        """The embedding model as the setting `model` names one."""
        return str(self.folder or self.embedding.model)

    @property
    def trainable(self) -> Path:
        """The folder to train. Raises InvalidInput without one."""
        if self.folder is None:
            raise InvalidInput(
                f"The embedding of {self.name}, {self.embedding.version}, cannot be trained; a recipe of the kind "
                "`ranking` can learn weights for it."
            )
        return self.folder


@dataclass(frozen=True)
class RunInfo:
    """By whom a run is started, when and with what; `data` describes the training data: see `data_card`."""

    name: str
    at: datetime
    by: str
    software: str
    data: Mapping[str, Any]


def train(
    store: Store,
    recipe: Recipe,
    base: Base,
    training_set: "TrainingSet",
    *,
    services: TrainingServices,
    into: Path,
    run_info: RunInfo,
) -> ModelCard:
    """The card of a new version; the files of its embedding model, if it has one of its own, are in `into`.

    Raises NotBuilt and ModelUnavailable, and InvalidInput where the recipe has nothing to learn from.
    """
    ranking, embedding = base.ranking, base.embedding
    training_set = training_set.among(_published(store))
    extra: dict[str, Any] = {}
    failures: list[str] = []
    if isinstance(recipe, RankingRecipe):
        with _built_with(base, store, services) as built:
            fit = fit_ranking(built, recipe, run_info.name.replace("/", "-"), training_set.judgments, services)
        ranking, metrics = fit.model, fit.metrics
        extra = {"judged": {"queries": fit.queries, "stories": fit.stories}, "calibration": fit.calibration}
    else:
        if isinstance(recipe, FinetuneRecipe):
            made = finetune(store, base.trainable, recipe, training_set, services=services, into=into)
        else:
            made = distil(store, base.trainable, recipe, training_set, services=services, into=into)
        embedding, metrics = services.described(into), made.metrics
        failures = _regressions(metrics)
        if isinstance(recipe, StaticRecipe):
            failures += [NO_ORDER, *([SEEN_TEXTS] if metrics else [])]
        if made.learned:
            extra = {"exam": {**asdict(made.learned), "scores": [round(score, 3) for score in made.learned.scores]}}
    libraries = services.trainer.libraries()
    return ModelCard(
        name=run_info.name,
        made_on=run_info.at.date(),
        made_with=run_info.software,
        embedding=embedding,
        ranking=ranking,
        training={
            "recipe": content(recipe),
            "base": base.name,
            "data": dict(run_info.data),
            "seed": recipe.seed,
            "libraries": libraries,
            LEARNED_QUERIES: learned_queries(recipe, training_set),
            **extra,
        },
        metrics=metrics,
        failures=tuple(failures),
        history=(HistoryEntry(run_info.at, run_info.by, CANDIDATE, f"trained from {base.name}"),),
    )


@contextmanager
def _built_with(base: Base, store: Store, services: TrainingServices) -> Iterator[Store]:
    """The store, where its live generation has the base's embedding model; else its articles, built with that."""
    live = store.generations.live()
    if live is not None and is_of(live.model, base.embedding.version):
        yield store
    else:
        with services.built(store, base.model) as built:
            yield built


def learned_queries(recipe: Recipe, training_set: "TrainingSet") -> list[str]:
    """The articles whose judgments a recipe may know: it learns from them, or picks its best epoch by them.

    The release gate leaves them out. Both articles of a pair are among them, since it says something of both.
    """
    if isinstance(recipe, RankingRecipe):
        return sorted(training_set.judgments)
    if isinstance(recipe, StaticRecipe) or recipe.loss == WITHIN:
        return []
    evaluation = recipe.part != ADAPTER  # those run all their epochs
    learned_from = {
        article
        for pair in training_set.pairs
        if pair.side == TRAIN and pair.kind in {*recipe.pairs, REJECTION}
        for article in (pair.source, pair.target)
        if pair.source != pair.target
    }
    return sorted(learned_from | (training_set.judged(TRAIN).keys() if evaluation else set()))


def data_card(window: Mapping[str, Any], pairs: Sequence[TextPair], sha256: str) -> dict[str, Any]:
    """What a card says of training data: from when it is, how much of what kind, and its digest."""
    kinds = {kind: f"{sides[TRAIN]} for training, {sides[TEST]} for testing" for kind, sides in counts(pairs).items()}
    return {
        "window": [window["first"], window["last"]],
        "articles": window["articles"],
        "counts": kinds,
        "sha256": sha256,
    }


def _regressions(metrics: Metrics) -> list[str]:
    """In sentences, where the new model is below the live one on the held-out queries."""
    return [
        f"{name}: {label} is {new['mean']:.3f}, with the live model {before[label]['mean']:.3f}."
        for name, labels in metrics.items()
        if (before := metrics.get(name.replace(HELD_OUT, BEFORE, 1))) is not None
        for label, new in labels.items()
        if label not in NOT_MAIN and new["mean"] < before[label]["mean"]
    ]


# -- ranking weights ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fit:
    """Weights learned from all judged queries, and figures of such weights on stories that they have not seen."""

    model: RankingModel
    queries: int
    stories: int
    metrics: Metrics
    calibration: list[dict[str, float]]


def fit_ranking(
    store: Store, recipe: RankingRecipe, version: str, judgments: Mapping[str, Grades], services: TrainingServices
) -> Fit:
    """Learns ranking weights; no story stands on both sides of a fold. Raises NotBuilt and InvalidInput."""
    judged = ranking_weights.collect(store, judgments)
    stories = len({query.story for query in judged})
    if stories < MIN_STORIES:
        raise InvalidInput("The judged queries are of one story; cross-validation needs two or more.")
    values: dict[str, dict[str, list[float]]] = {measure: defaultdict(list) for measure in MEASURES}
    scored: list[tuple[JudgedQuery, RankingModel]] = []
    for repeat in range(recipe.repeats):
        for training, held in ranking_weights.folds(judged, recipe.seed + repeat):
            model = ranking_weights.learn(training, services.fitter, "fold")
            system = services.system(store, model)
            for query in held:
                ids = [article for article, _ in system(query.query)]
                for measure, function in MEASURES.items():
                    values[measure][query.query].append(function(ids, judgments[query.query]))
            scored += [(query, model) for query in held] if repeat == 0 else []
    means = {
        measure: {query: sum(values_of_query) / len(values_of_query) for query, values_of_query in queries.items()}
        for measure, queries in values.items()
    }
    bins = [_rounded(asdict(query)) for query in ranking_weights.calibration(scored, EDGES)]
    model = ranking_weights.learn(judged, services.fitter, version)
    return Fit(model, len(judged), stories, _metrics(store, BY_STORY, means), bins)


def _metrics(store: Store, name: str, values: Mapping[str, Mapping[str, float]]) -> Metrics:
    """Figures of a set of queries by measure, and MAIN of each of its groups with enough of them.

    `values` has one value for each query, by measure.
    """
    queries = list(values[MAIN])
    by_number = store.articles.get(list(store.articles.numbers(queries).values()), texts=False)
    articles = [article for article in by_number.values() if article.id in values[MAIN]]
    days = store.articles.posted(_numbers(store)).values()
    newest = datetime.fromtimestamp(max(days), UTC) if days else None
    metrics = {name: {measure: figures(list(by_query.values())) for measure, by_query in values.items()}}
    for kind, members in groups(articles, newest).items():
        named = {
            f"{group} ({len(places)})": figures([values[MAIN][articles[place].id] for place in places])
            for group, places in members.items()
            if len(places) >= MIN_OF_GROUP
        }
        metrics |= {f"{name}, {MAIN} by {kind}": named} if named and len(members) > 1 else {}
    return metrics


def _published(store: Store) -> frozenset[str]:
    articles = store.articles.get(_numbers(store), texts=False).values()
    return frozenset(article.id for article in articles if article.status == "published")


def _numbers(store: Store) -> list[int]:
    """The articles of the live generation. Raises NotBuilt."""
    generation = store.state().generation
    if generation is None:
        raise NotBuilt
    return store.generations.numbers(generation)


def figures(values: Sequence[float]) -> dict[str, float]:
    """A mean over queries with its 95 % bootstrap interval, as cards have them."""
    low, high = bootstrap_interval(values)
    return _rounded({"mean": sum(values) / len(values) if values else 0.0, "low": low, "high": high})


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in values.items()}


# -- embedding models --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TrainingSet:
    """What an embedding model is trained and measured with: pairs with their sides, judged queries, ranking weights.

    A judged query is for testing if its article is; queries of articles without a side are left out. `ranking` measures
    where there are no judged queries to learn other weights from.
    """

    pairs: Sequence[TextPair]
    judgments: Mapping[str, Grades]
    ranking: RankingModel

    def among(self, articles: Collection[str]) -> "TrainingSet":
        """The same without judged queries of other articles: one that is withdrawn has no sidebar to be measured."""
        remaining = {query: grades for query, grades in self.judgments.items() if query in articles}
        return replace(self, judgments=remaining)

    def sides(self) -> dict[str, str]:
        """The side of each article that has a pair."""
        return {article: pair.side for pair in self.pairs for article in (pair.source, pair.target)}

    def judged(self, side: str) -> dict[str, Grades]:
        """The judged queries of one side."""
        sides = self.sides()
        return {query: grades for query, grades in self.judgments.items() if sides.get(query) == side}


@dataclass(frozen=True)
class Embedded:
    """How a training run went, and its figures on queries that took no part in it."""

    learned: Learned | None
    metrics: Metrics


def finetune(
    store: Store,
    base: Path,
    recipe: FinetuneRecipe,
    training_set: TrainingSet,
    *,
    services: TrainingServices,
    into: Path,
) -> Embedded:
    """Trains an embedding model on and measures it beside the one that it comes from.

    Each epoch is evaluated on the judged queries of the training side. Raises NotBuilt and InvalidInput.
    """
    examples = examples_of(training_set.pairs, recipe.pairs)
    articles: list[list[str]] = []
    if recipe.loss == WITHIN:
        articles = passages_of(store, training_set)
        if all(len(parts) == 1 for parts in articles):
            raise InvalidInput(f"No article has a second passage, so {WITHIN} has nothing to learn from.")
    elif not examples:
        raise InvalidInput(f"The training data holds no pair of {', '.join(recipe.pairs)} for training.")
    learned = services.trainer.finetune(
        base, recipe, examples, articles, evaluation=_epoch_evaluation(store, training_set), into=into
    )
    return Embedded(learned, _measured(store, into, training_set, services))


def distil(
    store: Store, base: Path, recipe: StaticRecipe, training_set: TrainingSet, *, services: TrainingServices, into: Path
) -> Embedded:
    """Makes a static model that imitates another on the texts of the articles, and measures it beside that one."""
    texts = sorted({text for article in _archive(store) for text in _texts(article)})
    if len(texts) > recipe.texts:
        chosen = np.random.default_rng(recipe.seed).choice(len(texts), recipe.texts, replace=False)
        texts = [texts[place] for place in sorted(chosen.tolist())]
    services.trainer.distil(base, recipe, texts, into)
    return Embedded(None, _measured(store, into, training_set, services))


def _texts(article: Article) -> list[str]:
    paragraphs = [paragraph for paragraph in article.body.split("\n") if paragraph.strip()]
    return [article.title, *paragraphs, *_passages(article)]


def _archive(store: Store) -> list[Article]:
    """The articles of the live generation, by number. Raises NotBuilt."""
    articles = store.articles.get(_numbers(store))
    return [articles[number] for number in sorted(articles)]


def examples_of(pairs: Sequence[TextPair], kinds: Sequence[str]) -> list[Example]:
    """Pairs of training that belong together; what was rejected or graded 0 beside an article are its negatives."""
    chosen = [pair for pair in pairs if pair.side == TRAIN and pair.kind in {*kinds, REJECTION}]
    negatives: defaultdict[str, list[str]] = defaultdict(list)
    for pair in chosen:
        if pair.kind in {REJECTION, GRADE} and pair.label == 0:
            negatives[pair.source].append(pair.text)
    together = (pair for pair in chosen if pair.kind != REJECTION and pair.label >= RELATED_LABEL)
    return [Example(pair.anchor, pair.text, tuple(negatives[pair.source])) for pair in together]


def passages_of(store: Store, training_set: TrainingSet) -> list[list[str]]:
    """The passages of each article that is not held out. Raises NotBuilt."""
    return [_passages(article) for article in _training_articles(store, training_set)]


def _training_articles(store: Store, training_set: TrainingSet) -> list[Article]:
    sides = training_set.sides()
    return [article for article in _archive(store) if sides.get(article.id, TRAIN) == TRAIN]


def _passages(article: Article) -> list[str]:
    return passages(article.title, article.summary, article.body)


def _epoch_evaluation(store: Store, training_set: TrainingSet) -> EpochEvaluation | None:
    """nDCG@3 of the embedding alone on the judged queries of the training side, among all articles of that side."""
    judged = training_set.judged(TRAIN)
    if not judged:
        return None
    articles = _training_articles(store, training_set)
    texts, languages = [_passages(article) for article in articles], [article.language for article in articles]
    starts = np.cumsum([0, *map(len, texts)])[:-1]
    ids = [article.id for article in articles]

    def score(vectors: Vectors) -> float:
        article_vectors = unit(np.add.reduceat(vectors, starts, axis=0))
        values = _by_embedding(article_vectors, languages, ids, Centres.of(article_vectors, languages), judged)
        return sum(values.values()) / len(values)

    return EpochEvaluation([text for parts in texts for text in parts], score)


def _by_embedding(
    vectors: Vectors, languages: Sequence[str], ids: Sequence[str], centres: Centres, judged: Mapping[str, Grades]
) -> dict[str, float]:
    """nDCG@3 of cosine similarity alone for each judged query."""
    centred = np.stack([centres.centred(vector, own) for vector, own in zip(vectors, languages, strict=True)])
    places = {article: place for place, article in enumerate(ids)}
    values = {}
    for query, grades in judged.items():
        if query in places:
            order = np.argsort(-(centred @ centred[places[query]]), kind="stable")
            values[query] = ndcg([ids[place] for place in order if ids[place] != query][:DEPTH], grades, SIDEBAR_PLACES)
    return values


def _measured(store: Store, folder: Path, training_set: TrainingSet, services: TrainingServices) -> Metrics:
    """The new model and the live one on the held-out queries; the weights are learned from the others each time."""
    if not training_set.judged(TEST):
        return {}
    before = _held_out(BEFORE, store, training_set, services)
    with services.built(store, str(folder)) as built:
        return _held_out(HELD_OUT, built, training_set, services) | before


def _held_out(name: str, store: Store, training_set: TrainingSet, services: TrainingServices) -> Metrics:
    training, testing = training_set.judged(TRAIN), training_set.judged(TEST)
    model = (
        ranking_weights.learn(ranking_weights.collect(store, training), services.fitter, "known")
        if training
        else training_set.ranking
    )
    system = services.system(store, model)
    values = {
        measure: {query: function([article for article, _ in system(query)], testing[query]) for query in testing}
        for measure, function in MEASURES.items()
    }
    live = store.generations.live()
    if live is None:
        raise NotBuilt
    members = store.generations.members(live.model, live.number)
    articles = store.articles.get([member.number for member in members], texts=False)
    values[ALONE] = _by_embedding(
        np.stack([member.vector for member in members]),
        [member.language for member in members],
        [articles[member.number].id for member in members],
        Geometry.from_bytes(live.geometry).embeddings,
        testing,
    )
    return _metrics(store, name, values)
