"""Archives with judgments, ranked by the package's own functions from a table of all pairs of articles."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import corpora
from recommender import terms
from recommender.article import UPDATE_TAG, Article, parse_article
from recommender.candidates import CandidateArray
from recommender.embedding import SentenceTransformerEmbedder
from recommender.evaluation import MEASURES
from recommender.interfaces import Vectors
from recommender.lexical import TfidfModel
from recommender.metrics import Grades, per_query
from recommender.model_files import DEFAULT_MODEL
from recommender.neighbours import Entry, Finder
from recommender.ranking import (
    POOL,
    VERSION_LEXICAL,
    VERSION_RAW,
    Columns,
    SourceArticle,
    Weights,
    diversify,
    is_version,
    one_of_each,
    score_parts,
    total,
)
from recommender.sources.files import open_source
from recommender.sources.trec import read_qrels
from recommender.text import passages
from recommender.vectors import Centres, unit
from recommender.wiring import make_toolbox

SAMPLE = corpora.ROOT / "recommender" / "sample"
# Lee, Pincombe and Welsh 2005; de Loupy et al., LREC 2010. Not ours to pass on: beside the checkout, or left out.
OTHERS = ("lee2005", "rpm2_french")
SHOWN = ("nDCG@3", "nDCG@10", "poor@3")
DEPTH = 10

Pairs = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Judged:
    """Articles in one order, by which they are numbered, and the judgments of some of them."""

    name: str
    articles: Sequence[Article]
    qrels: Mapping[str, Grades]

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each article by its id."""
        return {article.id: place for place, article in enumerate(self.articles)}

    @cached_property
    def queries(self) -> list[int]:
        """The places of the judged queries, in the order of the judgments."""
        return [self.places[query] for query in self.qrels]

    @cached_property
    def grades(self) -> npt.NDArray[np.int_]:
        """(queries, n) grades; 0 where a pair is not listed."""
        table = np.zeros((len(self.qrels), len(self.articles)), dtype=int)
        for row, grades in enumerate(self.qrels.values()):
            table[row, [self.places[other] for other in grades]] = list(grades.values())
        return table

    @cached_property
    def facts(self) -> Columns:
        """What the ranking knows of every article."""
        dates = [article.posted_on for article in self.articles]
        return Columns(
            number=np.arange(len(self.articles), dtype=np.int32),
            posted=np.array([np.nan if date is None else date.timestamp() for date in dates]),
            reads=np.array([float(article.read_count) for article in self.articles]),
            edition=_codes([article.edition for article in self.articles]),
            language=_codes([article.language for article in self.articles]),
            shown=np.ones(len(self.articles), dtype=bool),
            update=np.array([UPDATE_TAG in article.tags for article in self.articles]),
            changed=np.zeros(len(self.articles), dtype=np.int64),
            relisted=np.zeros(len(self.articles), dtype=np.int64),
        )

    @cached_property
    def raw(self) -> Vectors:
        """(n, dimension) article vectors as the service makes them, before the mean is taken out."""
        return vectors([passages(one.title, one.summary, one.body) for one in self.articles])

    @cached_property
    def table(self) -> CandidateArray:
        """(n, n) candidate rows: every article compared with every article, itself too, as in a build."""
        languages = [article.language for article in self.articles]
        centres = Centres.of(self.raw, languages)
        rows = TfidfModel.fit(lambda: self.articles).rows(self.articles)
        entries = [
            Entry(place, "", language, vector, centres.centred(vector, language), terms.to_bytes(row))
            for place, (language, vector, row) in enumerate(zip(languages, self.raw, rows, strict=True))
        ]
        finder = Finder(make_toolbox(), entries)
        return np.stack([finder.compared(entry, entries) for entry in entries])

    def versions(self, raw: float = VERSION_RAW, lexical: float = VERSION_LEXICAL) -> Pairs:
        """(n, n) which pairs are versions of one report, by the service's rule or with other thresholds."""
        posted, language = self.facts.posted, self.facts.language
        found = is_version(
            (self.table["raw"] >= raw).astype(np.float32),
            (self.table["lexical"] >= lexical).astype(np.float32),
            np.abs(posted[:, None] - posted),
            language[:, None] == language,
        )
        return found & ~np.eye(len(posted), dtype=bool)

    def without(self, *features: str) -> CandidateArray:
        """The table as if nothing were known of some features."""
        return self.replaced(dict.fromkeys(features, np.float32(np.nan)))

    def replaced(self, features: Mapping[str, Vectors | np.float32]) -> CandidateArray:
        """The table with other values, (n, n) or one for all, in the place of some features."""
        table = self.table.copy()
        for feature, values in features.items():
            table[feature] = values
        return table


