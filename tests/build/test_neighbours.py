"""Candidate lists, scales and stories; and that taking articles in one by one ends where a build does."""

import shutil
from collections.abc import Sequence
from contextlib import closing
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.articles.article import Article
from recommender.build import neighbours
from recommender.build.neighbours import Finder, GenerationModels, IndexedArticle, best_of, story_links
from recommender.embedding.pooling import Geometry, unit
from recommender.ranking import candidates, scoring
from recommender.ranking.candidates import FEATURES, CandidateArray, make_candidates
from recommender.ranking.facts import Ranker
from recommender.ranking.scoring import DEFAULT, USUAL, scored, similarities
from recommender.retrieval import terms
from recommender.store.base import Store
from recommender.wiring import make_toolbox, open_store
from tests.factories import GAZETTEER, built, days_ago, make_article, make_builder, make_rows, stored

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
    found = []
    for place, (row, part, language) in enumerate(zip(rows, parts, languages, strict=True)):
        own = dict.fromkeys(terms.TERM_FIELDS, NOTHING)
        for field, labelled in labels.items():
            term = labelled[place]
            own[field] = NOTHING if term is None else (np.array([term], np.int32), np.ones(1, np.float32))
        found.append(IndexedArticle(10 + place, f"hash{place}", language, row, part, terms.to_bytes(own)))
    return found


def test_articles_stand_in_each_others_lists() -> None:
    three = entries([[1, 0], [0.6, 0.8], [0, 1]], ["en", "en", "fr"], themes=[[1, 0], [0, 1], [0.8, 0.6]])
    lists = Finder(TOOLBOX, three, {}).lists(three)
    assert [found["number"].tolist() for found in lists] == [[11, 12], [10, 12], [10, 11]]
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


@pytest.mark.parametrize(("known", "missing"), [(True, 0.0), (False, np.nan)])
def test_unnamed_article_in_a_covered_archive_shares_no_name(known: bool, missing: float) -> None:
    """Where the gazetteer does not know the archive, not to find a name says nothing."""
    three = entries([[1, 0]] * 3, ["en"] * 3, names=[7, 7, None], topics=[8, 8, None])
    found = Finder(TOOLBOX, three, {}, names_known=known).lists(three)[0]
    np.testing.assert_array_equal(found["names"], [1, missing])
    np.testing.assert_array_equal(found["topics"], [1, missing])


def test_trust_of_the_less_known_language_counts() -> None:
    three = entries([[1, 0], [0.6, 0.8], [0.8, 0.6]], ["fr", "fr", "en"])
    found = Finder(TOOLBOX, three, {"fr": 0.25, "en": 1.0}).lists(three)
    assert found[0]["dense"].tolist() == pytest.approx([0.15, 0.2])
    assert found[2]["dense"].tolist() == pytest.approx([0.2, 0.24])


def test_languages_that_are_not_named_are_trusted() -> None:
    two = entries([[1, 0], [0.6, 0.8]], ["en", "en"])
    assert Finder(TOOLBOX, two, {"fr": 0.25}).lists(two)[0]["dense"].tolist() == pytest.approx([0.6])


def test_lonely_article_has_empty_list() -> None:
    one = entries([[1, 0]], ["en"])
    assert Finder(TOOLBOX, one, {}).lists(one)[0].tolist() == []


def test_empty_finder_finds_nothing() -> None:
    (query,) = entries([[1, 0]], ["en"])
    assert Finder(TOOLBOX, [], {}).lists([query])[0].tolist() == []


def test_many_queries_equal_single_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    some = entries(np.random.default_rng(3).normal(size=(20, 4)).tolist(), ["en", "fr"] * 10)
    finder = Finder(TOOLBOX, some, {})
    monkeypatch.setattr(neighbours, "SEARCHED_AT_ONCE", 7)
    together = [found["number"].tolist() for found in finder.lists(some)]
    assert together == [finder.lists([one])[0]["number"].tolist() for one in some]


def test_replacing_leaves_the_old_finder() -> None:
    three = entries([[1, 0], [0.6, 0.8], [0, 1]], ["en"] * 3)
    old = Finder(TOOLBOX, three[:2], {})
    new = old.replaced({10}, three[2:])
    assert [found["number"].tolist() for found in old.lists(three[:1])] == [[11]]
    assert [found["number"].tolist() for found in new.lists(three[:1])] == [[11, 12]]


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


# -- incremental equals full -------------------------------------------------------------------------------------------

