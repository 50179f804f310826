"""The systems that an evaluation compares: the service, and the methods a site would use instead."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.articles.article import Article
from recommender.embedding.pooling import Geometry
from recommender.errors import NotBuilt
from recommender.evaluation.evaluation import DEPTH, DeliveredPlace, Ranking, System
from recommender.ranking.facts import RELATED
from recommender.serving.answers import ANY_LANGUAGE, Query
from recommender.serving.recommender import Recommender
from recommender.store.base import Store

LATEST = "latest in the edition"
MOST_READ = "most read in the edition"
TFIDF = "TF-IDF"
BM25 = "BM25"
DENSE = "embedding alone"
FUSION = "TF-IDF + embedding"
TFIDF_TAGS = "TF-IDF with tags"
TAG_PLUGIN = "a tag plug-in"
RANK_FUSION = "rank fusion"

_RANK_CONSTANT = 60  # Cormack, Clarke and Buettcher, SIGIR 2009

# Scores of all articles for the one at a place, in the order of the archive.
Scorer = Callable[[int], npt.NDArray[np.floating]]


@dataclass(frozen=True)
class Archive:
    """The published articles in one order; every scorer's scores are in the same."""

    articles: Sequence[Article]

    def ranked(self, scorer: Scorer, *, depth: int = DEPTH) -> System:
        """The system that gives the best by a scorer; never the article itself, equal ones in the archive's order."""
        places = {article.id: place for place, article in enumerate(self.articles)}

        def system(article_id: str) -> Ranking:
            place = places[article_id]
            scores = np.asarray(scorer(place), dtype=np.float64)
            order = [other for other in np.argsort(-scores, kind="stable").tolist() if other != place]
            return [(self.articles[other].id, float(scores[other])) for other in order[:depth]]

        return system

    def fused(self, *scorers: Scorer) -> System:
        """The sum of several scores, each scaled to 0-1 among the others: what many sites would build first."""

        def scorer(place: int) -> npt.NDArray[np.floating]:
            total = np.zeros(len(self.articles))
            for scorer_of_part in scorers:
                scores = np.asarray(scorer_of_part(place), dtype=np.float64)
                others = np.delete(scores, place)
                total += (scores - others.min()) / (np.ptp(others) or 1.0)
            return total

        return self.ranked(scorer)

    def rank_fused(self, *scorers: Scorer) -> System:
        """Reciprocal rank fusion: the sum over several scores of 1 / (60 + rank) among the others.

        The best that can be built in twenty lines. An article that a scorer gives nothing has no rank by it.
        """

        def scorer(place: int) -> npt.NDArray[np.floating]:
            total = np.zeros(len(self.articles))
            for scorer_of_part in scorers:
                scores = np.asarray(scorer_of_part(place), dtype=np.float64).copy()
                scores[place] = -np.inf
                ranks = np.empty(len(scores))
                ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
                total += np.where(scores > 0, 1 / (_RANK_CONSTANT + ranks), 0.0)
            return total

        return self.ranked(scorer)

    def shared_tags(self, place: int) -> npt.NDArray[np.floating]:
        """What a tag plug-in shows: those with the most tags in common, the newest first; without any, the newest."""
        tags = set(self.articles[place].tags)
        newest = np.argsort(np.argsort([_seconds(article) for article in self.articles], kind="stable"))
        common = np.array([len(tags & set(article.tags)) for article in self.articles], dtype=np.float64)
        scores: npt.NDArray[np.float64] = common + newest / len(newest)
        return scores

    def latest(self, place: int) -> npt.NDArray[np.floating]:
        """What many sites show: the newest of the edition, the rest after it."""
        return self._in_edition(place, [_seconds(article) for article in self.articles])

    def most_read(self, place: int) -> npt.NDArray[np.floating]:
        """What others show: the most read of the edition."""
        return self._in_edition(place, [article.read_count or 0 for article in self.articles])

    def _in_edition(self, place: int, values: Sequence[float]) -> npt.NDArray[np.floating]:
        ranks = np.argsort(np.argsort(np.asarray(values, dtype=np.float64), kind="stable"))
        here = [article.edition == self.articles[place].edition for article in self.articles]
        return ranks + len(self.articles) * np.array(here, dtype=np.float64)


def _seconds(article: Article) -> float:
    return article.posted_on.timestamp() if article.posted_on else float("-inf")


def service_system(recommender: Recommender) -> System:
    """The service as a site would ask it, but in all languages, for ten, without fallbacks and without a threshold.

    Editors' signals are left out: the ranking is measured, not their corrections of it. The scores are
    ranks: versions and diversity may put a lower score first.
    """
    query = Query(n=DEPTH, languages=(ANY_LANGUAGE,), min_score=0.0, fallback="none")
    recommender = recommender.without_signals()

    def system(article_id: str) -> Ranking:
        items = recommender.for_article(article_id, query).items
        return [(item.article.id, float(len(items) - place)) for place, item in enumerate(items)]

    return system


def boxes(recommender: Recommender, article_ids: Iterable[str]) -> dict[str, list[DeliveredPlace]]:
    """The box of each of some articles as readers get it, but without editors' signals, which are not measured."""
    recommender = recommender.without_signals()
    delivered = {}
    for article_id in article_ids:
        answer = recommender.for_article(article_id, Query())
        language = answer.article.language if answer.article else ""
        delivered[article_id] = [
            DeliveredPlace(item.article.id, item.teaser.source == RELATED, item.article.language != language)
            for item in answer.items
        ]
    return delivered


def embedding_system(store: Store) -> System:
    """The nearest by the embedding of the live generation alone, in all languages. Raises NotBuilt."""
    live = store.generations.live()
    if live is None:
        raise NotBuilt
    members = store.generations.members(live.model, live.number)
    articles = store.articles.get([member.number for member in members], texts=False)
    centres = Geometry.from_bytes(live.geometry).embeddings
    vectors = np.stack([centres.centred(member.vector, member.language) for member in members])
    return Archive([articles[member.number] for member in members]).ranked(lambda place: vectors @ vectors[place])


def sidebars(recommender: Recommender, article_ids: Sequence[str], query: Query) -> Mapping[str, list[str]]:
    """The sidebar of every article, as the site shows it."""
    return {
        article_id: [item.article.id for item in recommender.for_article(article_id, query).items]
        for article_id in article_ids
    }
