"""What holds beside one article, and until when."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.curation.constraints import NEVER, Directives
from recommender.curation.rules import labels
from recommender.curation.sensitivity import ANYTHING, BITS, DEFAULT_MATRIX, FIXED, Matrix, bits
from recommender.curation.signals import APART, BOOST, BURY, EXCLUDE, MATRIX, OFF, PIN, RANKING, REJECT, RULE, Signal
from tests.factories import NOW, NOW_SECONDS

PLAIN = bits(())
NOTHING = labels(edition="Sahel", language="en", byline="", flags=(), tags=(), countries=())
EARLIER = NOW - timedelta(days=1)


def signal(kind: str, source: int | None, target: int | None, **fields: object) -> Signal:
    values = {"by": "awa", "since": EARLIER} | fields
    return Signal(kind, source, target, **values)  # type: ignore[arg-type]  # as the tests name them


def directives(*signals: Signal) -> Directives:
    """The directives of some signals, numbered from 1."""
    return Directives().previewed(signals, ())


def rule(when: dict[str, list[str]], since: datetime = EARLIER) -> Signal:
    """A rule that turns the box off."""
    data = {"description": "A", "when": when, "then": "no_box", "what": {}, "count": None, "factor": None}
    return signal(RULE, None, None, data={**data, "enabled": True}, since=since)


def test_without_signals_only_the_matrix_holds() -> None:
    constraints = Directives().constraints_for(1, PLAIN, NOTHING, NOW_SECONDS)
    assert (constraints.banned, constraints.pins, constraints.factors, constraints.off, constraints.rules) == (
        {},
        {},
        {},
        None,
        (),
    )
    assert constraints.forbidden == DEFAULT_MATRIX.mask(PLAIN)
    assert constraints.until == NEVER


def test_pin_holds_beside_its_article_only() -> None:
    decided = directives(signal(PIN, 1, 2, slot=3))
    assert decided.constraints_for(1, PLAIN, NOTHING, NOW_SECONDS).pins == {3: 2}
    assert decided.constraints_for(2, PLAIN, NOTHING, NOW_SECONDS).pins == {}


def test_apart_holds_both_ways() -> None:
    decided = directives(signal(APART, 1, 2))
    assert list(decided.constraints_for(1, PLAIN, NOTHING, NOW_SECONDS).banned) == [2]
    assert list(decided.constraints_for(2, PLAIN, NOTHING, NOW_SECONDS).banned) == [1]
    assert list(decided.constraints_for(3, PLAIN, NOTHING, NOW_SECONDS).banned) == []


def test_rejection_holds_one_way() -> None:
    decided = directives(signal(REJECT, 1, 2))
    assert list(decided.constraints_for(1, PLAIN, NOTHING, NOW_SECONDS).banned) == [2]
    assert list(decided.constraints_for(2, PLAIN, NOTHING, NOW_SECONDS).banned) == []


@pytest.mark.parametrize("source", [1, 2, 99, -1])
def test_exclusion_holds_everywhere(source: int) -> None:
    assert list(directives(signal(EXCLUDE, None, 7)).constraints_for(source, PLAIN, NOTHING, NOW_SECONDS).banned) == [7]


def test_factors_here_and_everywhere_are_multiplied() -> None:
    decided = directives(signal(BOOST, None, 2, factor=4.0), signal(BURY, 1, 2, factor=0.5))
    assert decided.constraints_for(1, PLAIN, NOTHING, NOW_SECONDS).factors == {2: 2.0}
    assert decided.constraints_for(3, PLAIN, NOTHING, NOW_SECONDS).factors == {2: 4.0}


def test_burying_by_nothing_bans() -> None:
    constraints = directives(signal(BURY, 1, 2, factor=0.0)).constraints_for(1, PLAIN, NOTHING, NOW_SECONDS)
    assert (list(constraints.banned), constraints.factors) == ([2], {})


def test_box_is_off_by_signal_or_rule() -> None:
    assert directives(signal(OFF, 1, None)).constraints_for(1, PLAIN, NOTHING, NOW_SECONDS).off is not None
    assert directives(signal(OFF, 1, None)).constraints_for(2, PLAIN, NOTHING, NOW_SECONDS).off is None
    decided = directives(rule({"flag": ["opinion"]}))
    opinion = labels(edition="", language="en", byline="", flags=("opinion",), tags=(), countries=())
    assert decided.constraints_for(1, PLAIN, opinion, NOW_SECONDS).off is not None
    assert decided.constraints_for(1, PLAIN, NOTHING, NOW_SECONDS).off is None


@pytest.mark.parametrize(
    ("begins", "ends", "holds"), [(-2, None, True), (-2, -1, False), (1, None, False), (-1, 1, True)]
)
def test_signals_hold_from_and_until(begins: int, ends: int | None, holds: bool) -> None:
    until = None if ends is None else NOW + timedelta(hours=ends)
    decided = directives(signal(PIN, 1, 2, slot=1, since=NOW + timedelta(hours=begins), until=until))
    assert bool(decided.constraints_for(1, PLAIN, NOTHING, NOW_SECONDS).pins) == holds


def test_a_signal_is_over_at_its_very_end() -> None:
    decided = directives(signal(PIN, 1, 2, slot=1, until=NOW))
    assert decided.constraints_for(1, PLAIN, NOTHING, NOW_SECONDS).pins == {}
    assert decided.constraints_for(1, PLAIN, NOTHING, NOW_SECONDS - 0.001).pins == {1: 2}


def test_next_change_of_an_article_is_given() -> None:
    later, latest = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    decided = directives(
        signal(PIN, 1, 2, slot=1, until=latest), signal(REJECT, 1, 3, since=later), signal(OFF, 4, None)
    )
    assert decided.constraints_for(1, PLAIN, NOTHING, NOW_SECONDS).until == later.timestamp()
    assert decided.constraints_for(1, PLAIN, NOTHING, later.timestamp()).until == latest.timestamp()
    assert decided.constraints_for(4, PLAIN, NOTHING, NOW_SECONDS).until == NEVER


def test_changes_that_hold_everywhere_are_given_by_target() -> None:
    end = NOW + timedelta(hours=1)
    decided = directives(signal(BOOST, None, 2, factor=2.0, until=end))
    assert decided.next_change(np.array([1, 2], np.int32), NOW_SECONDS) == end.timestamp()
    assert decided.next_change(np.array([1, 3], np.int32), NOW_SECONDS) == NEVER


def test_rules_that_fit_say_when_they_begin_and_end() -> None:
    begin = NOW + timedelta(days=1)
    decided = directives(rule({"edition": ["Sahel"]}, since=begin))
    assert decided.constraints_for(1, PLAIN, NOTHING, NOW_SECONDS).off is None
    assert decided.constraints_for(1, PLAIN, NOTHING, NOW_SECONDS).until == begin.timestamp()


def test_the_latest_policy_counts() -> None:
    first = Matrix(FIXED | {("opinion", "opinion")})
    decided = Directives().changed(
        [
            signal(MATRIX, None, None, data=first.to_data(), number=1),
            signal(MATRIX, None, None, data=Matrix(FIXED).to_data(), number=2),
            signal(RANKING, None, None, data={"min_score": 0.3}, number=3),
        ],
        7,
    )
    assert decided.matrix == Matrix(FIXED)
    assert decided.ranking == {"min_score": 0.3}
    assert decided.policy_revision == 7


def test_preview_comes_after_what_is_kept() -> None:
    decided = Directives().changed([signal(RANKING, None, None, data={"min_score": 0.3}, number=3)], 7)
    preview = signal(RANKING, None, None, data={"min_score": 0.6})
    assert decided.previewed([preview], ()).ranking == {"min_score": 0.6}
    assert decided.previewed([], [3]).ranking == {}
    assert decided.ranking == {"min_score": 0.3}


def test_ended_signals_are_dropped() -> None:
    pin = signal(PIN, 1, 2, slot=1, number=5)
    decided = Directives().changed([pin], 1)
    ended = signal(PIN, 1, 2, slot=1, number=5, ended=NOW)
    assert decided.changed([ended], 2).constraints_for(1, PLAIN, NOTHING, NOW_SECONDS).pins == {}


@given(st.sets(st.sampled_from(sorted(BITS))), st.sets(st.sampled_from(sorted(BITS))))
def test_mask_says_what_the_cells_say(source: set[str], target: set[str]) -> None:
    own, other = bits(source - {ANYTHING}), bits(target - {ANYTHING})
    cells = DEFAULT_MATRIX.forbidden | FIXED
    forbidden = any((row, column) in cells for row in source | {ANYTHING} for column in target | {ANYTHING})
    assert bool(DEFAULT_MATRIX.mask(own) & other) == forbidden
    assert (DEFAULT_MATRIX.cell(own, other) is not None) == forbidden