@dataclass(frozen=True)
class Setup:
    """One way to rank: what is given in place of the service's choices. `candidates` and `versions` are (n, n)."""

    table: CandidateArray
    versions: Pairs
    weights: Weights = field(default_factory=Weights)
    candidates: Pairs | None = None
    min_score: float = 0.0
    diversity: float = 0.0
    fresh: bool = False  # nearness counts from the newest article instead of from the source


def _codes(names: Sequence[str]) -> npt.NDArray[np.int32]:
    return np.unique(names, return_inverse=True)[1].astype(np.int32)


def archives() -> list[Judged]:
    """The sample first, then the other judged archives that are there."""
    folders = [SAMPLE, *(corpora.REUTERS.parents[1] / name for name in OTHERS)]
    return [_read(folder) for folder in folders if (folder / "qrels.txt").is_file()]


def _read(folder: Path) -> Judged:
    with (folder / "articles.jsonl").open("rb") as stream:
        articles = [parse_article(record.fields) for record in open_source(stream, "articles.jsonl")]
    return Judged(folder.name, articles, read_qrels(folder / "qrels.txt"))


@cache
def _embedder() -> SentenceTransformerEmbedder:
    return SentenceTransformerEmbedder(DEFAULT_MODEL)


def vectors(texts: Sequence[Sequence[str]]) -> Vectors:
    """(len(texts), dimension) unit vectors: the mean of each article's texts, which are embedded once and kept."""
    digest = hashlib.sha256(json.dumps([_embedder().version, texts]).encode()).hexdigest()
    file = corpora.FOLDER / "vectors" / f"{digest[:16]}.npy"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, _embedder().embed([text for parts in texts for text in parts]))
    starts = np.cumsum([0, *map(len, texts)])[:-1]
    return unit(np.add.reduceat(np.load(file), starts, axis=0))


def scores(judged: Judged, setup: Setup, place: int) -> npt.NDArray[np.float64]:
    """(n,) what each article scores beside the one at a place."""
    facts = judged.facts
    posted = float(np.nanmax(facts.posted) if setup.fresh else facts.posted[place])
    source = SourceArticle(place, posted, int(facts.edition[place]), int(facts.language[place]))
    with np.errstate(invalid="ignore"):  # a part alone, where nothing is known of it
        return np.nan_to_num(total(score_parts(setup.table[place], facts, source, setup.weights)))


def ranked(judged: Judged, setup: Setup, place: int) -> list[int]:
    """The places of the DEPTH articles that a setup puts beside one, best first."""
    facts = judged.facts
    score = scores(judged, setup, place)
    free = ~setup.versions[place] & (facts.number != place)
    if setup.candidates is not None:
        free &= setup.candidates[place]
    best = np.flatnonzero(free)
    best = best[np.argsort(-score[best], kind="stable")][:POOL]
    best = best[one_of_each(setup.versions[np.ix_(best, best)], facts.take(best))]
    best = best[score[best] >= setup.min_score]
    alike = setup.table["lexical"][np.ix_(best, best)]
    return [int(best[rank]) for rank in diversify(score[best], alike, DEPTH, setup.diversity)]


def rankings(judged: Judged, setup: Setup) -> list[list[int]]:
    """The places ranked for each query."""
    return [ranked(judged, setup, place) for place in judged.queries]


def by_scores(judged: Judged, scores: Vectors) -> list[list[int]]:
    """The same by (n, n) scores alone: no filter, no versions."""
    lists = []
    for place in judged.queries:
        order = np.argsort(-scores[place], kind="stable")
        lists.append(order[order != place][:DEPTH].tolist())
    return lists


def values(judged: Judged, lists: Sequence[Sequence[int]], measure: str) -> list[float]:
    """A measure of `recommender evaluate` for each query."""
    ids = [[judged.articles[place].id for place in places] for places in lists]
    return per_query(dict(zip(judged.qrels, ids, strict=True)), judged.qrels, MEASURES[measure])


def figures(judged: Judged, lists: Sequence[Sequence[int]], measures: Sequence[str] = SHOWN) -> list[str]:
    """The means of some measures as a table shows them."""
    return [f"{np.mean(values(judged, lists, measure)):.3f}" for measure in measures]
