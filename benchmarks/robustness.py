"""`python -m benchmarks.robustness [SET…]`: what is left of the sidebars where an archive lacks something.

A SET is a folder with articles.jsonl and qrels.txt, or a table of category, headline, text and url (tabs, with a head)
whose articles count as related within a category. If left out: the sample, and the judged sets beside the checkout.
Each is built anew under each of `LOSSES`; vectors are kept under var/bench, so a second run takes minutes less.
"""

import csv
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks import corpora
from benchmarks.judged import OTHERS, SAMPLE, SETTINGS
from benchmarks.losses import COPY, LOSSES, Judged
from benchmarks.report import Table
from recommender.arrays import Vectors
from recommender.articles.article import Article, parse_article
from recommender.articles.gazetteer import Gazetteer
from recommender.build.builder import Builder
from recommender.build.model_version import ModelVersion
from recommender.embedding.input_form import InputForm
from recommender.embedding.model_files import DEFAULT_MODEL
from recommender.embedding.sentence_transformer import SentenceTransformerEmbedder
from recommender.evaluation.baselines import boxes
from recommender.evaluation.evaluation import SERVICE
from recommender.evaluation.trec import read_qrels
from recommender.metrics import ndcg, poor_share
from recommender.progress import quiet
from recommender.ranking.facts import SIDEBAR_PLACES
from recommender.ranking.scoring import DEFAULT
from recommender.serving.answers import RankingDefaults
from recommender.serving.recommender import Recommender
from recommender.store.base import Store
from recommender.temporary import TemporaryFolder
from recommender.wiring import make_gazetteer, make_systems, make_toolbox, open_store, utc_now

KEPT = corpora.FOLDER / "passages.npz"
SAME_CATEGORY = 2


