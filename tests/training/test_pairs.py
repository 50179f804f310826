"""Training pairs: splits by story, near copies, leaks, and the file."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import InvalidInput
from recommender.training.pairs import (
    GRADE,
    TEST,
    TITLE_BODY,
    TRAIN,
    TextPair,
    Window,
    alike,
    copies,
    counts,
    joined,
    leaks,
    lines,
    parse,
    split,
)

PAIR = TextPair(GRADE, TRAIN, "a", "b", 0.75, "a text", "another text")
WINDOW = Window("2024-01-01", "2024-12-31", 2, 7)


def words(start: int, count: int) -> str:
    return " ".join(f"word{number}" for number in range(start, start + count))


# -- splits ------------------------------------------------------------------------------------------------------------


def test_groups_reach_through_others() -> None:
    assert joined("abcde", [("c", "b"), ("b", "a"), ("d", "e"), ("a", "ghost")]) == {
        "a": "a",
        "b": "a",
        "c": "a",
        "d": "d",
        "e": "d",
    }


@given(
    st.integers(2, 30),
    st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=20),
    st.floats(0, 1),
    st.integers(0, 99),
)
def test_no_pair_of_a_story_is_split(count: int, links: list[tuple[int, int]], share: float, seed: int) -> None:
    articles = [str(number) for number in range(count)]
    together = [(str(first), str(second)) for first, second in links if first < count and second < count]
    if len(set(joined(articles, together).values())) < 2:
        with pytest.raises(InvalidInput, match="one story"):
            split(articles, together, share, seed)
        return
    sides = split(articles, together, share, seed)
    assert all(sides.side_of_pair(first, second) == sides.side(first) for first, second in together)
    assert TRAIN in {sides.side(article) for article in articles}


def test_share_of_the_articles_is_tested() -> None:
    articles = [str(number) for number in range(100)]
    sides = split(articles, [], 0.2, 1)
    assert sum(sides.side(article) == TEST for article in articles) == 20


def test_seed_draws_the_split() -> None:
    articles = [str(number) for number in range(50)]
    assert split(articles, [], 0.3, 1) == split(articles, [], 0.3, 1)
    assert split(articles, [], 0.3, 1).tested != split(articles, [], 0.3, 2).tested


def test_pair_on_both_sides_has_none() -> None:
    sides = split(["a", "b", "c", "d"], [("a", "b"), ("c", "d")], 0.5, 0)
    assert sides.side_of_pair("a", "c") is None
    assert {sides.side_of_pair("a", "b"), sides.side_of_pair("c", "d")} == {TRAIN, TEST}


# -- near copies -------------------------------------------------------------------------------------------------------


def test_copy_with_a_new_opening_is_alike() -> None:
    texts = {"report": words(0, 200), "update": f"{words(900, 40)} {words(0, 200)}", "other": words(500, 200)}
    assert alike(texts) == [("report", "update")]


def test_part_of_a_longer_text_is_alike() -> None:
    assert alike({"brief": words(0, 80), "story": words(0, 600)}) == [("brief", "story")]


def test_common_phrase_makes_no_copy() -> None:
    phrase = words(0, 8)
    texts = {str(number): f"{words(100 * (number + 1), 90)} {phrase}" for number in range(20)}
    assert alike(texts) == []


def test_short_texts_are_no_copies() -> None:
    """Two headlines of four words say nothing."""
    assert alike({"a": words(0, 4), "b": words(0, 4)}) == []


def test_copies_across_sides_are_found_by_their_text() -> None:
    text = words(0, 120)
    pairs = [
        replace(PAIR, side=TRAIN, source="old", target="old", anchor="one", text=text),
        replace(PAIR, side=TEST, source="new", target="new", anchor="two", text=f"{text} and more"),
        replace(PAIR, side=TRAIN, source="else", target="else", anchor="three", text=words(500, 120)),
    ]
    assert copies(pairs) == {text: ("old", "new")}


# -- leaks -------------------------------------------------------------------------------------------------------------

STORIES = {"a": "a", "b": "a", "c": "c", "d": "c"}
POSTED = {article: datetime(2024, 5, day, tzinfo=UTC) for day, article in enumerate("abcd", start=1)}
CLEAN = [
    replace(PAIR, side=TRAIN, source="a", target="b", anchor=words(0, 60), text=words(100, 60)),
    replace(PAIR, side=TEST, source="c", target="d", anchor=words(200, 60), text=words(300, 60)),
]
UNTIL = datetime(2024, 5, 4, tzinfo=UTC)


def test_clean_split_has_no_leak() -> None:
    assert leaks(CLEAN, STORIES, POSTED, UNTIL) == []


def test_story_on_both_sides_leaks() -> None:
    assert leaks(CLEAN, STORIES | {"d": "a"}, POSTED, UNTIL) == ["The story of a is on both sides."]


def test_text_of_the_test_in_training_leaks() -> None:
    copied = [replace(CLEAN[0], text=CLEAN[1].anchor), CLEAN[1]]
    assert leaks(copied, STORIES, POSTED, UNTIL) == ["A text of b in training is nearly a text of c in the test."]


def test_later_and_undated_articles_leak() -> None:
    posted = {article: moment for article, moment in POSTED.items() if article != "a"}
    assert leaks(CLEAN, STORIES, posted, datetime(2024, 5, 3, tzinfo=UTC)) == [
        "a is not known to be of 2024-05-03 or earlier.",
        "d is not known to be of 2024-05-03 or earlier.",
    ]


def test_without_a_cut_off_every_day_is_right() -> None:
    assert leaks(CLEAN, STORIES, {}, None) == []


def test_pairs_are_counted_by_kind_and_side() -> None:
    pairs = [PAIR, PAIR, replace(PAIR, side=TEST), replace(PAIR, kind=TITLE_BODY)]
    assert counts(pairs) == {TITLE_BODY: {TRAIN: 1, TEST: 0}, GRADE: {TRAIN: 2, TEST: 1}}


# -- the file ----------------------------------------------------------------------------------------------------------


def test_file_reads_back() -> None:
    pairs = [PAIR, replace(PAIR, side=TEST, anchor="é\u2028\n", label=0.0)]
    assert parse(lines(WINDOW, pairs), "pairs.jsonl") == (WINDOW, pairs)


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"kind": "guess"}, "kind is one of"),
        ({"side": "both"}, "side one of"),
        ({"label": 2}, "label is a number"),
        ({"label": float("nan")}, "label is a number"),
        ({"label": True}, "label is a number"),
        ({"label": "1"}, "label is a number"),
        ({"text": None}, "are texts"),
        ({"extra": 1}, "extra"),
    ],
)
def test_wrong_pair_names_its_line(change: dict[str, object], hint: str) -> None:
    head, pair = lines(WINDOW, [PAIR])
    with pytest.raises(InvalidInput, match=f"line 2: .*{hint}"):
        parse([head, json.dumps(json.loads(pair) | change)], "pairs.jsonl")


@pytest.mark.parametrize("head", ["", "[]", "{}", '{"format": "other"}', "null", "[" * 100_000])
def test_other_files_are_refused(head: str) -> None:
    with pytest.raises(InvalidInput, match="line 1"):
        parse([head], "pairs.jsonl")


def test_empty_file_is_refused() -> None:
    with pytest.raises(InvalidInput, match="empty"):
        parse([], "pairs.jsonl")
