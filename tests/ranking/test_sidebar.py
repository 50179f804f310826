"""From candidates to teasers: filters, events, roles, diversity, fallbacks."""

from collections.abc import Mapping
from dataclasses import replace
from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.arrays import BoolArray
from recommender.curation.constraints import OPEN
from recommender.ranking.candidates import CandidateArray, grade_rows, is_graded, with_grades
from recommender.ranking.events import events_among, near_identical, one_of_each, same_event
from recommender.ranking.facts import (
    ANGLE,
    BACKGROUND,
    LATEST,
    RELATED,
    ROLES,
    Columns,
    Filters,
    RankedTeaser,
    Ranker,
    SourceArticle,
)
from recommender.ranking.fallbacks import (
    FALLBACK_ANY,
    FALLBACK_EDITION,
    FALLBACK_READ,
    FALLBACK_UNDATED,
    fallbacks,
    fill_with_fallbacks,
)
from recommender.ranking.quotas import Choice, Quota, kinds_of
from recommender.ranking.roles import roles_of
from recommender.ranking.scoring import DAY, DEFAULT, MEASURED, PARTS, READER, TIE, Scales, scored, similarities
from recommender.ranking.selection import choose_related, diversify, varied
from recommender.ranking.shortlist import POOL, shortlist
from tests.factories import NOW_SECONDS, make_columns, make_rows

SOURCE = SourceArticle(number=0, posted=NOW_SECONDS - DAY, edition=0, language=0)
RULES = Filters(now=NOW_SECONDS, min_score=0.0)
RANKER = Ranker(DEFAULT, Scales())


def ranked(
    rows: CandidateArray,
    facts: Columns,
    rules: Filters = RULES,
    lists: Mapping[int, CandidateArray] | None = None,
    *,
    source: SourceArticle = SOURCE,
    ranker: Ranker = RANKER,
) -> list[RankedTeaser]:
    """The related teasers of a source."""
    return choose_related(shortlist(rows, facts, source, rules, ranker), lists or {}, rules, source, ranker)[0]


GRADES = st.integers(0, 4).map(float) | st.floats(0, 4, width=32)


def numbers(teasers: list[RankedTeaser]) -> list[int]:
    return [teaser.number for teaser in teasers]


# -- invariants --------------------------------------------------------------------------------------------------------


@st.composite
def sidebars(draw: st.DrawFn) -> tuple[CandidateArray, Columns, Filters, dict[int, CandidateArray]]:
    """Up to thirty candidates of SOURCE with their facts, the lists of each, and rules of every kind."""
    size = draw(st.integers(0, 30))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    names = np.sort(random.permutation(40)[:size])  # 0, the source itself, may be among them
    nameless = draw(st.booleans())

    def features(count: int) -> dict[str, object]:
        unknown = random.random((2, count)) < 0.3
        tags, places = np.where(unknown, nan, random.random((2, count)))
        dense, lexical, themes = random.uniform(-0.2, 1, (3, count))
        labelled = {"names": np.full(count, nan) if nameless else random.random(count), "topics": random.random(count)}
        return {"dense": dense, "lexical": lexical, "themes": themes, "tags": tags, "places": places} | labelled

    posted = NOW_SECONDS - DAY * random.integers(-2, 60, size)
    facts = make_columns(
        names.tolist(),
        posted=np.where(random.random(size) < 0.1, nan, posted),
        reads=random.integers(0, 5, size),
        edition=random.integers(0, 3, size),
        language=random.integers(0, 2, size),
        shown=random.random(size) < 0.8,
        update=random.random(size) < 0.2,
        explains=random.random(size) < 0.1,
        byline=random.integers(0, 2, size),
        story=random.integers(0, 4, size),
        demand=random.integers(0, 5, size),
    )
    lists = {
        number: make_rows(others := [other for other in names.tolist() if other != number], **features(len(others)))
        for number in names.tolist()
    }
    some = st.none() | st.frozensets(st.integers(0, 2), min_size=1)
    moments = st.none() | st.integers(-3, 60).map(lambda days: NOW_SECONDS - DAY * days)
    rules = Filters(
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
        roles=draw(st.frozensets(st.sampled_from(ROLES))),
    )
    return make_rows(names.tolist(), **features(size)), facts, rules, lists


@st.composite
def read_sidebars(draw: st.DrawFn) -> tuple[CandidateArray, Columns, Filters, dict[int, CandidateArray]]:
    """The same where a reader has graded some of the candidates."""
    rows, facts, rules, lists = draw(sidebars())
    grades = draw(st.fixed_dictionaries({}, optional=dict.fromkeys(rows["number"].tolist(), GRADES)))
    return with_grades(rows, grade_rows(grades)), facts, rules, lists


