"""All that editors have decided, ready for ranking: what holds beside one article, and until when."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from recommender.arrays import IntArray
from recommender.curation.rules import NO_BOX, NO_FALLBACK, Labels, Rule, rule_of
from recommender.curation.sensitivity import ANYTHING, BITS, DEFAULT_MATRIX, Matrix, parse_matrix
from recommender.curation.signals import (
    APART,
    BOOST,
    BURY,
    EXCLUDE,
    MATRIX,
    OFF,
    PIN,
    POLICIES,
    RANKING,
    REJECT,
    RULE,
    Signal,
)

NEVER = float("inf")
BANS = (EXCLUDE, REJECT, APART)


@dataclass(frozen=True)
class SidebarConstraints:
    """What holds beside one article now.

    `forbidden` are the bits of the flags that may not stand there, `banned` says by article number which signal keeps
    it away, `pins` which article stands in a slot, `factors` by what the odds of an article are multiplied. `until`
    (seconds since 1970) is when any of this changes by itself.
    """

    forbidden: int = DEFAULT_MATRIX.mask(BITS[ANYTHING])
    banned: Mapping[int, Signal] = field(default_factory=dict)
    pins: Mapping[int, int] = field(default_factory=dict)
    factors: Mapping[int, float] = field(default_factory=dict)
    off: Signal | Rule | None = None
    rules: tuple[Rule, ...] = ()
    until: float = NEVER

    @property
    def fills(self) -> bool:
        """Whether free places are filled with fallbacks."""
        return not any(rule.then == NO_FALLBACK for rule in self.rules)


OPEN = SidebarConstraints()


@dataclass(frozen=True)
class Directives:
    """Every signal and policy that is not ended, by number; `policy_revision` is that of a policy's last change."""

    signals: Mapping[int, Signal] = field(default_factory=dict)
    policy_revision: int = -1

    def changed(self, signals: Iterable[Signal], policy_revision: int | None = None) -> "Directives":
        """The same with some signals added, and without those of them that are ended."""
        kept = dict(self.signals)
        for signal in signals:
            if signal.ended is None:
                kept[signal.number] = signal
            else:
                kept.pop(signal.number, None)
        return Directives(kept, self.policy_revision if policy_revision is None else policy_revision)

    def previewed(self, added: Sequence[Signal], ended: Iterable[int]) -> "Directives":
        """The same as if some signals were kept, and others ended: for previews."""
        gone = set(ended)
        kept = {number: signal for number, signal in self.signals.items() if number not in gone}
        # Numbers that no kept signal has.
        kept |= {-place: replace(signal, number=-place) for place, signal in enumerate(added, 1)}
        return Directives(kept, self.policy_revision)

    @cached_property
    def matrix(self) -> Matrix:
        """The matrix of sensitive content in force."""
        found = self._latest(MATRIX)
        return DEFAULT_MATRIX if found is None else parse_matrix(found.data)

    @cached_property
    def ranking(self) -> Mapping[str, Any]:
        """Threshold and weights where editors have set them, else nothing."""
        found = self._latest(RANKING)
        return {} if found is None else found.data

    def _latest(self, kind: str) -> Signal | None:
        # A trial has a number below 0, and comes after all that is kept.
        found = [signal for signal in self.signals.values() if signal.kind == kind]
        return max(found, key=lambda signal: (signal.number < 0, signal.number), default=None)

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """All rules, the oldest first."""
        return tuple(rule_of(signal) for signal in self.signals.values() if signal.kind == RULE)

    @cached_property
    def _of_source(self) -> Mapping[int, list[Signal]]:
        found: dict[int, list[Signal]] = defaultdict(list)
        for signal in self.signals.values():
            if signal.kind in POLICIES or signal.source is None:
                continue
            found[signal.source].append(signal)
            if signal.kind == APART and signal.target is not None:
                found[signal.target].append(replace(signal, source=signal.target, target=signal.source))
        return found

    @cached_property
    def _everywhere(self) -> list[Signal]:
        return [one for one in self.signals.values() if one.source is None and one.kind not in POLICIES]

    def constraints_for(self, number: int, flags: int, found: Labels, now: float) -> SidebarConstraints:
        """What holds beside an article with these flags (as bits) and labels; `now` in seconds since 1970."""
        moment = datetime.fromtimestamp(now, UTC)
        own = self._of_source.get(number, [])
        fitting = [rule for rule in self.rules if rule.enabled and rule.when.fits(found)]
        rules = tuple(rule for rule in fitting if rule.holds(moment))
        pins: dict[int, int] = {}
        banned: dict[int, Signal] = {}
        factors: dict[int, float] = {}
        off: Signal | Rule | None = next((rule for rule in rules if rule.then == NO_BOX), None)
        for signal in (*self._everywhere, *own):
            if not signal.in_force(moment):
                continue
            if signal.kind == OFF:
                off = signal
            elif signal.kind == PIN and signal.slot is not None and signal.target is not None:
                pins[signal.slot] = signal.target
            elif signal.target is not None and (signal.kind in BANS or signal.factor == 0):
                banned[signal.target] = signal
            elif signal.kind in (BOOST, BURY) and signal.target is not None and signal.factor is not None:
                factors[signal.target] = factors.get(signal.target, 1.0) * signal.factor
        periods = [(one.since, one.until) for one in own] + [(rule.since, rule.until) for rule in fitting]
        until = min((_next_change(since, until, now) for since, until in periods), default=NEVER)
        return SidebarConstraints(self.matrix.mask(flags), banned, pins, factors, off, rules, until)

    def everywhere(self, numbers: Iterable[int]) -> list[Signal]:
        """The signals about some articles that hold everywhere."""
        wanted = set(numbers)
        return [one for one in self._everywhere if one.target in wanted]

    def next_change(self, numbers: IntArray, now: float) -> float:
        """When a signal that holds everywhere begins or ends by itself for any of some articles; seconds since 1970."""
        timed = [one for one in self._everywhere if one.until is not None or one.since.timestamp() > now]
        if not timed:
            return NEVER
        wanted = set(numbers.tolist())
        return min((_next_change(one.since, one.until, now) for one in timed if one.target in wanted), default=NEVER)


def _next_change(since: datetime | None, until: datetime | None, now: float) -> float:
    edges = [edge.timestamp() for edge in (since, until) if edge is not None]
    return min((edge for edge in edges if edge > now), default=NEVER)
