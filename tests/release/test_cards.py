"""A card comes back as it was written, and one that is not whole is refused with what is wrong."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import InvalidInput
from recommender.ranking.scoring import DEFAULT
from recommender.release.cards import (
    CANDIDATE,
    LIVE,
    MAX_BYTES,
    MAX_PATH,
    Embedding,
    FileEntry,
    HistoryEntry,
    ModelCard,
    checked_file,
    checked_name,
    from_json,
    readme,
    to_json,
)

DIGEST = "0" * 64
CARD = ModelCard(
    name="sahel/2",
    made_on=date(2026, 6, 1),
    made_with="recommender 1.0",
    embedding=Embedding(None, "embedding", "sahel/2@abc", 384, 1_000),
    ranking=DEFAULT,
    training={"seed": 0},
    metrics={"sample": {"nDCG@3": {"mean": 0.8, "low": 0.7, "high": 0.9}}},
    failures=("It reads English only.",),
    files={"embedding/model.safetensors": FileEntry(DIGEST, 900)},
    history=(HistoryEntry(datetime(2026, 6, 1, 12, tzinfo=UTC), "first", CANDIDATE),),
)

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
weights = st.floats(0, 100, allow_nan=False)
entries = st.builds(
    HistoryEntry,
    st.datetimes(timezones=st.just(UTC)).map(lambda at: at.replace(microsecond=0)),
    texts,
    st.sampled_from(("candidate", "shadow", "live", "retired")),
    texts,
    st.lists(st.dictionaries(texts, numbers | texts, max_size=2), max_size=2).map(tuple),
)


def test_version_of_a_withdrawn_recipe_can_be_read() -> None:
    """Its loss and two of its fields are not offered any more; the version stays what it is."""
    recipe = {"kind": "finetune", "loss": "DistillKLDivLoss", "part": "adapter", "candidates": 16, "temperature": 2.0}
    card = replace(CARD, training={"recipe": recipe, "base": "sahel/1", "seed": 0})
    assert from_json(to_json(card), "card.json") == card
    assert "DistillKLDivLoss" in readme(card)


@given(st.lists(entries, max_size=3), weights, st.lists(texts, max_size=2), st.dictionaries(texts, numbers, max_size=3))
def test_card_comes_back(history: list[Any], weight: float, failures: list[str], metrics: dict[str, float]) -> None:
    card = replace(
        CARD,
        history=tuple(history),
        failures=tuple(failures),
        metrics=metrics,
        ranking=replace(DEFAULT, weights=dict(DEFAULT.weights) | {"dense": weight}),
    )
    assert from_json(to_json(card), "here") == card


@given(
    st.recursive(
        st.none() | st.booleans() | numbers | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner)
    )
)
def test_any_other_json_is_refused(data: Any) -> None:
    with pytest.raises(InvalidInput, match="here is not a model card"):
        from_json(json.dumps(data), "here")


def changed(path: str, value: Any) -> str:
    """The card's text with another value at a path such as embedding.version."""
    data = json.loads(to_json(CARD))
    *folders, last = path.split(".")
    place = data
    for name in folders:
        place = place[name]
    place[last] = value
    return json.dumps(data)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("name", "../sahel", "not a model version"),
        ("version", "2/3", "not a model version"),
        ("made_on", "yesterday", "yesterday"),
        ("embedding.model", "also", "either `model` or `files`"),
        ("embedding.files", "../embedding", "not a folder"),
        ("embedding.dimension", -1, "-1"),
        ("embedding.bytes", True, "True"),
        ("ranking.weights.dense", -0.1, "negative"),
        ("ranking.weights.dense", "1", "not a number"),
        ("ranking.threshold", 10**400, "too large"),
        ("ranking.threshold", 1e300, "not a number from -1,000 to 1,000"),
        ("embedding.bytes", 2**60, "too large"),
        ("ranking.weights", {}, "no part of the score has a weight"),
        ("ranking.weights.magic", 1.0, "magic: no such part of the score"),
        ("ranking.relief.magic", 1.0, "magic: no such part of the score"),
        ("training", [], "not an object"),
        ("failures", "none", "not a list"),
        ("files", {"../x.json": {"sha256": DIGEST, "bytes": 1}}, "not a path inside"),
        ("files", {"x.json": {"sha256": "abc", "bytes": 1}}, "not a SHA-256"),
        ("files", {"x.pkl": {"sha256": DIGEST, "bytes": 1}}, "of a type"),
        ("history", [{"on": "2026-06-01T12:00:00+00:00", "by": "x", "state": "x", "reason": "", "checks": []}], "'x'"),
        ("history", [{"on": "2026-06-01T12:00:00", "by": "x", "state": LIVE, "reason": "", "checks": []}], "no zone"),
    ],
)
def test_wrong_value_is_named(path: str, value: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match="here") as caught:
        from_json(changed(path, value), "here")
    assert message in str(caught.value)


