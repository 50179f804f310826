"""What a rule may say, what a condition means, and which articles have which labels."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.curation.rules import (
    AT_LEAST,
    AT_MOST,
    CONDITIONS,
    EFFECTS,
    EVERY,
    FORBID,
    LOWER,
    MANY,
    MAX_COUNT,
    MAX_DESCRIPTION,
    MAX_VALUE,
    MAX_VALUES,
    NO_BOX,
    NO_FALLBACK,
    RAISE,
    Condition,
    Labels,
    Rule,
    labels,
    parse_rule,
    rule_of,
)
from recommender.curation.signals import RULE, Signal
from recommender.errors import InvalidSignal
from tests.factories import NOW

OPINION = {"flag": ["opinion"]}
DATA = {
    "description": "A rule",
    "when": {},
    "then": FORBID,
    "what": OPINION,
    "count": None,
    "factor": None,
    "enabled": True,
}


def named(**fields: Any) -> Labels:
    """The labels of an article with some fields."""
    values = {"edition": "", "language": "", "byline": "", "flags": (), "tags": (), "countries": ()} | fields
    return labels(**values)


def wrong(**fields: Any) -> set[str]:
    """The fields that are refused in a rule with some fields of its own; none where it is taken."""
    times = {name: fields.pop(name) for name in ("since", "until") if name in fields}
    try:
        parse_rule({**DATA, **fields}, **times)
    except InvalidSignal as error:
        return {problem.field for problem in error.problems}
    return set()


def array(labels_of: list[Labels]) -> Any:
    return np.array([*labels_of, None], dtype=object)[:-1]  # the last keeps NumPy from looking into the sets


class TestLabels:
    """`labels`."""

    def test_fields_become_words(self) -> None:
        words = named(
            edition="Sahel", language="fr", byline="Awa", flags=("minor",), tags=("coup",), countries=("Mali",)
        )
        assert words == {"edition:sahel", "language:fr", "desk:awa", "flag:minor", "tag:coup", "country:mali"}

    def test_empty_fields_are_no_labels(self) -> None:
        assert named() == frozenset()

    def test_equal_labels_are_kept_once(self) -> None:
        (first,), (second,) = named(edition="Sa" + "hel"), named(edition="SAHEL")
        assert first is second


class TestConditions:
    """`Condition`."""

    SAHEL = named(edition="Sahel", language="en", tags=("coup", "army"))

    @pytest.mark.parametrize(
        ("wanted", "fits"),
        [
            ({}, True),
            ({"edition": ("Sahel",)}, True),
            ({"edition": ("sAHEL",)}, True),
            ({"edition": ("Maghreb",)}, False),
            ({"edition": ("Maghreb", "Sahel")}, True),
            ({"edition": ("Sahel",), "tag": ("army",)}, True),
            ({"edition": ("Sahel",), "tag": ("gold",)}, False),
            ({"tag": ("Sahel",)}, False),
            ({"country": ("Mali",)}, False),
        ],
    )
    def test_any_value_of_every_kind(self, wanted: dict[str, tuple[str, ...]], fits: bool) -> None:
        assert Condition(wanted).fits(self.SAHEL) == fits

    words = st.sampled_from(["a", "B", "c"])
    conditions = st.dictionaries(st.sampled_from(["tag", "country"]), st.lists(words, min_size=1).map(tuple))
    articles = st.builds(lambda tags, countries: named(tags=tags, countries=countries), st.sets(words), st.sets(words))

    @given(conditions, st.lists(articles))
    def test_many_are_judged_as_each_alone(self, wanted: dict[str, tuple[str, ...]], archive: list[Labels]) -> None:
        condition = Condition(wanted)
        assert condition.among(array(archive)).tolist() == [
            condition.fits(article_labels) for article_labels in archive
        ]

    def test_another_archive_is_judged_anew(self) -> None:
        condition = Condition({"tag": ("coup",)})
        before, after = array([named(tags=("coup",))] * MANY), array([named(tags=("gold",))] * MANY)
        assert [condition.among(archive).all() for archive in (before, before, after, before)] == [
            True,
            True,
            False,
            True,
        ]


class TestParsing:
    """`parse_rule`."""

    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"when": {kind: ["x"] for kind in CONDITIONS}},
            {"then": AT_MOST, "count": 0},
            {"then": AT_MOST, "count": MAX_COUNT},
            {"then": AT_MOST, "count": 1, "what": {}},
            {"then": AT_LEAST, "count": 1},
            {"then": RAISE, "factor": 1.0},
            {"then": RAISE, "factor": 10.0},
            {"then": LOWER, "factor": 0.0},
            {"then": LOWER, "factor": 0.9},
            {"then": NO_BOX, "what": {}},
            {"then": NO_FALLBACK, "what": {}},
            {"description": "x" * MAX_DESCRIPTION},
            {"what": {"tag": [str(number) for number in range(MAX_VALUES)]}},
            {"what": {"tag": ["x" * MAX_VALUE]}},
            {"since": NOW, "until": NOW + timedelta(minutes=1)},
        ],
    )
    def test_what_makes_sense_is_taken(self, fields: dict[str, Any]) -> None:
        assert wrong(**fields) == set()

    @pytest.mark.parametrize(
        ("fields", "refused"),
        [
            ({"description": "  "}, {"description"}),
            ({"description": "x" * (MAX_DESCRIPTION + 1)}, {"description"}),
            ({"when": {"colour": ["red"]}}, {"when"}),
            ({"what": {"colour": ["red"]}}, {"what"}),
            ({"then": "explode"}, {"then"}),
            ({"what": {}}, {"what"}),
            ({"what": {"tag": [" "]}}, {"what"}),
            ({"then": AT_MOST, "count": 0, "what": {}}, {"what"}),
            ({"then": AT_MOST}, {"count"}),
            ({"then": AT_MOST, "count": -1}, {"count"}),
            ({"then": AT_LEAST, "count": 0}, {"count"}),
            ({"then": AT_LEAST, "count": MAX_COUNT + 1}, {"count"}),
            ({"then": RAISE}, {"factor"}),
            ({"then": RAISE, "factor": 0.5}, {"factor"}),
            ({"then": RAISE, "factor": float("nan")}, {"factor"}),
            ({"then": RAISE, "factor": float("inf")}, {"factor"}),
            ({"then": LOWER, "factor": 1.0}, {"factor"}),
            ({"then": LOWER, "factor": -0.1}, {"factor"}),
            ({"what": {"tag": [str(number) for number in range(MAX_VALUES + 1)]}}, {"what"}),
            ({"when": {"tag": ["x" * (MAX_VALUE + 1)]}}, {"when"}),
            ({"since": NOW, "until": NOW}, {"until"}),
            ({"description": "", "then": "explode", "when": {"colour": ["red"]}}, {"description", "then", "when"}),
        ],
    )
    def test_every_wrong_field_is_reported(self, fields: dict[str, Any], refused: set[str]) -> None:
        assert wrong(**fields) == refused

    def test_values_are_trimmed_and_kept_once(self) -> None:
        rule = parse_rule(
            {**DATA, "description": " A rule ", "what": {"tag": [" coup", "coup ", "", "gold"], "desk": []}}
        )
        assert rule.description == "A rule"
        assert rule.what.wanted == {"tag": ("coup", "gold")}

    @given(
        st.sampled_from(EFFECTS),
        st.dictionaries(st.sampled_from(CONDITIONS), st.lists(st.text("abc", min_size=1), min_size=1), min_size=1),
        st.booleans(),
    )
    def test_data_give_the_same_rule_again(self, then: str, what: dict[str, list[str]], enabled: bool) -> None:
        factor = {RAISE: 2.0, LOWER: 0.5}.get(then)
        data = {**DATA, "then": then, "what": what, "count": 2, "factor": factor, "enabled": enabled}
        rule = parse_rule(data, since=NOW, number=7)
        assert parse_rule(rule.to_data(), since=NOW, number=7) == rule

    def test_kept_rule_is_not_refused_later(self) -> None:
        """A stricter release must not stop a site that has such a rule."""
        data = {**DATA, "what": {"tag": ["x" * (MAX_VALUE + 1)]}}
        assert rule_of(Signal(RULE, None, None, "awa", NOW, data=data, number=3)).number == 3


@pytest.mark.parametrize(
    ("fields", "holds"),
    [
        ({}, True),
        ({"enabled": False}, False),
        ({"since": NOW}, True),
        ({"since": NOW + timedelta(seconds=1)}, False),
        ({"until": NOW}, False),
        ({"until": NOW + timedelta(seconds=1)}, True),
        ({"since": NOW - timedelta(days=1), "until": NOW + timedelta(days=1), "enabled": False}, False),
    ],
)
def test_rule_holds_while_on_and_in_its_period(fields: dict[str, Any], holds: bool) -> None:
    assert Rule("A rule", EVERY, NO_BOX, **fields).holds(NOW) == holds
