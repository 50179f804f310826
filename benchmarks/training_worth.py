"""What training recipes are measured with: an archive built anew with other vectors, and its worth beside the first."""

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import corpora
from benchmarks.judged import SETTINGS, Archive, estimate, three
from recommender.arrays import Vectors
from recommender.articles.text import passages
from recommender.embedding.base import Embedder
from recommender.embedding.model_files import DEFAULT_MODEL, find_model
from recommender.embedding.pooling import unit
from recommender.embedding.sentence_transformer import SentenceTransformerEmbedder
from recommender.evaluation.baselines import DENSE
from recommender.evaluation.evaluation import DEPTH, MAIN, MEASURES
from recommender.metrics import paired_difference
from recommender.ranking.scoring import DEFAULT
from recommender.training import ranking_weights
from recommender.training.dataset import Request, collect
from recommender.training.pairs import TEST, TITLE_BODY, TRAIN, TextPair
from recommender.training.ranking_weights import JudgedQuery
from recommender.training.recipes import FinetuneRecipe, parse_recipe
from recommender.training.sentence_transformers_trainer import SentenceTransformersTrainer
from recommender.training.training import TrainingSet, examples_of
from recommender.wiring import copied, make_builder, make_fitter

RECIPES = corpora.ROOT / "models" / "recipes"
STATIC = corpora.ROOT / "models" / "static" / "1" / "embedding"
REPEATS = 2
MIN_LABEL = 1  # from this grade on an article is of the query's story, when stories are kept aside


@dataclass(frozen=True)
class Worth:
    """nDCG@3 of each query: by the embedding alone, and of the service with weights learned on other stories."""

    alone: Sequence[float]
    service: Sequence[float]


class Remembered:
    """`Embedder` whose vectors of all texts are known; also what the trainer asks of a model it only embeds with."""

    def __init__(self, version: str, vectors: Mapping[str, Vectors], pieces: Callable[[Sequence[str]], float]) -> None:
        self.version = version
        self.vectors = vectors
        self.pieces_per_word = pieces

    def embed(self, texts: Sequence[str]) -> Vectors:
        """(len(texts), dimension) unit vectors."""
        return unit(np.stack([self.vectors[text] for text in texts]))

    def encode(self, texts: Sequence[str], **_: object) -> Vectors:
        """The same, as sentence-transformers calls it."""
        return self.embed(texts)

    def get_embedding_dimension(self) -> int:
        """How long the vectors are."""
        return len(next(iter(self.vectors.values())))

    def moved(self, version: str, matrix: Any) -> "Remembered":
        """The same behind a linear layer."""
        change = np.asarray(matrix, dtype=np.float32)
        return Remembered(
            version, {text: vector @ change for text, vector in self.vectors.items()}, self.pieces_per_word
        )


@contextmanager
def built(archive: Archive, embedder: Embedder) -> Iterator[Archive]:
    with copied(archive.store) as store:
        make_builder(store, SETTINGS, embedder).build()
        yield replace(archive, store=store)


def worth_of(archive: Archive, embedder: Embedder) -> Worth:
    with built(archive, embedder) as made:
        folds = [fold for seed in range(REPEATS) for fold in ranking_weights.folds(made.judged, seed)]
        return Worth(made.values(made.evaluated.systems[DENSE], MAIN), service_values(made, folds))


def by_fold(archive: Archive, embedder: Callable[[Sequence[JudgedQuery], Sequence[JudgedQuery]], Embedder]) -> Worth:
    """The same with an embedder of its own for each fold."""
    alone: dict[str, float] = {}
    service: dict[str, float] = {}
    for training, held in ranking_weights.folds(archive.judged, 0):
        with built(archive, embedder(training, held)) as made:
            names = {query.query for query in held}
            inside = [query for query in made.judged if query.query not in names]
            outside = [query for query in made.judged if query.query in names]
            lists = (made.values(made.evaluated.systems[DENSE], MAIN), service_values(made, [(inside, outside)]))
            for values_of, figures in zip((alone, service), lists, strict=True):
                values_of |= {
                    query: value for query, value in zip(archive.qrels, figures, strict=True) if query in names
                }
    return Worth([alone[query] for query in archive.qrels], [service[query] for query in archive.qrels])


