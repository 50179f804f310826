"""All that editors have decided, ready for ranking:

the constraints on one article's sidebar, and until when they hold.
"""

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
    """The constraints on one article's sidebar now.

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
        remaining = dict(self.signals)
        for signal in signals:
            if signal.ended is None:
                remaining[signal.number] = signal
            else:
                remaining.pop(signal.number, None)
        return Directives(remaining, self.policy_revision if policy_revision is None else policy_revision)

    def previewed(self, added: Sequence[Signal], ended: Iterable[int]) -> "Directives":
        """The same as if some signals were kept, and others ended: for previews."""
        gone = set(ended)
        remaining = {number: signal for number, signal in self.signals.items() if number not in gone}
        # Numbers that no kept signal has.
        remaining |= {-place: replace(signal, number=-place) for place, signal in enumerate(added, 1)}
        return Directives(remaining, self.policy_revision)

    @cached_property
    def matrix(self) -> Matrix:
        """The matrix of sensitive content in force."""
        signal = self._latest(MATRIX)
        return DEFAULT_MATRIX if signal is None else parse_matrix(signal.data)

    @cached_property
    def ranking(self) -> Mapping[str, Any]:
        """Threshold and weights where editors have set them, else nothing."""
        signal = self._latest(RANKING)
        return {} if signal is None else signal.data

    def _latest(self, kind: str) -> Signal | None:
        # A previewed signal has a number below 0, and comes after all that is kept.
        signals = [signal for signal in self.signals.values() if signal.kind == kind]
        return max(signals, key=lambda signal: (signal.number < 0, signal.number), default=None)

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """All rules, the oldest first."""
        return tuple(rule_of(signal) for signal in self.signals.values() if signal.kind == RULE)

    @cached_property
    def _of_source(self) -> Mapping[int, list[Signal]]:
        by_source: dict[int, list[Signal]] = defaultdict(list)
        for signal in self.signals.values():
            if signal.kind in POLICIES or signal.source is None:
                continue
            by_source[signal.source].append(signal)
            if signal.kind == APART and signal.target is not None:
                by_source[signal.target].append(replace(signal, source=signal.target, target=signal.source))
        return by_source

    @cached_property
    def _everywhere(self) -> list[Signal]:
        return [signal for signal in self.signals.values() if signal.source is None and signal.kind not in POLICIES]

    def constraints_for(self, number: int, flags: int, article_labels: Labels, now: float) -> SidebarConstraints:
        """The constraints on the sidebar of an article with these flags (bits) and labels.

        `now` in seconds since 1970.
        """
        moment = datetime.fromtimestamp(now, UTC)
        signals = self._of_source.get(number, [])
        fitting = [rule for rule in self.rules if rule.enabled and rule.when.fits(article_labels)]
        rules = tuple(rule for rule in fitting if rule.holds(moment))
        pins: dict[int, int] = {}
        banned: dict[int, Signal] = {}
        factors: dict[int, float] = {}
        off: Signal | Rule | None = next((rule for rule in rules if rule.then == NO_BOX), None)
        for signal in (*self._everywhere, *signals):
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
        periods = [(signal.since, signal.until) for signal in signals] + [(rule.since, rule.until) for rule in fitting]
        until = min((_next_change(since, until, now) for since, until in periods), default=NEVER)
        return SidebarConstraints(self.matrix.mask(flags), banned, pins, factors, off, rules, until)

    def everywhere(self, numbers: Iterable[int]) -> list[Signal]:
        """The signals about some articles that hold everywhere."""
        wanted = set(numbers)
        return [signal for signal in self._everywhere if signal.target in wanted]

    def next_change(self, numbers: IntArray, now: float) -> float:
        """When a signal that holds everywhere begins or ends by itself for any of some articles; seconds since 1970."""
        timed = [signal for signal in self._everywhere if signal.until is not None or signal.since.timestamp() > now]
        if not timed:
            return NEVER
        wanted = set(numbers.tolist())
        changes = (_next_change(signal.since, signal.until, now) for signal in timed if signal.target in wanted)
        return min(changes, default=NEVER)


def _next_change(since: datetime | None, until: datetime | None, now: float) -> float:
    edges = [edge.timestamp() for edge in (since, until) if edge is not None]
    return min((edge for edge in edges if edge > now), default=NEVER)
