"""From candidates to teasers: parts, filters, versions, diversity, fallbacks."""

from collections.abc import Mapping
from dataclasses import replace
from math import exp, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.candidates import CandidateArray
from recommender.ranking import (
    DAY,
    FALLBACK_ANY,
    FALLBACK_EDITION,
    FALLBACK_READ,
    POOL,
    RELATED,
    Columns,
    Rules,
    SourceArticle,
    Teaser,
    Weights,
    diversify,
    fallbacks,
    is_version,
    one_of_each,
    score_parts,
    select,
    shortlist,
    total,
)
from tests.factories import NOW_SECONDS, make_columns, make_rows

SOURCE = SourceArticle(number=0, posted=NOW_SECONDS - DAY, edition=0, language=0)
RULES = Rules(now=NOW_SECONDS, min_score=0.0)


def ranked(
    rows: CandidateArray,
    facts: Columns,
    rules: Rules = RULES,
    lists: Mapping[int, CandidateArray] | None = None,
) -> list[Teaser]:
    """The related teasers of SOURCE."""
    return select(shortlist(rows, facts, SOURCE, rules, Weights()), lists or {}, rules)[0]


def numbers(teasers: list[Teaser]) -> list[int]:
    return [teaser.number for teaser in teasers]


# -- invariants --------------------------------------------------------------------------------------------------------


@st.composite
def sidebars(draw: st.DrawFn) -> tuple[CandidateArray, Columns, Rules, dict[int, CandidateArray]]:
    """Up to thirty candidates of SOURCE with their facts, the lists of each, and rules of every kind."""
    size = draw(st.integers(0, 30))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    names = np.sort(random.permutation(40)[:size])  # 0, the source itself, may be among them

    def features(count: int) -> dict[str, object]:
        unknown = random.random((2, count)) < 0.3
        tags, places = np.where(unknown, nan, random.random((2, count)))
        dense, raw, lexical = random.uniform(-0.2, 1, (3, count))
        return {"dense": dense, "raw": raw, "lexical": lexical, "tags": tags, "places": places}

    posted = NOW_SECONDS - DAY * random.integers(-2, 60, size)
    facts = make_columns(
        names.tolist(),
        posted=np.where(random.random(size) < 0.1, nan, posted),
        reads=random.integers(0, 5, size),
        edition=random.integers(0, 3, size),
        language=random.integers(0, 2, size),
        shown=random.random(size) < 0.8,
        update=random.random(size) < 0.2,
    )
    lists = {
        number: make_rows(others := [other for other in names.tolist() if other != number], **features(len(others)))
        for number in names.tolist()
    }
    some = st.none() | st.frozensets(st.integers(0, 2), min_size=1)
    moments = st.none() | st.integers(-3, 60).map(lambda days: NOW_SECONDS - DAY * days)
    rules = Rules(
        now=NOW_SECONDS,
        n=draw(st.integers(1, 12)),
        exclude=draw(st.frozensets(st.integers(0, 40), max_size=5)),
        editions=draw(some),
        languages=draw(some),
        since=draw(moments),
        until=draw(moments),
        diversity=draw(st.sampled_from([0.0, 0.5, 1.0])),
        min_score=draw(st.sampled_from([0.0, 0.12, 0.5])),
        fallback=draw(st.sampled_from(["ladder", "latest", "none"])),
    )
    return make_rows(names.tolist(), **features(size)), facts, rules, lists


def filled(case: tuple[CandidateArray, Columns, Rules, dict[int, CandidateArray]]) -> list[Teaser]:
    """The whole sidebar, as the service makes it."""
    rows, facts, rules, lists = case
    related, dropped = select(shortlist(rows, facts, SOURCE, rules, Weights()), lists, rules)
    taken = dropped | set(numbers(related))
    return related + fallbacks(facts, SOURCE, rules, rules.n - len(related), frozenset(taken))


