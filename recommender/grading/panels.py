"""Panels of graded sidebars: how they are drawn, when they are done, and what their grades come to."""

import hashlib
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np

from recommender import metrics
from recommender.errors import InvalidInput
from recommender.grading.agreement import ordinal_alpha, percent_agreement
from recommender.ranking.facts import SIDEBAR_PLACES
from recommender.store.articles import Facts
from recommender.store.grading import (
    GRADES,
    INAPPROPRIATE,
    SATISFACTORY,
    UNACCEPTABLE,
    VERDICTS,
    Grade,
    Panel,
    PanelSidebar,
)

VERSION = -1  # the grade of another version of the same report
MAX_NAME = 100
SIZE, MAX_SIZE = 30, 500
POOL, MAX_POOL = 5, 20
NORMAL_95 = 1.959964  # the 97.5 % quantile of the normal distribution
# Shares of a panel's sidebars that a broadcaster's news recommender had to reach before a release.
MAX_UNACCEPTABLE, MAX_INAPPROPRIATE, MIN_SATISFACTORY = 0.0, 0.15, 0.85

# What is said of input that cannot be; the web translates it.
WRONG_NAME = f"The name of a panel has 1 to {MAX_NAME} characters that can be read. Choose another."
WRONG_SIZE = f"A panel has 1 to {MAX_SIZE} articles."
WRONG_POOL = f"0 to {MAX_POOL} further stories can be graded beside a sidebar."
WRONG_SEED = "The seed is a whole number from 0 on."
NO_ARTICLES = "No published article has a date in this time. Choose another edition or time."
NOTHING_GRADED = "Nothing is graded yet. Choose a grade for at least one story."
NOT_ASKED = "One of the stories is not to be graded beside this article. Load the page again."
NOT_ON_SCALE = "One of the grades is not on its scale. Load the page again."

# What a grader says of an article: the grade of each story by number, and under None the verdict on the sidebar.
Values = Mapping[int | None, int]
# By source and story (None: the sidebar) the value of each grader.
ByPair = Mapping[tuple[int, int | None], Mapping[str, int]]


@dataclass(frozen=True)
class Sample:
    """Which published articles a panel is drawn from, and how many.

    `edition` and the times (both ends included) narrow it down. `pool` further stories are graded beside each sidebar.
    Equal seeds draw equal panels from an equal archive.
    """

    seed: int
    size: int = SIZE
    pool: int = POOL
    edition: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        """Raises InvalidInput for values that cannot be."""
        if not 1 <= self.size <= MAX_SIZE:
            raise InvalidInput(WRONG_SIZE)
        if not 0 <= self.pool <= MAX_POOL:
            raise InvalidInput(WRONG_POOL)
        if self.seed < 0:
            raise InvalidInput(WRONG_SEED)


@dataclass(frozen=True)
class Progress:
    """How far a panel is: how many of its articles can be graded, and of these how many each grader has finished.

    `judged` says on how many sidebars each has given a verdict, which needs no grades of the stories.
    """

    panel: Panel
    articles: int
    finished: Mapping[str, int]
    judged: Mapping[str, int]

    def done_by(self, grader: str) -> bool:
        """Whether a grader has nothing left to grade."""
        return self.finished.get(grader, 0) == self.articles


