"""The best candidates that pass the filters, scored."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recommender.arrays import FloatArray, IntArray
from recommender.curation.constraints import SidebarConstraints
from recommender.curation.rules import LOWER, RAISE
from recommender.ranking.candidates import CandidateArray
from recommender.ranking.events import same_event, same_text
from recommender.ranking.facts import RELATED, Columns, Filters, RankedTeaser, Ranker, SourceArticle
from recommender.ranking.filters import allowed
from recommender.ranking.roles import roles_of
from recommender.ranking.scoring import (
    READER,
    SIGNALS,
    UNITS,
    Scores,
    by_grade,
    multiplied,
    scored,
    similarities,
)

POOL = 25  # candidates that compete for the places after filters; more cost time and change nothing in ten results
# A story in the reader's own language stands before one in another language with up to twice its odds of being related.
OWN_LANGUAGE = 2.0


@dataclass(frozen=True)
class Shortlist:
    """The best candidates that pass the filters, best first, with their facts, scores and roles."""

    rows: CandidateArray
    facts: Columns
    scores: Scores
    worth: FloatArray  # by which places are given: score or grade, to which a reader's own language may add
    roles: Sequence[str | None]
    versions_of_source: IntArray

    @property
    def numbers(self) -> IntArray:
        """Article numbers, best first."""
        return self.facts.number


def shortlist(
    rows: CandidateArray, facts: Columns, source: SourceArticle, filters: Filters, ranker: Ranker
) -> Shortlist:
    """The POOL best candidates that pass the filters, without other reports of the source's event in its language.

    `facts` go with `rows`. Copies of one text count as one, and those of the source's are left out. A report in another
    language stays: a reader of both may want it.
    """
    apart = np.abs(facts.posted - source.posted)
    measured = similarities(rows, apart, ranker.scales)
    version = same_event(measured, apart, facts.language == source.language) & (facts.language == source.language)
    version |= same_text(facts.copy, source.copy)
    keep = np.flatnonzero(allowed(facts, source, filters) & ~version)
    scores = scored({part: values[keep] for part, values in measured.items()}, ranker.model)
    factors = factors_of(facts.take(keep), source.constraints)
    scores = scores if factors is None else multiplied(scores, factors)
    own = filters.foreign & (facts.language[keep] == source.language)
    preferred = np.where(own, OWN_LANGUAGE, 1.0)
    standing = scores.log_odds + np.log(preferred)
    worth = _multiplied(scores.score, preferred)
    if READER in scores.units:
        added = preferred if factors is None else factors * preferred
        standing = worth = by_grade(measured[READER][keep], added, standing, ranker.model)
    order = np.lexsort((facts.number[keep], -standing))
    order = order[: _end_of_pool(facts.copy[keep[order]])]
    chosen = facts.take(keep[order])
    return Shortlist(
        rows=rows[keep[order]],
        facts=chosen,
        scores=scores.take(order),
        worth=worth[order],
        roles=roles_of(rows[keep[order]], chosen, source, filters.roles),
        versions_of_source=facts.number[version],
    )


def _end_of_pool(copies: IntArray) -> int:
    """How many of the best hold POOL texts."""
    seen: set[int] = set()
    for place, text in enumerate(copies.tolist()):
        seen.add(text if text >= 0 else -2 - place)
        if len(seen) > POOL:
            return place
    return len(copies)


def _multiplied(score: FloatArray, factors: FloatArray) -> FloatArray:
    """Probabilities whose odds are multiplied."""
    return score * factors / (1 - score + score * factors)


def factors_of(facts: Columns, constraints: SidebarConstraints) -> FloatArray | None:
    """By what the odds of some articles are multiplied; None where there is nothing to multiply."""
    rule_factors = [
        (rule.what, rule.factor)
        for rule in constraints.rules
        if rule.then in (RAISE, LOWER) and rule.factor is not None
    ]
    if not rule_factors and not constraints.factors:
        return None
    factors = np.array([constraints.factors.get(number, 1.0) for number in facts.number.tolist()], dtype=np.float64)
    for what, factor in rule_factors:
        factors[what.among(facts.labels)] *= factor
    return factors


def make_teaser(short: Shortlist, place: int) -> RankedTeaser:
    units = {part: int(values[place]) for part, values in short.scores.units.items()}
    # Most teasers have no boost, burial or reader; their parts leave them out.
    parts = {part: count / UNITS for part, count in units.items() if count or part not in (SIGNALS, READER)}
    return RankedTeaser(int(short.numbers[place]), sum(units.values()) / UNITS, RELATED, parts, short.roles[place])


def teasers_of(
    numbers: IntArray, rows: CandidateArray, facts: Columns, source: SourceArticle, ranker: Ranker
) -> dict[int, RankedTeaser]:
    """Some of the candidates as teasers, whether they are good enough or not."""
    places = np.flatnonzero(np.isin(facts.number, numbers))
    if not len(places):
        return {}
    chosen = facts.take(places)
    measured = similarities(rows[places], np.abs(chosen.posted - source.posted), ranker.scales)
    scores = scored(measured, ranker.model)
    factors = factors_of(chosen, source.constraints)
    scores = scores if factors is None else multiplied(scores, factors)
    none: IntArray = np.empty(0, dtype=np.int32)
    short = Shortlist(rows[places], chosen, scores, scores.score, [None] * len(places), none)
    return {int(number): make_teaser(short, place) for place, number in enumerate(chosen.number)}
