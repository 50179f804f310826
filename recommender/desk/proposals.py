"""Use case: a change of rules, sensitive matrix or ranking, from what an editor wants to the decision.

Its impact is computed before it is decided (see `impact`), and it is refused where another editor has been faster.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from recommender.curation.rules import Rule, parse_rule
from recommender.curation.sensitivity import DEFAULT_MATRIX, Matrix, parse_matrix
from recommender.curation.signals import MATRIX, MAX_REASON, RANKING, RULE, Signal
from recommender.desk.decisions import END, Decisions, Sent, check_ranking
from recommender.desk.impact import ProposedChange
from recommender.errors import Conflict, FieldProblem, InvalidSignal, NotFound
from recommender.store.audit import AuditEntry, AuditQuery
from recommender.store.base import Store

SEARCHED = 1_000  # entries of the audit trail that are searched for the one that has overtaken a proposal


@dataclass(frozen=True)
class Proposal:
    """What an editor wants: a rule, a matrix, a ranking, or the END of a rule.

    `data` is as a policy keeps it. `seen` is the number of the signal that it replaces: of the rule that is changed, 0
    for a new one; of the matrix or ranking in force, 0 if there is none.
    """

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)
    seen: int = 0
    since: datetime | None = None
    until: datetime | None = None
    reason: str = ""

    def to_data(self) -> dict[str, Any]:
        """As JSON can hold it."""
        times = {name: at.isoformat() if at else None for name, at in (("since", self.since), ("until", self.until))}
        return {**asdict(self), **times}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Proposal":
        """The proposal that `to_data` wrote."""
        times = {name: datetime.fromisoformat(data[name]) if data[name] else None for name in ("since", "until")}
        return cls(**{**data, **times})

    @property
    def rule(self) -> Rule:
        """The rule of a proposal of the kind RULE. Raises InvalidSignal with every field that is wrong."""
        return parse_rule(self.data, since=self.since, until=self.until, number=self.seen)

    @property
    def matrix(self) -> Matrix:
        """The matrix of a proposal of the kind MATRIX. Raises InvalidSignal."""
        return parse_matrix(self.data)


@dataclass(frozen=True)
class Overtaken:
    """Who has been faster than a proposal, and when; `now` is the number of what is in force now, 0 for nothing."""

    by: str
    at: datetime
    now: int


class Proposals:
    """Checks proposals and puts them in force. Safe to use from several threads."""

    def __init__(self, store: Store, decisions: Decisions, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._decisions = decisions
        self._clock = clock

    def in_force(self, kind: str) -> Signal | None:
        """The matrix or ranking that editors have put in force, if they have."""
        signals = self._store.signals.at(self._clock(), [kind])
        return max(signals, key=lambda signal: signal.number, default=None)

    def rule(self, number: int) -> Signal:
        """What keeps a rule, also one that is over. Raises NotFound."""
        signal = self._store.signals.get([number]).get(number)
        if signal is None or signal.kind != RULE:
            raise NotFound(f"There is no rule {number}.")
        return signal

    def change(self, wanted: Proposal, by: str) -> ProposedChange:
        """What a proposal would change. A rule that begins later counts from now on. Raises what `check` does."""
        self.check(wanted)
        if wanted.kind == END:
            return ProposedChange((), (wanted.seen,))
        signal = Signal(wanted.kind, None, None, by, since=self._clock(), until=wanted.until, data=dict(wanted.data))
        # A matrix or a ranking counts before the one in force; of rules the old one has to go.
        return ProposedChange((signal,), (wanted.seen,) if wanted.kind == RULE and wanted.seen else ())

    def check(self, wanted: Proposal) -> None:
        """Raises InvalidSignal with every field that is wrong, and NotFound for a rule that there never was."""
        if wanted.kind == END or (wanted.kind == RULE and wanted.seen):
            self.rule(wanted.seen)
        problems = [*self._reason_and_time_problems(wanted), *self._data_problems(wanted)]
        if problems:
            raise InvalidSignal(problems)

    def _reason_and_time_problems(self, wanted: Proposal) -> Iterator[FieldProblem]:
        if len(wanted.reason) > MAX_REASON:
            length = f"{len(wanted.reason)} characters"
            yield FieldProblem("reason", length, "is too long", f"use up to {MAX_REASON:,}")
        if wanted.until is not None and wanted.until <= self._clock():
            yield FieldProblem("until", wanted.until.isoformat(), "is over already", "choose a later time")

    def _data_problems(self, wanted: Proposal) -> list[FieldProblem]:
        try:
            same = self._changes_nothing(wanted)
        except InvalidSignal as error:
            return error.problems
        nothing = FieldProblem(wanted.kind, "the same", "is in force already", "change something, or leave it")
        return [nothing] if same else []

    def _changes_nothing(self, wanted: Proposal) -> bool:
        """Whether a matrix or ranking is in force already. Raises InvalidSignal for what can never be."""
        standing = self.in_force(wanted.kind)
        if wanted.kind == MATRIX:
            return wanted.matrix == (DEFAULT_MATRIX if standing is None else parse_matrix(standing.data))
        if wanted.kind == RANKING:
            check_ranking(wanted.data)
            return wanted.data == ({} if standing is None else standing.data)
        if wanted.kind == RULE:
            _ = wanted.rule
        return False

    def overtaken(self, wanted: Proposal) -> Overtaken | None:
        """Who has changed what a proposal replaces, since it was made."""
        with self._store.reading():
            if wanted.kind in (RULE, END):
                seen = self.rule(wanted.seen) if wanted.seen else None
                return None if seen is None or seen.ended is None else self._overtaken_by(seen, self._successor(seen))
            standing = self.in_force(wanted.kind)
            if standing is not None:
                latest = Overtaken(standing.by, standing.since, standing.number)
                return None if standing.number == wanted.seen else latest
            ended = self._store.signals.get([wanted.seen]).get(wanted.seen)
            return None if ended is None or ended.ended is None else self._overtaken_by(ended, 0)

    def _overtaken_by(self, seen: Signal, now: int) -> Overtaken:
        return Overtaken(seen.ended_by, seen.ended or seen.since, now)

    def _successor(self, rule: Signal) -> int:
        """The number of the rule that has replaced another; 0 where that was ended for good."""
        at = rule.ended or rule.since
        entries = self._store.audit.entries(AuditQuery(since=at, until=at + timedelta(seconds=1)), SEARCHED)
        for entry in entries:
            if rule.number in _numbers(entry.before):
                return next(iter(_numbers(entry.after)), 0)
        return 0

    def apply(self, wanted: Proposal, sent: Sent) -> AuditEntry:
        """Puts a proposal in force. Raises what `check` does, and Conflict where another editor has been faster."""
        with self._store.writing():
            if sent.key is not None and (again := self._store.audit.by_key(sent.key)) is not None:
                return again
            other = self.overtaken(wanted)
            if other is not None:
                raise Conflict(f"{other.by} has changed this since you opened the form.", 0)
            self.check(wanted)
            if wanted.kind == RULE:
                return self._decisions.keep_rule(wanted.rule, sent)
            if wanted.kind == END:
                return self._decisions.end_rule(wanted.seen, sent)
            if wanted.kind == MATRIX:
                return self._decisions.keep_matrix(wanted.matrix, sent)
            return self._decisions.keep_ranking(wanted.data, sent)


def _numbers(side: Mapping[str, Any] | None) -> list[int]:
    """The numbers of the signals on one side of an entry of the audit trail."""
    return [signal["number"] for signal in (side or {}).get("signals", ())]
