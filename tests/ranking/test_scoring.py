"""Log-odds, probability, and parts that add up."""

import json
from dataclasses import replace
from math import exp, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.ranking.scoring import (
    DAY,
    DEFAULT,
    MAX_DEVIATIONS,
    MEASURED,
    OPTIONAL,
    PARTS,
    READER,
    SCALED,
    RankingModel,
    Scale,
    Scales,
    Scores,
    scaled,
    scored,
    similarities,
)
from tests.factories import make_rows

# Every unit of similarity is one of log-odds, and three make a candidate related.
EVEN = RankingModel("even", dict.fromkeys(MEASURED, 1.0), threshold=3.0, relief=dict.fromkeys(OPTIONAL, 0.5))

similarity = st.floats(0, 1)
pairs = st.fixed_dictionaries(
    {part: st.floats(0, MAX_DEVIATIONS) if part in SCALED else similarity for part in MEASURED}
    | dict.fromkeys(OPTIONAL, similarity | st.just(nan))
)
weights = st.fixed_dictionaries(dict.fromkeys(PARTS, st.floats(0, 9)))
reliefs = st.fixed_dictionaries(dict.fromkeys((*OPTIONAL, READER), st.floats(0, 3)))
models = st.just(DEFAULT) | st.builds(RankingModel, st.just("any"), weights, st.floats(0, 12), reliefs)


@given(models)
def test_stored_form_comes_back_exactly(model: RankingModel) -> None:
    """A generation is compared with the release that it may have been built with."""
    assert RankingModel.from_json(model.to_json()) == model


@given(models, st.sampled_from(PARTS))
def test_part_that_a_stored_model_lacks_weighs_nothing(model: RankingModel, part: str) -> None:
    stored = json.loads(model.to_json())
    del stored["weights"][part]
    stored["relief"].pop(part, None)
    expected = replace(model, weights=dict(model.weights) | {part: 0.0})
    if part in model.relief:
        expected = replace(expected, relief=dict(model.relief) | {part: 0.0})
    assert RankingModel.from_json(json.dumps(stored)) == expected


@pytest.mark.parametrize("field", ["weights", "relief"])
def test_unknown_part_of_a_model_is_refused(field: str) -> None:
    stored = json.loads(DEFAULT.to_json())
    stored[field]["magic"] = 1.0
    with pytest.raises(ValueError, match="magic: no such part"):
        RankingModel.from_json(json.dumps(stored))


def scores(model: RankingModel, *candidates: dict[str, float]) -> Scores:
    """The scores of candidates whose parts are 0 where they are not given."""
    return scored({part: np.array([candidate.get(part, 0.0) for candidate in candidates]) for part in MEASURED}, model)


def parts(model: RankingModel, **measured: float) -> dict[str, float]:
    """The parts of one candidate's score that are not 0."""
    return {part: float(values[0]) for part, values in scores(model, measured).parts().items() if values[0]}


# -- similarities --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("feature", "value", "measured"),
    [
        ("dense", 0.5, 2.0),  # two deviations of 0.2 above 0.1
        ("dense", 0.05, 0.0),
        ("dense", 1.0, 4.5),
        ("lexical", 0.25, 3.0),  # its root is three deviations of 0.1 above 0.2
        ("lexical", -0.1, 0.0),
        ("themes", 0.9, MAX_DEVIATIONS),
        ("names", 0.25, 0.5),
        ("topics", 0.49, 0.7),
        ("tags", 0.4, 0.4),
        ("places", 0.4, 0.4),
        ("places", 1.001, 1.0),
        ("names", -0.001, 0.0),
    ],
)
def test_features_are_measured_by_their_scales(feature: str, value: float, measured: float) -> None:
    scales = Scales(dense=Scale(0.1, 0.2), lexical=Scale(0.2, 0.1), themes=Scale(0.0, 0.1))
    assert scaled({feature: np.array([value])}, scales)[feature] == pytest.approx([measured])


@pytest.mark.parametrize("feature", [part for part in OPTIONAL if part != "nearness"])
def test_unknown_features_stay_unknown(feature: str) -> None:
    assert np.isnan(scaled({feature: np.array([nan])}, Scales())[feature])


def test_similarities_cover_every_part() -> None:
    assert set(similarities(make_rows([1]), np.zeros(1), Scales())) == {*MEASURED, "shingles"}


@pytest.mark.parametrize(("days", "nearness"), [(0, 1), (365, exp(-1)), (-365, exp(-1)), (730, exp(-2)), (nan, nan)])
def test_nearness_falls_with_days_apart(days: float, nearness: float) -> None:
    measured = similarities(make_rows([1]), np.array([days * DAY]), Scales())
    assert measured["nearness"] == pytest.approx([nearness], nan_ok=True)


def test_scales_survive_their_json() -> None:
    scales = Scales(Scale(0.1, 0.2), Scale(0.3, 0.4), Scale(0.5, 0.6))
    assert Scales.from_json(scales.to_json()) == scales


# -- scores ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("log_odds", "score"), [(3, 0.5), (2, 0.2689), (4, 0.7311), (1, 0.1192), (8, 0.9933)])
def test_score_is_logistic_of_log_odds(log_odds: float, score: float) -> None:
    scored_candidates = scores(EVEN, {"dense": log_odds})
    assert scored_candidates.log_odds == pytest.approx([log_odds - 3])
    assert scored_candidates.score.tolist() == [score]


