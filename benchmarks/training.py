"""What training is worth: the static model beside its teacher, recipes on stories not seen, how many grades it takes.

Each section runs alone too: `python -m benchmarks training-static`, `training-search`, `training-naive`,
`training-graded`, `training-gate`, `training-curve`.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import corpora
from benchmarks.judged import SETTINGS, Archive, archives, estimate, sample, three
from benchmarks.report import Table, in_turn, ratio
from recommender.arrays import Vectors
from recommender.articles.text import passages
from recommender.embedding.base import Embedder
from recommender.embedding.model_files import DEFAULT_MODEL, find_model
from recommender.embedding.pooling import unit
from recommender.embedding.sentence_transformer import SentenceTransformerEmbedder
from recommender.evaluation.baselines import DENSE, service_system, sidebars
from recommender.evaluation.evaluation import DEPTH, MAIN, MEASURES
from recommender.metrics import paired_difference
from recommender.ranking.scoring import DEFAULT
from recommender.release.comparison import remembered
from recommender.release.gate import on_judgments
from recommender.release.golden_files import read_golden
from recommender.release.golden_pairs import Broken, GoldenPair, broken
from recommender.release.promotion import GATED
from recommender.serving.recommender import Query
from recommender.training import ranking_weights
from recommender.training.dataset import Request, collect
from recommender.training.linear_adapter import whitening
from recommender.training.pairs import TEST, TITLE_BODY, TRAIN, TextPair
from recommender.training.ranking_weights import JudgedQuery
from recommender.training.recipes import FinetuneRecipe, parse_recipe
from recommender.training.sentence_transformers_trainer import SentenceTransformersTrainer
from recommender.training.training import TrainingSet, examples_of, passages_of
from recommender.wiring import copied, make_builder, make_fitter

RECIPES = corpora.ROOT / "models" / "recipes"
STATIC = corpora.ROOT / "models" / "static" / "1" / "embedding"
REPEATS = 2
SPEED_TEXTS = 64
ROUNDS = 3
GRADES = (50, 100, 200, 400, 800)
CURVE_REPEATS = 3
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


def run() -> list[Table]:
    """Every section; two hours on two cores."""
    return [*static(), *search(), *naive(), *graded(), *gate(), *curve()]


# -- sections ----------------------------------------------------------------------------------------------------------


def static() -> list[Table]:
    """The static model beside its teacher: quality on every judged archive, then speed and size."""
    rows = []
    with ExitStack() as stack:
        for archive in archives(stack):
            texts = _texts(archive)
            teacher = _teacher(archive)
            small = SentenceTransformerEmbedder(str(STATIC))
            random = np.random.default_rng(0).normal(size=(len(texts), 64)).astype(np.float32)
            nothing = Remembered("random", dict(zip(texts, random, strict=True)), teacher.pieces_per_word)
            before = _worth(archive, teacher)
            for name, embedder in (("teacher", teacher), ("static", small), ("random vectors", nothing)):
                found = before if embedder is teacher else _worth(archive, embedder)
                share = sum(found.service) / sum(before.service)
                rows.append([archive.name, name, estimate(found.alone), estimate(found.service), f"{share:.1%}"])
        texts = _texts(sample(stack))[:SPEED_TEXTS]
    small, large = (SentenceTransformerEmbedder(name) for name in (str(STATIC), DEFAULT_MODEL))
    large.embed(texts[:2])
    small.embed(texts[:2])
    slow, fast = in_turn(lambda: large.embed(texts), lambda: small.embed(texts), ROUNDS)
    sizes = [_megabytes(find_model(DEFAULT_MODEL).folder), _megabytes(STATIC)]
    return [
        Table(
            "The static model: quality",
            "nDCG@3 with 95 % intervals over queries; the service's weights are learned on other stories each time. "
            "`of the teacher` is the service's share. Random vectors show what the service is worth without any "
            "embedding.",
            ("archive", "embedding", "alone", "in the service", "of the teacher"),
            rows,
        ),
        Table(
            "The static model: speed and size",
            f"{len(texts)} passages of the sample, embedded by both in turn, {ROUNDS} times.",
            ("teacher", "static", "teacher / static", "teacher, MB", "static, MB"),
            [
                [
                    f"{len(texts) / float(np.median(slow)):,.0f} passages/s",
                    f"{len(texts) / float(np.median(fast)):,.0f} passages/s",
                    ratio(slow, fast),
                    *sizes,
                ]
            ],
        ),
    ]


def search() -> list[Table]:
    """Layers behind the frozen model, cross-validated by story."""
    rows = []
    with ExitStack() as stack:
        archive, *others = archives(stack)
        base = _teacher(archive)
        before = _worth(archive, base)
        rows.append(_row("as it is", before, before))
        within = _recipe("within.toml")
        seen = passages_of(archive.store, _material(archive, archive.judged, []))
        for ridge in (100.0, 30.0, 10.0, 3.0):
            layer = base.moved(f"within {ridge}", whitening(base, replace(within, ridge=ridge), seen))  # type: ignore[arg-type]
            rows.append(_row(f"within.toml, ridge {ridge:g}", _worth(archive, layer), before))

        def unseen(known: Sequence[JudgedQuery], held: Sequence[JudgedQuery]) -> Embedder:
            articles = passages_of(archive.store, _material(archive, known, held))
            return base.moved("unseen", whitening(base, within, articles))  # type: ignore[arg-type]

        for kept, label in ((True, "stories kept aside"), (False, "the articles of all stories, no judgment of them")):
            found = _by_fold(archive, lambda known, held, k=kept: unseen(known, held if k else []))  # type: ignore[misc]
            rows.append(_row(f"within.toml, trained on {label}", found, before))
        elsewhere = []
        matrix = whitening(base, within, seen)  # type: ignore[arg-type]
        for other in others:
            first = _worth(other, _teacher(other))
            second = _worth(other, _teacher(other).moved("within", matrix))
            elsewhere.append([other.name, *_row("", second, first)[1:]])
    head = ("nDCG@3 alone", "against", "in the service", "against")
    return [
        Table(
            "Recipes on the sample",
            f"{ranking_weights.FOLDS} folds by story, {REPEATS} times for the service; the weights of the ranking are "
            "learned on other stories. `against`: paired difference from the model as it is, 95 % interval over "
            "queries.",
            ("recipe", *head),
            rows,
        ),
        Table(
            "The layer of within.toml, learned from the sample, on other archives",
            "Neither archive took part in the choice.",
            ("archive", *head),
            elsewhere,
        ),
    ]


def naive() -> list[Table]:
    """The recipe that trains the network itself without labels; a quarter of an hour on two cores, once."""
    with ExitStack() as stack:
        archive = sample(stack)
        before = _worth(archive, _teacher(archive))
        rows = [_row("naive.toml", _worth(archive, _network(archive, "naive.toml")), before)]
    return [
        Table(
            "The network trained on titles and bodies",
            "Without labels, on all articles of the sample; measured as above.",
            ("recipe", "nDCG@3 alone", "against", "in the service", "against"),
            rows,
        )
    ]


def graded() -> list[Table]:
    """The recipe that trains the network on graded pairs, anew for each fold; half an hour on two cores."""
    with ExitStack() as stack:
        archive = sample(stack)
        before = _worth(archive, _teacher(archive))
        found = _by_fold(archive, lambda known, _: _network(archive, "graded.toml", known))
        rows = [_row("graded.toml", found, before)]
    return [
        Table(
            "The network trained on grades",
            "On the graded pairs of other stories; measured as above.",
            ("recipe", "nDCG@3 alone", "against", "in the service", "against"),
            rows,
        )
    ]


def gate() -> list[Table]:
    """What the release gate says of good models and of spoiled ones, before anybody has graded their sidebars."""
    rows = []
    golden = read_golden(corpora.ROOT / "models" / "golden.yaml")
    with ExitStack() as stack:
        archive = sample(stack)
        base = _teacher(archive)
        live = _seen(archive, base, golden)
        for name, embedder in _candidates(archive, base):
            found = _seen(archive, embedder, golden)
            check = on_judgments(live.values, found.values, archive.name)
            rows.append(
                [
                    name,
                    *(_difference(live.values[measure], found.values[measure]) for measure in GATED),
                    f"{len(found.broken)} of {len(golden)}",
                    "passed" if check.passed and not found.broken else "refused",
                ]
            )
    return [
        Table(
            "What the gate sees without a panel",
            f"{len(live.values[MAIN])} queries of the sample, with the live weights; paired differences from the live "
            "model, 95 %. Broken golden pairs are those of `models/golden.yaml`.",
            ("instead of the model's vectors", *GATED, "golden pairs broken", "by these two checks"),
            rows,
        )
    ]


@dataclass(frozen=True)
class Seen:
    """What the gate looks at: each measure's values by query, and the golden pairs that do not hold."""

    values: Mapping[str, Sequence[float]]
    broken: Sequence[Broken]


