"""Vectors, centres, candidate lists; and that taking articles in one by one ends where a build does."""

import shutil
from collections.abc import Sequence
from contextlib import closing
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender import candidates, neighbours, terms
from recommender.article import Article
from recommender.candidates import FEATURES, CandidateArray
from recommender.interfaces import Store
from recommender.neighbours import Entry, Finder
from recommender.vectors import Centres, article_vectors, unit, vector_version
from recommender.wiring import make_toolbox, open_store
from tests.embedder import DIMENSION, ToyEmbedder, place
from tests.factories import built, make_article, make_builder, stored

# -- vectors and centres -----------------------------------------------------------------------------------------------


def test_version_names_model_and_preparation() -> None:
    assert vector_version(ToyEmbedder("toy@7")) == "toy@7/passages180-mean"


def test_article_vector_is_mean_of_passages() -> None:
    long = Article(id="a", title="Junta", body="\n\n".join(["kidal " * 180, "accord " * 180]))
    (vector,) = article_vectors(ToyEmbedder(), [long])
    first, second = ToyEmbedder().embed([f"Junta. {'kidal ' * 180}", f"Junta. {'accord ' * 180}"])
    np.testing.assert_allclose(vector, (first + second) / np.linalg.norm(first + second), rtol=1e-6)


def test_vectors_keep_order_of_articles() -> None:
    articles = [
        Article(id=word, title=word, body="kidal " * length) for word, length in (("a", 900), ("b", 1), ("c", 400))
    ]
    together = article_vectors(ToyEmbedder(), articles)
    alone = [article_vectors(ToyEmbedder(), [article])[0] for article in articles]
    np.testing.assert_array_equal(together, alone)


def test_no_articles_give_no_vectors() -> None:
    assert article_vectors(ToyEmbedder(), []).shape == (0, DIMENSION)


def test_rows_of_zeros_stay() -> None:
    np.testing.assert_allclose(unit(np.array([[3, 4], [0, 0]], np.float32)), [[0.6, 0.8], [0, 0]])


def test_centres_are_shrunken_means() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    centres = Centres.of(vectors, ["en", "en", "fr"])
    archive = np.array([2, 1]) / 8  # the sum over 3 + 5
    english = (np.array([2, 0]) + 5 * archive) / 7
    vector = np.array([0.6, 0.8], dtype=np.float32)
    for language, mean in (("en", english), ("de", archive)):
        expected = (vector - mean) / np.linalg.norm(vector - mean)
        np.testing.assert_allclose(centres.centred(vector, language), expected, rtol=1e-6)


def test_centres_survive_their_bytes() -> None:
    vectors = unit(np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32))
    centres = Centres.of(vectors, ["en", "fr", "en"] * 3)
    again = Centres.from_bytes(centres.to_bytes())
    for language in ("en", "fr", "de"):
        np.testing.assert_array_equal(again.centred(vectors[0], language), centres.centred(vectors[0], language))


# -- the finder --------------------------------------------------------------------------------------------------------


def entries(vectors: Sequence[Sequence[float]], languages: Sequence[str]) -> list[Entry]:
    """Articles without words, numbered from 10, with these vectors."""
    nothing = (np.empty(0, np.int32), np.empty(0, np.float32))
    row = terms.to_bytes(dict.fromkeys(terms.TERM_FIELDS, nothing))
    rows = unit(np.array(vectors, dtype=np.float32))
    return [
        Entry(number, f"hash{number}", language, vector, vector, row)
        for number, vector, language in zip(count(10), rows, languages, strict=False)
    ]


def test_articles_stand_in_each_others_lists() -> None:
    three = entries([[1, 0], [0.6, 0.8], [0, 1]], ["en", "en", "fr"])
    lists = Finder(make_toolbox(), three).lists(three)
    assert [found["number"].tolist() for found in lists] == [[11, 12], [10, 12], [10, 11]]
    assert lists[1]["dense"].tolist() == pytest.approx([0.6, 0.8])
    assert lists[1]["same"].tolist() == [True, False]


def test_unknown_features_are_nan() -> None:
    two = entries([[1, 0], [1, 0]], ["en", "en"])
    (found, _) = Finder(make_toolbox(), two).lists(two)
    assert found["lexical"].tolist() == [0]
    assert np.isnan(found["tags"]).all()
    assert np.isnan(found["places"]).all()


def test_lonely_article_has_empty_list() -> None:
    one = entries([[1, 0]], ["en"])
    assert Finder(make_toolbox(), one).lists(one)[0].tolist() == []


def test_empty_finder_finds_nothing() -> None:
    (query,) = entries([[1, 0]], ["en"])
    assert Finder(make_toolbox(), []).lists([query])[0].tolist() == []


def test_many_queries_equal_single_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    some = entries(np.random.default_rng(3).normal(size=(20, 4)).tolist(), ["en", "fr"] * 10)
    finder = Finder(make_toolbox(), some)
    monkeypatch.setattr(neighbours, "SEARCHED_AT_ONCE", 7)
    together = [found["number"].tolist() for found in finder.lists(some)]
    assert together == [finder.lists([one])[0]["number"].tolist() for one in some]


# -- incremental equals full -------------------------------------------------------------------------------------------

WORDS = [f"word{number}" for number in range(60)]
TAGS = ["coup", "army", "gold", "vote"]
COUNTRIES = ["Mali", "Niger", "Chad"]