def test_log_odds_is_weighted_similarity() -> None:
    model = replace(EVEN, weights=EVEN.weights | {"tags": 5.0, "places": 2.0})
    assert scores(model, {"tags": 0.5, "places": 0.5}).log_odds == pytest.approx([0.5 * 5 + 0.5 * 2 - 3])


def test_parts_share_as_their_log_odds() -> None:
    shares = parts(EVEN, dense=1.5, lexical=0.75, nearness=0.75)
    assert shares == {"dense": 0.25, "lexical": 0.125, "nearness": 0.125}


def test_remainder_goes_to_the_largest_part() -> None:
    # A half in thirds: 0.1666 and twice as much, and the ten-thousandth that is left.
    assert parts(EVEN, dense=1, lexical=2) == {"dense": 0.1666, "lexical": 0.3334}
    assert parts(EVEN, dense=2, lexical=1) == {"dense": 0.3334, "lexical": 0.1666}


def test_remainder_of_equal_parts_goes_first() -> None:
    assert parts(EVEN, names=1, topics=1, tags=1) == {"names": 0.1668, "topics": 0.1666, "tags": 0.1666}


def test_nothing_in_common_scores_zero() -> None:
    eager = replace(EVEN, threshold=-5.0)
    scored_candidates = scores(eager, {}, {"names": nan, "tags": nan, "places": nan})
    assert scored_candidates.score.tolist() == [0, 0]
    assert not any(values.any() for values in scored_candidates.parts().values())


@pytest.mark.parametrize(("years", "score"), [(500, 0.2689), (720, 0.2689), (2000, 0)])
def test_tiny_similarity_can_be_shared_out(years: float, score: float) -> None:
    """A mistyped year: nearness is all there is, and too small to divide by."""
    rows = make_rows([1], tags=0.0, places=0.0)
    scored_candidates = scored(
        similarities(rows, np.array([years * 365 * DAY]), Scales()), replace(EVEN, threshold=1.0)
    )
    assert scored_candidates.score.tolist() == scored_candidates.parts()["nearness"].tolist() == [score]


@pytest.mark.parametrize("unknown", [("names",), ("tags",), ("places",), ("tags", "places"), OPTIONAL])
def test_unknown_parts_lower_the_threshold(unknown: tuple[str, ...]) -> None:
    model = replace(EVEN, relief={part: 0.1 * 2**place for place, part in enumerate(OPTIONAL)})
    relief = sum(model.relief[part] for part in unknown)
    scored_candidates = scores(model, {"dense": 2.0} | dict.fromkeys(unknown, nan))
    assert scored_candidates.log_odds == pytest.approx([2 - 3 + relief])
    assert parts(model, dense=2.0, **dict.fromkeys(unknown, nan)).keys() == {"dense"}


@given(st.lists(pairs, max_size=6), models)
def test_parts_add_up_exactly(candidates: list[dict[str, float]], model: RankingModel) -> None:
    scored_candidates = scores(model, *candidates)
    units = {part: np.round(values * 10_000).astype(int) for part, values in scored_candidates.parts().items()}
    assert all((values >= 0).all() for values in units.values())
    total = sum(units.values())
    assert total.tolist() == np.round(scored_candidates.score * 10_000).astype(int).tolist()
    assert ((scored_candidates.score >= 0) & (scored_candidates.score <= 1)).all()


@given(pairs, models)
def test_score_is_probability_to_four_places(pair: dict[str, float], model: RankingModel) -> None:
    scored_candidates = scores(model, pair)
    likely = 1 / (1 + exp(-scored_candidates.log_odds[0]))
    assert scored_candidates.score[0] == pytest.approx(likely, abs=0.000051) or not sum(parts(model, **pair).values())


@given(pairs, models, st.sampled_from(MEASURED), similarity)
def test_score_never_falls_with_a_similarity(
    pair: dict[str, float], model: RankingModel, part: str, share: float
) -> None:
    less = pair | {part: np.nan_to_num(pair[part]) * share}
    more = pair | {part: np.nan_to_num(pair[part])}
    low, high = scores(model, less, more).score
    assert low <= high


@given(pairs, st.sampled_from(OPTIONAL))
def test_unknown_lies_between_nothing_and_all(pair: dict[str, float], part: str) -> None:
    """No article gains by hiding what it shares, none loses for want of labels."""
    none, unknown, every = scores(DEFAULT, pair | {part: 0.0}, pair | {part: nan}, pair | {part: 1.0}).score
    assert none <= unknown <= every


@given(st.lists(pairs, min_size=1, max_size=6), st.data())
def test_taken_scores_are_those_of_their_places(candidates: list[dict[str, float]], data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, len(candidates) - 1)))
    all_scores = scores(DEFAULT, *candidates)
    taken = all_scores.take(np.array(places, dtype=np.intp))
    assert taken.score.tolist() == all_scores.score[places].tolist()
    assert taken.log_odds.tolist() == all_scores.log_odds[places].tolist()
    assert taken.parts()["names"].tolist() == all_scores.parts()["names"][places].tolist()