def _seen(archive: Archive, embedder: Embedder, golden: Sequence[GoldenPair]) -> Seen:
    with _built(archive, embedder) as made:
        recommender = made.recommender()
        system = remembered(service_system(recommender))
        shown = sidebars(recommender, [pair.article for pair in golden], Query())
        return Seen({measure: made.values(system, measure) for measure in GATED}, broken(golden, shown))


def _candidates(archive: Archive, base: Remembered) -> Iterator[tuple[str, Embedder]]:
    texts = list(base.vectors)
    vectors = unit(np.stack([base.vectors[text] for text in texts]))
    random = np.random.default_rng(0)
    noise = unit(random.normal(size=vectors.shape).astype(np.float32))
    articles = passages_of(archive.store, _material(archive, archive.judged, []))
    others = {text: base.vectors[texts[place]] for text, place in zip(texts, _elsewhere(articles, texts), strict=True)}

    def spoiled(name: str, mixed: Vectors) -> Embedder:
        return Remembered(name, dict(zip(texts, mixed, strict=True)), base.pieces_per_word)

    yield "static/1", SentenceTransformerEmbedder(str(STATIC))
    yield "within.toml", base.moved("within", whitening(base, _recipe("within.toml"), articles))  # type: ignore[arg-type]
    yield "naive.toml", _network(archive, "naive.toml")
    for share, told in ((0.5, "half as strong"), (1.0, "equally strong"), (2.0, "twice as strong")):
        yield f"mixed with noise, {told}", spoiled(f"noise {share}", vectors + share * noise)
    yield "random vectors", spoiled("lot", noise)
    yield "those of other articles", Remembered("others", others, base.pieces_per_word)