WORDS = [f"word{number}" for number in range(60)]
TAGS = ["coup", "army", "gold", "vote"]
COUNTRIES = ["Mali", "Niger", "Chad"]
NAMES = ["Niamey", "Bamako", "Bazoum", "JNIM", "Putsch"]


def written(seed: int, number: int, version: int) -> Article:
    """An article of random words and names, some unknown to the first build; no two are alike, some have no labels.

    With half of the seeds the gazetteer knows most of what the articles name, with the others little of it.
    """
    random = np.random.default_rng([seed, number, version])
    known = random.choice(WORDS, size=random.integers(4, 30))
    named = random.choice(NAMES, size=random.integers(0, 4)).tolist()
    strange = [f"Person{random.integers(9)}" for _ in range(random.integers(0, 4))] if seed % 2 else []
    return make_article(
        f"a{number}",
        title=" ".join([*known, f"only{number}x{version}"]),
        body=" ".join([*random.choice(WORDS, size=random.integers(1, 60)), *named, *strange]),
        posted_on=days_ago(float(random.integers(1, 90))) if random.integers(8) else None,
        language=str(random.choice(["en", "en", "fr"])),
        tags=tuple(random.choice(TAGS, size=random.integers(0, 3), replace=False).tolist()),
        countries=tuple(random.choice(COUNTRIES, size=random.integers(0, 3), replace=False).tolist()),
    )


def from_scratch(store: Store) -> dict[int, tuple[CandidateArray, tuple[str, ...]]]:
    """The list and the names of every published article, made anew from what the live generation has learned."""
    live = store.generations.live()
    assert live is not None
    frame = GenerationModels(Geometry.from_bytes(live.geometry), TOOLBOX.read_lexical(live.lexical))
    members = store.generations.members(live.model)
    articles = store.articles.get([member.number for member in members])
    found = []
    for member in members:
        row = frame.lexical.rows([articles[member.number]])[0]
        found.append(frame.entry(member.number, member.text_hash, member.language, member.vector, row))
    lists = frame.finder(TOOLBOX, found).lists(found)
    return {
        entry.number: (rows, frame.lexical.names(articles[entry.number]))
        for entry, rows in zip(found, lists, strict=True)
    }


def assert_lists_are_those_of_a_full_build(store: Store) -> None:
    expected = from_scratch(store)
    generation = store.state().generation
    assert generation is not None
    actual = store.generations.candidates(generation, sorted(expected))
    assert actual.keys() == expected.keys()
    assert store.generations.size(generation) == len(expected)
    assert store.generations.names(generation, list(expected)) == {
        number: names for number, (_, names) in expected.items()
    }
    for number, (rows, _) in expected.items():
        assert actual[number]["number"].tolist() == rows["number"].tolist(), number
        assert actual[number]["same"].tolist() == rows["same"].tolist()
        for feature in FEATURES:
            np.testing.assert_allclose(actual[number][feature], rows[feature], atol=2e-6, err_msg=feature)


def stories(store: Store) -> dict[int, int]:
    """The running story of every article."""
    generation = store.state().generation
    assert generation is not None
    standings = store.generations.standings_since(generation, -1)
    return {number: standings[number].story for number in store.generations.numbers(generation)}


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
            before = stories(store)
            touched = store.generations.stale(store.state().generation or 0)
            builders[who].update()
            assert_lists_are_those_of_a_full_build(store)
            after = stories(store)
            stayed = before.keys() & after.keys() - {*touched.changed, *touched.left}
            assert {number: after[number] for number in stayed} == {number: before[number] for number in stayed}


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
    found = builder.draft_candidates(articles[4])
    draft = found.rows
    assert {number: found.names} == store.generations.names(generation, [number])
    rows = store.generations.candidates(generation, [number])[number]
    own = draft[draft["number"] == number]
    assert own["dense"][0] == pytest.approx(1)
    assert own["lexical"][0] == pytest.approx(1)
    without = draft[draft["number"] != number]
    assert without["number"].tolist() == rows["number"].tolist()
    for feature in FEATURES:
        np.testing.assert_allclose(without[feature], rows[feature], atol=2e-6, err_msg=feature)


def test_drafts_see_what_others_have_written(store: Store) -> None:
    builder = built(store, [written(4, number, 0) for number in range(5)])
    assert len(builder.draft_candidates(written(4, 99, 0)).rows) == 5
    (number,) = stored(store, [written(4, 5, 0)])
    make_builder(store).update()
    assert number in builder.draft_candidates(written(4, 99, 0)).rows["number"]