def whole(case: tuple[CandidateArray, Columns, Filters, dict[int, CandidateArray]]) -> list[RankedTeaser]:
    """The whole sidebar, as the service makes it."""
    rows, facts, rules, lists = case
    related, dropped = choose_related(shortlist(rows, facts, SOURCE, rules, RANKER), lists, rules, SOURCE, RANKER)
    missing = rules.n - len(related)
    more = fallbacks(facts, SOURCE, rules, 2 * missing, dropped | set(numbers(related)))
    places = {number: place for place, number in enumerate(facts.number.tolist())}

    def events(shown: np.ndarray) -> BoolArray:
        return events_among(facts.take(np.array([places[n] for n in shown.tolist()], np.intp)), lists, RANKER.scales)

    return fill_with_fallbacks(related, more, events, rules.n)


def fits(facts: Columns, place: int, rules: Filters) -> bool:
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


@given(sidebars() | read_sidebars())
def test_every_teaser_passes_every_filter(case) -> None:  # type: ignore[no-untyped-def]
    places = {number: place for place, number in enumerate(case[1].number.tolist())}
    assert all(fits(case[1], places[number], case[2]) for number in numbers(whole(case)))


@given(sidebars() | read_sidebars())
def test_nothing_appears_twice(case) -> None:  # type: ignore[no-untyped-def]
    shown = numbers(whole(case))
    assert len(shown) == len(set(shown)) <= case[2].n
    assert SOURCE.number not in shown


@given(sidebars() | read_sidebars())
def test_parts_add_up_to_the_score(case) -> None:  # type: ignore[no-untyped-def]
    for teaser in whole(case):
        ten_thousandths = sum(round(part * 10_000) for part in teaser.parts.values())
        assert ten_thousandths == round(teaser.score * 10_000)
        assert teaser.score == round(teaser.score, 4)
        assert teaser.source != RELATED or teaser.score >= case[2].min_score


@given(sidebars() | read_sidebars(), st.randoms())
def test_order_of_candidates_changes_nothing(case, random) -> None:  # type: ignore[no-untyped-def]
    rows, facts, rules, lists = case
    order = list(range(len(rows)))
    random.shuffle(order)
    places = np.array(order, dtype=np.intp)
    assert whole((rows[places], facts.take(places), rules, lists)) == whole(case)


@given(sidebars())
def test_related_scores_fall(case) -> None:  # type: ignore[no-untyped-def]
    rows, facts, rules, lists = case
    scores = [teaser.score for teaser in ranked(rows, facts, replace(rules, diversity=0.0), lists)]
    assert scores == sorted(scores, reverse=True)


@given(sidebars() | read_sidebars())
def test_no_two_teasers_report_one_event(case) -> None:  # type: ignore[no-untyped-def]
    _, facts, _, lists = case
    shown = numbers(whole(case))
    places = {number: place for place, number in enumerate(facts.number.tolist())}
    for number in shown:
        rows = lists[number][np.isin(lists[number]["number"], shown)]
        others = facts.take(np.array([places[other] for other in rows["number"].tolist()], dtype=np.intp))
        apart = np.abs(facts.posted[places[number]] - others.posted)
        same = facts.language[places[number]] == others.language
        assert not same_event(similarities(rows, apart, RANKER.scales), apart, same).any()


@given(sidebars() | read_sidebars())
def test_dropped_versions_never_come_back(case) -> None:  # type: ignore[no-untyped-def]
    rows, facts, rules, lists = case
    _, dropped = choose_related(shortlist(rows, facts, SOURCE, rules, RANKER), lists, rules, SOURCE, RANKER)
    assert not dropped & set(numbers(whole(case)))


@given(sidebars() | read_sidebars())
def test_roles_are_those_asked_for(case) -> None:  # type: ignore[no-untyped-def]
    for teaser in whole(case):
        assert teaser.role is None or (teaser.role in case[2].roles and teaser.source == RELATED)


@given(sidebars() | read_sidebars())
def test_fallbacks_come_last_without_score(case) -> None:  # type: ignore[no-untyped-def]
    teasers = whole(case)
    sources = [teaser.source for teaser in teasers]
    ladder = [RELATED, FALLBACK_READ, FALLBACK_EDITION, FALLBACK_ANY, FALLBACK_UNDATED]
    assert [ladder.index(source) for source in sources] == sorted(ladder.index(source) for source in sources)
    assert all(teaser.score == 0 and not teaser.parts for teaser in teasers if teaser.source != RELATED)


