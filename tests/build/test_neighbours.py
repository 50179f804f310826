"""Candidate lists, scales and stories; and that taking articles in one by one ends where a build does."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from recommender.articles.keys import indexed_hash
from recommender.build import neighbours
from recommender.build.neighbours import Finder, IndexedArticle, best_of, story_links
from recommender.embedding.pooling import unit
from recommender.ranking import scoring
from recommender.ranking.candidates import FEATURES, make_candidates
from recommender.ranking.facts import Ranker
from recommender.ranking.scoring import DEFAULT, USUAL, scored, similarities
from recommender.retrieval import terms
from recommender.wiring import make_toolbox
from tests.factories import GAZETTEER, make_rows

TOOLBOX = make_toolbox(GAZETTEER)


# -- the finder --------------------------------------------------------------------------------------------------------

NOTHING = (np.empty(0, np.int32), np.empty(0, np.float32))


def entries(
    vectors: Sequence[Sequence[float]],
    languages: Sequence[str],
    themes: Sequence[Sequence[float]] | None = None,
    **labels: Sequence[int | None],
) -> list[IndexedArticle]:
    """Articles without words, numbered from 10, with these vectors; each label is one term, or none."""
    rows = unit(np.array(vectors, dtype=np.float32))
    parts = rows if themes is None else unit(np.array(themes, dtype=np.float32))
    made = []
    for place, (row, part, language) in enumerate(zip(rows, parts, languages, strict=True)):
        own = dict.fromkeys(terms.TERM_FIELDS, NOTHING)
        for field, labelled in labels.items():
            term = labelled[place]
            own[field] = NOTHING if term is None else (np.array([term], np.int32), np.ones(1, np.float32))
        made.append(IndexedArticle(10 + place, f"hash{place}", language, row, part, terms.to_bytes(own)))
    return made


def test_articles_stand_in_each_others_lists() -> None:
    three = entries([[1, 0], [0.6, 0.8], [0, 1]], ["en", "en", "fr"], themes=[[1, 0], [0, 1], [0.8, 0.6]])
    lists = Finder(TOOLBOX, three, {}).lists(three)
    assert [rows["number"].tolist() for rows in lists] == [[11, 12], [10, 12], [10, 11]]
    assert lists[1]["dense"].tolist() == pytest.approx([0.6, 0.8])
    assert lists[1]["themes"].tolist() == pytest.approx([0, 0.6])
    assert lists[1]["same"].tolist() == [True, False]


def test_labels_are_compared_or_unknown() -> None:
    three = entries([[1, 0]] * 3, ["en"] * 3, tags=[5, 5, 6], places=[1, None, 1], topics=[2, 2, None])
    first, second, _ = Finder(TOOLBOX, three, {}, names_known=True).lists(three)
    np.testing.assert_array_equal(first["tags"], [1, 0])
    np.testing.assert_array_equal(first["places"], [np.nan, 1])
    np.testing.assert_array_equal(second["places"], [np.nan, np.nan])
    np.testing.assert_array_equal(first["topics"], [1, 0])
    assert first["lexical"].tolist() == [0, 0]


@pytest.mark.parametrize(("covered", "missing"), [(True, 0.0), (False, np.nan)])
def test_unnamed_article_in_a_covered_archive_shares_no_name(covered: bool, missing: float) -> None:
    """Where the gazetteer does not know the archive, not to find a name says nothing."""
    three = entries([[1, 0]] * 3, ["en"] * 3, names=[7, 7, None], topics=[8, 8, None])
    rows = Finder(TOOLBOX, three, {}, names_known=covered).lists(three)[0]
    np.testing.assert_array_equal(rows["names"], [1, missing])
    np.testing.assert_array_equal(rows["topics"], [1, missing])


def test_trust_of_the_less_known_language_counts() -> None:
    three = entries([[1, 0], [0.6, 0.8], [0.8, 0.6]], ["fr", "fr", "en"])
    lists = Finder(TOOLBOX, three, {"fr": 0.25, "en": 1.0}).lists(three)
    assert lists[0]["dense"].tolist() == pytest.approx([0.15, 0.2])
    assert lists[2]["dense"].tolist() == pytest.approx([0.2, 0.24])


def test_languages_that_are_not_named_are_trusted() -> None:
    two = entries([[1, 0], [0.6, 0.8]], ["en", "en"])
    assert Finder(TOOLBOX, two, {"fr": 0.25}).lists(two)[0]["dense"].tolist() == pytest.approx([0.6])


def test_lonely_article_has_empty_list() -> None:
    lonely = entries([[1, 0]], ["en"])
    assert Finder(TOOLBOX, lonely, {}).lists(lonely)[0].tolist() == []


def test_empty_finder_finds_nothing() -> None:
    (query,) = entries([[1, 0]], ["en"])
    assert Finder(TOOLBOX, [], {}).lists([query])[0].tolist() == []


def test_many_queries_equal_single_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    some = entries(np.random.default_rng(3).normal(size=(20, 4)).tolist(), ["en", "fr"] * 10)
    finder = Finder(TOOLBOX, some, {})
    monkeypatch.setattr(neighbours, "SEARCHED_AT_ONCE", 7)
    together = [rows["number"].tolist() for rows in finder.lists(some)]
    assert together == [finder.lists([entry])[0]["number"].tolist() for entry in some]


def test_replacing_leaves_the_old_finder() -> None:
    three = entries([[1, 0], [0.6, 0.8], [0, 1]], ["en"] * 3)
    old = Finder(TOOLBOX, three[:2], {})
    new = old.replaced({10}, three[2:])
    assert [rows["number"].tolist() for rows in old.lists(three[:1])] == [[11]]
    assert [rows["number"].tolist() for rows in new.lists(three[:1])] == [[11, 12]]


# -- scales ------------------------------------------------------------------------------------------------------------


def mixed(values: Sequence[float], usual: scoring.Scale) -> tuple[float, float]:
    """Mean and standard deviation of some values and of a hundred that are as usual, worked out in full."""
    spread = [usual.mean - usual.deviation, usual.mean + usual.deviation] * 50
    every = [*values, *spread]
    return float(np.mean(every)), float(np.std(every))


def test_scales_are_those_of_pairs_of_one_language() -> None:
    some = entries(
        [[1, 0], [0.6, 0.8], [0, 1], [1, 0]],
        ["en", "en", "en", "fr"],
        themes=[[1, 0], [1, 0], [0.8, 0.6], [1, 0]],
        lexical=[3, 3, 4, 3],
    )
    scales = Finder(TOOLBOX, some, {}).scales()
    for scale, usual, pairs in (
        (scales.dense, USUAL.dense, [0.6, 0, 0.8]),
        (scales.themes, USUAL.themes, [1, 0.8, 0.8]),
        (scales.lexical, USUAL.lexical, [1, 0, 0]),
    ):
        assert (scale.mean, scale.deviation) == pytest.approx(mixed(pairs * 2, usual), abs=1e-6)


def test_lexical_scale_is_that_of_square_roots() -> None:
    halves = [(np.array([1, 2], np.int32), np.array([0.5, 0.5], np.float32))] * 2
    some = [
        IndexedArticle(
            number,
            "h",
            "en",
            np.array([1, 0], np.float32),
            np.array([1, 0], np.float32),
            terms.to_bytes(dict.fromkeys(terms.TERM_FIELDS, NOTHING) | {"lexical": row}),
        )
        for number, row in enumerate(halves)
    ]
    scale = Finder(TOOLBOX, some, {}).scales().lexical
    assert (scale.mean, scale.deviation) == pytest.approx(mixed([0.5**0.5] * 2, USUAL.lexical), abs=1e-6)


def test_scales_leave_out_copies() -> None:
    """Nothing else is as similar as they are: in an archive with every text twice they would hide what is related."""
    one_of_each = entries([[1, 0], [0.6, 0.8]], ["en"] * 2, lexical=[3, 3])
    keyed = [replace(entry, text_hash=indexed_hash("0" * 64, f"{entry.number:016x}", "all")) for entry in one_of_each]
    twice = [*keyed, *(replace(entry, number=entry.number + 10) for entry in keyed)]
    scales = Finder(TOOLBOX, twice, {}).scales()
    for scale, usual, pair in ((scales.dense, USUAL.dense, 0.6), (scales.lexical, USUAL.lexical, 1)):
        assert (scale.mean, scale.deviation) == pytest.approx(mixed([pair] * 8, usual), abs=1e-6)


def test_scales_of_a_single_article_are_usual() -> None:
    scales = Finder(TOOLBOX, entries([[1, 0]], ["en"]), {}).scales()
    for name in ("dense", "lexical", "themes"):
        scale, usual = getattr(scales, name), getattr(USUAL, name)
        assert (scale.mean, scale.deviation) == pytest.approx((usual.mean, usual.deviation))


def test_scales_of_a_large_archive_are_drawn_fairly() -> None:
    """600 articles in two languages: a sample of their pairs has nearly the spread of all."""
    vectors = unit(np.random.default_rng(5).normal(0.3, 1, size=(600, 8)).astype(np.float32))
    some = entries(vectors.tolist(), ["en", "en", "fr"] * 200)
    scale = Finder(TOOLBOX, some, {}).scales().dense
    groups = [vectors[[place % 3 == 2 for place in range(600)]], vectors[[place % 3 != 2 for place in range(600)]]]
    cosines = [(group @ group.T)[~np.eye(len(group), dtype=bool)] for group in groups]
    # Each article is asked for as many others, whatever its language.
    mean = np.average([values.mean() for values in cosines], weights=[1, 2])
    assert scale.mean == pytest.approx(mean, abs=0.01)
    assert scale.deviation == pytest.approx(np.concatenate(cosines).std(), abs=0.01)


# -- links and demand --------------------------------------------------------------------------------------------------


def test_links_are_scores() -> None:
    rows = make_rows([3, 7], dense=[0.9, 0.5], lexical=[0.5, 0.2], topics=1.0)
    ranker = Ranker(DEFAULT, USUAL)
    links = story_links(5, rows, {5: 0.0, 3: 86_400.0, 7: -864_000.0}, ranker)
    expected = scored(similarities(rows, np.array([86_400.0, 864_000.0]), USUAL), DEFAULT).score.tolist()
    assert links == [(expected[0], 5, 3), (expected[1], 5, 7)]
    assert expected[0] > expected[1] > 0


def test_links_without_dates_leave_nearness_unknown() -> None:
    """An undated article is worth more than one of another age, and less than one of the same day."""
    rows = make_rows([3], dense=0.5, lexical=0.2, topics=1.0)
    ranker = Ranker(DEFAULT, USUAL)
    (undated,) = story_links(5, rows, {5: 0.0}, ranker)
    (distant,) = story_links(5, rows, {5: 0.0, 3: 1e12}, ranker)
    (near,) = story_links(5, rows, {5: 0.0, 3: 0.0}, ranker)
    assert distant[0] < undated[0] < near[0]


def test_demand_is_for_the_best_readable() -> None:
    rows = make_candidates(
        np.array([3, 4, 5, 6, 7], np.int32),
        np.array([True, False, True, True, True]),
        {feature: np.zeros(5, np.float32) for feature in FEATURES},
    )
    links = [(0.2, 9, 3), (0.9, 9, 4), (0.5, 9, 5), (0.2, 9, 6), (0.2, 9, 7)]
    assert best_of(links, rows, 0.2) == [5, 3, 6]


def test_demand_is_for_what_is_shown() -> None:
    """Below the least score the last bit of a sum would decide who counts."""
    rows = make_rows([3, 4, 5])
    assert best_of([(0.1, 9, 3), (0.0999, 9, 4), (0.0, 9, 5)], rows, 0.1) == [3]
