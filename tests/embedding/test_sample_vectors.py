"""The vectors that come with the sample are those that its texts have today."""

import json

import numpy as np

from recommender.articles.article import parse_article
from recommender.embedding.pooling import article_vectors, vector_version
from recommender.embedding.sentence_transformer import SentenceTransformerEmbedder
from recommender.workflows.sample import ARTICLES, sample_file, sample_vectors

ARTICLES_OF_SAMPLE = [
    parse_article(json.loads(line)) for line in sample_file(ARTICLES).read_text(encoding="utf-8").splitlines()
]


def test_every_story_has_one() -> None:
    assert sample_vectors()[1].keys() == {article.text_key for article in ARTICLES_OF_SAMPLE}


def test_they_are_what_the_embedding_model_gives(model: SentenceTransformerEmbedder) -> None:
    some = ARTICLES_OF_SAMPLE[::60]
    version, kept = sample_vectors()
    assert version == vector_version(model)
    expected = article_vectors(model, some)
    # A sum in another order, on another processor, differs in its last bits.
    np.testing.assert_allclose([kept[article.text_key] for article in some], expected, atol=1e-5)