@given(read_sidebars())
def test_grades_decide_among_those_that_were_read(case) -> None:  # type: ignore[no-untyped-def]
    """Everything else orders only those whose grades are the same to half of one."""
    rows, facts, rules, lists = case
    if not is_graded(rows):
        return
    shown = numbers(ranked(rows, facts, replace(rules, diversity=0.0), lists))
    grade = dict(zip(rows["number"].tolist(), rows["grade"].tolist(), strict=True))
    graded = [grade[number] for number in shown if not np.isnan(grade[number])]
    assert all(below <= above + TIE for place, above in enumerate(graded) for below in graded[place:])


@given(sidebars())
def test_grades_of_others_change_nothing(case) -> None:  # type: ignore[no-untyped-def]
    rows, facts, rules, lists = case
    strangers = grade_rows({number + 100: 4.0 for number in range(5)})
    assert whole((with_grades(rows, strangers), facts, rules, lists)) == whole(case)


@given(read_sidebars())
def test_score_without_a_grade_is_as_if_there_were_no_reader(case) -> None:  # type: ignore[no-untyped-def]
    """To the last bit."""
    rows, facts, *_ = case
    if not is_graded(rows):
        return
    apart = np.abs(facts.posted - SOURCE.posted)
    measured = similarities(rows, apart, RANKER.scales)
    plain = scored({part: values for part, values in measured.items() if part != READER}, DEFAULT)
    read = scored(measured, DEFAULT)
    ungraded = np.isnan(rows["grade"])
    np.testing.assert_array_equal(read.log_odds[ungraded], plain.log_odds[ungraded])
    for part in MEASURED:
        np.testing.assert_array_equal(read.units[part][ungraded], plain.units[part][ungraded])
    assert not read.units[READER][ungraded].any()


@given(read_sidebars())
def test_better_grade_never_makes_a_worse_score(case) -> None:  # type: ignore[no-untyped-def]
    rows, facts, *_ = case
    if not is_graded(rows):
        return
    apart = np.abs(facts.posted - SOURCE.posted)
    better = rows.copy()
    better["grade"] = np.minimum(rows["grade"] + 1, 4)
    lower, higher = (scored(similarities(each, apart, RANKER.scales), DEFAULT).score for each in (rows, better))
    assert (higher >= lower).all()


@pytest.mark.parametrize(("factor", "first"), [(1.0, 1), (30.0, 2)])
def test_boost_counts_as_much_of_a_grade_as_of_the_log_odds(factor: float, first: int) -> None:
    """What editors decide is not undone by a reader: log(30) is more than the weight of a grade."""
    rows = with_grades(make_rows([1, 2], tags=0.5), grade_rows({1: 3.0, 2: 2.0}))
    source = replace(SOURCE, constraints=replace(OPEN, factors={2: factor}))
    assert numbers(ranked(rows, make_columns([1, 2]), source=source))[0] == first


def test_own_language_stands_first_at_equal_grade() -> None:
    rows = with_grades(make_rows([1, 2], same=[False, True], tags=0.5), grade_rows({1: 3.0, 2: 3.0}))
    short = shortlist(rows, make_columns([1, 2], language=[1, 0]), SOURCE, replace(RULES, foreign=True), RANKER)
    assert short.numbers.tolist() == [2, 1]


# -- filters -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "rules"),
    [
        ({"shown": [False, True]}, RULES),
        ({"posted": [NOW_SECONDS + 1, NOW_SECONDS]}, RULES),
        ({"linked": [False, True]}, replace(RULES, linked=True)),
        ({}, replace(RULES, exclude=frozenset([1]))),
        ({"edition": [1, 0]}, replace(RULES, editions=frozenset([0]))),
        ({"language": [1, 0]}, replace(RULES, languages=frozenset([0]))),
        ({"posted": [NOW_SECONDS - 9 * DAY, NOW_SECONDS]}, replace(RULES, since=NOW_SECONDS - DAY)),
        ({"posted": [NOW_SECONDS, NOW_SECONDS - 9 * DAY]}, replace(RULES, until=NOW_SECONDS - DAY)),
        ({"posted": [nan, NOW_SECONDS]}, replace(RULES, since=0.0)),
        ({"posted": [nan, NOW_SECONDS]}, replace(RULES, until=NOW_SECONDS)),
    ],
)
def test_each_filter_keeps_one_of_two(columns: dict[str, object], rules: Filters) -> None:
    facts = make_columns([1, 2], **columns)
    assert numbers(ranked(make_rows([1, 2], tags=[0.9, 0.5]), facts, rules)) == [2]
    assert numbers(fallbacks(facts, SOURCE, rules, 3, frozenset())) == [2]