def fits(facts: Columns, place: int, rules: Rules) -> bool:
    """Whether the article at a place passes every filter, said the long way."""
    posted = float(facts.posted[place])
    return bool(
        facts.shown[place]
        and facts.number[place] != SOURCE.number
        and facts.number[place] not in rules.exclude
        and (np.isnan(posted) or posted <= rules.now)
        and (rules.editions is None or int(facts.edition[place]) in rules.editions)
        and (rules.languages is None or int(facts.language[place]) in rules.languages)
        and (rules.since is None or posted >= rules.since)
        and (rules.until is None or posted <= rules.until)
    )


@given(sidebars())
def test_every_teaser_passes_every_filter(case) -> None:  # type: ignore[no-untyped-def]
    places = {number: place for place, number in enumerate(case[1].number.tolist())}
    assert all(fits(case[1], places[number], case[2]) for number in numbers(filled(case)))


@given(sidebars())
def test_nothing_appears_twice(case) -> None:  # type: ignore[no-untyped-def]
    shown = numbers(filled(case))
    assert len(shown) == len(set(shown)) <= case[2].n
    assert SOURCE.number not in shown


@given(sidebars())
def test_parts_add_up_to_the_score(case) -> None:  # type: ignore[no-untyped-def]
    for teaser in filled(case):
        ten_thousandths = sum(round(part * 10_000) for part in teaser.parts.values())
        assert ten_thousandths == round(teaser.score * 10_000)
        assert teaser.score == round(teaser.score, 4)
        assert teaser.source != RELATED or teaser.score >= case[2].min_score


@given(sidebars(), st.randoms())
def test_order_of_candidates_changes_nothing(case, random) -> None:  # type: ignore[no-untyped-def]
    rows, facts, rules, lists = case
    order = list(range(len(rows)))
    random.shuffle(order)
    places = np.array(order, dtype=np.intp)
    assert filled((rows[places], facts.take(places), rules, lists)) == filled(case)


@given(sidebars())
def test_related_scores_fall(case) -> None:  # type: ignore[no-untyped-def]
    rows, facts, rules, _ = case
    scores = [teaser.score for teaser in ranked(rows, facts, replace(rules, diversity=0.0))]
    assert scores == sorted(scores, reverse=True)


@given(sidebars())
def test_no_two_teasers_are_versions(case) -> None:  # type: ignore[no-untyped-def]
    rows, facts, rules, lists = case
    related = numbers(select(shortlist(rows, facts, SOURCE, rules, Weights()), lists, rules)[0])
    places = {number: place for place, number in enumerate(facts.number.tolist())}
    for number in related:
        for row in lists[number]:
            if int(row["number"]) in related:
                here, there = places[number], places[int(row["number"])]
                apart = np.abs(facts.posted[here] - facts.posted[there])
                same = facts.language[here] == facts.language[there]
                assert not is_version(row["raw"], row["lexical"], apart, same)


@given(sidebars())
def test_dropped_versions_never_come_back(case) -> None:  # type: ignore[no-untyped-def]
    rows, facts, rules, lists = case
    _, dropped = select(shortlist(rows, facts, SOURCE, rules, Weights()), lists, rules)
    assert not dropped & set(numbers(filled(case)))


@given(sidebars())
def test_fallbacks_come_last_without_score(case) -> None:  # type: ignore[no-untyped-def]
    teasers = filled(case)
    sources = [teaser.source for teaser in teasers]
    ladder = [RELATED, FALLBACK_READ, FALLBACK_EDITION, FALLBACK_ANY]
    assert [ladder.index(source) for source in sources] == sorted(ladder.index(source) for source in sources)
    assert all(teaser.score == 0 and not teaser.parts for teaser in teasers if teaser.source != RELATED)


# -- score parts -------------------------------------------------------------------------------------------------------


def parts(source: SourceArticle = SOURCE, posted: float = SOURCE.posted, **features: float) -> dict[str, float]:
    """The parts of one candidate's score."""
    found = score_parts(make_rows([1], **features), make_columns([1], posted=posted), source, Weights())
    return {name: float(values[0]) for name, values in found.items()}


def test_weights_add_up_to_one() -> None:
    assert sum(vars(Weights()).values()) == pytest.approx(1)


def test_perfect_candidate_gets_every_weight() -> None:
    perfect = parts(dense=1, lexical=1, tags=1, places=1)
    assert perfect == {"dense": 0.25, "lexical": 0.5, "tags": 0.17, "places": 0.03, "nearness": 0.05}


