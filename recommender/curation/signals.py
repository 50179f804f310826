"""Editors' signals as data: what each one means, which values it may have, and which are in force for a sidebar.

A signal is never changed: it is ended, and another replaces it. So it can be said what was in force at any time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from recommender.errors import FieldProblem, InvalidSignal

PIN, BOOST, BURY, EXCLUDE, REJECT, APART, OFF = "pin", "boost", "bury", "exclude", "reject", "apart", "off"
KINDS = (PIN, BOOST, BURY, EXCLUDE, REJECT, APART, OFF)
# Kept beside the signals, in the same way: if-then rules, the matrix of sensitive content, threshold and weights.
RULE, MATRIX, RANKING = "rule", "matrix", "ranking"
POLICIES = (RULE, MATRIX, RANKING)

MAX_SLOT = 10
MAX_REASON = 1_000
EXPIRES_AFTER_DAYS = 7  # what editors are offered for pins and boosts, which would outlive the news they were made for
EXPIRING = (PIN, BOOST, BURY)


@dataclass(frozen=True)
class Signal:
    """One decision that holds from `since` until `until` (None: until it is ended). Times are in UTC.

    `source` is the article beside whose text it holds, None for everywhere; `target` the article it is about, None for
    OFF. `slot` counts from 1, for PIN. `factor` multiplies the odds that a story is related, for BOOST and BURY. `data`
    holds the values of a policy. `number` is 0 before it is kept; `ended` is when an editor took it back.

    | kind    | source    | target | what it does                                                    |
    |---------|-----------|--------|-----------------------------------------------------------------|
    | pin     | an article| yes    | the target stands in the slot                                   |
    | boost   | any, None | yes    | the odds of the target are multiplied by 1 to 10                |
    | bury    | any, None | yes    | by 0 to 0.9; with 0 it is not shown                             |
    | exclude | None      | yes    | the target stands in no sidebar                                 |
    | reject  | an article| yes    | the target does not stand beside the source                     |
    | apart   | an article| yes    | neither stands beside the other                                 |
    | off     | an article| None   | the source has no box                                           |
    """

    kind: str
    source: int | None
    target: int | None
    by: str
    since: datetime
    reason: str = ""
    slot: int | None = None
    factor: float | None = None
    until: datetime | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0
    ended: datetime | None = None
    ended_by: str = ""

    def in_force(self, now: datetime) -> bool:
        """Whether it holds at a time, as far as its dates say."""
        ended = self.ended is not None and self.ended <= now
        return not ended and self.since <= now and (self.until is None or now < self.until)


def check(signal: Signal) -> None:
    """Raises InvalidSignal with every field of a signal that its kind does not allow."""
    problems = [FieldProblem(*problem) for problem in _problems(signal)]
    if problems:
        raise InvalidSignal(problems)


def _problems(signal: Signal) -> Iterable[tuple[str, str, str, str]]:
    kind, factor, slot = signal.kind, signal.factor, signal.slot
    if kind not in KINDS:
        yield "kind", repr(kind), "is not a signal", f"use one of {', '.join(KINDS)}"
        return
    if kind in (PIN, REJECT, APART, OFF) and signal.source is None:
        yield "source", "nothing", "is required", "name the article beside which it holds"
    if kind == EXCLUDE and signal.source is not None:
        yield "source", str(signal.source), "is not for this signal", "leave it out: it holds everywhere"
    if (kind == OFF) == (signal.target is not None):
        yield "target", str(signal.target), "does not fit the signal", "name the story, but none to turn the box off"
    if signal.target is not None and signal.target == signal.source:
        yield "target", str(signal.target), "is the article itself", "choose another story"
    if kind == PIN and not (slot is not None and 1 <= slot <= MAX_SLOT):
        yield "slot", str(slot), "is not a place in the sidebar", f"use 1 to {MAX_SLOT}"
    if kind == BOOST and not (factor is not None and 1 <= factor <= 10):
        yield "factor", str(factor), "is not a boost", "use 1 to 10"
    if kind == BURY and not (factor is not None and 0 <= factor <= 0.9):
        yield "factor", str(factor), "does not bury", "use 0 to 0.9"
    if signal.until is not None and signal.until <= signal.since:
        yield "until", signal.until.isoformat(), "is over already", "choose a later time"
    if len(signal.reason) > MAX_REASON:
        yield "reason", f"{len(signal.reason)} characters", "is too long", f"use up to {MAX_REASON:,}"