def written(seed: int, number: int, version: int) -> Article:
    """An article of random words, some unknown to the first build; no two are alike, and some have no labels."""
    random = np.random.default_rng([seed, number, version])
    known = random.choice(WORDS, size=random.integers(4, 30))
    return make_article(
        f"a{number}",
        title=" ".join([*known, f"only{number}x{version}"]),
        body=" ".join(random.choice(WORDS, size=random.integers(1, 60))),
        language=str(random.choice(["en", "en", "fr"])),
        tags=tuple(random.choice(TAGS, size=random.integers(0, 3), replace=False).tolist()),
        countries=tuple(random.choice(COUNTRIES, size=random.integers(0, 3), replace=False).tolist()),
    )


def from_scratch(store: Store) -> dict[int, CandidateArray]:
    """The list of every published article, computed anew with the live generation's weights and centres."""
    live = store.generations.live()
    assert live is not None
    toolbox, centres = make_toolbox(), Centres.from_bytes(live.centres)
    lexical = toolbox.read_lexical(live.lexical)
    found = []
    for member in store.generations.members(live.model):
        row = terms.to_bytes(lexical.rows([store.articles.get([member.number])[member.number]])[0])
        centred = centres.centred(member.vector, member.language)
        found.append(Entry(member.number, member.text_hash, member.language, member.vector, centred, row))
    lists = Finder(toolbox, found).lists(found)
    return {entry.number: rows for entry, rows in zip(found, lists, strict=True)}


def assert_lists_are_those_of_a_full_build(store: Store) -> None:
    expected = from_scratch(store)
    generation = store.state().generation
    assert generation is not None
    actual = store.generations.candidates(generation, sorted(expected))
    assert actual.keys() == expected.keys()
    assert store.generations.size(generation) == len(expected)
    for number, rows in expected.items():
        assert actual[number]["number"].tolist() == rows["number"].tolist(), number
        assert actual[number]["same"].tolist() == rows["same"].tolist()
        for feature in FEATURES:
            np.testing.assert_allclose(actual[number][feature], rows[feature], atol=2e-6)


def shorten_lists(patch: pytest.MonkeyPatch) -> None:
    """Lists of four, two and four rows: a few dozen articles then compete as thousands do for the real ones."""
    for module in (candidates, neighbours):
        patch.setattr(module, "DEPTH", 4)
        patch.setattr(module, "DEPTH_OTHER", 2)


History = tuple[int, int, list[tuple[int, dict[int, bool]]]]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """A seed, the size of the first build, and updates: by which of two builders, which articles come or go."""
    some = st.dictionaries(st.integers(0, 24), st.sampled_from([True, True, False]), min_size=1, max_size=6)
    updates = st.lists(st.tuples(st.integers(0, 1), some), min_size=1, max_size=4)
    return draw(st.integers(0, 2**31)), draw(st.integers(1, 20)), draw(updates)


@settings(max_examples=20)
@given(histories())
def test_updates_end_where_a_build_does(
    empty_database: Path, tmp_path_factory: pytest.TempPathFactory, history: History
) -> None:
    seed, size, updates = history
    file = shutil.copy(empty_database, tmp_path_factory.mktemp("history") / "test.db")
    version = count()
    with closing(open_store(f"sqlite:///{file}")) as store, pytest.MonkeyPatch.context() as patch:
        shorten_lists(patch)
        stored(store, [written(seed, number, next(version)) for number in range(size)])
        builders = [make_builder(store), make_builder(store)]
        builders[0].build()
        for who, changes in updates:
            for number, comes in changes.items():
                if comes:
                    stored(store, [written(seed, number, next(version))])
                else:
                    store.articles.withdraw(f"a{number}")
            builders[who].update()
            assert_lists_are_those_of_a_full_build(store)


def test_lists_of_real_depth_agree(store: Store) -> None:
    builder = built(store, [written(1, number, 0) for number in range(150)])
    stored(store, [written(1, number, 1) for number in range(140, 170)])
    for number in range(5):
        store.articles.withdraw(f"a{number}")
    builder.update()
    assert_lists_are_those_of_a_full_build(store)


def test_unpublished_articles_leave_all_lists(store: Store) -> None:
    articles = [written(2, number, 0) for number in range(6)]
    builder = built(store, articles)
    (number,) = stored(store, articles[:1])
    store.articles.upsert([make_article("a0", title=articles[0].title, status="unpublished")])
    builder.update()
    generation = builder.update().generation
    others = [found for found in range(1, 7) if found != number]
    lists = store.generations.candidates(generation, range(1, 7))
    assert sorted(lists) == others
    assert all(number not in rows["number"] for rows in lists.values())


def test_draft_lists_equal_those_of_articles(store: Store) -> None:
    articles = [written(3, number, 0) for number in range(12)]
    builder = built(store, articles)
    (number,) = stored(store, articles[4:5])
    generation = builder.update().generation
    draft = builder.draft_candidates(articles[4])
    rows = store.generations.candidates(generation, [number])[number]
    own = draft[draft["number"] == number]
    assert own["dense"][0] == pytest.approx(1)
    assert own["lexical"][0] == pytest.approx(1)
    without = draft[draft["number"] != number]
    assert without["number"].tolist() == rows["number"].tolist()
    np.testing.assert_allclose(without["dense"], rows["dense"], atol=2e-6)


def test_drafts_see_what_others_have_written(store: Store) -> None:
    builder = built(store, [written(4, number, 0) for number in range(5)])
    builder.draft_candidates(written(4, 99, 0))
    (number,) = stored(store, [written(4, 5, 0)])
    make_builder(store).update()
    assert number in builder.draft_candidates(written(4, 99, 0))["number"]


def test_toy_words_are_far_apart() -> None:
    """The tests that work out cosines by hand use words of different dimensions."""
    assert len({place(word) for word in ("junta", "kidal", "accord")}) == 3
