"""Which embedding model suits an archive: measured on its own articles, even where nobody has judged any."""

import numpy as np
import pytest

from recommender.arrays import Vectors
from recommender.articles.article import Article
from recommender.evaluation.advice import LEAST_ARTICLES, MOST_ARTICLES, by_language, judged_alone, titles_find_texts
from tests.embedder import ToyEmbedder
from tests.factories import make_article

TOPICS = ("gold", "flood", "goal", "vote", "drought")


def articles(count: int = 5, language: str = "en") -> list[Article]:
    return [
        make_article(
            f"{language}-{place}", title=TOPICS[place % 5], body=f"{TOPICS[place % 5]} story", language=language
        )
        for place in range(count)
    ]


class Blind:
    """A model that sees the same in every text."""

    version = "blind@1"

    def embed(self, texts: list[str]) -> Vectors:
        return np.ones((len(texts), 8), dtype=np.float32)

    def pieces_per_word(self, texts: list[str]) -> float:
        return 9.0


class TestTitles:
    def test_model_that_reads_the_words_finds_each_text(self) -> None:
        assert titles_find_texts(ToyEmbedder(), articles()) == 1

    def test_model_that_reads_nothing_finds_none(self) -> None:
        assert titles_find_texts(Blind(), articles()) == pytest.approx(1 / 5)


class TestLanguages:
    def test_language_of_few_articles_is_left_out(self) -> None:
        groups = by_language([*articles(LEAST_ARTICLES), *articles(LEAST_ARTICLES - 1, "fr")])
        assert list(groups) == ["en"]

    def test_larger_language_comes_first(self) -> None:
        assert list(by_language([*articles(LEAST_ARTICLES), *articles(LEAST_ARTICLES + 1, "fr")])) == ["fr", "en"]

    def test_no_more_are_read_than_tell_models_apart(self) -> None:
        assert len(by_language(articles(MOST_ARTICLES + 5))["en"]) == MOST_ARTICLES


class TestJudged:
    def test_right_article_first_is_perfect(self) -> None:
        same = make_article("again", title="gold", body="gold story")
        assert judged_alone(ToyEmbedder(), [*articles(), same], {"en-0": {"again": 3}}) == pytest.approx(1)

    def test_without_judgments_of_the_archive_there_is_no_figure(self) -> None:
        assert judged_alone(ToyEmbedder(), articles(), {"elsewhere": {"en-0": 3}, "en-1": {"elsewhere": 3}}) is None
