"""Use case: one article as editors see it: its sidebar, the candidates after it, why each stands where it stands."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import numpy as np

from recommender.arrays import IntArray
from recommender.articles.article import HOLD_FLAG, Article
from recommender.articles.sentences import SentencePair
from recommender.curation.constraints import SidebarConstraints
from recommender.curation.rules import AT_MOST, FORBID, Rule
from recommender.curation.sensitivity import BITS, Cell
from recommender.curation.signals import APART, BOOST, PIN, Signal
from recommender.ranking.facts import PINNED, RELATED, Columns, RankedTeaser
from recommender.ranking.filters import readable
from recommender.ranking.shortlist import shortlist, teasers_of
from recommender.reranking.base import Verdict
from recommender.serving.answers import Item, Query, Question, Recommendation
from recommender.serving.document import digest_of, make_document
from recommender.serving.recommender import Recommender
from recommender.serving.recorder import shown
from recommender.store.audit import AuditEntry, AuditQuery
from recommender.store.base import Store
from recommender.store.reviews import Review

CANDIDATES = 20
FOUND = 20  # stories of one search
LEAD = 15  # sentences of a candidate that are looked at: reading on takes time, and news come first
DECISIONS = 10  # of the article, the latest
# What keeps a story out of a sidebar. Of several the first is shown.
WITHDRAWN, HELD, BOX_OFF, BANNED, SENSITIVE, RULED, FUTURE, LANGUAGE, UNLINKED, BEYOND, REPORTED, WEAK, LOWER = (
    "withdrawn",
    "held",
    "box_off",
    "banned",
    "sensitive",
    "ruled",
    "future",
    "language",
    "unlinked",
    "beyond",
    "reported",
    "weak",
    "lower",
)


@dataclass(frozen=True)
class Obstacle:
    """What keeps a story out of a sidebar: a word of those above, and which signal, flags or rule it is.

    `cell` is (flag of the source, flag of the story); `rule` the description of a rule.
    """

    kind: str
    signal: Signal | None = None
    cell: Cell | None = None
    rule: str = ""


@dataclass(frozen=True)
class Candidate:
    """A story in or below the sidebar: in how many other sidebars it stands, and what keeps it out of this one.

    `verdict` is what a reader of both texts says of it beside the article, in the reader's own words.
    """

    item: Item
    obstacle: Obstacle | None
    elsewhere: int
    sentences: SentencePair | None
    verdict: Verdict | None
    signals: tuple[Signal, ...]


@dataclass(frozen=True)
class Page:
    """Everything that the page of one article shows. `seen` is the latest entry of the audit trail about it.

    `signals` are those in force about it, `others` the articles that they name besides, by number. `decisions` are the
    latest, each with whether it can still be undone.
    """

    number: int
    article: Article
    recommendation: Recommendation
    digest: str
    constraints: SidebarConstraints
    sidebar: list[Candidate]
    candidates: list[Candidate]
    signals: list[Signal]
    others: Mapping[int, Article]
    decisions: list[tuple[AuditEntry, bool]]
    review: Review | None
    seen: int

    @property
    def approved(self) -> bool:
        """Whether an editor has approved this very sidebar."""
        return self.review is not None and self.review.digest == self.digest


@dataclass(frozen=True)
class Preview:
    """A sidebar as it is and as it would be; what keeps stories out, by number, that are wished into it."""

    before: Recommendation
    after: Recommendation
    obstacles: Mapping[int, Obstacle]


class Reviewing:
    """Makes pages for editors."""

    def __init__(self, store: Store, recommender: Recommender) -> None:
        self._store = store
        self._recommender = recommender

    def digest(self, article_id: str) -> str:
        """Names the sidebar that an article has now. Raises ArticleNotFound."""
        return self._digest(self._recommender.for_article(article_id, Query()))

    def note(self, article_id: str) -> None:
        """Writes the sidebar that an article has now into the ledger, so that the queue knows of it at once."""
        recommendation = self._recommender.for_article(article_id, Query())
        self._store.ledger.append([shown(recommendation, self._recommender.gazetteer, self._recommender.now())])

    def page(self, article_id: str, depth: int = CANDIDATES) -> Page:
        """The page of an article with its `depth` best candidates below the sidebar. Raises ArticleNotFound."""
        with self._store.reading():
            question = self._recommender.question(article_id, Query())
            recommendation = self._recommender.answer(question)
            inside = [item.teaser.number for item in recommendation.items]
            items = [*recommendation.items, *self._recommender.items(question, _others(question, inside, depth))]
            number = question.source.number
            texts = self._store.articles.get([item.teaser.number for item in items] + [number])
            signals = self._in_force(question)
            candidates = self._candidates(question, items, inside, texts)
            ends = {end for signal in signals for end in (signal.source, signal.target) if end is not None} - {number}
            review = self._store.reviews.get(number)
            return Page(
                number=number,
                article=texts[number],
                recommendation=recommendation,
                digest=self._digest(recommendation),
                constraints=question.source.constraints,
                sidebar=candidates[: len(recommendation.items)],
                candidates=candidates[len(recommendation.items) :],
                signals=signals,
                others=self._store.articles.get(sorted(ends), texts=False),
                decisions=self._decisions(number, review),
                review=review,
                seen=self._store.audit.latest(number),
            )

    def search(self, article_id: str, text: str, limit: int = FOUND) -> tuple[Page, list[Candidate]]:
        """Stories that hold the words of a text or have it as their id or address, as candidates for a sidebar.

        The page they are for comes first, with no candidates of its own.
        """
        with self._store.reading():
            page = self.page(article_id, depth=0)
            numbers = [number for number in self._store.articles.search(text, limit + 1) if number != page.number][
                :limit
            ]
            question = self._recommender.question(article_id, Query())
            inside = {item.teaser.number: item.teaser for item in page.recommendation.items}
            by_number = _teasers(question, numbers) | inside
            teasers = [by_number.get(number, RankedTeaser(number, 0.0, RELATED)) for number in numbers]
            items = self._recommender.items(question, teasers)
            texts = self._store.articles.get([*numbers, page.number])
            return page, self._candidates(question, items, list(inside), texts)

    def preview(self, article_id: str, added: Sequence[Signal], ended: Sequence[int]) -> Preview:
        """What the sidebar of an article would be if some signals were kept and others (by number) ended."""
        wished = [signal.target for signal in added if signal.kind in (PIN, BOOST) and signal.target is not None]
        previewing = self._recommender.previewing(added, ended)
        with self._store.reading():
            before = self._recommender.for_article(article_id, Query())
            after = previewing.for_article(article_id, Query())
            obstacles = Reviewing(self._store, previewing).obstacles(article_id, wished) if wished else {}
        return Preview(before, after, obstacles)

    def obstacles(self, article_id: str, numbers: Sequence[int]) -> dict[int, Obstacle]:
        """What keeps stories, by number, out of the sidebar of an article; those that stand in it are left out."""
        with self._store.reading():
            question = self._recommender.question(article_id, Query())
            inside = [item.teaser.number for item in self._recommender.answer(question).items]
            return self._obstacles(question, inside, [number for number in numbers if number not in inside])

    def can_undo(self, entry: AuditEntry) -> bool:
        """Whether nothing has changed since what a decision has changed, so that it can be taken back."""
        with self._store.reading():
            numbers = [signal["number"] for signal in _kept_signals(entry)]
            review = None if entry.article is None else self._store.reviews.get(entry.article)
            later = [] if entry.article is None else self._trail(entry.article)
            return _can_undo(entry, self._store.signals.get(numbers), review, later)

    def _decisions(self, number: int, review: Review | None) -> list[tuple[AuditEntry, bool]]:
        entries = self._trail(number)
        signals = self._store.signals.get([signal["number"] for entry in entries for signal in _kept_signals(entry)])
        return [(entry, _can_undo(entry, signals, review, entries)) for entry in entries]

    def _trail(self, number: int) -> list[AuditEntry]:
        return self._store.audit.entries(AuditQuery(article=number), DECISIONS)

    def _digest(self, recommendation: Recommendation) -> str:
        language, recommender = recommendation.article.language if recommendation.article else "en", self._recommender
        document = make_document(recommendation, recommender.gazetteer, language, wording=recommender.wording)
        return digest_of(document["items"])

    def _in_force(self, question: Question) -> list[Signal]:
        now = datetime.fromtimestamp(question.filters.now, UTC)
        return [signal for signal in self._store.signals.about(question.source.number) if signal.in_force(now)]

    def _candidates(
        self, question: Question, items: Sequence[Item], inside: Sequence[int], texts: Mapping[int, Article]
    ) -> list[Candidate]:
        """Items as candidates, in their order; `texts` holds their articles and the source with bodies."""
        numbers = [item.teaser.number for item in items]
        obstacles = self._obstacles(question, inside, [number for number in numbers if number not in inside])
        source = texts[question.source.number]
        pairs = self._recommender.sentences(source, [texts[number] for number in numbers], LEAD)
        verdicts = self._recommender.verdicts_beside(source, [texts[number] for number in numbers])
        elsewhere = self._store.ledger.counts(numbers)
        now = datetime.fromtimestamp(question.filters.now, UTC)
        everywhere = [signal for signal in question.snapshot.directives.everywhere(numbers) if signal.in_force(now)]
        signals = [*self._in_force(question), *everywhere]
        return [
            Candidate(
                item,
                obstacles.get(number),
                max(0, elsewhere.get(number, 0) - (number in inside)),
                pairs.get(item.article.id),
                verdicts.get(item.article.id),
                tuple(_signals_on(number, question.source.number, signals)),
            )
            for number, item in zip(numbers, items, strict=True)
        ]

    def _obstacles(self, question: Question, inside: Sequence[int], others: Sequence[int]) -> dict[int, Obstacle]:
        columns, source = question.snapshot.columns, question.source
        teasers = _teasers(question, others)
        versions = shortlist(
            question.rows, question.candidates, source, question.filters, question.ranker
        ).versions_of_source
        together = self._recommender.reports(question, [*inside, *others])
        again = together[len(inside) :, : len(inside)].any(axis=1) | np.isin(_array(others), versions)
        full = _full(question, columns.take(_array(inside)))
        return {
            number: _obstacle(question, columns.take(_array([number])), teasers.get(number), bool(reported), full)
            for number, reported in zip(others, again, strict=True)
        }


def _signals_on(number: int, source: int, signals: Sequence[Signal]) -> Iterator[Signal]:
    """The signals among some that bear on one story beside the source."""
    for signal in signals:
        apart = signal.kind == APART and {signal.source, signal.target} == {number, source}
        if apart or (signal.target == number and signal.source in (None, source)):
            yield signal


def _teasers(question: Question, numbers: Sequence[int]) -> dict[int, RankedTeaser]:
    return teasers_of(_array(numbers), question.rows, question.candidates, question.source, question.ranker)


def _others(question: Question, inside: Sequence[int], depth: int) -> list[RankedTeaser]:
    """What is pinned but kept out, and then the best candidates that do not stand in the sidebar."""
    kept_out = [number for number in question.source.constraints.pins.values() if number not in inside]
    facts = question.candidates
    eligible = ~np.isin(facts.number, inside) & (readable(facts, question.filters) | np.isin(facts.number, kept_out))
    teasers = teasers_of(facts.number[eligible], question.rows, facts, question.source, question.ranker)
    best = sorted(teasers.values(), key=lambda teaser: (-teaser.score, teaser.number))
    pinned = [replace(teasers.get(number, RankedTeaser(number, 0.0, PINNED)), source=PINNED) for number in kept_out]
    return [*pinned, *[teaser for teaser in best if teaser.number not in kept_out][:depth]]


def _full(question: Question, inside: Columns) -> list[Rule]:
    """The rules that allow no more stories of their sort than stand in the sidebar already."""
    limits = [rule for rule in question.source.constraints.rules if rule.then == AT_MOST and rule.count]
    return [rule for rule in limits if rule.what.among(inside.labels).sum() >= (rule.count or 0)]


def _obstacle(
    question: Question, facts: Columns, teaser: RankedTeaser | None, reported: bool, full: Sequence[Rule]
) -> Obstacle:
    """What keeps one story out; `facts` are its own. The last resort is that others are better."""
    weak = teaser is None or teaser.score < question.filters.min_score
    ranked = REPORTED if reported else WEAK if weak else LOWER
    limits = (Obstacle(RULED, rule=rule.description) for rule in full if rule.what.fits(facts.labels[0]) and not weak)
    return next(chain(_guards(question, facts), _filters(question, facts), limits), Obstacle(ranked))


def _guards(question: Question, facts: Columns) -> Iterator[Obstacle]:
    """What the guard holds against a story: see `ranking.guarded`."""
    constraints, number, flags = question.source.constraints, int(facts.number[0]), int(facts.flags[0])
    if not facts.shown[0]:
        yield Obstacle(HELD if flags & BITS[HOLD_FLAG] else WITHDRAWN)
    if constraints.off is not None:
        yield Obstacle(BOX_OFF)
    if number in constraints.banned:
        yield Obstacle(BANNED, signal=constraints.banned[number])
    if flags & constraints.forbidden:
        own = int(question.snapshot.columns.flags[question.source.number])
        yield Obstacle(SENSITIVE, cell=question.snapshot.directives.matrix.cell(own, flags))
    for rule in constraints.rules:
        if (rule.then == FORBID or (rule.then == AT_MOST and not rule.count)) and rule.what.fits(facts.labels[0]):
            yield Obstacle(RULED, rule=rule.description)


def _filters(question: Question, facts: Columns) -> Iterator[Obstacle]:
    """What the question leaves out."""
    if facts.posted[0] > question.filters.now:
        yield Obstacle(FUTURE)
    if not readable(facts, question.filters)[0]:
        yield Obstacle(LANGUAGE)
    if question.filters.linked and not facts.linked[0]:
        yield Obstacle(UNLINKED)
    slots = [slot for slot, number in question.source.constraints.pins.items() if number == facts.number[0]]
    if slots and min(slots) > question.filters.n:
        yield Obstacle(BEYOND)


def _kept_signals(entry: AuditEntry) -> list[Mapping[str, Any]]:
    """The signals that a decision has kept, as the audit trail holds them."""
    return list((entry.after or {}).get("signals", ()))


def _can_undo(
    entry: AuditEntry, signals: Mapping[int, Signal], review: Review | None, trail: Sequence[AuditEntry]
) -> bool:
    before, after = entry.before or {}, entry.after or {}
    if "signals" in before or "signals" in after:
        stand = all(
            kept["number"] in signals and signals[kept["number"]].ended is None for kept in _kept_signals(entry)
        )
        # What it has ended would come back, and what was kept since might be in its place.
        later = any(other.number > entry.number and _moves(other) for other in trail) and "signals" in before
        return stand and not later
    if not after:
        return "digest" in before and review is None
    kept = {"by": entry.by, "at": entry.at.isoformat(), **after}
    return review is not None and kept == {"digest": review.digest, "by": review.by, "at": review.at.isoformat()}


def _moves(entry: AuditEntry) -> bool:
    """Whether a decision has kept or ended signals."""
    return "signals" in {**(entry.before or {}), **(entry.after or {})}


def _array(numbers: Sequence[int]) -> IntArray:
    return np.array(numbers, dtype=np.int32)
