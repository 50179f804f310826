"""Which two sentences say why articles are alike."""

import pytest

from recommender.articles.article import Article
from recommender.articles.sentences import MAX_SENTENCES, SentencePair, passages, sentences
from recommender.articles.sentences import closest as closest_of
from tests.factories import GAZETTEER


def article(body: str, title: str = "", summary: str = "") -> Article:
    return Article(id="a", title=title, summary=summary, body=body)


def closest(one: str, other: str) -> SentencePair | None:
    return closest_of(passages(article(one), GAZETTEER), passages(article(other), GAZETTEER))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("One came. Two went! Who? Nobody…  All", ["One came.", "Two went!", "Who?", "Nobody…", "All"]),
        ("It costs 3.5 francs. État d'urgence.", ["It costs 3.5 francs.", "État d'urgence."]),
        ("He said “no.” Then he left.", ["He said “no.”", "Then he left."]),
        ("« Non. » Puis « Oui. »", ["« Non. » Puis « Oui. »"]),
        ("He left. “Why?” she asked.", ["He left.", "“Why?” she asked."]),
        ("a heading\n\nThen text. and so on", ["a heading", "Then text. and so on"]),
        ("", []),
    ],
)
def test_sentences_end_at_their_marks(body: str, expected: list[str]) -> None:
    assert sentences(article(body)) == expected


def test_title_and_summary_are_sentences() -> None:
    assert sentences(article("Three.", "One", "Two. And")) == ["One", "Two.", "And", "Three."]


def test_number_of_sentences_is_limited() -> None:
    assert sentences(article("Word. " * (MAX_SENTENCES + 9))) == ["Word."] * MAX_SENTENCES


def test_sentences_with_common_words_are_closest() -> None:
    source = "Nothing happened here. Soldiers seized the palace. Everybody slept."
    other = "Markets opened. The palace was seized by soldiers."
    assert closest(source, other) == SentencePair("Soldiers seized the palace.", "The palace was seized by soldiers.")


def test_names_are_common_across_languages() -> None:
    pair = closest("Rain fell. A Nigerien spoke.", "Il pleut. Un nigérien a parlé.")
    assert pair == SentencePair("A Nigerien spoke.", "Un nigérien a parlé.")


def test_name_counts_more_than_a_word() -> None:
    pair = closest("They talked yesterday. There was JNIM yesterday.", "JNIM came. They talked.")
    assert pair == SentencePair("There was JNIM yesterday.", "JNIM came.")


def test_words_of_many_sentences_count_little() -> None:
    source = "Soldiers came. Soldiers went. Soldiers slept. Helicopter down."
    assert closest(source, "Soldiers ate. Soldiers sang. Helicopter found.") == SentencePair(
        "Helicopter down.", "Helicopter found."
    )


def test_short_sentences_say_more_than_long_ones() -> None:
    long = "Helicopter over palace gardens while soldiers waited outside behind trees."
    assert closest(f"{long} Helicopter down.", "Helicopter!") == SentencePair("Helicopter down.", "Helicopter!")


def test_accents_and_case_do_not_count() -> None:
    assert closest("ÉLECTION", "election") == SentencePair("ÉLECTION", "election")


@pytest.mark.parametrize(("source", "other"), [("Soldiers came.", "Markets opened."), ("the sun", "the sun"), ("", "")])
def test_nothing_in_common_gives_no_pair(source: str, other: str) -> None:
    assert closest(source, other) is None