def test_part_that_a_card_lacks_weighs_nothing() -> None:
    """The version was learned before that part of the score existed."""
    data = json.loads(to_json(CARD))
    del data["ranking"]["weights"]["tags"], data["ranking"]["relief"]["tags"]
    ranking = from_json(json.dumps(data), "here").ranking
    assert ranking.weights == dict(CARD.ranking.weights) | {"tags": 0.0}
    assert ranking.relief == dict(CARD.ranking.relief) | {"tags": 0.0}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("\ud800", "surrogates"),
        ({"\ud800": 1}, "surrogates"),
        (10**400, "too large"),
        ([[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]], "nested"),
    ],
)
def test_value_that_could_not_be_shown_is_refused_anywhere(value: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        from_json(changed("metrics.sample", value), "here")


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity"])
def test_number_that_is_none_is_refused_anywhere(number: str) -> None:
    with pytest.raises(InvalidInput, match="not a number"):
        from_json(to_json(CARD).replace("0.9", number), "here")


@pytest.mark.parametrize("metrics", [{"x": float("nan")}, {"x": date(2026, 6, 1)}, {"x": "\ud800"}])
def test_card_that_could_not_be_read_again_is_not_written(metrics: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="The card of sahel/2"):
        to_json(replace(CARD, metrics=metrics))


def test_card_that_is_too_large_is_not_written() -> None:
    queries = [f"{number:060}" for number in range(18_000)]
    with pytest.raises(InvalidInput, match=f"more than {MAX_BYTES:,} are not read. Make its `training` shorter"):
        to_json(replace(CARD, training={"learned_queries": queries}))


@pytest.mark.parametrize("model", ["all-MiniLM-L6-v2", "owner/model_1.5", "_a/B", "one+owner/two"])
def test_name_of_an_embedding_model_is_taken(model: str) -> None:
    card = replace(CARD, embedding=Embedding(model, None, "x@1", 384, 1))
    assert from_json(to_json(card), "here") == card


@pytest.mark.parametrize(
    "model",
    [
        *("", ".", "..", "~", "~root/model", "/etc", "/", "./model", "../model", "owner/../model", "owner/..", "a..b"),
        *(
            "owner/.model",
            "owner/",
            "a/b/c",
            "owner\\model",
            "owner model",
            "model\n",
            "é",
            "x" * 97,
            "file:x",
            "a+",
            "a+../b",
            "+a",
        ),
    ],
)
def test_folder_of_the_machine_is_no_embedding_model(model: str) -> None:
    with pytest.raises(InvalidInput, match="not the name of an embedding model"):
        to_json(replace(CARD, embedding=Embedding(model, None, "x@1", 384, 1)))


@pytest.mark.parametrize("text", ["", "{", "NaN", '{"name": NaN}', "[" * 100_000])
def test_broken_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        from_json(text, "here")


@pytest.mark.parametrize("name", ["sahel/1", "a/b", "sahel-2/1.0.3", "1/1"])
def test_name_is_taken(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "/", "sahel", "sahel/", "/1", "Sahel/1", "sahel/1/2", "../1", "sahel/..", "sahel/1..2", "sahel/.1"),
        *("é/1", "sahel/1\n", "sahel /1", "a/" + "1" * 80, "sahel\\1/1"),
    ],
)
def test_other_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="not a model version"):
        checked_name(name)