def test_names_stay_known_when_the_last_named_article_leaves(store: Store) -> None:
    """Whether the gazetteer covers the archive is learned by builds; a fresh process sees it as the others do."""
    named = make_article("a0", title="word1 word2", body="word3 in Niamey with Bazoum")
    built(store, [named, *(make_article(f"a{number}", title=f"word1 own{number}", body="word2") for number in (1, 2))])
    store.articles.withdraw("a0")
    make_builder(store).update()
    (number,) = stored(store, [make_article("a1", title="word1 mended", body="word2")])
    make_builder(store).update()
    assert_lists_are_those_of_a_full_build(store)
    assert store.generations.candidates(store.state().generation or 0, [number])[number]["names"].tolist() == [0]


# -- running stories ---------------------------------------------------------------------------------------------------

SIEGE = "jihadists blockade fuel convoys kayes tankers escorts burned"
MINE = "barrick loulo permit royalties tonnes gold court arbitration"


def report(article_id: str, words: str, days: float) -> Article:
    """A report of some running story, with a word of its own."""
    return make_article(
        article_id, title=f"{article_id} {words}", body=f"{words} own{article_id}", posted_on=days_ago(days)
    )


def unrelated() -> list[Article]:
    """Twenty articles with little in common; eight hold a word of MINE each, so that the build learns it."""
    known = [*MINE.split(), *[""] * 12]
    return [
        make_article(f"u{number}", title=f"lone{number} {word}", body=f"apart{number}", posted_on=days_ago(20 * number))
        for number, word in enumerate(known)
    ]


@pytest.fixture
def siege(store: Store) -> list[int]:
    """The numbers of four reports of one running story, built with twenty unrelated articles."""
    reports = [report(f"siege{number}", f"{SIEGE} week{number}", 10 * number + 10) for number in range(4)]
    built(store, [*reports, *unrelated()])
    return stored(store, reports)


def by_story(store: Store) -> dict[int, list[int]]:
    """The articles of each running story that has more than one."""
    groups: dict[int, list[int]] = {}
    for number, story in stories(store).items():
        groups.setdefault(story, []).append(number)
    return {story: members for story, members in groups.items() if len(members) > 1}


def test_reports_of_one_story_stand_together(store: Store, siege: list[int]) -> None:
    assert by_story(store) == {siege[0]: siege}


def test_new_report_joins_its_running_story(store: Store, siege: list[int]) -> None:
    (number,) = stored(store, [report("siege9", f"{SIEGE} night", 2)])
    make_builder(store).update()
    assert by_story(store) == {siege[0]: [*siege, number]}


def test_new_report_of_another_matter_stands_alone(store: Store, siege: list[int]) -> None:
    (number,) = stored(store, [report("mine", MINE, 2)])
    make_builder(store).update()
    assert by_story(store) == {siege[0]: siege}
    assert stories(store)[number] == number


def test_two_new_reports_begin_a_story(store: Store, siege: list[int]) -> None:
    numbers = stored(store, [report("mine1", f"{MINE} judge", 3), report("mine2", f"{MINE} minister", 2)])
    make_builder(store).update()
    assert by_story(store) == {siege[0]: siege, numbers[0]: numbers}


def test_updates_and_builds_agree_on_clear_stories(store: Store, siege: list[int]) -> None:
    stored(
        store, [report("siege9", f"{SIEGE} night", 2), report("mine1", MINE, 3), report("mine2", f"{MINE} judge", 2)]
    )
    builder = make_builder(store)
    builder.update()
    updated = stories(store)
    builder.build(full=True)
    assert updated == stories(store)


@pytest.mark.parametrize("place", [0, 2])
def test_rewritten_report_leaves_its_story(store: Store, siege: list[int], place: int) -> None:
    """Even the first, after which the story is named."""
    stored(store, [report(f"siege{place}", MINE, 2)])
    make_builder(store).update()
    assert by_story(store) == {siege[0]: [number for number in siege if number != siege[place]]}


def test_mended_report_stays_in_its_story(store: Store, siege: list[int]) -> None:
    stored(store, [report("siege0", f"{SIEGE} weekend", 10)])
    make_builder(store).update()
    assert by_story(store) == {siege[0]: siege}


def test_withdrawn_report_is_in_no_story(store: Store, siege: list[int]) -> None:
    store.articles.withdraw("siege0")
    make_builder(store).update()
    assert store.generations.story(store.state().generation or 0, siege[0]) == siege[1:]


def test_story_outlives_its_first_report(store: Store, siege: list[int]) -> None:
    store.articles.withdraw("siege0")
    (number,) = stored(store, [report("siege9", f"{SIEGE} night", 2)])
    make_builder(store).update()
    assert by_story(store) == {siege[0]: [*siege[1:], number]}