def _elsewhere(articles: Sequence[Sequence[str]], texts: Sequence[str]) -> list[int]:
    """For each text the place of one of another article, the same one for all texts of an article."""
    owner = {text: number for number, passages in enumerate(articles) for text in passages}
    first = {number: texts.index(passages[0]) for number, passages in enumerate(articles)}
    moved = np.roll(np.random.default_rng(0).permutation(len(first)), 1).tolist()
    return [first[moved[owner[text]]] for text in texts]


def curve() -> list[Table]:
    """Weights of the ranking from ever more graded pairs."""
    with ExitStack() as stack:
        archive = sample(stack)
        everything = _learned_from(archive, None)
        rows = []
        for count in (*GRADES, None):
            used, values = everything if count is None else _learned_from(archive, count)
            rows.append([f"{used:,.0f}", estimate(values), _difference(everything[1], values)])
    return [
        Table(
            "How many graded pairs the ranking takes",
            f"Weights learned from some of the graded pairs of other stories, {CURVE_REPEATS} times "
            f"{ranking_weights.FOLDS} folds; the last line has them all.",
            ("graded pairs", "nDCG@3 in the service", "against all"),
            rows,
        )
    ]


# -- measuring ---------------------------------------------------------------------------------------------------------


@contextmanager
def _built(archive: Archive, embedder: Embedder) -> Iterator[Archive]:
    with copied(archive.store) as store:
        make_builder(store, SETTINGS, embedder).build()
        yield replace(archive, store=store)


def _worth(archive: Archive, embedder: Embedder) -> Worth:
    with _built(archive, embedder) as made:
        folds = [fold for seed in range(REPEATS) for fold in ranking_weights.folds(made.judged, seed)]
        return Worth(made.values(made.evaluated.systems[DENSE], MAIN), _service(made, folds))


def _by_fold(archive: Archive, embedder: Callable[[Sequence[JudgedQuery], Sequence[JudgedQuery]], Embedder]) -> Worth:
    """The same with an embedder of its own for each fold."""
    alone: dict[str, float] = {}
    service: dict[str, float] = {}
    for known, held in ranking_weights.folds(archive.judged, 0):
        with _built(archive, embedder(known, held)) as made:
            names = {one.query for one in held}
            inside = [one for one in made.judged if one.query not in names]
            outside = [one for one in made.judged if one.query in names]
            lists = (made.values(made.evaluated.systems[DENSE], MAIN), _service(made, [(inside, outside)]))
            for found, values in zip((alone, service), lists, strict=True):
                found |= {query: value for query, value in zip(archive.qrels, values, strict=True) if query in names}
    return Worth([alone[query] for query in archive.qrels], [service[query] for query in archive.qrels])