@pytest.mark.parametrize(
    "path",
    [
        "card.json",
        "README.md",
        "",
        "/x.json",
        "../x.json",
        "a/../x.json",
        "a//x.json",
        "a\\x.json",
        ".x.json",
        "a/.git/x.json",
        "./x.json",
    ],
)
def test_path_outside_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput):
        checked_file(path)


def test_path_too_long_for_a_file_system_is_refused() -> None:
    """Counted in bytes, as file systems do."""
    longest = "embedding/" + "x" * (MAX_PATH - 15) + ".json"
    assert checked_file(longest) == longest
    for path in ("x" + longest, longest.replace("x", "é", 1), "x" * 300 + ".json"):
        with pytest.raises(InvalidInput, match="200 bytes at most"):
            checked_file(path)


@pytest.mark.parametrize("path", ["x.bin", "x.pt", "x.pkl", "x.joblib", "x.py", "x", "x.safetensors.sh"])
def test_type_that_could_run_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput, match="of a type"):
        checked_file(path)


def test_state_is_that_of_the_last_entry() -> None:
    later = CARD.recorded(HistoryEntry(datetime(2026, 6, 2, tzinfo=UTC), "second", LIVE))
    assert (CARD.state, later.state, replace(CARD, history=()).state) == (CANDIDATE, LIVE, CANDIDATE)


@given(st.text("ab1A-./\\ é", max_size=12) | st.text(max_size=12))
def test_name_that_is_taken_is_a_folder_of_two_levels(text: str) -> None:
    try:
        name = checked_name(text)
    except InvalidInput:
        return
    assert [part.strip(".") != "" for part in PurePosixPath(name).parts] == [True, True]
    assert str(PurePosixPath(name)) == name == name.lower()


def test_page_says_what_the_card_says() -> None:
    entry = HistoryEntry(datetime(2026, 6, 2, tzinfo=UTC), "second", LIVE, "better | and\nnewer")
    training = {
        "base": "sahel/1",
        "data": {"window": ["2012-01-28", None]},
        "bins": [{"low": 0, "high": 0.5}],
        "none": [],
    }
    page = readme(replace(CARD, training=training).recorded(entry))
    assert "# sahel 2" in page
    assert "It reads English only." in page
    assert "- base: sahel/1\n- data\n  - window: 2012-01-28, null\n- bins\n  - low 0, high 0.5\n- none\n" in page
    assert "- sample\n  - nDCG@3: 0.800 (0.700-0.900)\n" in page
    assert "| 2026-06-02T00:00:00+00:00 | second | live | better \\| and newer |" in page


# -- a reader of both texts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reranker", [None, "recorded@1e7b1e5be31a", "endpoint:a|b\nc"])
def test_version_names_its_reader_or_none(reranker: str | None) -> None:
    card = replace(CARD, reranker=reranker)
    assert from_json(to_json(card), "card.json") == card
    assert ("| read by |" in readme(card)) == (reranker is not None)


def test_card_without_a_word_of_readers_makes_nothing_of_grades() -> None:
    data = json.loads(to_json(CARD))
    del data["ranking"]["weights"]["reader"], data["ranking"]["relief"]["reader"]
    card = from_json(json.dumps(data), "card.json")
    assert card.ranking.weights["reader"] == card.ranking.relief["reader"] == 0
    assert card.reranker is None


def test_reader_that_is_not_a_name_is_refused() -> None:
    data = json.loads(to_json(CARD)) | {"reranker": 7}
    with pytest.raises(InvalidInput, match="7 is not a text"):
        from_json(json.dumps(data), "card.json")
