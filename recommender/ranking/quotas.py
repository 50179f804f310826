"""How many teasers of some sort editors' rules allow and ask for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recommender.arrays import Positions
from recommender.curation.constraints import SidebarConstraints
from recommender.curation.rules import AT_LEAST, AT_MOST
from recommender.ranking.facts import SIDEBAR_PLACES, Columns, RankedTeaser

NO_LIMIT = 1 << 30


@dataclass(frozen=True)
class Quota:
    """How many teasers of some sort a rule allows and asks for; `sort` says by number which articles are of it."""

    sort: frozenset[int]
    least: int
    most: int


def quotas_of(facts: Columns, constraints: SidebarConstraints) -> list[Quota]:
    """The quotas that editors' rules set, each with those of the given articles that it counts."""
    quotas = []
    for rule in constraints.rules:
        if rule.then in (AT_MOST, AT_LEAST) and rule.count:
            sort = frozenset(facts.number[rule.what.among(facts.labels)].tolist())
            least, most = (rule.count, NO_LIMIT) if rule.then == AT_LEAST else (0, rule.count)
            quotas.append(Quota(sort, least, most))
    return quotas


def allowed_by_quotas(remaining: Sequence[int], taken: Sequence[int], free: int, quotas: Sequence[Quota]) -> list[int]:
    """Which of the remaining articles may come next when some are taken and `free` places are left. All by number.

    Where the rules ask for as many more teasers as there are places left, only those may come, if there are any.
    """
    counts = [len(quota.sort.intersection(taken)) for quota in quotas]
    full = [quota.sort for quota, count in zip(quotas, counts, strict=True) if count >= quota.most]
    open_ = [number for number in remaining if not any(number in sort for sort in full)]
    short = [
        (quota.sort, quota.least - count) for quota, count in zip(quotas, counts, strict=True) if count < quota.least
    ]
    wanted = [number for number in open_ if any(number in sort for sort, _ in short)]
    return wanted if wanted and sum(count for _, count in short) >= free else open_


def missing_quota(taken: Sequence[RankedTeaser], quotas: Sequence[Quota]) -> tuple[int, frozenset[int]]:
    """How many more teasers the rules ask for than are taken, and by number the articles that would do."""
    numbers = [teaser.number for teaser in taken]
    short = [(quota.least - len(quota.sort.intersection(numbers)), quota.sort) for quota in quotas]
    open_ = [(count, sort) for count, sort in short if count > 0]
    return sum(count for count, _ in open_), frozenset().union(*(sort for _, sort in open_))


@dataclass(frozen=True)
class Choice:
    """What is chosen from: the articles' numbers, those placed already, how many places are free, and the quotas."""

    numbers: Sequence[int]
    placed: Sequence[int] = ()
    free: int = SIDEBAR_PLACES
    quotas: Sequence[Quota] = ()

    def open(self, remaining: list[int], chosen: Sequence[int]) -> list[int]:
        """Which of the remaining may come next. All are places in `numbers`."""
        if not self.quotas:
            return remaining
        numbers = {self.numbers[place]: place for place in remaining}
        taken = [*self.placed, *(self.numbers[place] for place in chosen)]
        allowed = allowed_by_quotas(list(numbers), taken, self.free - len(chosen), self.quotas)
        return [numbers[number] for number in allowed]


def kinds_of(facts: Columns, quotas: Sequence[Quota]) -> Positions:
    """The kind of each article: those of one kind count for the same quotas."""
    kinds = np.zeros(len(facts.number), dtype=np.intp)
    for quota in quotas:
        _, kinds = np.unique(2 * kinds + np.isin(facts.number, list(quota.sort)), return_inverse=True)
    return kinds