def test_bounds_of_a_period_are_inside() -> None:
    rules = replace(RULES, since=NOW_SECONDS - DAY, until=NOW_SECONDS - DAY)
    assert numbers(ranked(make_rows([1], tags=0.5), make_columns([1]), rules)) == [1]


def test_undated_articles_can_be_related() -> None:
    assert numbers(ranked(make_rows([1], tags=0.5), make_columns([1], posted=nan))) == [1]


def test_pool_holds_the_best() -> None:
    rows = make_rows(range(1, 61), tags=np.linspace(0.1, 0.9, 60))
    short = shortlist(rows, make_columns(range(1, 61)), SOURCE, RULES, RANKER)
    assert short.numbers.tolist() == list(range(60, 60 - POOL, -1))


def test_equal_scores_favour_smaller_numbers() -> None:
    assert numbers(ranked(make_rows([3, 5, 7], tags=0.2), make_columns([3, 5, 7]))) == [3, 5, 7]


@pytest.mark.parametrize(("least", "expected"), [(0.5, [1]), (0.5001, [])])
def test_threshold_itself_is_enough(least: float, expected: list[int]) -> None:
    # Time proximity is the only part, and just reaches the threshold.
    ranker = Ranker(replace(DEFAULT, threshold=DEFAULT.weights["nearness"]), Scales())
    rows = make_rows([1], tags=0.0, places=0.0)
    assert numbers(ranked(rows, make_columns([1]), replace(RULES, min_score=least), ranker=ranker)) == expected


def test_evidence_orders_equal_scores() -> None:
    """Scores are shown to four places; of two that look the same the better still comes first."""
    sure = replace(DEFAULT, threshold=-20.0)
    rows = make_rows([1, 2], tags=[0.5, 0.6])
    teasers = ranked(rows, make_columns([1, 2]), ranker=Ranker(sure, Scales()))
    assert [(teaser.number, teaser.score) for teaser in teasers] == [(2, 1), (1, 1)]


# -- events ------------------------------------------------------------------------------------------------------------


def reports_one(days: float = 0.0, *, same: bool = True, **measured: float) -> bool:
    """Whether two articles report one event, by their similarities in deviations and shares; all else is 0."""
    values = {part: np.array([measured.get(part, 0.0)]) for part in (*PARTS, "shingles")}
    return bool(same_event(values, np.array([days * DAY]), np.array([same]))[0])


@pytest.mark.parametrize(
    ("measured", "days", "same", "event"),
    [
        ((4.65, 6.0, 4.6), 0, True, True),
        ((4.6, 8.0, 8.0), 0, True, False),
        ((8.0, 5.9, 8.0), 0, True, False),
        ((8.0, 8.0, 4.5), 0, True, False),
        ((8.0, 8.0, 8.0), 3, True, True),
        ((8.0, 8.0, 8.0), 3.1, True, False),
        ((8.0, 8.0, 8.0), 0, False, False),
        ((8.0, 8.0, 8.0), nan, True, False),
    ],
)
def test_like_texts_of_days_are_one_event(measured: tuple[float, ...], days: float, same: bool, event: bool) -> None:
    dense, lexical, themes = measured
    assert reports_one(days, same=same, dense=dense, lexical=lexical, themes=themes) is event


@pytest.mark.parametrize("days", [0, 400, nan])
@pytest.mark.parametrize(
    ("shingles", "same", "event"), [(0.5, True, True), (0.24, True, False), (1.0, False, False), (nan, True, False)]
)
def test_copies_report_one_event_at_any_time(shingles: float, days: float, same: bool, event: bool) -> None:
    """With a date and without: three newspapers on one event share a tenth of their shingles, a copy half of them."""
    assert reports_one(days, same=same, dense=2.0, lexical=2.0, shingles=shingles) is event


@pytest.mark.parametrize(
    ("names", "topics", "days", "event"),
    [
        (0.75, 0.75, 0, True),
        (1.0, 0.4, 0, False),
        (1.0, 1.0, 2, True),
        (1.0, 1.0, 2.1, False),
        (1.0, 1.0, nan, False),
        (nan, 1.0, 0, False),
    ],
)
def test_like_names_are_one_event_in_two_languages(names: float, topics: float, days: float, event: bool) -> None:
    """Within one language they are shared by a report, its follow-up and a portrait of who did it."""
    assert reports_one(days, same=False, names=names, topics=topics) is event
    assert reports_one(days, same=True, names=names, topics=topics) is False


# Deviations as the usual scales have them: dense / 0.14, and (root of lexical - 0.19) / 0.065.
SAME_TEXT = {"dense": 0.9, "lexical": 0.9, "themes": 0.9}
ALIKE = {1: make_rows([2], **SAME_TEXT), 2: make_rows([1], **SAME_TEXT)}


