"""Writes recommender/sample/vectors.npz: run it where a text of the sample, the embedding model or its use has changed.

A test says where that is due.
"""

import json
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that it runs without the package being installed

from recommender.articles.article import parse_article  # noqa: E402
from recommender.embedding.model_files import DEFAULT_MODEL  # noqa: E402
from recommender.embedding.pooling import article_vectors, vector_version  # noqa: E402
from recommender.embedding.sentence_transformer import SentenceTransformerEmbedder  # noqa: E402
from recommender.workflows.sample import ARTICLES, VECTORS, sample_file  # noqa: E402


def main() -> None:
    lines = sample_file(ARTICLES).read_text(encoding="utf-8").splitlines()
    articles = [parse_article(json.loads(line)) for line in lines]
    embedder = SentenceTransformerEmbedder(DEFAULT_MODEL)
    vectors = article_vectors(embedder, articles)
    np.savez_compressed(
        ROOT / "recommender" / "sample" / VECTORS,
        version=vector_version(embedder),
        keys=[article.text_key for article in articles],
        vectors=vectors,
    )
    print(f"{VECTORS}: {len(articles)} vectors of {vectors.shape[1]} numbers")


if __name__ == "__main__":
    main()
