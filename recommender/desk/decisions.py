"""Use case: editors decide. Each decision is one transaction: checked, kept, written to the audit trail, or nothing.

A request that is sent twice is answered with the entry of the first. A decision about an article is refused where
another editor has decided about it since the page was opened, and so is an undo of what has been changed since.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from recommender.articles.article import Article
from recommender.curation.rules import Rule
from recommender.curation.sensitivity import Matrix
from recommender.curation.signals import (
    APART,
    BOOST,
    BURY,
    EXCLUDE,
    KINDS,
    MATRIX,
    OFF,
    PIN,
    POLICIES,
    RANKING,
    REJECT,
    RULE,
    Signal,
    check,
)
from recommender.errors import ArticleNotFound, Conflict, FieldProblem, InvalidSignal, NotFound
from recommender.ranking.scoring import PARTS
from recommender.store.audit import AuditEntry, AuditQuery
from recommender.store.base import Store
from recommender.store.reviews import Review

MAX_SECONDS = 3_600  # of looking at one page: more is a page left open
MAX_UNDONE = 10_000  # decisions taken back since the one that is to be
APPROVE, END, UNDO = "approve", "end", "undo"
KEEPING_AWAY = frozenset({REJECT, APART, EXCLUDE})


@dataclass(frozen=True)
class Sent:
    """Who sends a decision, the key that names the request, what the page had seen, and for how long it was open.

    `seen` is the number of the latest entry of the audit trail about the article when the page was made.
    """

    by: str
    key: str | None = None
    seen: int | None = None
    seconds: int = 0
    why: str = ""


@dataclass(frozen=True)
class Wish:
    """A signal as it is asked for, with articles by id; `everywhere` leaves the article beside which it holds out."""

    kind: str
    target: str | None = None
    slot: int | None = None
    factor: float | None = None
    until: datetime | None = None
    everywhere: bool = False


class Decisions:
    """What editors can do. Safe to use from several threads."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    # -- about one article ---------------------------------------------------------------------------------------------

    def signals(self, article_id: str, wishes: Sequence[Wish], sent: Sent) -> tuple[list[Signal], list[int]]:
        """The signals that some wishes would keep, and the numbers of those that they would end. Nothing is kept.

        Raises ArticleNotFound, and InvalidSignal with every field that is wrong.
        """
        now = self._clock()
        with self._store.reading():
            source, _ = self._article(article_id)
            new = [self._signal(source, wish, sent, now) for wish in wishes]
            for signal in new:
                check(signal)
            slots = [signal.slot for signal in new if signal.kind == PIN]
            if len(set(slots)) < len(slots):
                raise InvalidSignal([FieldProblem("slot", str(slots), "is given twice", "use one slot for each story")])
            # What holds everywhere is found by the story it is about.
            touched = {
                source,
                *(signal.target for signal in new if signal.source is None and signal.target is not None),
            }
            about = {signal.number: signal for number in touched for signal in self._store.signals.about(number)}
            standing = [signal for signal in about.values() if signal.in_force(now)]
        return new, [old.number for old in standing if any(_replaces(signal, old) for signal in new)]

    def decide(self, article_id: str, wishes: Sequence[Wish], sent: Sent) -> AuditEntry:
        """Keeps the signals of some wishes about the sidebar of an article, and ends those that they contradict."""

        def work(source: int, article: Article) -> AuditEntry:
            new, ended = self.signals(article_id, wishes, sent)
            action = new[0].kind if len({signal.kind for signal in new}) == 1 else "change"
            return self._change(self._entry(action, article.id, sent, source), new, ended, sent)

        return self._about(article_id, sent, work)

    def end(self, article_id: str, numbers: Sequence[int], sent: Sent) -> AuditEntry:
        """Takes signals of an article back. Raises NotFound for one that is not in force."""

        def work(source: int, article: Article) -> AuditEntry:
            if any(signal.kind in POLICIES for signal in self._require(numbers)):
                raise NotFound("A rule or policy is not a signal of an article.")
            return self._change(self._entry(END, article.id, sent, source), [], numbers, sent)

        return self._about(article_id, sent, work)

    def approve(self, article_id: str, digest: str, current: str, sent: Sent) -> AuditEntry:
        """Notes that a sidebar is good as it is. `digest` is what the page had shown, `current` what stands there now.

        Raises Conflict where the two differ.
        """

        def work(source: int, article: Article) -> AuditEntry:
            if digest != current:
                raise Conflict("The sidebar has changed since you opened the page.", self._store.audit.latest(source))
            before = self._store.reviews.get(source)
            now = self._clock()
            self._store.reviews.put(Review(source, sent.by, now, digest))
            return self._append_entry(
                AuditEntry(now, sent.by, APPROVE, article.id, source, _review(before), {"digest": digest}), sent
            )

        return self._about(article_id, sent, work)

    def undo(self, number: int, sent: Sent) -> AuditEntry:
        """Takes a decision back: what it kept is ended, what it ended is kept again. An undo can be undone.

        Raises NotFound for what is not a decision, and Conflict where it has been changed since.
        """
        with self._store.writing():
            if (again := self._again(sent)) is not None:
                return again
            entry = self._store.audit.get(number)
            if entry is None or (entry.after is None and entry.before is None):
                raise NotFound(f"There is no decision {number}.")
            before, after = entry.before or {}, entry.after or {}
            if "signals" in after or "signals" in before:
                self._refuse_again(entry)
                return self._undo_signals(entry, before.get("signals", []), after.get("signals", []), sent)
            if entry.article is not None and "digest" in {**before, **after}:
                return self._undo_review(entry, sent)
            raise NotFound(f"Entry {number} of the audit trail cannot be undone.")

    def _refuse_again(self, entry: AuditEntry) -> None:
        """What was ended would be kept twice if a decision were taken back twice."""
        later = AuditQuery(article=entry.article, action=UNDO, since=entry.at)
        if any(undone.why == _undo_of(entry) for undone in self._store.audit.entries(later, MAX_UNDONE)):
            latest = 0 if entry.article is None else self._store.audit.latest(entry.article)
            raise Conflict("This decision has been taken back already.", latest)

    def _undo_signals(
        self, entry: AuditEntry, ended: Sequence[Mapping[str, Any]], added: Sequence[Mapping[str, Any]], sent: Sent
    ) -> AuditEntry:
        now = self._clock()
        numbers = [recorded["number"] for recorded in added]
        signals = self._store.signals.get([*numbers, *(recorded["number"] for recorded in ended)])
        if any(signals[number].ended is not None for number in numbers):
            latest = 0 if entry.article is None else self._store.audit.latest(entry.article)
            raise Conflict("This decision has been changed since, so it cannot be undone.", latest)
        back = [
            replace(old, since=max(old.since, now), ended=None, ended_by="", number=0)
            for old in (signals[recorded["number"]] for recorded in ended)
            if old.until is None or old.until > now
        ]
        undone = self._entry(UNDO, entry.subject, sent, entry.article)
        return self._change(undone, back, numbers, replace(sent, why=_undo_of(entry)))

    def _undo_review(self, entry: AuditEntry, sent: Sent) -> AuditEntry:
        assert entry.article is not None  # noqa: S101  # asked by the caller
        now, earlier = self._clock(), entry.before or {}
        before = self._store.reviews.get(entry.article)
        if (before.digest if before else None) != (entry.after or {}).get("digest"):
            latest = self._store.audit.latest(entry.article)
            raise Conflict("This decision has been changed since, so it cannot be undone.", latest)
        if "digest" in earlier:
            self._store.reviews.put(
                Review(entry.article, earlier["by"], datetime.fromisoformat(earlier["at"]), earlier["digest"])
            )
        else:
            self._store.reviews.remove(entry.article)
        after = _review(self._store.reviews.get(entry.article))
        undone = AuditEntry(now, sent.by, UNDO, entry.subject, entry.article, _review(before), after)
        return self._append_entry(undone, replace(sent, why=_undo_of(entry)))

    # -- for the whole site --------------------------------------------------------------------------------------------

    def keep_rule(self, rule: Rule, sent: Sent) -> AuditEntry:
        """Keeps a rule; one that has a number replaces the rule of that number."""
        now = self._clock()
        signal = self._policy(RULE, rule.to_data(), sent, since=max(rule.since or now, now), until=rule.until)
        return self._site(rule.description, RULE, [signal], [rule.number] if rule.number else [], sent)

    def end_rule(self, number: int, sent: Sent) -> AuditEntry:
        """Takes a rule back for good."""
        return self._site("", END, [], [number], sent)

    def keep_matrix(self, matrix: Matrix, sent: Sent) -> AuditEntry:
        """Puts a matrix of sensitive content in force."""
        return self._site("sensitive content", MATRIX, [self._policy(MATRIX, matrix.to_data(), sent)], None, sent)

    def keep_ranking(self, data: Mapping[str, Any], sent: Sent) -> AuditEntry:
        """Puts a threshold and strengths of the parts in force: see `check_ranking`."""
        check_ranking(data)
        return self._site("ranking", RANKING, [self._policy(RANKING, data, sent)], None, sent)

    def _policy(
        self,
        kind: str,
        data: Mapping[str, Any],
        sent: Sent,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Signal:
        return Signal(
            kind, None, None, sent.by, since=since or self._clock(), reason=sent.why, until=until, data=dict(data)
        )

    def _site(
        self, subject: str, action: str, new: Sequence[Signal], ended: Sequence[int] | None, sent: Sent
    ) -> AuditEntry:
        """One decision for the whole site. `ended` None ends whatever is in force of the new one's kind."""
        with self._store.writing():
            if (again := self._again(sent)) is not None:
                return again
            if ended is None:
                ended = [signal.number for signal in self._store.signals.at(self._clock(), [new[0].kind])]
            else:
                old = self._require(ended)
                subject = subject or next((str(signal.data.get("description", "")) for signal in old), "")
            return self._change(self._entry(action, subject, sent), new, ended, sent)

    # -- what all share ------------------------------------------------------------------------------------------------

    def _about(self, article_id: str, sent: Sent, work: Callable[[int, Article], AuditEntry]) -> AuditEntry:
        with self._store.writing():
            if (again := self._again(sent)) is not None:
                return again
            number, article = self._article(article_id)
            latest = self._store.audit.latest(number)
            if sent.seen is not None and latest != sent.seen:
                raise Conflict(self._news(latest), latest)
            return work(number, article)

    def _news(self, number: int) -> str:
        entry = self._store.audit.get(number)
        if entry is None:
            return "Another editor has decided about this article since you opened the page."
        return f"{entry.by} has decided about this article since you opened the page ({entry.action})."

    def _again(self, sent: Sent) -> AuditEntry | None:
        return None if sent.key is None else self._store.audit.by_key(sent.key)

    def _article(self, article_id: str) -> tuple[int, Article]:
        row = self._store.articles.by_id(article_id)
        if row is None:
            raise ArticleNotFound(article_id)
        return row

    def _require(self, numbers: Iterable[int]) -> list[Signal]:
        wanted = list(numbers)
        signals = self._store.signals.get(wanted)
        missing = [number for number in wanted if number not in signals or signals[number].ended is not None]
        if missing:
            raise NotFound(f"Signal {missing[0]} is not in force any more.")
        return list(signals.values())

    def _signal(self, source: int, wish: Wish, sent: Sent, now: datetime) -> Signal:
        if wish.kind not in KINDS:
            raise InvalidSignal([FieldProblem("kind", repr(wish.kind), "is not a signal", f"use {', '.join(KINDS)}")])
        target = None if wish.target is None else self._article(wish.target)[0]
        everywhere = wish.everywhere or wish.kind == EXCLUDE
        return Signal(
            wish.kind,
            None if everywhere else source,
            target,
            sent.by,
            since=now,
            reason=sent.why.strip(),
            slot=wish.slot,
            factor=wish.factor,
            until=wish.until,
        )

    def _entry(self, action: str, subject: str, sent: Sent, article: int | None = None) -> AuditEntry:
        return AuditEntry(self._clock(), sent.by, action, subject, article)

    def _change(self, entry: AuditEntry, new: Sequence[Signal], ended: Sequence[int], sent: Sent) -> AuditEntry:
        """Ends and keeps signals, and writes down both."""
        old = self._store.signals.get(ended)
        self._store.signals.end(ended, entry.at, sent.by)
        numbers = self._store.signals.add(new)
        kept = [replace(signal, number=number) for signal, number in zip(new, numbers, strict=True)]
        names = self._names([*old.values(), *kept])
        before = {"signals": [_signal_record(old[number], names) for number in ended]} if ended else None
        after = {"signals": [_signal_record(signal, names) for signal in kept]} if kept else None
        return self._append_entry(replace(entry, before=before, after=after), sent)

    def _names(self, signals: Iterable[Signal]) -> dict[int, str]:
        numbers = {number for signal in signals for number in (signal.source, signal.target) if number is not None}
        return {
            number: article.id for number, article in self._store.articles.get(sorted(numbers), texts=False).items()
        }

    def _append_entry(self, entry: AuditEntry, sent: Sent) -> AuditEntry:
        complete = replace(entry, why=sent.why.strip(), seconds=max(0, min(sent.seconds, MAX_SECONDS)))
        return replace(complete, number=self._store.audit.append(complete, sent.key))


def check_ranking(data: Mapping[str, Any]) -> None:
    """Raises InvalidSignal unless `min_score` is in [0, 1] and `weights` multiplies parts of the score by 0 to 3."""
    problems = []
    least = data.get("min_score")
    if least is not None and not 0 <= least <= 1:
        problems.append(FieldProblem("min_score", str(least), "is not a score", "use 0 to 1"))
    for part, strength in data.get("weights", {}).items():
        if part not in PARTS:
            problems.append(
                FieldProblem("weights", repr(part), "is not a part of the score", f"use {', '.join(PARTS)}")
            )
        elif not 0 <= strength <= 3:
            problems.append(FieldProblem(part, str(strength), "is not a strength", "use 0 to 3; 1 is as learned"))
    if problems:
        raise InvalidSignal(problems)


def _replaces(new: Signal, old: Signal) -> bool:
    """Whether an old signal cannot stand beside a new one."""
    if new.kind == OFF or new.kind == old.kind == PIN:
        taken = new.kind == OFF or new.slot == old.slot or new.target == old.target
        return new.kind == old.kind and new.source == old.source and taken
    if new.kind == old.kind == APART:
        return {new.source, new.target} == {old.source, old.target}
    contrary = {new.kind, old.kind}
    opposed = contrary <= {BOOST, BURY} or (PIN in contrary and bool(contrary & KEEPING_AWAY)) or new.kind == old.kind
    return opposed and (new.source, new.target) == (old.source, old.target)


def _signal_record(signal: Signal, names: Mapping[int, str]) -> dict[str, Any]:
    """A signal as the audit trail keeps it, with articles by id."""
    record = {
        "number": signal.number,
        "kind": signal.kind,
        "beside": names.get(signal.source) if signal.source is not None else None,
        "story": names.get(signal.target) if signal.target is not None else None,
        "slot": signal.slot,
        "factor": signal.factor,
        "from": signal.since.isoformat(timespec="seconds"),
        "until": signal.until.isoformat(timespec="seconds") if signal.until else None,
        "by": signal.by,
        "reason": signal.reason,
        "data": dict(signal.data),
    }
    return {name: value for name, value in record.items() if value not in (None, "", {})}


def _undo_of(entry: AuditEntry) -> str:
    return f"undo of {entry.number}"


def _review(review: Review | None) -> dict[str, Any] | None:
    if review is None:
        return None
    return {"digest": review.digest, "by": review.by, "at": review.at.isoformat()}
