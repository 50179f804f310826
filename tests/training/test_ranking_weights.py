"""Learning weights from judgments: what is collected, what the fitter is given, folds and calibration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.articles.article import Article
from recommender.errors import InvalidInput, NotBuilt
from recommender.ranking.scoring import DEFAULT, MEASURED, OPTIONAL, READER, RankingModel, scored
from recommender.store.base import Store
from recommender.training.ordinal_regression import fit
from recommender.training.ranking_weights import (
    FOLDS,
    UNKNOWN,
    Bin,
    JudgedQuery,
    brier,
    calibration,
    calibration_error,
    collect,
    folds,
    learn,
)
from tests.factories import built, days_ago, make_article

FloatArray = npt.NDArray[np.float64]

# -- what is collected -------------------------------------------------------------------------------------------------

SIEGE = "jihadists blockade fuel convoys kayes tankers escorts burned"
EVENT = "in Bamako Bamako, with Bazoum Bazoum, a Putsch Putsch"  # one event by its names, in whatever language


def report(article_id: str, days: float | None, words: str = SIEGE, **fields: Any) -> Article:
    text = {"title": f"{article_id} {words}", "body": f"{words} own{article_id}"}
    return make_article(article_id, **text, posted_on=None if days is None else days_ago(days), **fields)


@pytest.fixture
def archive(store: Store) -> Store:
    """A query, a version of it, two reports of its story, a counterpart in French, and what is unrelated."""
    built(
        store,
        [
            report("query", 30, tags=("blockade",), summary=f"{EVENT}. Soldiers say they know of it."),
            report("version", 29, summary=f"{EVENT}. Soldiers say they know of it."),
            report("later", 20, tags=("blockade",)),
            report("undated", None, words="convoys tankers curfew market hunger"),
            report("french", 30, language="fr", words="blocus", summary=EVENT),
            report("draft", 3, status="draft"),
            *(make_article(f"u{number}", title=f"lone{number} apart{number}", posted_on=None) for number in range(40)),
        ],
    )
    return store


def test_collecting_needs_a_build(store: Store) -> None:
    with pytest.raises(NotBuilt):
        collect(store, {"a": {"b": 3}})


def test_judgments_of_another_archive_are_refused(archive: Store) -> None:
    with pytest.raises(InvalidInput, match="None of the judged queries"):
        collect(archive, {"elsewhere": {"query": 3}})


def test_candidates_have_their_grades(archive: Store) -> None:
    """0 where no grader has judged; ids that are not candidates, and queries that are not articles, are left out."""
    judged = collect(archive, {"query": {"later": 4, "french": 1, "u3": -1, "ghost": 3}, "ghost": {"query": 3}})
    assert [query.query for query in judged] == ["query"]
    grades = dict(zip(judged[0].articles, judged[0].grades.tolist(), strict=True))
    assert {name: grades[name] for name in ("later", "undated", "french", "u3", "u4")} == {
        "later": 4,
        "undated": 0,
        "french": 1,
        "u3": -1,
        "u4": 0,
    }
    assert "ghost" not in grades
    assert "draft" not in grades


def test_other_reports_of_the_event_teach_nothing(archive: Store) -> None:
    """The service never shows them there; a counterpart in another language it may show."""
    (judged,) = collect(archive, {"query": {"version": 0, "later": 4}})
    assert "version" not in judged.articles
    assert {"later", "french"} <= set(judged.articles)


def test_similarities_go_with_their_articles(archive: Store) -> None:
    (judged,) = collect(archive, {"query": {}})
    assert set(judged.similarities) == {*MEASURED, "shingles"}
    assert {len(values) for values in judged.similarities.values()} == {len(judged.articles)}
    places = {name: place for place, name in enumerate(judged.articles)}
    nearness, tags = judged.similarities["nearness"], judged.similarities["tags"]
    assert nearness[places["later"]] == pytest.approx(np.exp(-10 / 365))
    assert np.isnan(nearness[places["undated"]])
    assert tags[places["later"]] == pytest.approx(1)
    assert np.isnan(tags[places["undated"]])


def test_withdrawn_candidates_are_left_out(archive: Store) -> None:
    """Their rows stay in the generation until the next update."""
    archive.articles.withdraw("later")
    (judged,) = collect(archive, {"query": {"later": 4}})
    assert "later" not in judged.articles
    assert len(judged.articles) == len(judged.grades) == len(judged.similarities["dense"])


def test_query_without_candidates_teaches_nothing(store: Store) -> None:
    built(store, [make_article("alone")])
    with pytest.raises(InvalidInput, match="None of the judged queries"):
        collect(store, {"alone": {}})


@pytest.mark.parametrize(
    ("qrels", "together"),
    [
        ({"u0": {"u1": 3}, "u1": {}}, True),
        ({"u0": {"u1": 2}, "u1": {}}, False),
        ({"u0": {"u2": 4}, "u1": {"u2": 3}}, True),
        ({"u0": {"u2": 4}, "u1": {"u2": 2}}, False),
        ({"u0": {"u2": 3}, "u3": {"u2": 3, "u4": 4}, "u1": {"u4": 3}}, True),
        ({"u0": {}, "u1": {"u0": 3}}, True),
        ({"u0": {"gone": 3}, "u1": {"gone": 3}}, True),
    ],
    ids=["graded 3", "graded 2", "shared", "shared by one", "over a third", "backwards", "unknown article"],
)
def test_queries_of_one_story_are_known(archive: Store, qrels: Mapping[str, Mapping[str, int]], together: bool) -> None:
    stories = {query.query: query.story for query in collect(archive, qrels)}
    assert (stories["u0"] == stories["u1"]) is together


# -- what the fitter is given ------------------------------------------------------------------------------------------


def judged_query(
    name: str, grades: Sequence[float], story: int = 0, seed: int = 0, **measured: FloatArray
) -> JudgedQuery:
    """A query with random similarities, all of them known."""
    random = np.random.default_rng(seed)
    similarities = {part: random.uniform(0, 1, len(grades)) for part in MEASURED} | measured
    ids = [f"{name}-{place}" for place in range(len(grades))]
    return JudgedQuery(name, ids, similarities, np.array(grades, dtype=np.float64), story)


@dataclass
class Watching:
    """A fitter that keeps what it is given, and answers with a fixed fit."""

    arguments: list[FloatArray] = field(default_factory=list)
    weights = np.arange(len(MEASURED)) + 0.12345
    thresholds = np.array([1.0, 2.34567, 3.0])
    relief = np.arange(len(OPTIONAL)) + 0.30049

    def __call__(self, *arguments: FloatArray) -> "Watching":
        self.arguments = list(arguments)
        return self


def test_model_holds_what_was_fitted() -> None:
    """To three decimals; an article is related from grade 2 on, so the second threshold is the model's.

    What a reader's grade is worth is not learned from pairs that no reader has graded.
    """
    assert learn([judged_query("q", [0, 2])], Watching(), "v7") == RankingModel(
        "v7",
        {part: round(place + 0.123, 3) for place, part in enumerate(MEASURED)} | {READER: DEFAULT.weights[READER]},
        2.346,
        {part: place + 0.3 for place, part in enumerate(OPTIONAL)} | {READER: DEFAULT.relief[READER]},
    )


def test_every_query_counts_alike() -> None:
    fitter = Watching()
    learn([judged_query("short", [0, 1]), judged_query("long", [2] * 8)], fitter, "v")
    *_, grades, weight = fitter.arguments
    assert weight[grades < 2].sum() == pytest.approx(weight[grades == 2].sum())


def test_sites_without_labels_are_learned_for() -> None:
    """Every pair comes in copies in which something is unknown; then its similarity counts 0 and is marked missing."""
    optional = {part: 0.5**place for place, part in enumerate(OPTIONAL)}
    query = judged_query("q", [3], **{part: np.array([value]) for part, value in optional.items()})
    fitter = Watching()
    learn([query], fitter, "v")
    features, missing, grades, _ = fitter.arguments
    assert grades.tolist() == [3] * len(UNKNOWN)
    columns = [MEASURED.index(part) for part in OPTIONAL]
    for lacking in UNKNOWN:
        present = [part not in lacking for part in OPTIONAL]
        row = np.flatnonzero((missing == ~np.array(present)).all(axis=1))
        assert len(row) == 1
        assert features[row[0], columns].tolist() == [
            value if there else 0.0 for value, there in zip(optional.values(), present, strict=True)
        ]
    np.testing.assert_array_equal(
        features[:, MEASURED.index("dense")], np.repeat(query.similarities["dense"], len(UNKNOWN))
    )


def test_what_an_article_lacks_is_reported_as_lacking() -> None:
    fitter = Watching()
    learn([judged_query("q", [1, 1], tags=np.array([np.nan, 0.5]))], fitter, "v")
    features, missing, *_ = fitter.arguments
    assert missing[:2, OPTIONAL.index("tags")].tolist() == [1, 0]
    assert features[:2, MEASURED.index("tags")].tolist() == [0, 0.5]


def drawn(queries: int, candidates: int, model: RankingModel, seed: int) -> list[JudgedQuery]:
    """Queries whose candidates are related exactly as often as the model says, of one story each."""
    random = np.random.default_rng(seed)
    judged = []
    for number in range(queries):
        measured = {part: random.uniform(0, 1, candidates) for part in MEASURED}
        for part in ("dense", "lexical", "themes"):
            measured[part] *= 6
        score = scored(measured, model).score
        grades = 2.0 * (random.random(candidates) < score)
        judged.append(JudgedQuery(f"q{number}", [str(place) for place in range(candidates)], measured, grades, number))
    return judged


def test_learning_finds_which_parts_tell() -> None:
    """Only words and themes decide in these judgments: the fit gives the rest next to nothing."""
    weights = dict.fromkeys(MEASURED, 0.0) | {"lexical": 1.5, "themes": 1.0}
    truth = RankingModel("truth", weights, 6.0, dict.fromkeys(OPTIONAL, 0.0))
    learned = learn(drawn(50, 100, truth, 1), fit, "learned")
    for part in MEASURED:
        assert learned.weights[part] == pytest.approx(weights[part], abs=0.3), part
    assert learned.threshold == pytest.approx(6, abs=0.4)
    assert max(learned.relief[part] for part in OPTIONAL) < 0.1


# -- folds -------------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 20), min_size=1, max_size=40), st.integers(0, 1_000))
def test_no_story_stands_on_both_sides(stories: list[int], seed: int) -> None:
    judged = [judged_query(f"q{place}", [1], story) for place, story in enumerate(stories)]
    parts = folds(judged, seed)
    for training, held in parts:
        assert not {query.story for query in training} & {query.story for query in held}
        assert len(training) + len(held) == len(judged)
    assert sorted(query.query for _, held in parts for query in held) == sorted(query.query for query in judged)
    assert len(parts) == min(FOLDS, len(set(stories)))


def test_folds_hold_out_about_as_many_stories() -> None:
    judged = [judged_query(f"q{place}", [1], place) for place in range(13)]
    assert sorted(len(held) for _, held in folds(judged, 3)) == [2, 2, 3, 3, 3]


def test_folds_are_drawn_by_their_seed() -> None:
    judged = [judged_query(f"q{place}", [1], place) for place in range(20)]

    def held_out(seed: int) -> list[list[str]]:
        return [[query.query for query in held] for _, held in folds(judged, seed)]

    assert held_out(1) == held_out(1)
    assert held_out(1) != held_out(2)


# -- calibration -------------------------------------------------------------------------------------------------------

EDGES = (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
# Easy similarities in whatever measure: scores from 0 to 1 are all common.
FLAT = replace(DEFAULT, weights=dict.fromkeys(MEASURED, 0.0) | {"dense": 1.0}, threshold=3.0)


def test_true_probabilities_lie_on_the_diagonal() -> None:
    judged = drawn(40, 500, FLAT, 2)
    bins = calibration([(query, FLAT) for query in judged], EDGES)
    assert [(bin_.low, bin_.high) for bin_ in bins] == list(pairwise(EDGES))
    assert sum(bin_.count for bin_ in bins) == 20_000
    for bin_ in bins:
        assert bin_.low <= bin_.score <= bin_.high
        # Three standard errors of a share.
        assert bin_.related == pytest.approx(bin_.score, abs=3 * 0.5 / bin_.count**0.5)


def test_overconfidence_shows() -> None:
    bold = replace(FLAT, threshold=1.5)
    bins = calibration([(query, bold) for query in drawn(20, 500, FLAT, 3)], EDGES)
    assert all(bin_.related < bin_.score - 0.1 for bin_ in bins if 0.3 < bin_.score < 0.9)


def test_bins_are_counted_by_hand() -> None:
    """Scores 0 (nothing in common), 0.5 and 1; the upper end belongs to the last bin, an empty bin is left out."""
    measured = {part: np.zeros(4) for part in MEASURED} | {"dense": np.array([0.0, 3.0, 3.0, 99.0])}
    judged = JudgedQuery("q", list("abcd"), measured, np.array([0.0, 1.0, 2.0, 4.0]))
    bins = calibration([(judged, FLAT)], (0, 0.25, 0.5, 0.75, 1.0))
    assert [(bin_.low, bin_.high, bin_.count, bin_.score, bin_.related) for bin_ in bins] == [
        (0, 0.25, 1, 0.0, 0.0),
        (0.5, 0.75, 2, 0.5, 0.5),
        (0.75, 1.0, 1, 1.0, 1.0),
    ]
    assert brier([(judged, FLAT)]) == pytest.approx((0 + 0.25 + 0.25 + 0) / 4)
    assert calibration_error(bins) == 0


def test_calibration_error_weighs_bins_by_their_candidates() -> None:
    bins = [Bin(0, 0.5, 30, 0.2, 0.1), Bin(0.5, 1, 10, 0.8, 0.5)]
    assert calibration_error(bins) == pytest.approx((30 * 0.1 + 10 * 0.3) / 40)


@pytest.mark.parametrize(
    ("count", "related", "low", "high"),
    [(10, 0.5, 0.237, 0.763), (10, 1.0, 0.722, 1.0), (1_000, 0.1, 0.083, 0.120)],
)
def test_few_candidates_have_wide_intervals(count: int, related: float, low: float, high: float) -> None:
    assert Bin(0, 1, count, 0.5, related).interval == pytest.approx((low, high), abs=1e-3)


def test_each_query_is_scored_by_its_own_model() -> None:
    measured = {part: np.zeros(1) for part in MEASURED} | {"dense": np.array([3.0])}
    query = JudgedQuery("q", ["a"], measured, np.array([2.0]))
    (low, high) = calibration([(query, replace(FLAT, threshold=6.0)), (query, FLAT)], (0, 0.25, 1.0))
    assert (low.count, high.count) == (1, 1)
    assert high.score == 0.5
