"""Which of the embedding models on this machine suits the archive: quality, time and size of each."""

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from recommender.articles.article import Article
from recommender.embedding.base import Embedder
from recommender.embedding.pooling import article_vectors
from recommender.errors import InvalidInput
from recommender.evaluation.advice import ModelAdvice, by_language, judged_alone, titles_find_texts
from recommender.progress import Progress, quiet
from recommender.settings import Settings
from recommender.store.base import Store
from recommender.wiring import make_embedder, model_bytes
from recommender.workflows.judgments import judged_sets, read_sets

_TIMED = 10  # articles whose embedding is timed


def advise(
    settings: Settings, store: Store, models: Sequence[str], files: Sequence[Path] = (), *, progress: Progress = quiet
) -> list[ModelAdvice]:
    """What each model is worth on the published articles of the archive and what it costs, in the order given.

    Raises InvalidInput where no language has articles enough, and ModelUnavailable for a model that is not here.
    """
    published = [article.number for article in store.generations.published()]
    groups = _texts(store, published)
    if not groups:
        raise InvalidInput("No language has 20 published articles with a text: too few to compare models.")
    sets = read_sets(files) or judged_sets(store, settings)
    qrels = {query: grades for judged_set in sets for query, grades in judged_set.qrels.items()}
    numbers = store.articles.numbers([*qrels, *(article for grades in qrels.values() for article in grades)])
    judged = list(store.articles.get(sorted(set(numbers.values()) & set(published))).values())

    def measured(model: str) -> ModelAdvice:
        embedder = make_embedder(model, download=settings.model_download)
        titles = {language: titles_find_texts(embedder, group) for language, group in groups.items()}
        cost = _milliseconds(embedder, next(iter(groups.values()))[:_TIMED])
        quality = judged_alone(embedder, judged, qrels)
        return ModelAdvice(model, titles, quality, cost, model_bytes(model, download=settings.model_download))

    return [measured(model) for model in progress(models, len(models), "Measuring embedding models")]


def _texts(store: Store, numbers: Sequence[int]) -> dict[str, list[Article]]:
    """By language the newest articles that have a text, with it."""
    facts = store.articles.get(numbers, texts=False)
    newest = {article.id for group in by_language(list(facts.values())).values() for article in group}
    wanted = [number for number, article in facts.items() if article.id in newest]
    return by_language([article for article in store.articles.get(wanted).values() if article.body])


def _milliseconds(embedder: Embedder, articles: Sequence[Article]) -> float:
    seconds = []
    for article in articles:
        started = time.perf_counter()
        article_vectors(embedder, [article])
        seconds.append(time.perf_counter() - started)
    return 1_000 * median(seconds)
