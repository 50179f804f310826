"""What training is worth: the static model beside its teacher, recipes on stories not seen, how many grades it takes.

Each section runs alone too: `python -m benchmarks training-static`, `training-search`, `training-naive`,
`training-graded`, `training-gate`, `training-curve`.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import training_gate
from benchmarks.judged import Archive, archives, estimate, sample
from benchmarks.report import Table, in_turn, ratio
from benchmarks.training_worth import (
    REPEATS,
    STATIC,
    Remembered,
    by_fold,
    default_model,
    difference,
    finetune_recipe,
    passages_of_archive,
    row,
    service_values,
    trained_network,
    training_set,
    worth_of,
)
from recommender.embedding.base import Embedder
from recommender.embedding.model_files import DEFAULT_MODEL, find_model
from recommender.embedding.sentence_transformer import SentenceTransformerEmbedder
from recommender.training import ranking_weights
from recommender.training.linear_adapter import whitening
from recommender.training.ranking_weights import JudgedQuery
from recommender.training.training import passages_of

SPEED_TEXTS = 64
ROUNDS = 3
GRADES = (50, 100, 200, 400, 800)
CURVE_REPEATS = 3


def run() -> list[Table]:
    """Every section; two hours on two cores."""
    return [*static(), *search(), *naive(), *graded(), *training_gate.run(), *curve()]


# -- sections ----------------------------------------------------------------------------------------------------------


def static() -> list[Table]:
    """The static model beside its teacher: quality on every judged archive, then speed and size."""
    rows = []
    with ExitStack() as stack:
        for archive in archives(stack):
            texts = passages_of_archive(archive)
            teacher = default_model(archive)
            small = SentenceTransformerEmbedder(str(STATIC))
            random = np.random.default_rng(0).normal(size=(len(texts), 64)).astype(np.float32)
            nothing = Remembered("random", dict(zip(texts, random, strict=True)), teacher.pieces_per_word)
            before = worth_of(archive, teacher)
            for name, embedder in (("teacher", teacher), ("static", small), ("random vectors", nothing)):
                worth = before if embedder is teacher else worth_of(archive, embedder)
                share = sum(worth.service) / sum(before.service)
                rows.append([archive.name, name, estimate(worth.alone), estimate(worth.service), f"{share:.1%}"])
        texts = passages_of_archive(sample(stack))[:SPEED_TEXTS]
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
        base = default_model(archive)
        before = worth_of(archive, base)
        rows.append(row("as it is", before, before))
        within = finetune_recipe("within.toml")
        passages = passages_of(archive.store, training_set(archive, archive.judged, []))
        for ridge in (100.0, 30.0, 10.0, 3.0):
            layer = base.moved(f"within {ridge}", whitening(base, replace(within, ridge=ridge), passages))
            rows.append(row(f"within.toml, ridge {ridge:g}", worth_of(archive, layer), before))

        def unseen(training: Sequence[JudgedQuery], held: Sequence[JudgedQuery]) -> Embedder:
            articles = passages_of(archive.store, training_set(archive, training, held))
            return base.moved("unseen", whitening(base, within, articles))

        for aside, label in ((True, "stories kept aside"), (False, "the articles of all stories, no judgment of them")):
            worth = by_fold(archive, lambda training, held, k=aside: unseen(training, held if k else []))  # type: ignore[misc]
            rows.append(row(f"within.toml, trained on {label}", worth, before))
        elsewhere = []
        matrix = whitening(base, within, passages)
        for other in others:
            first = worth_of(other, default_model(other))
            second = worth_of(other, default_model(other).moved("within", matrix))
            elsewhere.append([other.name, *row("", second, first)[1:]])
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
        before = worth_of(archive, default_model(archive))
        rows = [row("naive.toml", worth_of(archive, trained_network(archive, "naive.toml")), before)]
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
        before = worth_of(archive, default_model(archive))
        worth = by_fold(archive, lambda training, _: trained_network(archive, "graded.toml", training))
        rows = [row("graded.toml", worth, before)]
    return [
        Table(
            "The network trained on grades",
            "On the graded pairs of other stories; measured as above.",
            ("recipe", "nDCG@3 alone", "against", "in the service", "against"),
            rows,
        )
    ]


def curve() -> list[Table]:
    """Weights of the ranking from ever more graded pairs."""
    with ExitStack() as stack:
        archive = sample(stack)
        everything = _learned_from(archive, None)
        rows = []
        for count in (*GRADES, None):
            used, values = everything if count is None else _learned_from(archive, count)
            rows.append([f"{used:,.0f}", estimate(values), difference(everything[1], values)])
    return [
        Table(
            "How many graded pairs the ranking takes",
            f"Weights learned from some of the graded pairs of other stories, {CURVE_REPEATS} times "
            f"{ranking_weights.FOLDS} folds; the last line has them all.",
            ("graded pairs", "nDCG@3 in the service", "against all"),
            rows,
        )
    ]


def _learned_from(archive: Archive, count: int | None) -> tuple[float, list[float]]:
    """How many graded pairs were learned from on average, and nDCG@3 of each query."""
    used, folds = [], []
    for seed in range(CURVE_REPEATS):
        for training, held in ranking_weights.folds(archive.judged, seed):
            chosen: list[JudgedQuery] = []
            grades = 0
            for place in np.random.default_rng(seed).permutation(len(training)).tolist():
                if count is None or grades < count:
                    chosen.append(training[place])
                    grades += len(archive.qrels[training[place].query])
            used.append(grades)
            folds.append((chosen, held))
    return float(np.mean(used)), service_values(archive, folds)


def _megabytes(folder: Path) -> str:
    return f"{sum(file.stat().st_size for file in folder.rglob('*') if file.is_file()) / 1e6:.1f}"