def test_parts_are_weighted_similarities() -> None:
    found = parts(dense=0.4, lexical=0.2, tags=0.5, places=0, posted=SOURCE.posted - 365 * DAY)
    assert found == {"dense": 0.1, "lexical": 0.1, "tags": 0.085, "places": 0, "nearness": round(0.05 / exp(1), 4)}


def test_negative_similarities_count_zero() -> None:
    found = parts(dense=-0.5, lexical=-0.1, tags=0, places=0)
    assert found["dense"] == found["lexical"] == 0


def test_nearness_counts_both_directions() -> None:
    before, after = (parts(posted=SOURCE.posted + days * DAY)["nearness"] for days in (-30, 30))
    assert before == after > 0


@pytest.mark.parametrize(
    ("missing", "left"),
    [
        ({"tags": nan, "places": 1.0}, 0.83),
        ({"tags": 1.0, "places": nan}, 0.97),
        ({"tags": nan, "places": nan}, 0.80),
    ],
)
def test_missing_parts_share_their_weight(missing: dict[str, float], left: float) -> None:
    found = parts(dense=0.8, lexical=0.4, **missing)
    assert found["dense"] == round(0.25 * 0.8 / left, 4)
    assert found["lexical"] == round(0.5 * 0.4 / left, 4)
    assert found["nearness"] == round(0.05 / left, 4)


@pytest.mark.parametrize(("source_posted", "posted"), [(nan, NOW_SECONDS), (NOW_SECONDS, nan), (nan, nan)])
def test_missing_dates_share_their_weight(source_posted: float, posted: float) -> None:
    found = parts(replace(SOURCE, posted=source_posted), posted, dense=0.8, lexical=0, tags=0, places=0)
    assert found["nearness"] == 0
    assert found["dense"] == round(0.25 * 0.8 / 0.95, 4)


@given(*(st.floats(-1, 1, width=32) for _ in range(4)), st.floats(0, 1000))
def test_scores_lie_between_zero_and_one(dense, lexical, tags, places, days) -> None:  # type: ignore[no-untyped-def]
    rows = make_rows([1], dense=dense, lexical=lexical, tags=tags, places=places)
    facts = make_columns([1], posted=SOURCE.posted - days * DAY)
    found = score_parts(rows, facts, SOURCE, Weights())
    assert all(values[0] >= 0 for values in found.values())
    # Each of five parts is rounded by at most half a unit of the fourth decimal.
    assert 0 <= total(found)[0] <= 1.00025


# -- filters -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "rules"),
    [
        ({"shown": [False, True]}, RULES),
        ({"posted": [NOW_SECONDS + 1, NOW_SECONDS]}, RULES),
        ({}, replace(RULES, exclude=frozenset([1]))),
        ({"edition": [1, 0]}, replace(RULES, editions=frozenset([0]))),
        ({"language": [1, 0]}, replace(RULES, languages=frozenset([0]))),
        ({"posted": [NOW_SECONDS - 9 * DAY, NOW_SECONDS]}, replace(RULES, since=NOW_SECONDS - DAY)),
        ({"posted": [NOW_SECONDS, NOW_SECONDS - 9 * DAY]}, replace(RULES, until=NOW_SECONDS - DAY)),
        ({"posted": [nan, NOW_SECONDS]}, replace(RULES, since=0.0)),
        ({"posted": [nan, NOW_SECONDS]}, replace(RULES, until=NOW_SECONDS)),
    ],
)
def test_each_filter_keeps_one_of_two(columns: dict[str, object], rules: Rules) -> None:
    facts = make_columns([1, 2], **columns)
    assert numbers(ranked(make_rows([1, 2], lexical=[0.9, 0.5]), facts, rules)) == [2]
    assert numbers(fallbacks(facts, SOURCE, rules, 3, frozenset())) == [2]


def test_bounds_of_a_period_are_inside() -> None:
    rules = replace(RULES, since=NOW_SECONDS - DAY, until=NOW_SECONDS - DAY)
    assert numbers(ranked(make_rows([1], lexical=0.5), make_columns([1]), rules)) == [1]


