"""Which articles report one event, and which of them stands for the others."""

from collections.abc import Mapping

import numpy as np

from recommender.arrays import BoolArray, FloatArray, Positions
from recommender.articles.shingles import SAME_TEXT
from recommender.ranking.candidates import CandidateArray, Lists, pair_features
from recommender.ranking.facts import Columns
from recommender.ranking.scoring import DAY, Scales, scaled

# Deviations. On the sample the lowest true version stands at 4.78, the highest pair of two stories at 4.51, both with
# words as alike; the middle between them.
EVENT_DENSE = 4.65
EVENT_LEXICAL = 6.0  # deviations
# Deviations. The lowest true version stands at 4.87; a portrait of victims and an analysis of the day after shared
# words and meaning with the first report, but had 4.31.
EVENT_THEMES = 4.6
EVENT_SECONDS = 3 * DAY
EVENT_NAMES_AND_TOPICS = 1.45  # of 2
EVENT_NAMED_SECONDS = 2 * DAY


def same_event(known: Mapping[str, FloatArray], apart: FloatArray, same_language: BoolArray) -> BoolArray:
    """Whether two articles report one event: versions, twins of two desks, counterparts in another language.

    In one language they have much the same words and themes within three days, or nearly the same text, whenever that
    was. In two languages they have the same names and topics within two days: in one, these are shared by all that one
    event sets off. `known` is what `likenesses` gives, `apart` in seconds, NaN where a date is unknown.
    """
    alike = (known["dense"] >= EVENT_DENSE) & (known["lexical"] >= EVENT_LEXICAL)
    worded = same_language & alike & (known["themes"] >= EVENT_THEMES) & (apart <= EVENT_SECONDS)
    copied = same_language & (known["shingles"] >= SAME_TEXT)
    named = known["names"] + known["topics"] >= EVENT_NAMES_AND_TOPICS
    counterpart: BoolArray = ~same_language & named & (apart <= EVENT_NAMED_SECONDS)
    return worded | copied | counterpart


def near_identical(rows: CandidateArray, same_language: BoolArray, scales: Scales) -> BoolArray:
    """Which candidates report the same in much the same words, whenever that was."""
    known = scaled({feature: rows[feature] for feature in ("dense", "lexical")}, scales)
    near: BoolArray = same_language & (known["dense"] >= EVENT_DENSE) & (known["lexical"] >= EVENT_LEXICAL)
    return near


def one_of_each(versions: BoolArray, facts: Columns, language: int) -> Positions:
    """Positions of the articles that stand for their versions, in the order of the best of each.

    Walks down the given order; of what is left of an article and its versions one in `language` is taken if there is
    one, of these an update before what it overtakes, and of these the newest. `versions` is (n, n) and symmetric;
    versions of versions are none.
    """
    if not versions.any():
        return np.arange(len(versions), dtype=np.intp)
    posted = np.where(np.isnan(facts.posted), -np.inf, facts.posted)
    readable = facts.language == language
    others = {place: set(np.flatnonzero(row).tolist()) for place, row in enumerate(versions) if row.any()}
    gone: set[int] = set()
    kept = []
    for place in range(len(posted)):
        if place in gone:
            continue
        group = others.get(place, set()) - gone | {place}
        newest = max(group, key=lambda one: (readable[one], facts.update[one], posted[one], -one))
        kept.append(newest)
        gone |= group | others.get(newest, set())
    return np.array(kept, dtype=np.intp)


_EVENT_FEATURES = ("dense", "lexical", "themes", "names", "topics", "shingles")


def events_among(facts: Columns, lists: Lists, scales: Scales) -> BoolArray:
    """Which of some articles report one event, (n, n) and symmetric, as far as their own lists tell."""
    pairs = pair_features(lists, facts.number, _EVENT_FEATURES)
    apart = np.abs(facts.posted[:, None] - facts.posted[None, :])
    same_language = facts.language[:, None] == facts.language[None, :]
    return same_event(scaled(pairs, scales), apart, same_language)
