"""Facts of the articles, of the one being read, and of what a request asks for; and what a place holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from recommender.arrays import BoolArray, Counts, FloatArray, IntArray
from recommender.curation.constraints import OPEN, SidebarConstraints
from recommender.ranking.scoring import RankingModel, Scales

SIDEBAR_PLACES = 3  # of a sidebar as readers get it, where a page asks for no other number

RELATED = "related"
PINNED = "pinned"

LATEST, BACKGROUND, ANGLE = "latest", "background", "angle"
ROLES = (BACKGROUND, LATEST, ANGLE)


@dataclass(frozen=True)
class Ranker:
    """How candidates are scored: the ranking model, and how similarities spread in the generation they come from."""

    model: RankingModel
    scales: Scales


@dataclass(frozen=True)
class Columns:
    """Facts of many articles as aligned columns; `edition`, `language` and `byline` are codes of the catalogue.

    `posted` is in seconds since 1970, NaN where unknown. `shown` is False for what must stand in no sidebar, `linked`
    True where a box can link to it, `explains` True for an explainer or analysis. `story` is the number of the first
    article of the running story, `demand` says among how many others' best candidates an article is. `copy` is the code
    of an article's text, which its copies share, -1 where it is unknown. Articles of one `page` share an address; it is
    the lowest of their numbers. `changed` and `relisted` are the revisions of the article's (or its signals') and its
    candidate list's last change. `flags` are bits (see `curation.sensitivity`), `labels` what rules ask for.
    """

    number: IntArray
    posted: FloatArray
    reads: FloatArray
    edition: IntArray
    language: IntArray
    shown: BoolArray
    linked: BoolArray
    update: BoolArray
    explains: BoolArray
    byline: IntArray
    story: IntArray
    demand: IntArray
    copy: IntArray
    changed: Counts
    relisted: Counts
    flags: IntArray
    labels: npt.NDArray[np.object_]
    page: IntArray

    def take(self, places: npt.NDArray[np.integer]) -> "Columns":
        """The facts at some places."""
        return Columns(**{name: column[places] for name, column in vars(self).items()})

    def joined(self, other: "Columns") -> "Columns":
        """These facts and then the other ones."""
        return Columns(**{name: np.concatenate([column, getattr(other, name)]) for name, column in vars(self).items()})


@dataclass(frozen=True)
class SourceArticle:
    """The article the sidebar stands beside; -1 and NaN for a draft without number, story, copies, page or date.

    `constraints` are what editors and the guard allow beside it.
    """

    number: int
    posted: float
    edition: int
    language: int
    byline: int = -1
    story: int = -1
    copy: int = -1
    page: int = -1
    constraints: SidebarConstraints = OPEN


@dataclass(frozen=True)
class Filters:
    """What one request asks for. Codes as in `Columns`; None means "any". Times are seconds since 1970.

    With `foreign` related stories may be of other languages too, and so may pins; fallbacks may only where the box
    would be empty. With `linked` only articles that a box can link to.
    """

    now: float
    n: int = SIDEBAR_PLACES
    exclude: frozenset[int] = frozenset()
    editions: frozenset[int] | None = None
    languages: frozenset[int] | None = None
    foreign: bool = False
    linked: bool = False
    since: float | None = None
    until: float | None = None
    diversity: float = 0.0
    min_score: float = 0.0
    fallback: str = "ladder"
    roles: frozenset[str] = frozenset(ROLES)


@dataclass(frozen=True)
class RankedTeaser:
    """One place in the sidebar: an article's number, its score, the parts that add up to it, its origin and role."""

    number: int
    score: float
    source: str
    parts: Mapping[str, float] = field(default_factory=dict)
    role: str | None = None