def test_undated_articles_can_be_related() -> None:
    assert numbers(ranked(make_rows([1], lexical=0.5), make_columns([1], posted=nan))) == [1]


def test_pool_holds_the_best() -> None:
    rows = make_rows(range(1, 61), lexical=np.linspace(0.1, 0.3, 60))
    short = shortlist(rows, make_columns(range(1, 61)), SOURCE, RULES, Weights())
    assert short.numbers.tolist() == list(range(60, 60 - POOL, -1))


def test_equal_scores_favour_smaller_numbers() -> None:
    assert numbers(ranked(make_rows([3, 5, 7], lexical=0.2), make_columns([3, 5, 7]))) == [3, 5, 7]


@pytest.mark.parametrize(("least", "expected"), [(0.0625, [1]), (0.0626, [])])
def test_threshold_itself_is_enough(least: float, expected: list[int]) -> None:
    # Without tags and places, nearness has 0.05 / 0.80 of the weight.
    assert numbers(ranked(make_rows([1]), make_columns([1]), replace(RULES, min_score=least))) == expected


# -- versions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "lexical", "days", "same", "version"),
    [
        (0.80, 0.36, 0, True, True),
        (0.79, 0.99, 0, True, False),
        (0.99, 0.35, 0, True, False),
        (0.99, 0.99, 2, True, True),
        (0.99, 0.99, 2.1, True, False),
        (0.99, 0.99, nan, True, True),
        (0.99, 0.99, 0, False, False),
    ],
)
def test_versions_are_alike_near_and_same_language(
    raw: float, lexical: float, days: float, same: bool, version: bool
) -> None:
    found = is_version(np.float32([raw]), np.float32([lexical]), np.array([days * DAY]), np.array([same]))
    assert found.tolist() == [version]


def test_versions_of_the_source_are_dropped() -> None:
    rows = make_rows([1, 2], raw=[0.9, 0.5], lexical=[0.9, 0.2])
    short = shortlist(rows, make_columns([1, 2]), SOURCE, RULES, Weights())
    assert short.numbers.tolist() == [2]
    assert select(short, {}, RULES)[1] == {1}


ALIKE = {1: make_rows([2], raw=0.9, lexical=0.9), 2: make_rows([1], raw=0.9, lexical=0.9)}


def test_newest_version_stands_for_both() -> None:
    rows, facts = make_rows([1, 2], lexical=[0.3, 0.2]), make_columns([1, 2], posted=[NOW_SECONDS - 9, NOW_SECONDS - 5])
    teasers, dropped = select(shortlist(rows, facts, SOURCE, RULES, Weights()), ALIKE, RULES)
    assert numbers(teasers) == [2]
    assert dropped == {1}


@pytest.mark.parametrize("update", [1, 2])
def test_update_preferred_of_the_same_hour(update: int) -> None:
    facts = make_columns([1, 2], update=[update == 1, update == 2])
    assert numbers(ranked(make_rows([1, 2], lexical=[0.3, 0.2]), facts, lists=ALIKE)) == [update]


def test_dated_version_preferred_to_undated() -> None:
    facts = make_columns([1, 2], posted=[nan, NOW_SECONDS - DAY])
    assert numbers(ranked(make_rows([1, 2], lexical=[0.3, 0.2]), facts, lists=ALIKE)) == [2]


@pytest.mark.parametrize(("lexical", "best"), [([0.3, 0.2], 1), ([0.2, 0.3], 2)])
def test_better_of_equal_versions_stands(lexical: list[float], best: int) -> None:
    assert numbers(ranked(make_rows([1, 2], lexical=lexical), make_columns([1, 2]), lists=ALIKE)) == [best]


def test_hidden_update_leaves_its_original() -> None:
    facts = make_columns([1, 2], update=[False, True], shown=[True, False])
    assert numbers(ranked(make_rows([1, 2], lexical=[0.3, 0.2]), facts, lists=ALIKE)) == [1]