@dataclass(frozen=True)
class Proportion:
    """So many sidebars, as a share in [0, 1] with its 95 % Wilson interval."""

    count: int
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Mean:
    """A mean over `count` sidebars with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Agreement:
    """How far graders agree on one scale; None where no two graded the same, or alpha is not defined.

    `alpha` is Krippendorff's for ordered values, `same` the share of the pairs of graders who gave the same.
    """

    alpha: float | None
    same: float | None


@dataclass(frozen=True)
class Report:
    """What a panel says of the sidebars that it was made from.

    `verdicts` has a share for each of VERDICTS, over the `judged` sidebars that have a verdict: the median of several
    graders, the worse in a tie. `bar` says for each whether its share meets the bar; both are empty where nothing is
    judged. `unacceptable` are the numbers of the articles whose sidebar any grader called so. `ndcg` is that of the
    first three teasers, over the sidebars whose stories are all graded, one of them above 0; None where there is none.
    """

    progress: Progress
    judged: int
    verdicts: Mapping[int, Proportion]
    bar: Mapping[int, bool]
    unacceptable: tuple[int, ...]
    ndcg: Mean | None
    grades: Agreement
    sidebars: Agreement

    @property
    def panel(self) -> Panel:
        """The panel."""
        return self.progress.panel

    @property
    def passed(self) -> bool:
        """Whether sidebars are judged and every bar is met."""
        return bool(self.bar) and all(self.bar.values())


# -- making and grading ------------------------------------------------------------------------------------------------


def draw(eligible: Sequence[Facts], sample: Sample) -> list[int]:
    """Numbers of the articles of a sample, in random order.

    `eligible` is in the order of edition and date. It is cut into as many stretches of one length as articles are
    wanted, and one is drawn from each: every edition and age has its share, and every article the same chance.
    """
    generator = np.random.default_rng(sample.seed)
    size = min(sample.size, len(eligible))
    edges = [len(eligible) * part // size for part in range(size + 1)]
    chosen = [eligible[int(generator.integers(low, high))].number for low, high in pairwise(edges)]
    return [chosen[place] for place in generator.permutation(size).tolist()]


def shuffled(stories: Sequence[int], panel: int, source: int, grader: str) -> list[int]:
    """Stories in an order that is always the same for one grader, and says nothing of their ranks."""

    def key(story: int) -> bytes:
        return hashlib.blake2b(f"{panel}/{source}/{story}/{grader}".encode(), digest_size=8).digest()

    return sorted(stories, key=key)


def check_values(sidebar: PanelSidebar, values: Values) -> None:
    """Raises InvalidInput where there is none, one is not on its scale, or a story is not to be graded here."""
    if not values:
        raise InvalidInput(NOTHING_GRADED)
    for target, value in values.items():
        if target is not None and target not in sidebar.shown and target not in sidebar.pool:
            raise InvalidInput(NOT_ASKED)
        if value not in (VERDICTS if target is None else GRADES):
            raise InvalidInput(NOT_ON_SCALE)


def finished(sidebar: PanelSidebar, values: Values, public: frozenset[int]) -> bool:
    """Whether a grader has graded every story of an article that is still published, and the sidebar."""
    return None in values and all(story in values for story in (*sidebar.shown, *sidebar.pool) if story in public)


def progress(panel: Panel, grades: Iterable[Grade], public: frozenset[int]) -> Progress:
    """How far a panel is, by its grades and the articles that are still published."""
    own: dict[str, dict[int, dict[int | None, int]]] = defaultdict(lambda: defaultdict(dict))
    for grade in grades:
        own[grade.grader][grade.source][grade.target] = grade.value
    gradable = [sidebar for sidebar in panel.sidebars if sidebar.source in public]
    done = {
        grader: sum(finished(sidebar, values.get(sidebar.source, {}), public) for sidebar in gradable)
        for grader, values in sorted(own.items())
    }
    judged = {
        grader: count
        for grader, values in sorted(own.items())
        if (count := sum(None in values.get(sidebar.source, {}) for sidebar in gradable))
    }
    return Progress(panel, len(gradable), done, judged)


# -- what grades come to -----------------------------------------------------------------------------------------------


def by_pair(grades: Iterable[Grade]) -> ByPair:
    """The last value of each grader for each pair, of grades in the order they were given."""
    pairs: dict[tuple[int, int | None], dict[str, int]] = defaultdict(dict)
    for grade in grades:
        pairs[grade.source, grade.target][grade.grader] = grade.value
    return pairs


def agreed(values: Iterable[int]) -> int:
    """What several people's values come to: another version if most say so, else the median, rounded down.

    In the median another version counts as 0.
    """
    grades = list(values)
    if 2 * grades.count(VERSION) > len(grades):
        return VERSION
    return math.floor(statistics.median([max(value, 0) for value in grades]))


def share(count: int, total: int) -> Proportion:
    """A share of `total` (1 or more) with its 95 % score interval, by Wilson (1927)."""
    part, spread = count / total, NORMAL_95**2 / total
    centre = (part + spread / 2) / (1 + spread)
    half = NORMAL_95 / (1 + spread) * math.sqrt(part * (1 - part) / total + spread / (4 * total))
    return Proportion(count, part, max(0.0, centre - half), min(1.0, centre + half))


def report(panel: Panel, grades: Sequence[Grade], public: frozenset[int]) -> Report:
    """What a panel says, by its grades and the articles that are still published: the others have no sidebar now."""
    pairs = by_pair(grade for grade in grades if grade.source in public)
    verdicts = Counter(agreed(values.values()) for (_, target), values in pairs.items() if target is None)
    judged = verdicts.total()
    shares = {value: share(verdicts[value], judged) for value in VERDICTS} if judged else {}
    return Report(
        progress=progress(panel, grades, public),
        judged=judged,
        verdicts=shares,
        bar=_bar(shares) if shares else {},
        unacceptable=tuple(
            source for (source, target), values in pairs.items() if target is None and UNACCEPTABLE in values.values()
        ),
        ndcg=_ndcg(panel, pairs, public),
        grades=_agreement([grade for grade in grades if grade.target is not None]),
        sidebars=_agreement([grade for grade in grades if grade.target is None]),
    )


def _bar(shares: Mapping[int, Proportion]) -> dict[int, bool]:
    return {
        UNACCEPTABLE: shares[UNACCEPTABLE].share <= MAX_UNACCEPTABLE,
        INAPPROPRIATE: shares[INAPPROPRIATE].share <= MAX_INAPPROPRIATE,
        SATISFACTORY: shares[SATISFACTORY].share >= MIN_SATISFACTORY,
    }


def _ndcg(panel: Panel, pairs: ByPair, public: frozenset[int]) -> Mean | None:
    values = []
    for sidebar in panel.sidebars:
        grades = {
            story: agreed(pairs[sidebar.source, story].values())
            for story in (*sidebar.shown, *sidebar.pool)
            if (sidebar.source, story) in pairs
        }
        complete = all(story in grades for story in sidebar.shown)
        complete = complete and all(story in grades or story not in public for story in sidebar.pool)
        if complete and max(grades.values(), default=0) > 0:
            ranking = [str(story) for story in sidebar.shown]
            values.append(metrics.ndcg(ranking, {str(story): grade for story, grade in grades.items()}, SIDEBAR_PLACES))
    if not values:
        return None
    return Mean(sum(values) / len(values), *metrics.bootstrap_interval(values), len(values))


def _agreement(grades: Sequence[Grade]) -> Agreement:
    triples = [((grade.source, grade.target), grade.grader, grade.value) for grade in grades]
    return Agreement(ordinal_alpha(triples), percent_agreement(triples))