@pytest.mark.parametrize(
    ("dense", "lexical", "same", "near"),
    [
        (0.66, 0.34, True, True),
        (0.64, 0.9, True, False),
        (0.9, 0.33, True, False),
        (0.9, 0.9, False, False),
    ],
)
def test_near_identical_texts_are_alike_at_any_time(dense: float, lexical: float, same: bool, near: bool) -> None:
    rows = make_rows([1], dense=dense, lexical=lexical)
    assert near_identical(rows, np.array([same]), Scales()).tolist() == [near]


def test_reports_of_the_sources_event_are_dropped() -> None:
    rows = make_rows([1, 2], dense=[0.9, 0.5], lexical=[0.9, 0.2], themes=0.9)
    short = shortlist(rows, make_columns([1, 2]), SOURCE, RULES, RANKER)
    assert short.numbers.tolist() == [2]
    assert choose_related(short, {}, RULES, SOURCE, RANKER)[1] == {1}


def test_counterpart_of_the_source_is_no_version() -> None:
    """Who asks for another language may be shown the same report in it."""
    rows = make_rows([1], names=0.9, topics=0.9, shingles=0.9)
    assert numbers(ranked(rows, make_columns([1], language=0))) == []
    assert numbers(ranked(rows, make_columns([1], language=1))) == [1]


def test_events_are_reported_by_either_list() -> None:
    facts = make_columns([1, 2, 3])
    for lists in (ALIKE, {1: ALIKE[1]}, {2: ALIKE[2]}):
        events = events_among(facts, lists, Scales())
        assert np.argwhere(events).tolist() == [[0, 1], [1, 0]]


def test_events_need_near_dates() -> None:
    facts = make_columns([1, 2], posted=[NOW_SECONDS, NOW_SECONDS - 4 * DAY])
    assert not events_among(facts, ALIKE, Scales()).any()


def test_newest_report_stands_for_both() -> None:
    rows, facts = make_rows([1, 2], tags=[0.9, 0.8]), make_columns([1, 2], posted=[NOW_SECONDS - 9, NOW_SECONDS - 5])
    teasers, dropped = choose_related(shortlist(rows, facts, SOURCE, RULES, RANKER), ALIKE, RULES, SOURCE, RANKER)
    assert numbers(teasers) == [2]
    assert dropped == {1}


@pytest.mark.parametrize("update", [1, 2])
def test_update_preferred_of_the_same_hour(update: int) -> None:
    facts = make_columns([1, 2], update=[update == 1, update == 2])
    assert numbers(ranked(make_rows([1, 2], tags=[0.9, 0.8]), facts, lists=ALIKE)) == [update]


def test_update_stands_before_newer_reports() -> None:
    facts = make_columns([1, 2], update=[True, False], posted=[NOW_SECONDS - 9, NOW_SECONDS - 5])
    assert numbers(ranked(make_rows([1, 2], tags=[0.8, 0.9]), facts, lists=ALIKE)) == [1]


def test_readers_language_stands_before_updates() -> None:
    alike = {1: make_rows([2], same=False, names=0.9, topics=0.9)}
    facts = make_columns([1, 2], language=[0, 1], update=[False, True], posted=[NOW_SECONDS - 9, NOW_SECONDS - 5])
    assert numbers(ranked(make_rows([1, 2], tags=[0.8, 0.9]), facts, lists=alike)) == [1]


def test_dated_report_preferred_to_undated() -> None:
    facts = make_columns([1, 2], posted=[nan, NOW_SECONDS - DAY])
    copies = {1: make_rows([2], shingles=1.0)}
    assert numbers(ranked(make_rows([1, 2], tags=[0.9, 0.8]), facts, lists=copies)) == [2]


@pytest.mark.parametrize(("tags", "best"), [([0.9, 0.8], 1), ([0.8, 0.9], 2)])
def test_better_of_equal_reports_stands(tags: list[float], best: int) -> None:
    assert numbers(ranked(make_rows([1, 2], tags=tags), make_columns([1, 2]), lists=ALIKE)) == [best]


def test_hidden_update_leaves_its_original() -> None:
    facts = make_columns([1, 2], update=[False, True], shown=[True, False])
    assert numbers(ranked(make_rows([1, 2], tags=[0.9, 0.8]), facts, lists=ALIKE)) == [1]


def test_chains_of_versions_are_cut() -> None:
    versions = np.array([[False, True, False], [True, False, True], [False, True, False]])
    facts = make_columns([1, 2, 3], posted=[NOW_SECONDS - 30, NOW_SECONDS - 20, NOW_SECONDS - 10])
    # 1 and 2 are versions, so the newer 2 stands; it is a version of 3 too.
    assert one_of_each(versions, facts, 0).tolist() == [1]