def test_chains_of_versions_are_cut() -> None:
    versions = np.array([[False, True, False], [True, False, True], [False, True, False]])
    facts = make_columns([1, 2, 3], posted=[NOW_SECONDS - 30, NOW_SECONDS - 20, NOW_SECONDS - 10])
    # 1 and 2 are versions, so the newer 2 stands; it is a version of 3 too.
    assert one_of_each(versions, facts).tolist() == [1]


# -- diversity ---------------------------------------------------------------------------------------------------------


def test_no_diversity_keeps_the_order() -> None:
    assert diversify(np.array([0.5, 0.4, 0.3]), np.ones((3, 3)), 2, 0.0) == [0, 1]


def test_diversity_prefers_the_unlike() -> None:
    alike = np.array([[0, 0.9, 0], [0.9, 0, 0], [0, 0, 0]])
    assert diversify(np.array([0.5, 0.4, 0.3]), alike, 3, 1.0) == [0, 2, 1]


def test_diversity_spares_much_better_stories() -> None:
    alike = np.array([[0, 0.9, 0], [0.9, 0, 0], [0, 0, 0]])
    assert diversify(np.array([0.9, 0.8, 0.1]), alike, 3, 1.0) == [0, 1, 2]


@given(st.integers(0, 8), st.integers(1, 10), st.floats(0, 1))
def test_diversity_chooses_each_once(size: int, n: int, diversity: float) -> None:
    random = np.random.default_rng(size)
    score = -np.sort(-random.random(size))
    chosen = diversify(score, random.random((size, size)), n, diversity)
    assert len(set(chosen)) == len(chosen) == min(n, size)
    assert chosen[:1] == [0][: len(chosen)]


# -- fallbacks ---------------------------------------------------------------------------------------------------------


ARCHIVE = make_columns(
    [0, 1, 2, 3, 4, 5],
    edition=[0, 0, 0, 0, 1, 0],
    reads=[99, 1, 5, 900, 7, 8],
    posted=[NOW_SECONDS - DAY * days for days in (1, 2, 3, 40, 1, 30)],
)


def test_ladder_goes_down_its_rungs() -> None:
    found = fallbacks(ARCHIVE, SOURCE, RULES, 9, frozenset())
    assert [(teaser.number, teaser.source) for teaser in found] == [
        (5, FALLBACK_READ),
        (2, FALLBACK_READ),
        (1, FALLBACK_READ),
        (3, FALLBACK_EDITION),
        (4, FALLBACK_ANY),
    ]


def test_latest_leaves_reads_out() -> None:
    found = fallbacks(ARCHIVE, SOURCE, replace(RULES, fallback="latest"), 9, frozenset())
    assert [(teaser.number, teaser.source) for teaser in found] == [
        (1, FALLBACK_EDITION),
        (2, FALLBACK_EDITION),
        (5, FALLBACK_EDITION),
        (3, FALLBACK_EDITION),
        (4, FALLBACK_ANY),
    ]


def test_no_fallback_fills_nothing() -> None:
    assert fallbacks(ARCHIVE, SOURCE, replace(RULES, fallback="none"), 9, frozenset()) == []


def test_fallbacks_fill_only_what_misses() -> None:
    assert numbers(fallbacks(ARCHIVE, SOURCE, RULES, 2, frozenset())) == [5, 2]


def test_taken_articles_do_not_return() -> None:
    assert numbers(fallbacks(ARCHIVE, SOURCE, RULES, 2, frozenset([5]))) == [2, 1]


def test_unknown_source_gets_any_edition() -> None:
    unknown = SourceArticle(number=-1, posted=nan, edition=-1, language=-1)
    found = fallbacks(ARCHIVE, unknown, RULES, 3, frozenset())
    assert [(teaser.number, teaser.source) for teaser in found] == [
        (4, FALLBACK_ANY),
        (0, FALLBACK_ANY),
        (1, FALLBACK_ANY),
    ]


def test_undated_articles_are_never_latest() -> None:
    assert fallbacks(make_columns([1], posted=nan), SOURCE, RULES, 3, frozenset()) == []


def test_equal_fallbacks_favour_newer_numbers() -> None:
    assert numbers(fallbacks(make_columns([1, 2, 3]), SOURCE, RULES, 2, frozenset())) == [3, 2]
