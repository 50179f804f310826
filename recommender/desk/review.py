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
from recommender.serving.document import digest_of, make_document
from recommender.serving.recommender import Item, Query, Question, Recommendation, Recommender
from recommender.serving.recorder import shown
from recommender.store.audit import AuditEntry, AuditQuery
from recommender.store.base import Store
from recommender.store.reviews import Review

CANDIDATES = 20
FOUND = 20  # stories of one search
LEAD = 15  # sentences of a candidate that are looked at: reading on takes time, and news come first
DECISIONS = 10  # of the article, the latest
# What keeps a story out of a sidebar. Of several the first is told.
WITHDRAWN, HELD, BOX_OFF, BANNED, SENSITIVE, RULED, FUTURE, LANGUAGE, BEYOND, REPORTED, WEAK, LOWER = (
    "withdrawn",
    "held",
    "box_off",
    "banned",
    "sensitive",
    "ruled",
    "future",
    "language",
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
    """A story in or below the sidebar: in how many other sidebars it stands, and what keeps it out of this one."""

    item: Item
    obstacle: Obstacle | None
    elsewhere: int
    sentences: SentencePair | None
    signals: tuple[Signal, ...]


@dataclass(frozen=True)
class Page:
    """Everything that the page of one article shows. `seen` is the latest entry of the audit trail about it.

    `signals` are those in force about it, `others` the articles that they name besides, by number. `decisions` are the
    latest, each with whether it can still be undone.
    """

    number: int
    article: Article
    found: Recommendation
    digest: str
    beside: SidebarConstraints
    sidebar: list[Candidate]
    candidates: list[Candidate]
    signals: list[Signal]
    others: Mapping[int, Article]
    decisions: list[tuple[AuditEntry, bool]]
    review: Review | None
    seen: int

    @property
    def approved(self) -> bool:
        """Whether somebody has approved this very sidebar."""
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
        found = self._recommender.for_article(article_id, Query())
        self._store.ledger.append([shown(found, self._recommender.gazetteer, self._recommender.now())])

    def page(self, article_id: str, depth: int = CANDIDATES) -> Page:
        """The page of an article with its `depth` best candidates below the sidebar. Raises ArticleNotFound."""
        with self._store.reading():
            asked = self._recommender.question(article_id, Query())
            found = self._recommender.answer(asked)
            inside = [item.teaser.number for item in found.items]
            items = [*found.items, *self._recommender.items(asked, _others(asked, inside, depth))]
            number = asked.source.number
            texts = self._store.articles.get([item.teaser.number for item in items] + [number])
            signals = self._in_force(asked)
            candidates = self._candidates(asked, items, inside, texts)
            ends = {end for one in signals for end in (one.source, one.target) if end is not None} - {number}
            review = self._store.reviews.get(number)
            return Page(
                number=number,
                article=texts[number],
                found=found,
                digest=self._digest(found),
                beside=asked.source.constraints,
                sidebar=candidates[: len(found.items)],
                candidates=candidates[len(found.items) :],
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
            numbers = [one for one in self._store.articles.search(text, limit + 1) if one != page.number][:limit]
            asked = self._recommender.question(article_id, Query())
            inside = {item.teaser.number: item.teaser for item in page.found.items}
            known = _teasers(asked, numbers) | inside
            teasers = [known.get(one, RankedTeaser(one, 0.0, RELATED)) for one in numbers]
            items = self._recommender.items(asked, teasers)
            texts = self._store.articles.get([*numbers, page.number])
            return page, self._candidates(asked, items, list(inside), texts)

    def preview(self, article_id: str, added: Sequence[Signal], ended: Sequence[int]) -> Preview:
        """What the sidebar of an article would be if some signals were kept and others (by number) ended."""
        wished = [one.target for one in added if one.kind in (PIN, BOOST) and one.target is not None]
        trial = self._recommender.previewing(added, ended)
        with self._store.reading():
            before = self._recommender.for_article(article_id, Query())
            after = trial.for_article(article_id, Query())
            obstacles = Reviewing(self._store, trial).obstacles(article_id, wished) if wished else {}
        return Preview(before, after, obstacles)

    def obstacles(self, article_id: str, numbers: Sequence[int]) -> dict[int, Obstacle]:
        """What keeps stories, by number, out of the sidebar of an article; those that stand in it are left out."""
        with self._store.reading():
            asked = self._recommender.question(article_id, Query())
            inside = [item.teaser.number for item in self._recommender.answer(asked).items]
            return self._obstacles(asked, inside, [number for number in numbers if number not in inside])

    def can_undo(self, entry: AuditEntry) -> bool:
        """Whether nothing has changed since what a decision has changed, so that it can be taken back."""
        with self._store.reading():
            numbers = [one["number"] for one in _kept(entry)]
            review = None if entry.article is None else self._store.reviews.get(entry.article)
            later = [] if entry.article is None else self._trail(entry.article)
            return _can_undo(entry, self._store.signals.get(numbers), review, later)

    def _decisions(self, number: int, review: Review | None) -> list[tuple[AuditEntry, bool]]:
        entries = self._trail(number)
        signals = self._store.signals.get([one["number"] for entry in entries for one in _kept(entry)])
        return [(entry, _can_undo(entry, signals, review, entries)) for entry in entries]

    def _trail(self, number: int) -> list[AuditEntry]:
        return self._store.audit.entries(AuditQuery(article=number), DECISIONS)

    def _digest(self, found: Recommendation) -> str:
        language = found.article.language if found.article else "en"
        return digest_of(make_document(found, self._recommender.gazetteer, language)["items"])

    def _in_force(self, asked: Question) -> list[Signal]:
        now = datetime.fromtimestamp(asked.filters.now, UTC)
        return [one for one in self._store.signals.about(asked.source.number) if one.in_force(now)]

    def _candidates(
        self, asked: Question, items: Sequence[Item], inside: Sequence[int], texts: Mapping[int, Article]
    ) -> list[Candidate]:
        """Items as candidates, in their order; `texts` holds their articles and the source with bodies."""
        numbers = [item.teaser.number for item in items]
        obstacles = self._obstacles(asked, inside, [number for number in numbers if number not in inside])
        source = texts[asked.source.number]
        pairs = self._recommender.sentences(source, [texts[number] for number in numbers], LEAD)
        elsewhere = self._store.ledger.counts(numbers)
        now = datetime.fromtimestamp(asked.filters.now, UTC)
        everywhere = [one for one in asked.snapshot.directives.everywhere(numbers) if one.in_force(now)]
        signals = [*self._in_force(asked), *everywhere]
        return [
            Candidate(
                item,
                obstacles.get(number),
                max(0, elsewhere.get(number, 0) - (number in inside)),
                pairs.get(item.article.id),
                tuple(_on(number, asked.source.number, signals)),
            )
            for number, item in zip(numbers, items, strict=True)
        ]

    def _obstacles(self, asked: Question, inside: Sequence[int], others: Sequence[int]) -> dict[int, Obstacle]:
        columns, source = asked.snapshot.columns, asked.source
        teasers = _teasers(asked, others)
        versions = shortlist(asked.rows, asked.candidates, source, asked.filters, asked.ranker).versions_of_source
        together = self._recommender.reports(asked, [*inside, *others])
        again = together[len(inside) :, : len(inside)].any(axis=1) | np.isin(_array(others), versions)
        full = _full(asked, columns.take(_array(inside)))
        return {
            number: _obstacle(asked, columns.take(_array([number])), teasers.get(number), bool(reported), full)
            for number, reported in zip(others, again, strict=True)
        }


def _on(number: int, source: int, signals: Sequence[Signal]) -> Iterator[Signal]:
    """The signals among some that bear on one story beside the source."""
    for one in signals:
        apart = one.kind == APART and {one.source, one.target} == {number, source}
        if apart or (one.target == number and one.source in (None, source)):
            yield one


def _teasers(asked: Question, numbers: Sequence[int]) -> dict[int, RankedTeaser]:
    return teasers_of(_array(numbers), asked.rows, asked.candidates, asked.source, asked.ranker)


def _others(asked: Question, inside: Sequence[int], depth: int) -> list[RankedTeaser]:
    """What is pinned but kept out, and then the best candidates that do not stand in the sidebar."""
    kept_out = [number for number in asked.source.constraints.pins.values() if number not in inside]
    facts = asked.candidates
    here = ~np.isin(facts.number, inside) & (readable(facts, asked.filters) | np.isin(facts.number, kept_out))
    teasers = teasers_of(facts.number[here], asked.rows, facts, asked.source, asked.ranker)
    best = sorted(teasers.values(), key=lambda teaser: (-teaser.score, teaser.number))
    pinned = [replace(teasers.get(number, RankedTeaser(number, 0.0, PINNED)), source=PINNED) for number in kept_out]
    return [*pinned, *[teaser for teaser in best if teaser.number not in kept_out][:depth]]


def _full(asked: Question, inside: Columns) -> list[Rule]:
    """The rules that allow no more stories of their sort than stand in the sidebar already."""
    limits = [rule for rule in asked.source.constraints.rules if rule.then == AT_MOST and rule.count]
    return [rule for rule in limits if rule.what.among(inside.labels).sum() >= (rule.count or 0)]


def _obstacle(
    asked: Question, facts: Columns, teaser: RankedTeaser | None, reported: bool, full: Sequence[Rule]
) -> Obstacle:
    """What keeps one story out; `facts` are its own. The last resort is that others are better."""
    weak = teaser is None or teaser.score < asked.filters.min_score
    ranked = REPORTED if reported else WEAK if weak else LOWER
    limits = (Obstacle(RULED, rule=rule.description) for rule in full if rule.what.fits(facts.labels[0]) and not weak)
    return next(chain(_guards(asked, facts), _filters(asked, facts), limits), Obstacle(ranked))


def _guards(asked: Question, facts: Columns) -> Iterator[Obstacle]:
    """What the guard holds against a story: see `ranking.guarded`."""
    beside, number, flags = asked.source.constraints, int(facts.number[0]), int(facts.flags[0])
    if not facts.shown[0]:
        yield Obstacle(HELD if flags & BITS[HOLD_FLAG] else WITHDRAWN)
    if beside.off is not None:
        yield Obstacle(BOX_OFF)
    if number in beside.banned:
        yield Obstacle(BANNED, signal=beside.banned[number])
    if flags & beside.forbidden:
        own = int(asked.snapshot.columns.flags[asked.source.number])
        yield Obstacle(SENSITIVE, cell=asked.snapshot.directives.matrix.cell(own, flags))
    for rule in beside.rules:
        if (rule.then == FORBID or (rule.then == AT_MOST and not rule.count)) and rule.what.fits(facts.labels[0]):
            yield Obstacle(RULED, rule=rule.description)


def _filters(asked: Question, facts: Columns) -> Iterator[Obstacle]:
    """What the question leaves out."""
    if facts.posted[0] > asked.filters.now:
        yield Obstacle(FUTURE)
    if not readable(facts, asked.filters)[0]:
        yield Obstacle(LANGUAGE)
    slots = [slot for slot, number in asked.source.constraints.pins.items() if number == facts.number[0]]
    if slots and min(slots) > asked.filters.n:
        yield Obstacle(BEYOND)


def _kept(entry: AuditEntry) -> list[Mapping[str, Any]]:
    """The signals that a decision has kept, as the audit trail tells them."""
    return list((entry.after or {}).get("signals", ()))


def _can_undo(
    entry: AuditEntry, signals: Mapping[int, Signal], review: Review | None, trail: Sequence[AuditEntry]
) -> bool:
    before, after = entry.before or {}, entry.after or {}
    if "signals" in before or "signals" in after:
        stand = all(one["number"] in signals and signals[one["number"]].ended is None for one in _kept(entry))
        # What it has ended would come back, and what was kept since might be in its place.
        later = any(one.number > entry.number and _moves(one) for one in trail) and "signals" in before
        return stand and not later
    if not after:
        return "digest" in before and review is None
    made = {"by": entry.by, "at": entry.at.isoformat(), **after}
    return review is not None and made == {"digest": review.digest, "by": review.by, "at": review.at.isoformat()}


def _moves(entry: AuditEntry) -> bool:
    """Whether a decision has kept or ended signals."""
    return "signals" in {**(entry.before or {}), **(entry.after or {})}


def _array(numbers: Sequence[int]) -> IntArray:
    return np.array(numbers, dtype=np.int32)