def _service(archive: Archive, folds: Sequence[tuple[Sequence[JudgedQuery], Sequence[JudgedQuery]]]) -> list[float]:
    values: dict[str, list[float]] = {query: [] for query in archive.qrels}
    for known, held in folds:
        system = three(archive.recommender(ranking_weights.learn(known, make_fitter(), "fold")), DEPTH, 0.0)
        for one in held:
            ids = [article for article, _ in system(one.query)]
            values[one.query].append(MEASURES[MAIN](ids, archive.qrels[one.query]))
    return [sum(found) / len(found) if found else 0.0 for found in values.values()]


def _learned_from(archive: Archive, count: int | None) -> tuple[float, list[float]]:
    """How many graded pairs were learned from on average, and nDCG@3 of each query."""
    used, folds = [], []
    for seed in range(CURVE_REPEATS):
        for known, held in ranking_weights.folds(archive.judged, seed):
            chosen: list[JudgedQuery] = []
            grades = 0
            for place in np.random.default_rng(seed).permutation(len(known)).tolist():
                if count is None or grades < count:
                    chosen.append(known[place])
                    grades += len(archive.qrels[known[place].query])
            used.append(grades)
            folds.append((chosen, held))
    return float(np.mean(used)), _service(archive, folds)


def _row(name: str, found: Worth, before: Worth) -> list[str]:
    cells = []
    for values, first in ((found.alone, before.alone), (found.service, before.service)):
        cells += [estimate(values), "" if values == first else _difference(first, values)]
    return [name, *cells]


def _difference(first: Sequence[float], second: Sequence[float]) -> str:
    """How far the second values are above the first, of the same queries."""
    found = paired_difference(first, second)
    return f"{found.mean:+.3f} ({found.low:+.3f} to {found.high:+.3f})"


def _network(archive: Archive, name: str, known: Sequence[JudgedQuery] | None = None) -> Embedder:
    """The default model after a recipe of models/recipes: on all articles, and the judgments of some queries.

    It is kept under var/bench, by what it has learned from.
    """
    recipe = _recipe(name)
    judgments = {one.query: archive.qrels[one.query] for one in known or ()}
    examples = examples_of(collect(archive.store, Request(share=0.0, judgments=judgments)).pairs, recipe.pairs)
    key = hashlib.sha256(repr((recipe, examples)).encode()).hexdigest()[:12]
    into = corpora.FOLDER / f"{name}-{key}"
    if not into.exists():
        with tempfile.TemporaryDirectory(dir=corpora.FOLDER) as folder:
            made = Path(folder) / "model"
            base = find_model(DEFAULT_MODEL).folder
            SentenceTransformersTrainer().finetune(base, recipe, examples, [], exam=None, into=made)
            made.rename(into)
    return SentenceTransformerEmbedder(str(into))


def _material(archive: Archive, known: Sequence[JudgedQuery], held: Sequence[JudgedQuery]) -> TrainingSet:
    """Material in which the stories of `held` are kept aside: the queries and whatever is graded for them."""
    aside = {one.query for one in held}
    aside |= {article for one in held for article, grade in archive.qrels[one.query].items() if grade >= MIN_LABEL}
    members = archive.store.generations.members(archive.live.model)
    articles = archive.store.articles.get([member.number for member in members], texts=False).values()
    pairs = [TextPair(TITLE_BODY, TEST if one.id in aside else TRAIN, one.id, one.id, 1.0, "", "") for one in articles]
    return TrainingSet(pairs, {one.query: archive.qrels[one.query] for one in known}, DEFAULT)


def _texts(archive: Archive) -> list[str]:
    members = archive.store.generations.members(archive.live.model)
    articles = archive.store.articles.get([member.number for member in members]).values()
    return sorted({text for one in articles for text in passages(one.title, one.summary, one.body)})


def _teacher(archive: Archive) -> Remembered:
    """The default model on the passages of an archive."""
    return _remembered(archive.name, tuple(_texts(archive)))


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


def _recipe(name: str) -> FinetuneRecipe:
    found = parse_recipe((RECIPES / name).read_text(encoding="utf-8"), name)
    assert isinstance(found, FinetuneRecipe)
    return found


def _megabytes(folder: Path) -> str:
    return f"{sum(file.stat().st_size for file in folder.rglob('*') if file.is_file()) / 1e6:.1f}"
