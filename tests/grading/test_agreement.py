"""Agreement between graders, on data whose coefficients are published."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.grading.agreement import Triple, grade_agreement, ordinal_alpha, percent_agreement

# Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section C and D: four observers, twelve units.
OBSERVERS = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")


def triples(rows: Sequence[str]) -> list[Triple]:
    """Triples of one row a person, one character a thing; a point says that nothing was given."""
    return [
        (item, person, int(value)) for person, row in enumerate(rows) for item, value in enumerate(row) if value != "."
    ]


grades = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from("abc"), st.sampled_from((-1, 0, 1, 2, 3, 4))), max_size=40
)


class TestOrdinalAlpha:
    """`ordinal_alpha`."""

    def test_four_observers_with_missing_data(self) -> None:
        assert ordinal_alpha(triples(OBSERVERS)) == pytest.approx(0.815, abs=0.0005)

    def test_two_observers_with_two_values(self) -> None:
        """Section A of the same paper: with two values the ordinal and the nominal coefficient are one."""
        assert ordinal_alpha(triples(["0100000010", "1110010000"])) == pytest.approx(0.095, abs=0.0005)

    def test_full_agreement_is_one(self) -> None:
        assert ordinal_alpha(triples(["0124", "0124", ".124"])) == 1

    def test_steps_between_count(self) -> None:
        near = ordinal_alpha(triples(["01234", "01233"]))
        far = ordinal_alpha(triples(["01234", "01230"]))
        assert near is not None
        assert far is not None
        assert near > far

    @pytest.mark.parametrize("rows", [[], ["0123"], ["01..", "..23"], ["222", "222"]])
    def test_without_two_values_that_meet_it_is_undefined(self, rows: list[str]) -> None:
        assert ordinal_alpha(triples(rows)) is None

    def test_things_graded_once_change_nothing(self) -> None:
        more = [*triples(OBSERVERS), ("alone", 0, 5), ("alone too", 3, 1)]
        assert ordinal_alpha(more) == ordinal_alpha(triples(OBSERVERS))

    @given(grades)
    def test_order_preserving_names_change_nothing(self, given_grades: list[Triple]) -> None:
        renamed = [(item, person, 10 * value**3) for item, person, value in given_grades]
        assert ordinal_alpha(renamed) == ordinal_alpha(given_grades)

    @given(grades)
    def test_never_above_one(self, given_grades: list[Triple]) -> None:
        alpha = ordinal_alpha(given_grades)
        assert alpha is None or alpha <= 1


class TestPercentAgreement:
    """`percent_agreement`."""

    def test_pairs_of_people_are_counted(self) -> None:
        assert percent_agreement(triples(["012", "013", "0.."])) == 4 / 5

    @pytest.mark.parametrize("rows", [[], ["0123"], ["01..", "..23"]])
    def test_without_a_meeting_it_is_undefined(self, rows: list[str]) -> None:
        assert percent_agreement(triples(rows)) is None

    def test_last_value_of_a_person_counts(self) -> None:
        assert percent_agreement([("a", "x", 1), ("a", "y", 2), ("a", "x", 2)]) == 1


def test_two_graders_of_the_same_pairs_are_compared() -> None:
    """Worked out by hand: 10 pairs, both say "related" of 4, neither of 3, and the grades -1 and 0 are the same."""
    pairs = [(4, 4), (3, 3), (2, 3), (2, 2), (2, 1), (3, 1), (1, 2), (1, 1), (0, -1), (0, 0)]
    agreement = grade_agreement(pairs)
    assert (agreement.pairs, agreement.exact, agreement.within_one) == (10, 0.6, 0.9)
    assert agreement.related == pytest.approx((0.7 - 0.5) / 0.5)  # 6 and 5 of 10 are related: 0.3 + 0.2 by chance
    assert agreement.essential == pytest.approx((0.8 - 0.58) / 0.42)  # 3 and 3 of 10: 0.09 + 0.49 by chance
    assert agreement.pearson == pytest.approx(
        np.corrcoef([4, 3, 2, 2, 2, 3, 1, 1, 0, 0], [4, 3, 3, 2, 1, 1, 2, 1, 0, 0])[0, 1]
    )


@pytest.mark.parametrize("pairs", [[], [(2, 2)], [(4, 4), (4, 4)]])
def test_figure_without_variety_is_not_defined(pairs: list[tuple[float, float]]) -> None:
    agreement = grade_agreement(pairs)
    assert (agreement.related, agreement.pearson) == (None, None)
