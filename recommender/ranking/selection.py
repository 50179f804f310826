"""Which of the shortlist take the places: one of each event, varied by roles or diversity, within quotas."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from recommender.arrays import BoolArray, FloatArray, IntArray, Positions
from recommender.ranking.candidates import Lists, pair_features
from recommender.ranking.events import events_among, one_of_each
from recommender.ranking.facts import Columns, Filters, RankedTeaser, Ranker, SourceArticle
from recommender.ranking.quotas import Choice, quotas_of
from recommender.ranking.scoring import Scales
from recommender.ranking.shortlist import Shortlist, make_teaser

MAX_DIVERSITY = 0.2  # the share of similarity in the gain at `diversity` 1
ROLE_GAIN = 0.03  # the score that a role which no other teaser has yet is worth
RARE_GAIN = 0.25  # of its score, what an article in no other sidebar may gain in the last place


def choose_related(
    short: Shortlist,
    lists: Lists,
    filters: Filters,
    source: SourceArticle,
    ranker: Ranker,
    *,
    pinned: Columns | None = None,
) -> tuple[list[RankedTeaser], frozenset[int]]:
    """The related teasers, best first, and the numbers that must not come back as fallbacks.

    `lists` holds the candidate lists of the shortlisted and the pinned articles: they say how similar any two of these
    are. Pinned articles take places, and keep out other reports of the same events.
    """
    placed = [] if pinned is None else pinned.number.tolist()
    apart = _without_reports(short, pinned, lists, ranker.scales)
    versions = events_among(short.facts.take(apart), lists, ranker.scales)
    remaining = apart[one_of_each(versions, short.facts.take(apart), source.language)]
    # A copy of what remains is no loss: fallbacks show a text once, and would take neither if one were left out.
    left_out = ~np.isin(short.numbers, short.numbers[remaining]) & ~_copies_of(short.facts, remaining)
    dropped = frozenset(short.numbers[left_out].tolist())
    worth = short.worth
    remaining = np.sort(
        remaining[short.scores.score[remaining] >= filters.min_score]
    )  # best first again: one may stand for a better version
    facts = short.facts.take(remaining)
    quotas = quotas_of(facts if pinned is None else pinned.joined(facts), source.constraints)
    choice = Choice(short.numbers[remaining].tolist(), placed, filters.n - len(placed), quotas)
    if filters.diversity:
        alike = pair_features(lists, short.numbers[remaining], ("lexical",))["lexical"]
        chosen = diversify(worth[remaining], alike, choice, filters.diversity)
    else:
        roles = [short.roles[place] for place in remaining.tolist()]
        chosen = varied(worth[remaining], roles, short.facts.demand[remaining], choice)
    teasers = [make_teaser(short, place) for place in remaining[chosen].tolist()]
    return teasers, dropped | frozenset(short.versions_of_source.tolist()) | frozenset(placed)


def _copies_of(facts: Columns, places: Positions) -> BoolArray:
    """Which of some articles have the text of one at these places."""
    among: BoolArray = np.isin(facts.copy, facts.copy[places]) & (facts.copy >= 0)
    return among


def _without_reports(short: Shortlist, pinned: Columns | None, lists: Lists, scales: Scales) -> Positions:
    """Positions of the shortlist that are neither pinned nor report the same event as something that is."""
    every: Positions = np.arange(len(short.numbers), dtype=np.intp)
    if pinned is None or not len(pinned.number):
        return every
    apart = every[~np.isin(short.numbers, pinned.number)]
    events = events_among(pinned.joined(short.facts.take(apart)), lists, scales)
    count = len(pinned.number)
    return apart[~events[:count, count:].any(axis=0)]


def varied(score: FloatArray, roles: Sequence[str | None], demand: IntArray, choice: Choice) -> list[int]:
    """Positions of the candidates, best first, chosen so that they differ in their roles and rare articles are shown.

    `score` falls. The first is always the best. After it, a role that no other has yet is worth ROLE_GAIN of score. In
    the last place an article gains up to RARE_GAIN of its score, the less the more sidebars it could stand in: one that
    just misses this sidebar might stand in no other.
    """
    chosen: list[int] = []
    remaining = list(range(len(score)))
    while len(chosen) < choice.free and (possible := choice.open(remaining, chosen)):
        taken = {roles[place] for place in chosen}
        fresh = [roles[place] is not None and roles[place] not in taken for place in possible]
        gain = score[possible]
        if chosen:
            gain = gain + ROLE_GAIN * np.array(fresh)
            gain += RARE_GAIN * score[possible] / (1 + demand[possible]) * (len(chosen) == choice.free - 1)
        best = possible[int(np.argmax(gain))]
        remaining.remove(best)
        chosen.append(best)
    return sorted(chosen)


def diversify(score: FloatArray, alike: npt.NDArray[np.floating], choice: Choice, diversity: float) -> list[int]:
    """Positions of the candidates by maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998), in that order.

    `alike` is (m, m) in [0, 1]. `diversity` 0 keeps the order given; 1 lets similarity to what is chosen already count
    a fifth, beyond which the sample's judgments get worse.
    """
    share = MAX_DIVERSITY * diversity
    chosen: list[int] = []
    remaining = list(range(len(score)))
    nearest = np.zeros(len(score))
    while len(chosen) < choice.free and (possible := choice.open(remaining, chosen)):
        gain = (1 - share) * score[possible] - share * nearest[possible]
        best = possible[int(np.argmax(gain))]
        remaining.remove(best)
        chosen.append(best)
        nearest = np.maximum(nearest, alike[best])
    return chosen
