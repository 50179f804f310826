"""Lists brought up to date with single articles are those of a full build; running stories go on."""

import shutil
from contextlib import closing
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.articles.article import Article
from recommender.build import neighbours
from recommender.build.neighbours import GenerationModels
from recommender.embedding.pooling import Geometry
from recommender.ranking import candidates
from recommender.ranking.candidates import FEATURES, CandidateArray
from recommender.store.base import Store
from recommender.wiring import make_toolbox, open_store
from tests.factories import GAZETTEER, built, days_ago, make_article, make_builder, stored

TOOLBOX = make_toolbox(GAZETTEER)


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
    words = random.choice(WORDS, size=random.integers(4, 30))
    named = random.choice(NAMES, size=random.integers(0, 4)).tolist()
    strange = [f"Person{random.integers(9)}" for _ in range(random.integers(0, 4))] if seed % 2 else []
    return make_article(
        f"a{number}",
        title=" ".join([*words, f"only{number}x{version}"]),
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
    members = store.generations.members(live.model, live.number)
    articles = store.articles.get([member.number for member in members])
    entries = []
    for member in members:
        row = frame.lexical.rows([articles[member.number]])[0]
        entries.append(frame.entry(member.number, member.text_hash, member.language, member.vector, row))
    lists = frame.finder(TOOLBOX, entries).lists(entries)
    return {
        entry.number: (rows, frame.lexical.names(articles[entry.number]))
        for entry, rows in zip(entries, lists, strict=True)
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
    others = [article for article in range(1, 7) if article != number]
    lists = store.generations.candidates(generation, range(1, 7))
    assert sorted(lists) == others
    assert all(number not in rows["number"] for rows in lists.values())


def test_draft_lists_equal_those_of_articles(store: Store) -> None:
    articles = [written(3, number, 0) for number in range(12)]
    builder = built(store, articles)
    (number,) = stored(store, articles[4:5])
    generation = builder.update().generation
    candidates = builder.draft_candidates(articles[4])
    draft = candidates.rows
    assert {number: candidates.names} == store.generations.names(generation, [number])
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
    words = [*MINE.split(), *[""] * 12]
    return [
        make_article(f"u{number}", title=f"lone{number} {word}", body=f"apart{number}", posted_on=days_ago(20 * number))
        for number, word in enumerate(words)
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
