"""What the release gate says of good embedding models and of spoiled ones, before graders have seen their sidebars."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from benchmarks import corpora
from benchmarks.judged import Archive, sample
from benchmarks.report import Table
from benchmarks.training_worth import (
    STATIC,
    Remembered,
    built,
    default_model,
    difference,
    finetune_recipe,
    trained_network,
    training_set,
)
from recommender.arrays import Vectors
from recommender.embedding.base import Embedder
from recommender.embedding.pooling import unit
from recommender.embedding.sentence_transformer import SentenceTransformerEmbedder
from recommender.evaluation.baselines import service_system, sidebars
from recommender.evaluation.evaluation import MAIN
from recommender.release.comparison import remembered
from recommender.release.gate import on_judgments
from recommender.release.golden_files import read_golden
from recommender.release.golden_pairs import Broken, GoldenPair, broken
from recommender.release.promotion import GATED
from recommender.serving.answers import Query
from recommender.training.linear_adapter import whitening
from recommender.training.training import passages_of


def run() -> list[Table]:
    """Each model by the two checks that need no panel."""
    rows = []
    golden = read_golden(corpora.ROOT / "models" / "golden.yaml")
    with ExitStack() as stack:
        archive = sample(stack)
        base = default_model(archive)
        live = _seen(archive, base, golden)
        for name, embedder in _candidates(archive, base):
            seen = _seen(archive, embedder, golden)
            check = on_judgments(live.values, seen.values, archive.name)
            rows.append(
                [
                    name,
                    *(difference(live.values[measure], seen.values[measure]) for measure in GATED),
                    f"{len(seen.broken)} of {len(golden)}",
                    "passed" if check.passed and not seen.broken else "refused",
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
    with built(archive, embedder) as made:
        recommender = made.recommender()
        system = remembered(service_system(recommender))
        shown = sidebars(recommender, [pair.article for pair in golden], Query())
        return Seen({measure: made.values(system, measure) for measure in GATED}, broken(golden, shown))


def _candidates(archive: Archive, base: Remembered) -> Iterator[tuple[str, Embedder]]:
    texts = list(base.vectors)
    vectors = unit(np.stack([base.vectors[text] for text in texts]))
    random = np.random.default_rng(0)
    noise = unit(random.normal(size=vectors.shape).astype(np.float32))
    articles = passages_of(archive.store, training_set(archive, archive.judged, []))
    others = {text: base.vectors[texts[place]] for text, place in zip(texts, _elsewhere(articles, texts), strict=True)}

    def spoiled(name: str, mixed: Vectors) -> Embedder:
        return Remembered(name, dict(zip(texts, mixed, strict=True)), base.pieces_per_word)

    yield "static/1", SentenceTransformerEmbedder(str(STATIC))
    yield "within.toml", base.moved("within", whitening(base, finetune_recipe("within.toml"), articles))
    yield "naive.toml", trained_network(archive, "naive.toml")
    for share, strength in ((0.5, "half as strong"), (1.0, "equally strong"), (2.0, "twice as strong")):
        yield f"mixed with noise, {strength}", spoiled(f"noise {share}", vectors + share * noise)
    yield "random vectors", spoiled("random", noise)
    yield "those of other articles", Remembered("others", others, base.pieces_per_word)


def _elsewhere(articles: Sequence[Sequence[str]], texts: Sequence[str]) -> list[int]:
    """For each text the place of one of another article, the same one for all texts of an article."""
    owner = {text: number for number, passages in enumerate(articles) for text in passages}
    first = {number: texts.index(passages[0]) for number, passages in enumerate(articles)}
    moved = np.roll(np.random.default_rng(0).permutation(len(first)), 1).tolist()
    return [first[moved[owner[text]]] for text in texts]
