"""Golden pairs: which sidebars hold to them, and what a file may say."""

import json
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import InvalidInput
from recommender.release.golden_files import read_golden
from recommender.release.golden_pairs import Broken, GoldenPair, broken, unknown

PAIR = GoldenPair("coup", must=("verdict",), never=("recipe", "football"), why="the trial belongs to it", line=3)


def read(folder: Path, text: str) -> list[GoldenPair]:
    file = folder / "golden.yaml"
    file.write_text(text, encoding="utf-8")
    return read_golden(file)


@pytest.mark.parametrize("shown", [["verdict"], ["a", "b", "verdict"], ["verdict", "a", "b", "recipe"]])
def test_pair_holds_in_three_places(shown: list[str]) -> None:
    assert broken([PAIR], {"coup": shown}) == []


@pytest.mark.parametrize(
    ("shown", "missing", "forbidden"),
    [
        (["a", "b", "c", "verdict"], ("verdict",), ()),
        (["verdict", "football", "recipe"], (), ("recipe", "football")),
        (["recipe"], ("verdict",), ("recipe",)),
        ([], ("verdict",), ()),
    ],
)
def test_pair_is_broken(shown: list[str], missing: tuple[str, ...], forbidden: tuple[str, ...]) -> None:
    assert broken([PAIR], {"coup": shown}) == [Broken(PAIR, missing, forbidden)]


def test_article_without_sidebar_breaks_what_must_stand_there() -> None:
    never = GoldenPair("other", never=("recipe",))
    assert broken([PAIR, never], {}) == [Broken(PAIR, ("verdict",), ())]


def test_broken_pair_reads_as_a_sentence() -> None:
    failure = Broken(PAIR, ("verdict",), ("recipe",))
    assert str(failure) == "coup does not list verdict and lists recipe (the trial belongs to it)"


def test_unknown_ids_are_told_with_their_line() -> None:
    assert unknown([PAIR], {"coup", "verdict", "football"}) == ["line 3: there is no published article 'recipe'"]


def test_file_as_editors_write_it(tmp_path: Path) -> None:
    text = """# the coup and what came of it
- article: coup
  must: [verdict]
  never:
    - recipe
    - football
  why: the trial belongs to it

- article: lone
  never: [coup]
"""
    assert read(tmp_path, text) == [
        GoldenPair("coup", ("verdict",), ("recipe", "football"), "the trial belongs to it", 2),
        GoldenPair("lone", (), ("coup",), "", 9),
    ]


@pytest.mark.parametrize("written", ["no", "2024-01-01", "0123", "1_000", "true", "1e3", "null-island"])
def test_ids_are_texts_as_written(tmp_path: Path, written: str) -> None:
    """YAML would make a truth value, a date or a number of these."""
    assert read(tmp_path, f"- article: {written}\n  must: [a]\n")[0].article == written


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "[]"])
def test_file_without_entries_asks_for_nothing(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("article: a\nmust: [b]\n", "line 1: expected a list"),
        ("- a\n", "line 1: expected an entry that begins with `article: ID`"),
        ("- article: a\n  must: [b]\n- must: [a]\n", "line 3: `article` is missing"),
        ("- article: a\n", "line 1: say what 'a' must list, or never lists"),
        ("- article: a\n  must: []\n", "line 1: say what 'a' must list"),
        ("- article: a\n  mist: [b]\n", "line 2: unknown field 'mist'; there are article, must, never, why"),
        ("- article: a\n  must: [b]\n  must: [c]\n", "line 3: `must` stands there twice"),
        ("- article: a\n  must: b\n", r"line 2: `must` is a list: write `must: \[ID, ID\]`"),
        ("- article: a\n  must:\n    - b\n    - b\n", "line 4: 'b' stands there twice"),
        ("- article: a\n  must: [a]\n", "line 2: an article never stands beside itself"),
        ("- article: a\n  must: [b, c, d, e]\n", "line 2: a sidebar has 3 places"),
        ("- article: a\n  must: [b]\n  never: [b]\n", "line 1: 'b' stands under `must` and under `never`"),
        ("- article: a\n  must: [b]\n- article: a\n  must: [c]\n", "line 3: 'a' has an entry on line 1 already"),
        ("- article:\n  must: [b]\n", "line 1: `article` is empty"),
        ("- article: ~\n  must: [b]\n", "line 1: `article` is empty"),
        ("- article: ' '\n  must: [b]\n", "line 1: `article` is empty"),
        ("- article: [a]\n  must: [b]\n", "line 1: `article` is one text here"),
        ("- article: a\n  must: [[b]]\n", "line 2: `must` is one text here"),
        ("- article: a\n  must: [b\n- c", "line 3: this is not YAML: expected ','"),
        ("- article: a\n\tmust: [b]\n", "line 2: this is not YAML"),
        ("- article: *a\n", "line 1: this is not YAML: found undefined alias"),
        ("- article: a\n---\n- article: b\n", "line 2: this is not YAML: but found another document"),
        ("[" * 5_000, "lists lie inside lists too deeply"),
        ("- article: \x00\n", "this is not YAML: a character that YAML does not allow"),
    ],
)
def test_wrong_file_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read(tmp_path, text)


def test_no_tag_makes_an_object(tmp_path: Path) -> None:
    """The text behind a tag stays a text."""
    pairs = read(tmp_path, "- article: !!python/object/apply:os.getcwd a\n  must: [!!python/name:os.system b]\n")
    assert pairs == [GoldenPair("a", ("b",), line=1)]


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_golden(tmp_path / "missing.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"- article: caf\xe9\n")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_golden(tmp_path / "latin.yaml")


def test_huge_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="more than a megabyte"):
        read(tmp_path, "#" * 1_000_001)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("golden")
    (folder / "golden.yaml").write_bytes(text.encode(errors="replace"))
    try:
        pairs = read_golden(folder / "golden.yaml")
    except InvalidInput:
        return
    assert all(pair.article and (pair.must or pair.never) for pair in pairs)


def test_golden_pairs_of_the_sample_are_about_the_sample() -> None:
    pairs = read_golden(Path(__file__).parents[2] / "models" / "golden.yaml")
    lines = (files("recommender") / "sample" / "articles.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(pairs) >= 10
    assert unknown(pairs, {json.loads(line)["id"] for line in lines}) == []