def test_weaker_newest_report_keeps_its_own_place() -> None:
    """The newest report of an event may score less than the one it stands for; teasers still fall."""
    rows = make_rows([1, 2, 3], tags=[0.9, 0.5, 0.7])
    facts = make_columns([1, 2, 3], posted=[NOW_SECONDS - 9, NOW_SECONDS - 5, NOW_SECONDS - 9])
    assert numbers(ranked(rows, facts, lists=ALIKE)) == [3, 2]


@given(st.integers(0, 9), st.integers(0, 2**32 - 1))
def test_kept_reports_are_of_different_events(size: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    one_way = random.random((size, size)) < 0.3
    versions = (one_way | one_way.T) & ~np.eye(size, dtype=bool)
    posted = NOW_SECONDS - random.integers(0, 3, size)
    facts = make_columns(range(size), posted=posted, language=random.integers(0, 2, size))
    places = one_of_each(versions, facts, 0)
    assert len(set(places.tolist())) == len(places)
    assert not versions[np.ix_(places, places)].any()
    free = set(range(size)) - set(np.flatnonzero(versions.any(axis=1)).tolist())
    assert free <= set(places.tolist())


# -- roles -------------------------------------------------------------------------------------------------------------


TELLER = SourceArticle(number=0, posted=NOW_SECONDS - 50 * DAY, edition=0, language=0, byline=7, story=4)


@pytest.mark.parametrize(
    ("columns", "places", "role"),
    [
        ({"story": 4, "posted": TELLER.posted + 1}, 1.0, LATEST),
        ({"story": 4, "posted": TELLER.posted}, 1.0, None),
        ({"story": 5, "posted": TELLER.posted + 1}, 1.0, None),
        ({"story": 4, "posted": TELLER.posted - 31 * DAY}, 1.0, BACKGROUND),
        ({"story": 4, "posted": TELLER.posted - 30 * DAY}, 1.0, None),
        ({"story": 5, "posted": TELLER.posted - 31 * DAY}, 1.0, None),
        ({"story": 5, "explains": True}, 1.0, BACKGROUND),
        ({}, 0.49, ANGLE),
        ({}, 0.5, None),
        ({}, nan, None),
        ({"byline": 8}, 1.0, ANGLE),
        ({"byline": 8, "explains": True}, 0.0, BACKGROUND),
        ({"byline": 8, "explains": True, "story": 4, "posted": TELLER.posted + 1}, 0.0, LATEST),
        ({"story": 4, "posted": nan}, 1.0, None),
    ],
)
def test_roles_say_why_to_read_on(columns: dict[str, object], places: float, role: str | None) -> None:
    facts = make_columns([1], **({"byline": 7, "story": 1} | columns))
    assert roles_of(make_rows([1], places=places), facts, TELLER, frozenset(ROLES)) == [role]


def test_only_asked_roles_are_given() -> None:
    facts = make_columns([1, 2], byline=8, explains=[True, False])
    rows = make_rows([1, 2])
    assert roles_of(rows, facts, TELLER, frozenset([ANGLE])) == [ANGLE, ANGLE]
    assert roles_of(rows, facts, TELLER, frozenset([BACKGROUND])) == [BACKGROUND, None]
    assert roles_of(rows, facts, TELLER, frozenset()) == [None, None]


def test_teasers_carry_their_roles() -> None:
    facts = make_columns([1, 2], explains=[True, False])
    teasers = ranked(make_rows([1, 2], tags=[0.9, 0.8], places=1.0), facts, source=replace(SOURCE, byline=0))
    assert [teaser.role for teaser in teasers] == [BACKGROUND, None]


SEEN = 10**6  # in so many sidebars that one more is worth nothing


def chosen(score: list[float], n: int, roles: list[str | None] | None = None, demand: list[int] | None = None) -> list:
    """The places that `varied` takes, of articles without role that everybody knows."""
    size = len(score)
    wanted = np.array(demand or [SEEN] * size, dtype=np.int32)
    return varied(np.array(score), roles or [None] * size, wanted, Choice(range(size), free=n))


def test_best_are_taken_where_nothing_varies() -> None:
    assert chosen([0.9, 0.8, 0.7], 2) == [0, 1]


def test_new_role_is_worth_a_little_score() -> None:
    assert chosen([0.9, 0.80, 0.78], 2, [None, None, ANGLE]) == [0, 2]
    assert chosen([0.9, 0.80, 0.76], 2, [None, None, ANGLE]) == [0, 1]


def test_role_that_is_there_is_worth_nothing() -> None:
    assert chosen([0.9, 0.80, 0.78], 2, [ANGLE, None, ANGLE]) == [0, 1]
    assert chosen([0.9, 0.85, 0.80, 0.78], 3, [None, ANGLE, None, ANGLE]) == [0, 1, 2]


def test_forgotten_article_may_take_the_last_place() -> None:
    assert chosen([0.9, 0.8, 0.7, 0.57], 3, demand=[SEEN, SEEN, SEEN, 0]) == [0, 1, 3]
    assert chosen([0.9, 0.8, 0.7, 0.44], 3, demand=[SEEN, SEEN, SEEN, 0]) == [0, 1, 2]


def test_only_the_last_place_is_for_the_forgotten() -> None:
    assert chosen([0.9, 0.8, 0.7, 0.57, 0.56], 3, demand=[SEEN, SEEN, SEEN, 0, 0]) == [0, 1, 3]


def test_weak_candidate_gains_little_by_being_forgotten() -> None:
    """The gain is a share of the score: where all scores are low it does not undo their order."""
    assert chosen([0.5, 0.4, 0.3, 0.2], 3, demand=[SEEN, SEEN, SEEN, 0]) == [0, 1, 2]


def test_demand_halves_the_gain() -> None:
    assert chosen([0.9, 0.8, 0.72], 2, demand=[SEEN, SEEN, 1]) == [0, 2]
    assert chosen([0.9, 0.8, 0.70], 2, demand=[SEEN, SEEN, 1]) == [0, 1]


def test_best_stands_first_whatever_varies() -> None:
    assert chosen([0.9, 0.89], 1, [None, ANGLE], [SEEN, 0]) == [0]


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from([None, *ROLES]), st.integers(0, 3)),
        max_size=9,
        unique_by=lambda x: x[0],
    ),
    st.integers(1, 5),
)
def test_varied_keeps_the_best_and_their_order(candidates: list[tuple[float, str | None, int]], n: int) -> None:
    candidates = sorted(candidates, key=lambda candidate: -candidate[0])
    places = chosen(
        *([candidate[0] for candidate in candidates], n),
        [candidate[1] for candidate in candidates],
        [candidate[2] for candidate in candidates],
    )
    assert places == sorted(set(places))
    assert len(places) == min(n, len(candidates))
    assert places[:1] == [0][: len(places)]


