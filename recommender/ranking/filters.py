"""Which articles may stand in a sidebar at all: the guard, and the filters of a request."""

import numpy as np

from recommender.arrays import BoolArray
from recommender.curation.constraints import SidebarConstraints
from recommender.curation.rules import AT_MOST, FORBID
from recommender.ranking.facts import Columns, Filters, SourceArticle


def public(facts: Columns, now: float) -> BoolArray:
    """Which articles are public at a time, in seconds since 1970: published, not on legal hold, not dated later.

    Strangers are told of no others. `store.articles` says the same to the database.
    """
    # NaN compares false: an article without a date is not dated later.
    mask: BoolArray = facts.shown & ~(facts.posted > now)
    return mask


def guarded(facts: Columns, constraints: SidebarConstraints) -> BoolArray:
    """Which articles may stand beside the source at all, whatever put them there and whatever the request asks for.

    Left out is what is withdrawn or held, what the matrix of sensitive content keeps apart, what editors have excluded,
    rejected or set apart, what a rule forbids; and nothing where the box is off.
    """
    mask: BoolArray = facts.shown & ((facts.flags & constraints.forbidden) == 0)
    if constraints.off is not None:
        mask = np.zeros_like(mask)
    if constraints.banned:
        mask &= ~np.isin(facts.number, list(constraints.banned))
    for rule in constraints.rules:
        if rule.then == FORBID or (rule.then == AT_MOST and not rule.count):
            mask &= ~rule.what.among(facts.labels)
    return mask


def allowed(facts: Columns, source: SourceArticle, filters: Filters) -> BoolArray:
    """Which articles may stand in this sidebar: what the guard lets through, and every filter of the request."""
    mask: BoolArray = guarded(facts, source.constraints) & (facts.number != source.number)
    mask &= facts.page != source.page  # two articles at one address are one page
    mask &= public(facts, filters.now)
    if filters.exclude:
        mask &= ~np.isin(facts.number, list(filters.exclude))
    if filters.editions is not None:
        mask &= np.isin(facts.edition, list(filters.editions))
    mask &= readable(facts, filters)
    if filters.linked:
        mask &= facts.linked
    # NaN compares false: an article without a date is in no period that a request names.
    if filters.since is not None:
        mask &= facts.posted >= filters.since
    if filters.until is not None:
        mask &= facts.posted <= filters.until
    return mask


def readable(facts: Columns, filters: Filters) -> BoolArray:
    """Which articles are in a language that the request asks for."""
    if filters.languages is None or filters.foreign:
        return np.ones(len(facts.language), dtype=bool)
    mask: BoolArray = np.isin(facts.language, list(filters.languages))
    return mask
