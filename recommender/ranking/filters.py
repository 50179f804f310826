"""Which articles may stand in a sidebar at all: the guard, and the filters of a request."""

import numpy as np

from recommender.arrays import BoolArray
from recommender.curation.constraints import SidebarConstraints
from recommender.curation.rules import AT_MOST, FORBID
from recommender.ranking.facts import Columns, Filters, SourceArticle


def guarded(facts: Columns, beside: SidebarConstraints) -> BoolArray:
    """Which articles may stand beside the source at all, whoever put them there and whatever is asked for.

    Not there: what is withdrawn or held, what the matrix of sensitive content keeps apart, what editors have excluded,
    rejected or set apart, what a rule forbids; and nothing where the box is off.
    """
    mask: BoolArray = facts.shown & ((facts.flags & beside.forbidden) == 0)
    if beside.off is not None:
        mask = np.zeros_like(mask)
    if beside.banned:
        mask &= ~np.isin(facts.number, list(beside.banned))
    for rule in beside.rules:
        if rule.then == FORBID or (rule.then == AT_MOST and not rule.count):
            mask &= ~rule.what.among(facts.labels)
    return mask


def allowed(facts: Columns, source: SourceArticle, rules: Filters) -> BoolArray:
    """Which articles may stand in this sidebar: what the guard lets through, and every filter of the request."""
    mask: BoolArray = guarded(facts, source.constraints) & (facts.number != source.number)
    # NaN compares false: an article without a date is not "posted later", and in no period that is asked for.
    mask &= ~(facts.posted > rules.now)
    if rules.exclude:
        mask &= ~np.isin(facts.number, list(rules.exclude))
    if rules.editions is not None:
        mask &= np.isin(facts.edition, list(rules.editions))
    mask &= readable(facts, rules)
    if rules.since is not None:
        mask &= facts.posted >= rules.since
    if rules.until is not None:
        mask &= facts.posted <= rules.until
    return mask


def readable(facts: Columns, rules: Filters) -> BoolArray:
    """Which articles are of a language that is asked for."""
    if rules.languages is None or rules.foreign:
        return np.ones(len(facts.language), dtype=bool)
    mask: BoolArray = np.isin(facts.language, list(rules.languages))
    return mask