# -- diversity ---------------------------------------------------------------------------------------------------------


def test_no_diversity_keeps_the_order() -> None:
    assert diversify(np.array([0.5, 0.4, 0.3]), np.ones((3, 3)), Choice(range(3), free=2), 0.0) == [0, 1]


def test_diversity_prefers_the_unlike() -> None:
    alike = np.array([[0, 0.9, 0], [0.9, 0, 0], [0, 0, 0]])
    assert diversify(np.array([0.5, 0.4, 0.3]), alike, Choice(range(3)), 1.0) == [0, 2, 1]


def test_diversity_spares_much_better_stories() -> None:
    alike = np.array([[0, 0.9, 0], [0.9, 0, 0], [0, 0, 0]])
    assert diversify(np.array([0.9, 0.8, 0.1]), alike, Choice(range(3)), 1.0) == [0, 1, 2]


@given(st.integers(0, 8), st.integers(1, 10), st.floats(0, 1))
def test_diversity_chooses_each_once(size: int, n: int, diversity: float) -> None:
    random = np.random.default_rng(size)
    score = -np.sort(-random.random(size))
    chosen = diversify(score, random.random((size, size)), Choice(range(size), free=n), diversity)
    assert len(set(chosen)) == len(chosen) == min(n, size)
    assert chosen[:1] == [0][: len(chosen)]


def test_diversity_is_taken_from_the_lists() -> None:
    rows = make_rows([1, 2, 3], tags=[0.90, 0.88, 0.86])
    alike = {1: make_rows([2], lexical=0.9)}
    rules = replace(RULES, n=2, diversity=1.0)
    assert numbers(ranked(rows, make_columns([1, 2, 3]), rules, alike)) == [1, 3]


# -- fallbacks ---------------------------------------------------------------------------------------------------------


ARCHIVE = make_columns(
    [0, 1, 2, 3, 4, 5],
    edition=[0, 0, 0, 0, 1, 0],
    reads=[99, 1, 5, 900, 7, 8],
    posted=[NOW_SECONDS - DAY * days for days in (1, 2, 3, 40, 1, 30)],
)


