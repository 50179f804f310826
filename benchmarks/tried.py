"""The bench for a new part of the score: add its similarity to `_extras`, and it stands beside those that were tried.

Each is added to the score, and each part of the score left out, with weights learned anew on other stories.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks import texts as texts_of
from benchmarks.judged import REPEATS, SHOWN, Archive, estimate, mean
from benchmarks.report import Table
from recommender.arrays import Vectors
from recommender.articles.article import Article
from recommender.articles.labels import full_text
from recommender.articles.sentences import sentences
from recommender.articles.text import names, passages
from recommender.embedding.pooling import Centres
from recommender.evaluation.evaluation import DEPTH, MEASURES
from recommender.ranking.scoring import PARTS
from recommender.retrieval.tfidf import words
from recommender.training import ranking_weights
from recommender.training.ordinal_regression import fit
from recommender.training.ranking_weights import JudgedQuery

FloatArray = npt.NDArray[np.float64]
# From an archive to a similarity of any two of its articles: (source id, candidate ids) -> (candidates,).
Extra = Callable[[str, Sequence[str]], FloatArray]

DAY = 86_400.0


def parts(archive: Archive) -> Table:
    """The score with one more part, and without one of its own, weights learned anew on other stories each time."""
    judged = archive.judged
    rows = [["the score", *_learned(archive, judged, {})]]
    rows += [[f"without {part}", *_learned(archive, judged, {}, leave_out=part)] for part in PARTS]
    rows += [[f"with {name}", *_learned(archive, judged, {name: extra})] for name, extra in _extras(archive).items()]
    return Table(
        "Parts: left out, and tried",
        f"{archive.name}. Weights are learned on other stories ({ranking_weights.FOLDS} folds, {REPEATS} times); "
        "candidates are ordered by log-odds, without the rules for events and roles, so the first line is not the "
        "service's figure. A part that was tried and is not in the score gained less than these queries can show.",
        ("score", *SHOWN),
        rows,
    )


def _learned(
    archive: Archive, judged: Sequence[JudgedQuery], extras: Mapping[str, Extra], leave_out: str | None = None
) -> list[str]:
    features = {query.query: _features(query, extras, leave_out) for query in judged}
    figures: dict[str, dict[str, list[float]]] = {measure: {query.query: [] for query in judged} for measure in SHOWN}
    for seed in range(REPEATS):
        for training, held in ranking_weights.folds(judged, seed):
            fitted = fit(
                np.concatenate([features[query.query] for query in training]),
                np.zeros((sum(len(query.grades) for query in training), 0)),
                np.concatenate([query.grades for query in training]),
                np.concatenate([np.full(len(query.grades), 1 / len(query.grades)) for query in training]),
            )
            for query in held:
                order = np.argsort(-(features[query.query] @ fitted.weights), kind="stable")[:DEPTH]
                ids = [query.articles[place] for place in order.tolist()]
                for measure in SHOWN:
                    figures[measure][query.query].append(MEASURES[measure](ids, archive.qrels[query.query]))
    means = {
        measure: [sum(values) / len(values) for values in queries.values()] for measure, queries in figures.items()
    }
    return [estimate(means[SHOWN[0]]), *(mean(means[measure]) for measure in SHOWN[1:])]


def _features(query: JudgedQuery, extras: Mapping[str, Extra], leave_out: str | None) -> FloatArray:
    columns = [np.nan_to_num(query.similarities[part]) for part in PARTS if part != leave_out]
    columns += [extra(query.query, query.articles) for extra in extras.values()]
    return np.stack(columns, axis=1)


def _extras(archive: Archive) -> dict[str, Extra]:
    articles = texts_of.everyone(archive)
    return {
        "the best matching passages": _best_pair(
            articles, lambda article: passages(article.title, article.summary, article.body)
        ),
        "each sentence's best match": _late_interaction(articles),
        "title match": _words(articles, lambda article: words(article.title, article.language)),
        "title and summary match": _words(
            articles, lambda article: words(f"{article.title} {article.summary}", article.language)
        ),
        "capitalised words": _words(
            articles, lambda article: words(" ".join(names(full_text(article))), article.language)
        ),
        "reads": _of_candidate(articles, lambda article: np.log1p(article.read_count) / 10),
        "newer than the source": _in_time(articles, lambda days: days > 0),
        "two months' time proximity": _in_time(articles, lambda days: np.exp(-np.abs(days) / 60)),
    }


def _of_candidate(articles: Sequence[Article], value: Callable[[Article], float]) -> Extra:
    values = {article.id: float(value(article)) for article in articles}
    return lambda _, others: np.array([values[other] for other in others])


def _in_time(articles: Sequence[Article], value: Callable[[FloatArray], npt.NDArray[np.generic]]) -> Extra:
    posted = {article.id: article.posted_on.timestamp() if article.posted_on else np.nan for article in articles}

    def extra(source: str, others: Sequence[str]) -> FloatArray:
        days = (np.array([posted[other] for other in others]) - posted[source]) / DAY
        return np.nan_to_num(value(days).astype(np.float64))

    return extra


def _table(articles: Sequence[Article], similarities: Vectors) -> Extra:
    places = {article.id: place for place, article in enumerate(articles)}
    scaled = np.clip(similarities, 0, 1).astype(np.float64)
    scaled /= scaled[~np.eye(len(articles), dtype=bool)].std()
    return lambda source, others: scaled[places[source], [places[other] for other in others]]


def _words(articles: Sequence[Article], read: Callable[[Article], list[str]]) -> Extra:
    matrix = TfidfVectorizer(analyzer=read, sublinear_tf=True).fit_transform(articles)
    return _table(articles, np.sqrt((matrix @ matrix.T).toarray()))


def _best_pair(articles: Sequence[Article], read: Callable[[Article], list[str]]) -> Extra:
    similarities, starts, _ = _pieces(articles, read)
    return _table(articles, np.maximum.reduceat(np.maximum.reduceat(similarities, starts, axis=0), starts, axis=1))


def _late_interaction(articles: Sequence[Article]) -> Extra:
    similarities, starts, counts = _pieces(articles, sentences)
    best = np.maximum.reduceat(similarities, starts, axis=1)
    late = np.add.reduceat(best, starts, axis=0) / counts[:, None]
    return _table(articles, (late + late.T) / 2)


def _pieces(
    articles: Sequence[Article], read: Callable[[Article], list[str]]
) -> tuple[Vectors, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Cosines of all pieces of all articles, where each article's pieces begin, and how many there are."""
    texts = [read(article) for article in articles]
    vectors = texts_of.embedded(texts)
    languages = [article.language for article, pieces in zip(articles, texts, strict=True) for _ in pieces]
    centres = Centres.of(vectors, languages)
    centred = np.stack([centres.centred(vector, language) for vector, language in zip(vectors, languages, strict=True)])
    counts = np.array([len(pieces) for pieces in texts])
    return centred @ centred.T, np.cumsum([0, *counts])[:-1], counts
