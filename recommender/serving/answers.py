"""What is asked and answered: a question for a sidebar, the sidebar, and what it was made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np

from recommender.arrays import IntArray
from recommender.articles.article import Article
from recommender.ranking.candidates import CandidateArray, TextCandidates
from recommender.ranking.facts import (
    PINNED,
    RELATED,
    ROLES,
    SIDEBAR_PLACES,
    Columns,
    Filters,
    RankedTeaser,
    Ranker,
    SourceArticle,
)
from recommender.ranking.scoring import RankingModel
from recommender.serving.catalogue import Snapshot
from recommender.store.base import State

SAME_LANGUAGE = "same"
ANY_LANGUAGE = "any"
NO_NUMBER = -1
LOOK_AGAIN_SECONDS = 60.0  # fallbacks change with time: stories leave the last 30 days, dated ones come


@dataclass(frozen=True)
class Query:
    """What a caller asks for. None leaves the choice to the site's settings.

    `languages` is "same" (as the article; related stories may be of others, where the site allows it), "any", or codes;
    `editions` empty means any.

    Attributes
    ----------
    n : int
        How many teasers, 1 or more; 3 if left out.
    exclude : tuple of str
        Ids of articles that must not be among them.
    editions : tuple of str
        Only articles of these editions; empty means any.
    languages : tuple of str
        ("same",), ("any",), or codes of languages.
    since, until : datetime or None
        Only articles published in this period, bounds included; aware. None leaves it open.
    diversity : float or None
        How much it counts that teasers differ, 0 (not at all) to 1. None: the setting `diversity`.
    min_score : float or None
        The threshold: below this score, 0 to 1, a story is not related. None: what editors have set, else the setting.
    fallback : str
        What fills places for which too few stories are related: "ladder" (the default: most read in the edition, latest
        in the edition, latest of all), "latest" (the same, also for an article that is not known) or "none".
    unlinked : bool
        Whether an article without an address may be among them; it always may where no article has one.

    Examples
    --------
    >>> Query(n=5, fallback="none").min_score is None
    True
    """

    n: int = SIDEBAR_PLACES
    exclude: tuple[str, ...] = ()
    editions: tuple[str, ...] = ()
    languages: tuple[str, ...] = (SAME_LANGUAGE,)
    since: datetime | None = None
    until: datetime | None = None
    diversity: float | None = None
    min_score: float | None = None
    fallback: str = "ladder"
    unlinked: bool = False


@dataclass(frozen=True)
class RankingDefaults:
    """A site's choices where the query makes none. `model` replaces the weights of every generation.

    With `other_languages` a sidebar requested in the article's language may hold related stories in others.
    """

    min_score: float
    diversity: float
    model: RankingModel | None = None
    roles: tuple[str, ...] = ROLES
    other_languages: bool = True


@dataclass(frozen=True)
class Item:
    """One teaser with the article it shows, and what that shares with the source: see `reasons.shared`."""

    article: Article
    teaser: RankedTeaser
    shared: Mapping[str, list[str]]


@dataclass(frozen=True)
class Basis:
    """What an answer was made from, and so how long it is right.

    It was made at `state` for the article `number`, out of the facts of `articles` (numbers, its own among them) and
    its candidate list; None says out of everything, as fallbacks are. At `until` (seconds since 1970) an article dated
    into the future may join it, a signal may begin or end, or the answer is to be looked at again for other reasons.
    `teasers` are the articles it shows. At `expires` time makes it wrong, also where nothing newer can be had: as
    `until`, without the other reasons.
    """

    state: State
    number: int
    articles: IntArray | None
    until: float
    teasers: tuple[int, ...] = ()
    expires: float = np.inf

    @property
    def lasting(self) -> bool:
        """Whether only changes can make the answer wrong, and not time."""
        return self.articles is not None and self.until == np.inf


@dataclass(frozen=True)
class Recommendation:
    """A sidebar. `article` is None for an unknown source that got fallbacks.

    Attributes
    ----------
    article : Article or None
        The article that the sidebar stands beside, without its body.
    items : list of Item
        The teasers, in the order of their places. Each has `article` (without its body), `teaser` (its `score`, 0 to 1;
        `source`, "related", "pinned" or the fallback it comes from; `role`; and `parts` of the score, which add up to
        it) and `shared` (labels and names that it has in common with the source).
    basis : Basis
        What the answer was made from, for caches: see `Recommender.still_right`.
    model : str or None
        The embedding model that candidates were found with; None before the first build.
    """

    article: Article | None
    items: list[Item]
    basis: Basis
    model: str | None

    @property
    def state(self) -> State:
        """The state of the store that the sidebar was made at."""
        return self.basis.state


@dataclass(frozen=True)
class RunningStory:
    """A running story: its articles in the order of time, the oldest first."""

    articles: list[Article]


@dataclass(frozen=True)
class Question:
    """One request with all that its answer is made from. `article` is None for an unknown source."""

    state: State
    snapshot: Snapshot
    article: Article | None
    text: TextCandidates
    source: SourceArticle
    filters: Filters
    ranker: Ranker

    @property
    def rows(self) -> CandidateArray:
        """The candidate list."""
        return self.text.rows

    @cached_property
    def candidates(self) -> Columns:
        """The facts of the candidates."""
        return self.snapshot.columns.take(self.rows["number"])


def basis_of(question: Question, teasers: Sequence[RankedTeaser]) -> Basis:
    """What an answer with these teasers is made from."""
    filters, source, candidates = question.filters, question.source, question.candidates
    shown = tuple(teaser.number for teaser in teasers)
    full = len(teasers) == filters.n and all(teaser.source in (RELATED, PINNED) for teaser in teasers)
    settled = full or filters.fallback == "none" or source.constraints.off is not None
    pins = list(source.constraints.pins.values())
    articles = np.concatenate([candidates.number, np.array([*shown, *pins, source.number], dtype=np.int32)])
    next_change = min(source.constraints.until, question.snapshot.directives.next_change(articles, filters.now))
    coming = np.concatenate([candidates.posted, question.snapshot.columns.posted[pins]])
    expires = min(float(np.min(coming, initial=np.inf, where=coming > filters.now)), next_change)
    if source.number == NO_NUMBER or not settled:
        again = min(filters.now + LOOK_AGAIN_SECONDS, next_change)
        return Basis(question.state, source.number, None, again, shown, expires)
    return Basis(question.state, source.number, articles, expires, shown, expires)
