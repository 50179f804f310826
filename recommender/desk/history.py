"""Use case: what stood beside an article at a time, and why; where an article is shown, and since when.

It reports what the ledger, the audit trail and the signals hold, and says nothing where they hold nothing.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from recommender.articles.article import HOLD_FLAG, Article
from recommender.curation.rules import Rule, rule_of
from recommender.curation.signals import EXCLUDE, MATRIX, POLICIES, RANKING, RULE, Signal
from recommender.errors import ArticleNotFound
from recommender.serving.document import Document, make_card
from recommender.serving.recommender import Recommender
from recommender.store.articles import Trace
from recommender.store.audit import CHANGE_ARTICLE, PUBLISHING, AuditEntry, AuditQuery
from recommender.store.base import Store
from recommender.store.ledger import Shown, Stay

EVENTS = 200  # of one article, the latest
ALL = 1_000_000
PLACES = 100  # at which an article is looked for, now and before
CORRECTIONS = 50  # sidebars that are checked for the present text
BACK = 10  # sidebars of one article, from the present one back

# What has happened to an article.
WITHDRAWN, UNPUBLISHED, PUBLISHED, HELD, RELEASED, EXCLUDED, CORRECTED = (
    "withdrawn",
    "unpublished",
    "published",
    "held",
    "released",
    "excluded",
    "corrected",
)
REMOVALS = frozenset({WITHDRAWN, UNPUBLISHED, HELD, EXCLUDED})
TEASED = ("title", "summary", "url", "posted_on", "edition", "language", "image_url")  # what a teaser shows of it


@dataclass(frozen=True)
class Subject:
    """An article that an editor asks about, whatever its status; `article` is None where it was withdrawn."""

    trace: Trace
    article: Article | None

    @property
    def name(self) -> str:
        """Its title; its id where the title is forgotten."""
        return self.article.title if self.article else self.trace.id

    @property
    def held(self) -> bool:
        """Whether it is under legal hold."""
        return self.article is not None and HOLD_FLAG in self.article.flags


@dataclass(frozen=True)
class PastSidebar:
    """A sidebar as it stood from `at` to `until` (None: it stands), and which teasers came with it and went."""

    shown: Shown
    until: datetime | None
    document: Document
    added: list[Document]
    removed: list[Document]

    @property
    def at(self) -> datetime:
        """When it began to stand there."""
        return self.shown.at


@dataclass(frozen=True)
class History:
    """Sidebars of an article and decisions about it, the latest first; `complete` says whether these are all.

    `signals` are those about it, past ones included; `names` holds the articles that they name.
    """

    subject: Subject
    events: list[PastSidebar | AuditEntry]
    complete: bool
    signals: list[Signal]
    names: Mapping[int, Trace]


@dataclass(frozen=True)
class Past:
    """The sidebar of an article at a time, None where nothing is known of it, and what was in force then.

    `begins` is when the first known sidebar of the article stood there. `signals` are those about the article, and
    those about its teasers that held everywhere. `rules` are those whose condition fits the article as it is now.
    """

    at: datetime
    sidebar: PastSidebar | None
    begins: datetime | None
    signals: list[Signal]
    rules: list[Rule]
    matrix: Signal | None
    ranking: Signal | None
    names: Mapping[int, Trace]


@dataclass(frozen=True)
class Turn:
    """Something that happened to an article: one of the words above, when, and by whom."""

    kind: str
    at: datetime
    by: str


@dataclass(frozen=True)
class Appearance:
    """Where an article stands or stood. `late` is how long after its removal, or its correction, the sidebar changed.

    `outdated` says that the sidebar shows an older text of it.
    """

    stay: Stay
    source: Trace
    title: str
    late: timedelta | None = None
    outdated: bool = False


@dataclass(frozen=True)
class Whereabouts:
    """Where an article is shown and has been shown, up to PLACES of each, and what happened to it, the latest first.

    `removal` is what took it out of the sidebars, None while it may be shown, or where no entry says so.
    """

    subject: Subject
    turns: list[Turn]
    removal: Turn | None
    now: list[Appearance]
    before: list[Appearance]
    complete: bool


class DisplayHistory:
    """Answers the questions of editors about what was and is shown."""

    def __init__(self, store: Store, recommender: Recommender) -> None:
        self._store = store
        self._recommender = recommender

    def subject(self, article_id: str) -> Subject:
        """The article that has or had an id. Raises ArticleNotFound."""
        trace = self._store.articles.trace(article_id)
        if trace is None:
            raise ArticleNotFound(article_id)
        row = self._store.articles.find(article_id)
        return Subject(trace, row[1] if row else None)

    # -- what stood beside an article ----------------------------------------------------------------------------------

    def history(self, article_id: str) -> History:
        """What stood beside an article, and what was decided about it. Raises ArticleNotFound."""
        with self._store.reading():
            subject = self.subject(article_id)
            number = subject.trace.number
            rows = self._store.ledger.history(number, EVENTS + 1)
            sidebars = [_sidebar(rows, place) for place in range(min(len(rows), EVENTS))]
            entries = self._store.audit.entries(AuditQuery(article=number), EVENTS)
            signals = self._store.signals.about(number)
            return History(
                subject=subject,
                events=sorted([*sidebars, *entries], key=lambda event: event.at, reverse=True),
                complete=len(rows) <= EVENTS and len(entries) < EVENTS,
                signals=signals,
                names=self._names(signals),
            )

    def as_of(self, article_id: str, at: datetime) -> Past:
        """The sidebar of an article at a time, and what was in force then. Raises ArticleNotFound."""
        with self._store.reading():
            subject = self.subject(article_id)
            number = subject.trace.number
            shown = self._store.ledger.as_of(number, at)
            rows = self._store.ledger.history(number, ALL)
            place = next((place for place, row in enumerate(rows) if shown and row.number == shown.number), None)
            signals = self._in_force(number, shown.items if shown else (), at)
            policies = self._store.signals.at(at, POLICIES)
            return Past(
                at=at,
                sidebar=None if place is None else _sidebar(rows, place),
                begins=rows[-1].at if rows else None,
                signals=signals,
                rules=self._rules(number, policies, at),
                matrix=next((signal for signal in policies if signal.kind == MATRIX), None),
                ranking=next((signal for signal in policies if signal.kind == RANKING), None),
                names=self._names(signals),
            )

    def _in_force(self, number: int, teasers: Iterable[int], at: datetime) -> list[Signal]:
        own = self._store.signals.about(number)
        theirs = [signal for teaser in teasers for signal in self._store.signals.about(teaser) if signal.source is None]
        in_force = {signal.number: signal for signal in (*own, *theirs) if signal.in_force(at)}
        return [in_force[number] for number in sorted(in_force, reverse=True)]

    def _rules(self, number: int, policies: Iterable[Signal], at: datetime) -> list[Rule]:
        columns = self._recommender.columns()
        labels = columns.labels[number] if number < len(columns.number) else frozenset()
        rules = [rule_of(signal) for signal in policies if signal.kind == RULE]
        return [rule for rule in rules if rule.holds(at) and rule.when.fits(labels)]

    def _names(self, signals: Iterable[Signal]) -> dict[int, Trace]:
        ends = {end for signal in signals for end in (signal.source, signal.target) if end is not None}
        return self._store.articles.traces(sorted(ends))

    # -- where an article is shown -------------------------------------------------------------------------------------

    def whereabouts(self, article_id: str) -> Whereabouts:
        """Where an article is shown, and how fast it left or was corrected. Raises ArticleNotFound."""
        with self._store.reading():
            subject = self.subject(article_id)
            number = subject.trace.number
            turns = self._turns(number)
            removal = self._removal(subject, turns)
            places = list(self._places(self._store.ledger.stays(number, ALL)))
            standing = [place for place in places if place.stay.until is None]
            ended = [_late(place, removal) for place in places if place.stay.until is not None]
            corrected = next((turn for turn in turns if turn.kind == CORRECTED), None)
            if corrected is not None and subject.article is not None:
                standing = self._corrected(standing, subject.article, corrected)
            return Whereabouts(
                subject=subject,
                turns=turns,
                removal=removal,
                now=standing[:PLACES],
                before=ended[:PLACES],
                complete=max(len(standing), len(ended)) <= PLACES,
            )

    def every_place(self, article_id: str) -> list[Appearance]:
        """All places at which an article stands or stood: those still standing first, then the latest."""
        with self._store.reading():
            return list(self._places(self._store.ledger.stays(self.subject(article_id).trace.number, ALL)))

    def _places(self, stays: Sequence[Stay]) -> Iterator[Appearance]:
        numbers = sorted({stay.source for stay in stays})
        traces = self._store.articles.traces(numbers)
        articles = self._store.articles.get(numbers, texts=False)
        for stay in stays:
            article = articles.get(stay.source)
            yield Appearance(stay, traces[stay.source], article.title if article else "")

    def _turns(self, number: int) -> list[Turn]:
        entries = [
            entry
            for action in PUBLISHING
            for entry in self._store.audit.entries(AuditQuery(article=number, action=action), EVENTS)
        ]
        turns = [turn for entry in entries for turn in _turns_of(entry)]
        for signal in self._store.signals.about(number):
            if signal.kind == EXCLUDE:
                turns.append(Turn(EXCLUDED, signal.since, signal.by))
                if signal.ended is not None:
                    turns.append(Turn(RELEASED, signal.ended, signal.ended_by))
        return sorted(turns, key=lambda turn: turn.at, reverse=True)

    def _removal(self, subject: Subject, turns: Sequence[Turn]) -> Turn | None:
        """The latest removal, while the article may not be shown."""
        now, number = self._recommender.now(), subject.trace.number
        excluded = any(signal.kind == EXCLUDE and signal.in_force(now) for signal in self._store.signals.about(number))
        if subject.trace.status == PUBLISHED and not subject.held and not excluded:
            return None
        return next((turn for turn in turns if turn.kind in REMOVALS), None)

    def _corrected(self, places: list[Appearance], article: Article, turn: Turn) -> list[Appearance]:
        card = _teased(make_card(article))
        return [
            *(self._followed(place, article.id, card, turn) for place in places[:CORRECTIONS]),
            *places[CORRECTIONS:],
        ]

    def _followed(self, place: Appearance, article_id: str, card: Document, turn: Turn) -> Appearance:
        """A standing place with when its sidebar took the present text of the article over."""
        since: datetime | None = None
        for row in self._store.ledger.history(place.stay.source, BACK):
            items = json.loads(row.document)["items"]
            if [_teased(item) for item in items if item["id"] == article_id] != [card]:
                break
            since = row.at
        if since is None:
            return replace(place, outdated=True)
        return replace(place, late=since - turn.at if since >= turn.at else None)


def _sidebar(rows: Sequence[Shown], place: int) -> PastSidebar:
    """One of the sidebars of an article, which come the latest first."""
    document = json.loads(rows[place].document)
    earlier = json.loads(rows[place + 1].document) if place + 1 < len(rows) else None
    return PastSidebar(
        shown=rows[place],
        until=rows[place - 1].at if place else None,
        document=document,
        added=_missing(document, earlier),
        removed=[] if earlier is None else _missing(earlier, document),
    )


def _missing(document: Document, other: Document | None) -> list[Document]:
    """The teasers of a sidebar that another does not have."""
    other_ids = {item["id"] for item in other["items"]} if other else set()
    return [item for item in document["items"] if item["id"] not in other_ids]


def _turns_of(entry: AuditEntry) -> Iterator[Turn]:
    before, after = entry.before or {}, entry.after or {}
    if entry.action != CHANGE_ARTICLE:
        yield Turn(WITHDRAWN, entry.at, entry.by)
        return
    if before.get("status") != after.get("status"):
        yield Turn(PUBLISHED if after["status"] == PUBLISHED else UNPUBLISHED, entry.at, entry.by)
    was, is_now = (HOLD_FLAG in side.get("flags", ()) for side in (before, after))
    if was != is_now:
        yield Turn(HELD if is_now else RELEASED, entry.at, entry.by)
    if set(TEASED).intersection(after.get("changed", ())):
        yield Turn(CORRECTED, entry.at, entry.by)


def _late(place: Appearance, removal: Turn | None) -> Appearance:
    until = place.stay.until
    return place if removal is None or until is None or until < removal.at else replace(place, late=until - removal.at)


def _teased(card: Document) -> Document:
    return {name: card[name] for name in TEASED}
