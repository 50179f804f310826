"""JSON from strangers: refused before it is parsed where that would take all memory or all of the stack."""

import time

import pytest

from recommender.sources.bounded_json import MAX_DEPTH, OversizedJson, loads


def test_ordinary_json_is_read() -> None:
    text = r'{"title": "A \"quoted\" [word] {here}, \\", "tags": ["a", "b"], "n": 1.5, "none": null}'
    assert loads(text) == {"title": 'A "quoted" [word] {here}, \\', "tags": ["a", "b"], "n": 1.5, "none": None}


def test_brackets_in_texts_do_not_count() -> None:
    text = "[" * 50_000
    assert loads(f'{{"body": "{text}"}}') == {"body": text}


def test_depth_is_bounded() -> None:
    assert loads("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    with pytest.raises(OversizedJson, match="nested too deeply"):
        loads("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))


@pytest.mark.parametrize("part", ['"k{0}":1', '"k{0}":[]'])
def test_number_of_keys_is_bounded(part: str) -> None:
    with pytest.raises(OversizedJson, match="keys and values"):
        loads("{" + ",".join(part.format(number) for number in range(20_000)) + "}")


@pytest.mark.parametrize("text", ['"' + r"\"" * 500_000, '"' * 500_001, "\\" * 500_000, '{"a": "' + "\\"])
def test_broken_json_takes_no_longer(text: str) -> None:
    began = time.perf_counter()
    with pytest.raises(ValueError):  # noqa: PT011  # the parser's own words, or ours
        loads(text)
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize("text", ["", "{", "NaN", "[1,]", "nul"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the parser's own words
        loads(text)
