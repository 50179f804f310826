"""Embedding articles against `SentenceTransformer.encode` alone on the same passages."""

import importlib

from benchmarks import corpora
from benchmarks.report import Table, in_turn, ratio, seconds
from recommender.articles.text import passages
from recommender.embedding.model_files import DEFAULT_MODEL, find_model
from recommender.embedding.pooling import article_vectors
from recommender.embedding.sentence_transformer import BATCH, SentenceTransformerEmbedder
from recommender.wiring import open_store

ARTICLES = 60
ROUNDS = 5


def run() -> list[Table]:
    """Articles of the sample to vectors, with passages, pooling and scaling."""
    store = open_store(corpora.sample_url())
    articles = list(store.articles.get(range(1, ARTICLES + 1)).values())
    store.close()
    texts = [text for article in articles for text in passages(article.title, article.summary, article.body)]
    embedder = SentenceTransformerEmbedder(DEFAULT_MODEL)
    library = importlib.import_module("sentence_transformers")
    model = library.SentenceTransformer(str(find_model(DEFAULT_MODEL).folder), local_files_only=True)
    embedder.embed(texts[:BATCH])
    model.encode(texts[:BATCH])
    ours, bare = in_turn(
        lambda: article_vectors(embedder, articles),
        lambda: model.encode(texts, batch_size=BATCH, show_progress_bar=False),
        ROUNDS,
    )
    return [
        Table(
            "Embedding",
            "Speed of articles to vectors, as a share of the speed of the bare model: 1 means as fast.",
            ("articles", "passages", "ours", "bare `encode`", "speed, ours / bare"),
            [[str(len(articles)), str(len(texts)), seconds(ours), seconds(bare), ratio(bare, ours)]],
        )
    ]