def service_values(
    archive: Archive, folds: Sequence[tuple[Sequence[JudgedQuery], Sequence[JudgedQuery]]]
) -> list[float]:
    values: dict[str, list[float]] = {query: [] for query in archive.qrels}
    for training, held in folds:
        system = three(archive.recommender(ranking_weights.learn(training, make_fitter(), "fold")), DEPTH, 0.0)
        for query in held:
            ids = [article for article, _ in system(query.query)]
            values[query.query].append(MEASURES[MAIN](ids, archive.qrels[query.query]))
    return [sum(figures) / len(figures) if figures else 0.0 for figures in values.values()]


def row(name: str, worth: Worth, before: Worth) -> list[str]:
    cells = []
    for values, first in ((worth.alone, before.alone), (worth.service, before.service)):
        cells += [estimate(values), "" if values == first else difference(first, values)]
    return [name, *cells]


def difference(first: Sequence[float], second: Sequence[float]) -> str:
    """How far the second values are above the first, of the same queries."""
    paired = paired_difference(first, second)
    return f"{paired.mean:+.3f} ({paired.low:+.3f} to {paired.high:+.3f})"


def trained_network(archive: Archive, name: str, training: Sequence[JudgedQuery] | None = None) -> Embedder:
    """The default model after a recipe of models/recipes: on all articles, and the judgments of some queries.

    It is kept under var/bench, by what it has learned from.
    """
    recipe = finetune_recipe(name)
    judgments = {query.query: archive.qrels[query.query] for query in training or ()}
    examples = examples_of(collect(archive.store, Request(share=0.0, judgments=judgments)).pairs, recipe.pairs)
    key = hashlib.sha256(repr((recipe, examples)).encode()).hexdigest()[:12]
    into = corpora.FOLDER / f"{name}-{key}"
    if not into.exists():
        with tempfile.TemporaryDirectory(dir=corpora.FOLDER) as folder:
            made = Path(folder) / "model"
            base = find_model(DEFAULT_MODEL).folder
            SentenceTransformersTrainer().finetune(base, recipe, examples, [], evaluation=None, into=made)
            made.rename(into)
    return SentenceTransformerEmbedder(str(into))


def training_set(archive: Archive, training: Sequence[JudgedQuery], held: Sequence[JudgedQuery]) -> TrainingSet:
    """Material in which the stories of `held` are kept aside: the queries and whatever is graded for them."""
    held_out = {item.query for item in held}
    held_out |= {article for item in held for article, grade in archive.qrels[item.query].items() if grade >= MIN_LABEL}
    members = archive.store.generations.members(archive.live.model, archive.live.number)
    articles = archive.store.articles.get([member.number for member in members], texts=False).values()
    pairs = [
        TextPair(TITLE_BODY, TEST if item.id in held_out else TRAIN, item.id, item.id, 1.0, "", "") for item in articles
    ]
    return TrainingSet(pairs, {item.query: archive.qrels[item.query] for item in training}, DEFAULT)


def passages_of_archive(archive: Archive) -> list[str]:
    members = archive.store.generations.members(archive.live.model, archive.live.number)
    articles = archive.store.articles.get([member.number for member in members]).values()
    return sorted({text for article in articles for text in passages(article.title, article.summary, article.body)})


def default_model(archive: Archive) -> Remembered:
    """The default model on the passages of an archive."""
    return _remembered(archive.name, tuple(passages_of_archive(archive)))


@cache
def _remembered(name: str, texts: tuple[str, ...]) -> Remembered:
    """Vectors are kept under var/bench: embedding an archive takes minutes."""
    model = SentenceTransformerEmbedder(DEFAULT_MODEL)
    file = corpora.FOLDER / f"passages-{name}.npy"
    if not file.exists():
        np.save(file, model.embed(texts))
    vectors = np.load(file, allow_pickle=False)
    if len(vectors) != len(texts):
        raise SystemExit(f"{file} is of another archive; remove it.")
    return Remembered(model.version, dict(zip(texts, vectors, strict=True)), model.pieces_per_word)


def finetune_recipe(name: str) -> FinetuneRecipe:
    recipe = parse_recipe((RECIPES / name).read_text(encoding="utf-8"), name)
    assert isinstance(recipe, FinetuneRecipe)
    return recipe
