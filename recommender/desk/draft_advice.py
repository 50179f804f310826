"""Use case: advice to the author of a draft: what to link, what has been published already, what to beware of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from recommender.articles.article import Article
from recommender.curation.rules import AT_MOST, FORBID, Rule
from recommender.curation.sensitivity import bits
from recommender.curation.signals import Signal
from recommender.desk.review import BANNED, RULED, SENSITIVE, Obstacle
from recommender.ranking.candidates import TextCandidates
from recommender.ranking.facts import RankedTeaser
from recommender.ranking.filters import readable
from recommender.ranking.scoring import DAY
from recommender.ranking.shortlist import teasers_of
from recommender.serving.answers import Item, Query, Question
from recommender.serving.recommender import Recommender
from recommender.store.base import Store

LINKS = 10  # stories that are offered
LATELY = (7, 30, 365)  # days


@dataclass(frozen=True)
class KeptOut:
    """A related story that may not stand beside the draft, and why."""

    article: Article
    score: float
    obstacle: Obstacle


@dataclass(frozen=True)
class Advice:
    """Advice on a draft. `related` are stories to link, `off` is what turns its box off.

    `coverage` has been published in much the same words, newest first. For the days of LATELY, `covered` and
    `on_subject` say how many stories of so many days were in much the same words, and how many on the subject.
    """

    related: list[Item]
    linked: list[Article]
    coverage: list[Article]
    covered: dict[int, int]
    on_subject: dict[int, int]
    kept_out: list[KeptOut]
    off: Signal | Rule | None


def advise(
    store: Store,
    recommender: Recommender,
    draft: Article,
    candidates: TextCandidates,
    links: Sequence[str],
    *,
    known_as: str | None = None,
) -> Advice:
    """Advice on a draft, by the candidates found for it and the addresses that it links to.

    `known_as` is its id where it is in the archive already: it does not cover itself.
    """
    own = () if known_as is None else (known_as,)
    with store.reading():
        question = recommender.draft_question(draft, candidates, Query(n=LINKS, exclude=own, fallback="none"))
        # Whether a story has been published already does not depend on what may stand beside it.
        covered = recommender.coverage(replace(draft, flags=()), candidates)
        coverage = [article for article in covered if article.id not in own]
        strong = _strong(question)
        public = question.snapshot.columns.take(np.array([teaser.number for teaser in strong], dtype=np.intp))
        return Advice(
            related=recommender.answer(question).items,
            linked=recommender.linked(links),
            coverage=coverage,
            covered=_lately(
                [article.posted_on.timestamp() for article in coverage if article.posted_on], question.filters.now
            ),
            on_subject=_lately(public.posted[public.shown].tolist(), question.filters.now),
            kept_out=_kept_out(store, question, strong, bits(draft.flags)),
            off=question.source.constraints.off,
        )


def _strong(question: Question) -> list[RankedTeaser]:
    """The candidates that are related, the best first, whether they may stand there or not."""
    facts, filters = question.candidates, question.filters
    eligible = ~np.isin(facts.number, list(filters.exclude)) & ~(facts.posted > filters.now) & readable(facts, filters)
    teasers = teasers_of(facts.number[eligible], question.rows, facts, question.source, question.ranker)
    strong = [teaser for teaser in teasers.values() if teaser.score >= filters.min_score]
    return sorted(strong, key=lambda teaser: (-teaser.score, teaser.number))


def _kept_out(store: Store, question: Question, strong: Sequence[RankedTeaser], own: int) -> list[KeptOut]:
    obstacles = [(teaser, _obstacle(question, teaser.number, own)) for teaser in strong]
    articles = store.articles.get(
        [teaser.number for teaser, obstacle in obstacles if obstacle is not None], texts=False
    )
    return [
        KeptOut(articles[teaser.number], teaser.score, obstacle)
        for teaser, obstacle in obstacles
        if obstacle is not None and teaser.number in articles and articles[teaser.number].status == "published"
    ]


def _obstacle(question: Question, number: int, own: int) -> Obstacle | None:
    """What editors have decided that keeps a story from a draft with these flags (as bits), if anything has."""
    columns, constraints = question.snapshot.columns, question.source.constraints
    flags = int(columns.flags[number])
    if flags & constraints.forbidden:
        return Obstacle(SENSITIVE, cell=question.snapshot.directives.matrix.cell(own, flags))
    if number in constraints.banned:
        return Obstacle(BANNED, signal=constraints.banned[number])
    forbidding = (
        rule for rule in constraints.rules if rule.then == FORBID or (rule.then == AT_MOST and not rule.count)
    )
    return next(
        (Obstacle(RULED, rule=rule.description) for rule in forbidding if rule.what.fits(columns.labels[number])), None
    )


def _lately(posted: Iterable[float], now: float) -> dict[int, int]:
    dates = list(posted)
    return {days: sum(now - days * DAY <= at <= now for at in dates) for days in LATELY}
