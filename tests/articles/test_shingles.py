"""Rows of words, by which copies of a text are known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.articles.shingles import SHORT, SKETCH, WORDS, says_something, shingles, sketch

LONG = " ".join(f"word{number}" for number in range(200))


def test_text_has_a_shingle_for_each_row_of_words() -> None:
    assert len(shingles(LONG)) == 200 - WORDS + 1


def test_case_and_marks_do_not_count() -> None:
    assert shingles(LONG) == shingles(LONG.upper().replace(" ", ", "))


def test_short_text_is_one_shingle() -> None:
    """A forecast for Monday and one for Tuesday are not copies, though they share most of their rows."""
    words = LONG.split()[: SHORT - 1]
    assert len(shingles(" ".join(words))) == 1
    assert not shingles(" ".join(words)) & shingles(" ".join([*words[:-1], "other"]))


def test_no_words_no_shingles() -> None:
    assert shingles(" ... ") == set()
    assert sketch("") == []


def test_sketch_holds_the_smallest() -> None:
    assert sketch(LONG) == sorted(shingles(LONG))[:SKETCH]


@given(st.integers(0, 100))
def test_sketches_share_about_what_texts_share(changed: int) -> None:
    """Within four standard deviations of 0.06, however much of a text is another one."""
    words = LONG.split()
    other = " ".join([*words[: 200 - changed], *(f"new{number}" for number in range(changed))])
    shared = len(shingles(LONG) & shingles(other)) / len(shingles(LONG))
    assert abs(len(set(sketch(LONG)) & set(sketch(other))) / SKETCH - shared) < 0.24


def test_text_that_repeats_itself_is_no_copy_of_what_it_says() -> None:
    words = LONG.split()[:50]
    once, twice, often = (shingles(" ".join(words * times)) for times in (1, 2, 20))
    assert once < often
    assert len(often) > 900
    assert len(twice) == len(once) + WORDS - 1  # where the two meet; a summary may stand in the text as well


@pytest.mark.parametrize(
    ("text", "says"),
    [
        *((text, False) for text in ("", "???", "📷 📷", "Untitled", "Video Video", "12345 2026")),
        *((text, True) for text in ("Fire in Cotonou", "尼日尔", "مطر غاو")),
    ],
)
def test_some_texts_say_nothing(text: str, says: bool) -> None:
    assert says_something(text) is says
