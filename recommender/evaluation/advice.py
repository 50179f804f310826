"""Use case: which embedding model suits an archive? Measured on its own articles, with judgments or without."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.arrays import Vectors
from recommender.articles.article import Article
from recommender.articles.text import passages
from recommender.embedding.base import Embedder
from recommender.embedding.pooling import Centres, article_vectors
from recommender.evaluation.evaluation import DEPTH, MAIN, MEASURES
from recommender.metrics import Grades

LEAST_ARTICLES = 20  # of a language; among fewer a title finds its text by chance
MOST_ARTICLES = 200  # of a language, the newest: more cost time and move the figure little


@dataclass(frozen=True)
class ModelAdvice:
    """What an embedding model is worth on an archive and what it costs.

    `titles` says by language how well a title finds its own text: see `titles_find_texts`. `judged` is MAIN of the
    embedding alone on judged queries, None without any; `milliseconds` is the time of one article, `bytes` that of its
    files.
    """

    model: str
    titles: Mapping[str, float]
    judged: float | None
    milliseconds: float
    bytes: int


def by_language(articles: Sequence[Article]) -> dict[str, list[Article]]:
    """The newest MOST_ARTICLES of each language that has LEAST_ARTICLES, the language of most articles first."""
    groups: dict[str, list[Article]] = {}
    for article in sorted(articles, key=_newest_first):
        groups.setdefault(article.language, []).append(article)
    large = {language: group for language, group in groups.items() if len(group) >= LEAST_ARTICLES}
    return {
        language: group[:MOST_ARTICLES]
        for language, group in sorted(large.items(), key=lambda item: (-len(item[1]), item[0]))
    }


def _newest_first(article: Article) -> tuple[float, str]:
    return (-article.posted_on.timestamp() if article.posted_on else np.inf, article.id)


def titles_find_texts(embedder: Embedder, articles: Sequence[Article]) -> float:
    """Mean reciprocal rank, above 0 to 1, of each article's body among all bodies by the cosine with its title.

    Titles and the first passages of bodies have their means taken out, as a build does. No judgment is needed, and a
    model that does not read a language fails: its vectors of two texts of one article have nothing in common.
    """
    titles = _centred(embedder.embed([article.title for article in articles]))
    bodies = _centred(embedder.embed([passages("", "", article.body)[0] for article in articles]))
    similarities = titles @ bodies.T
    ranks = (similarities >= np.diag(similarities)[:, np.newaxis]).sum(axis=1)  # a tie is no find
    return float((1 / ranks).mean())


def _centred(vectors: Vectors) -> Vectors:
    centres = Centres.of(vectors, [""] * len(vectors))
    return np.stack([centres.centred(vector, "") for vector in vectors])


def judged_alone(embedder: Embedder, articles: Sequence[Article], qrels: Mapping[str, Grades]) -> float | None:
    """MAIN of the embedding alone over the judged queries among some articles, which are the candidates; None for none.

    The articles that are judged are enough: among all of an archive figures are lower, and models stand in one order.
    """
    places = {article.id: place for place, article in enumerate(articles)}
    queries = {
        query: grades
        for query, grades in qrels.items()
        if query in places and any(grade > 0 and article in places for article, grade in grades.items())
    }
    if not queries:
        return None
    vectors = article_vectors(embedder, articles)
    languages = [article.language for article in articles]
    centres = Centres.of(vectors, languages)
    centred = np.stack([centres.centred(vector, language) for vector, language in zip(vectors, languages, strict=True)])
    values = []
    for query, grades in queries.items():
        order = np.argsort(-(centred @ centred[places[query]]), kind="stable").tolist()
        ids = [articles[place].id for place in order if place != places[query]][:DEPTH]
        values.append(MEASURES[MAIN](ids, grades))
    return sum(values) / len(values)