class KeptVectors:
    """An `Embedder` that keeps the vector of each passage it has read."""

    def __init__(self) -> None:
        self._embedder = SentenceTransformerEmbedder(DEFAULT_MODEL)
        self._kept: dict[str, Vectors] = {}
        self._cuts: dict[str, float] = {}
        if KEPT.is_file():
            with np.load(KEPT) as kept:
                if str(kept["version"]) == self.version:
                    self._kept = dict(zip(kept["keys"].tolist(), kept["vectors"], strict=True))

    @property
    def version(self) -> str:
        """That of the model."""
        return self._embedder.version

    @property
    def input_form(self) -> InputForm:
        """That of the model."""
        return self._embedder.input_form

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Reads what is new and keeps it."""
        keys = [hashlib.sha256(text.encode()).hexdigest()[:24] for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._kept}
        if new:
            self._kept |= zip(new, self._embedder.embed(list(new.values())), strict=True)
        return np.stack([self._kept[key] for key in keys])

    def pieces_per_word(self, texts: Sequence[str]) -> float:
        """As the model has it; counted once for equal texts."""
        key = hashlib.sha256("\n".join(texts).encode()).hexdigest()
        if key not in self._cuts:
            self._cuts[key] = self._embedder.pieces_per_word(texts)
        return self._cuts[key]

    def save(self) -> None:
        """Writes what is kept."""
        KEPT.parent.mkdir(parents=True, exist_ok=True)
        np.savez(KEPT, version=self.version, keys=list(self._kept), vectors=np.stack(list(self._kept.values())))


def main() -> None:
    """Prints the table of the sets named on the command line."""
    print(f"## {(table := run([Path(name) for name in sys.argv[1:]])).title}\n\n{table.note}\n\n{table.markdown()}")


def run(sets: Sequence[Path] = ()) -> Table:
    """Every loss on every set."""
    beside = [corpora.REUTERS.parents[1] / name for name in OTHERS]
    sets = sets or [SAMPLE, *(folder for folder in beside if (folder / "qrels.txt").is_file())]
    embedder = KeptVectors()
    rows: list[list[str]] = []
    for path in sets:
        judged = read(path)
        for name, loss in LOSSES.items():
            if (left := loss(judged)) is not None:
                rows.append([path.stem, name, *measured(left, embedder)])
                sys.stderr.write(" | ".join(rows[-1]) + "\n")
                embedder.save()
    return Table(
        "Robustness",
        "nDCG@3 and, in brackets, the poor share of three teasers. The service: its box as readers get it, fallbacks "
        "and empty places counted. The others: the first three of all languages, under the same loss. Rank fusion: "
        "reciprocal ranks of embedding, TF-IDF with tags and TF-IDF of tags. The last column is the service less the "
        "best of the others. A text that stands there already counts as a poor teaser. "
        "The BBC's sets are named on the command line and judged by category, which is weak.",
        ("archive", "loss", "queries", SERVICE, *_OTHERS, "ahead by"),
        rows,
    )


_OTHERS = ("TF-IDF", "TF-IDF with tags", "BM25", "embedding alone", "a tag plug-in", "rank fusion")


def read(path: Path) -> Judged:
    """A set from its folder, or from a table of categories."""
    if path.is_dir():
        lines = (path / "articles.jsonl").read_text(encoding="utf-8").splitlines()
        return Judged([parse_article(json.loads(line)) for line in lines], read_qrels(path / "qrels.txt"))
    language = path.stem.rpartition("-")[2]
    with path.open(encoding="utf-8", newline="") as stream:
        records = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    articles = [
        Article(f"{path.stem}-{place}", row["headline"], body=row["text"], language=language)
        for place, row in enumerate(records)
    ]
    categories = [row["category"] for row in records]
    return Judged(
        articles,
        {
            article.id: {
                other.id: SAME_CATEGORY
                for other, another in zip(articles, categories, strict=True)
                if another == category and other is not article
            }
            for article, category in zip(articles, categories, strict=True)
        },
    )


def measured(judged: Judged, embedder: KeptVectors) -> list[str]:
    """How many queries there are, and the cells of the service, of the others, and by how much the first is ahead."""
    with TemporaryFolder("robustness") as folder:
        store = open_store(f"sqlite:///{folder}/archive.db")
        try:
            store.articles.upsert(judged.articles)
            gazetteer = make_gazetteer(SETTINGS) if judged.gazetteer else Gazetteer(())
            _build(store, embedder, gazetteer)
            defaults = RankingDefaults(SETTINGS.min_score, SETTINGS.diversity, None, SETTINGS.roles, True)
            recommender = Recommender(store, defaults, gazetteer, utc_now)
            delivered = boxes(recommender, judged.qrels)
            lists = {SERVICE: {query: [place.article for place in box] for query, box in delivered.items()}}
            systems = make_systems(store, recommender).systems
            for name in _OTHERS:
                lists[name] = {query: [other for other, _ in systems[name](query)] for query in judged.qrels}
        finally:
            store.close()
    figures = {name: _figures(run, judged) for name, run in lists.items()}
    best = max(figures[name][0] for name in _OTHERS)
    cells = [f"{gain:.3f} ({poor:.1%})" for gain, poor in figures.values()]
    return [str(len(judged.qrels)), *cells, f"{figures[SERVICE][0] - best:+.3f}"]


def _build(store: Store, embedder: KeptVectors, gazetteer: Gazetteer) -> None:
    builder = Builder(
        store,
        embedder,
        make_toolbox(gazetteer),
        ModelVersion("robustness", DEFAULT),
        utc_now,
        min_score=SETTINGS.min_score,
        prepare=lambda *_: None,
        switched=lambda: None,
    )
    builder.build(progress=quiet)


def _figures(run: Mapping[str, Sequence[str]], judged: Judged) -> tuple[float, float]:
    gains, poor = [], []
    for query, grades in judged.qrels.items():
        shown = _each_text_once(query, run[query][:SIDEBAR_PLACES])
        gains.append(ndcg(shown, grades, SIDEBAR_PLACES))
        poor.append(poor_share(shown, grades, SIDEBAR_PLACES))
    return sum(gains) / len(gains), sum(poor) / len(poor)


def _each_text_once(query: str, shown: Sequence[str]) -> list[str]:
    """By the id of the text; one that stands there already by an id that nothing has."""
    texts, seen = [], {query}
    for article in shown:
        text = article.removesuffix(COPY)
        texts.append(text if text not in seen else article + COPY)
        seen.add(text)
    return texts


if __name__ == "__main__":
    main()