def test_ladder_goes_down_its_rungs() -> None:
    teasers = fallbacks(ARCHIVE, SOURCE, RULES, 9, frozenset())
    assert [(teaser.number, teaser.source) for teaser in teasers] == [
        (5, FALLBACK_READ),
        (2, FALLBACK_READ),
        (1, FALLBACK_READ),
        (3, FALLBACK_EDITION),
        (4, FALLBACK_ANY),
    ]


def test_latest_leaves_reads_out() -> None:
    teasers = fallbacks(ARCHIVE, SOURCE, replace(RULES, fallback="latest"), 9, frozenset())
    assert [(teaser.number, teaser.source) for teaser in teasers] == [
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
    teasers = fallbacks(ARCHIVE, unknown, RULES, 3, frozenset())
    assert [(teaser.number, teaser.source) for teaser in teasers] == [
        (4, FALLBACK_ANY),
        (0, FALLBACK_ANY),
        (1, FALLBACK_ANY),
    ]


def test_undated_articles_are_never_latest() -> None:
    columns = make_columns([1, 2], posted=[nan, NOW_SECONDS - DAY * 90])
    assert numbers(fallbacks(columns, SOURCE, RULES, 3, frozenset())) == [2]
    assert fallbacks(columns, SOURCE, RULES, 3, frozenset([2])) == []


def test_archive_without_dates_has_fallbacks_those_of_the_edition_first() -> None:
    teasers = fallbacks(make_columns([1, 2, 3], posted=nan, edition=[0, 0, 1]), SOURCE, RULES, 9, frozenset())
    assert [(teaser.number, teaser.source) for teaser in teasers] == [
        (2, FALLBACK_UNDATED),
        (1, FALLBACK_UNDATED),
        (3, FALLBACK_UNDATED),
    ]


def test_archive_without_dates_falls_back_on_the_nearest() -> None:
    """Nothing is the latest there, and what was added last is what happened to be so."""
    columns = make_columns([1, 2, 3, 4], posted=nan, edition=[0, 0, 0, 1])
    nearest = np.array([4, 1], dtype=np.int32)
    assert numbers(fallbacks(columns, SOURCE, RULES, 9, frozenset(), nearest=nearest)) == [4, 1, 3, 2]


def test_dated_fallbacks_are_the_latest_however_near_others_are() -> None:
    nearest = np.array([1], dtype=np.int32)
    assert numbers(fallbacks(make_columns([1, 2, 3]), SOURCE, RULES, 2, frozenset(), nearest=nearest)) == [3, 2]


def test_equal_fallbacks_favour_newer_numbers() -> None:
    assert numbers(fallbacks(make_columns([1, 2, 3]), SOURCE, RULES, 2, frozenset())) == [3, 2]


def teasers_of(*numbers: int) -> list[RankedTeaser]:
    return [RankedTeaser(number, 0.0, FALLBACK_ANY) for number in numbers]


def halves(some: np.ndarray) -> BoolArray:
    """Which of some articles report one event: 2 and 3, 4 and 5, ..."""
    event = some // 2
    return (event[:, None] == event[None, :]) & ~np.eye(len(some), dtype=bool)


def test_fallbacks_bring_no_second_report() -> None:
    teasers = fill_with_fallbacks(teasers_of(2), teasers_of(3, 4, 5, 6, 8), halves, 3)
    assert numbers(teasers) == [2, 4, 6]


def test_chosen_teasers_all_stay() -> None:
    assert numbers(fill_with_fallbacks(teasers_of(2, 3), teasers_of(4), halves, 2)) == [2, 3]


# -- fallbacks that rules count ----------------------------------------------------------------------------------------


def quota(*sort: int, least: int = 0, most: int = 9) -> Quota:
    return Quota(frozenset(sort), least, most)


def test_articles_that_rules_count_alike_are_one_kind() -> None:
    kinds = kinds_of(ARCHIVE, [quota(1, 2), quota(2, 3), quota(9)]).tolist()
    assert [kinds[number] == kinds[0] for number in range(6)] == [True, False, False, False, True, True]
    assert len(set(kinds)) == 4


def test_many_rules_make_no_kind_overflow() -> None:
    assert len(set(kinds_of(ARCHIVE, [quota(1)] * 100).tolist())) == 2


def test_fallbacks_of_each_kind_are_few() -> None:
    """Of twenty thousand articles those are looked at that rules can need, and no more."""
    facts = make_columns(range(2_000), posted=[NOW_SECONDS - DAY * number for number in range(2_000)])
    kinds = kinds_of(facts, [quota(*range(1_000, 2_000))])
    chosen = numbers(fallbacks(facts, SOURCE, RULES, 3, frozenset(), kinds=kinds))
    assert chosen == [1, 2, 3, 1_000, 1_001, 1_002]
