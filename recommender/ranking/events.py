"""Which articles report one event, and which of them stands for the others."""

from collections.abc import Mapping

import numpy as np

from recommender.arrays import BoolArray, FloatArray, IntArray, Positions
from recommender.articles.shingles import SKETCH
from recommender.ranking.candidates import CandidateArray, Lists, pair_features
from recommender.ranking.facts import Columns
from recommender.ranking.scoring import DAY, Scales, scaled

# Deviations. On the sample the lowest true version stands at 4.78, the highest pair of two stories at 4.51, both with
# words as similar; the middle between them.
EVENT_DENSE = 4.65
EVENT_LEXICAL = 6.0  # deviations
# Deviations. The lowest true version stands at 4.87; a portrait of victims and an analysis of the day after shared
# words and embedding with the first report, but had 4.31.
EVENT_THEMES = 4.6
EVENT_SECONDS = 3 * DAY
# Of a sketch. Where every tenth word of a text is another, two such copies share 0.23 or more of their rows, for the
# most part 0.4; on the sample only versions share more than 0.06.
EDITED_TEXT = 0.25
# Of a sketch: by chance two texts share a row in a thousand pairs. Of copies of which editors have changed every fifth
# word two share a tenth of their rows, the sample's versions two tenths or more, other stories of one event none.
SOME_ROWS = 3 / SKETCH
EVENT_NAMES_AND_TOPICS = 1.45  # of 2
EVENT_NAMED_SECONDS = 2 * DAY


def same_event(measured: Mapping[str, FloatArray], apart: FloatArray, same_language: BoolArray) -> BoolArray:
    """Whether two articles report one event: versions, twins under two bylines, counterparts in another language.

    In one language they have much the same words and themes, and were published within three days or have rows of words
    in common as well, or nearly the same text, whenever that was. In two languages they have the same names and topics
    within two days: in one, these are shared by all that one event sets off. `measured` is what `scoring.similarities`
    gives, `apart` in seconds, NaN where a date is unknown.
    """
    alike = (measured["dense"] >= EVENT_DENSE) & (measured["lexical"] >= EVENT_LEXICAL)
    edited = measured["shingles"] >= SOME_ROWS
    worded = same_language & alike & (measured["themes"] >= EVENT_THEMES) & ((apart <= EVENT_SECONDS) | edited)
    copied = same_language & (measured["shingles"] >= EDITED_TEXT)
    named = measured["names"] + measured["topics"] >= EVENT_NAMES_AND_TOPICS
    counterpart: BoolArray = ~same_language & named & (apart <= EVENT_NAMED_SECONDS)
    return worded | copied | counterpart


def same_text(copies: IntArray, others: IntArray | int) -> BoolArray:
    """Whether articles have one text, by the codes of `Columns.copy`: whatever their dates, languages and headlines."""
    same: BoolArray = (copies == others) & (copies >= 0)
    return same


def near_identical(rows: CandidateArray, same_language: BoolArray, scales: Scales) -> BoolArray:
    """Which candidates report the same in much the same words, whenever that was."""
    measured = scaled({feature: rows[feature] for feature in ("dense", "lexical")}, scales)
    similar = (measured["dense"] >= EVENT_DENSE) & (measured["lexical"] >= EVENT_LEXICAL)
    near: BoolArray = same_language & similar
    return near


def one_of_each(versions: BoolArray, facts: Columns, language: int) -> Positions:
    """Positions of the articles that stand for their versions, in the order of the best of each.

    Walks down the given order; of an article and those of its versions that are left it takes one in `language` if
    there is one, of these an update before what it updates, and of these the newest. `versions` is (n, n) and
    symmetric; a version of a version is not one of the article.
    """
    if not versions.any():
        return np.arange(len(versions), dtype=np.intp)
    posted = np.where(np.isnan(facts.posted), -np.inf, facts.posted)
    readable = facts.language == language
    others = {place: set(np.flatnonzero(row).tolist()) for place, row in enumerate(versions) if row.any()}
    gone: set[int] = set()
    chosen = []
    for place in range(len(posted)):
        if place in gone:
            continue
        group = others.get(place, set()) - gone | {place}
        newest = max(
            group, key=lambda candidate: (readable[candidate], facts.update[candidate], posted[candidate], -candidate)
        )
        chosen.append(newest)
        gone |= group | others.get(newest, set())
    return np.array(chosen, dtype=np.intp)


_EVENT_FEATURES = ("dense", "lexical", "themes", "names", "topics", "shingles")


def events_among(facts: Columns, lists: Lists, scales: Scales) -> BoolArray:
    """Which of some articles report one event, (n, n) and symmetric, as far as their texts and own lists say.

    Articles at one address do, whatever they say.
    """
    pairs = pair_features(lists, facts.number, _EVENT_FEATURES)
    apart = np.abs(facts.posted[:, None] - facts.posted[None, :])
    same_language = facts.language[:, None] == facts.language[None, :]
    events = same_event(scaled(pairs, scales), apart, same_language)
    events |= same_text(facts.copy[:, None], facts.copy[None, :])
    events |= facts.page[:, None] == facts.page[None, :]
    np.fill_diagonal(events, val=False)
    return events
