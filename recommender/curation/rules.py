"""If-then rules: what holds beside every article that meets a condition."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.arrays import BoolArray
from recommender.curation.signals import Signal
from recommender.errors import FieldProblem, InvalidSignal

Labels = frozenset[str]

# What a condition can ask of an article. Within one kind any value will do; all kinds that are named must fit.
CONDITIONS = ("edition", "language", "flag", "tag", "country", "desk")

FORBID, AT_MOST, AT_LEAST, RAISE, LOWER, NO_BOX, NO_FALLBACK = (
    "forbid",
    "at_most",
    "at_least",
    "raise",
    "lower",
    "no_box",
    "no_fallback",
)
EFFECTS = (FORBID, AT_MOST, AT_LEAST, RAISE, LOWER, NO_BOX, NO_FALLBACK)
MAX_DESCRIPTION = 300
MAX_COUNT = 10
MAX_VALUES = 50  # of one kind
MAX_VALUE = 200  # characters
MANY = 1_000  # articles: more than any candidate list has


def labels(
    *, edition: str, language: str, byline: str, flags: Iterable[str], tags: Iterable[str], countries: Iterable[str]
) -> Labels:
    """What conditions ask of an article, as words like `country:mali`. Case does not matter."""
    named = [("edition", edition), ("language", language), ("desk", byline)]
    named += [("flag", flag) for flag in flags]
    named += [("tag", tag) for tag in tags]
    named += [("country", country) for country in countries]
    return frozenset(_label(kind, value) for kind, value in named if value)


def _label(kind: str, value: str) -> str:
    # Twenty thousand articles have the same few hundred labels: each is kept once.
    return sys.intern(f"{kind}:{value.casefold()}")


@dataclass(frozen=True)
class Condition:
    """Which articles are meant: for each kind of CONDITIONS the values of which one must fit. Empty means all."""

    wanted: Mapping[str, tuple[str, ...]]

    def fits(self, article_labels: Labels) -> bool:
        """Whether an article with these labels is meant."""
        return all(
            any(_label(kind, value) in article_labels for value in values) for kind, values in self.wanted.items()
        )

    def among(self, labels_of: npt.NDArray[np.object_]) -> BoolArray:
        """Which of many articles, given by their labels, are meant.

        The answer for a whole archive is kept: every sidebar asks for it.
        """
        cached: tuple[npt.NDArray[np.object_], BoolArray] | None = self.__dict__.get("_known")
        if cached is not None and cached[0] is labels_of:
            return cached[1]
        groups = [frozenset(_label(kind, value) for value in values) for kind, values in self.wanted.items()]
        answer = np.fromiter(
            (not any(group.isdisjoint(article_labels) for group in groups) for article_labels in labels_of),
            dtype=bool,
            count=len(labels_of),
        )
        if len(labels_of) >= MANY:
            answer.flags.writeable = False
            self.__dict__["_known"] = labels_of, answer
        return answer


EVERY = Condition({})


@dataclass(frozen=True)
class Rule:
    """Beside articles that meet `when`, `then` holds for the stories that meet `what`.

    `count` is for AT_MOST and AT_LEAST, `factor` for RAISE (1 to 10) and LOWER (0 to 0.9), which multiply the odds. The
    times say from when to when it holds. `number` is that of the signal that keeps it, 0 before.
    """

    description: str
    when: Condition
    then: str
    what: Condition = EVERY
    count: int | None = None
    factor: float | None = None
    enabled: bool = True
    since: datetime | None = None
    until: datetime | None = None
    number: int = 0

    def holds(self, now: datetime) -> bool:
        """Whether it is on, and in its period."""
        started = self.since is None or self.since <= now
        return self.enabled and started and (self.until is None or now < self.until)

    def to_data(self) -> dict[str, Any]:
        """As a policy keeps it; its period is that of the signal."""
        return {
            "description": self.description,
            "when": {kind: list(values) for kind, values in self.when.wanted.items()},
            "then": self.then,
            "what": {kind: list(values) for kind, values in self.what.wanted.items()},
            "count": self.count,
            "factor": self.factor,
            "enabled": self.enabled,
        }


def rule_of(signal: Signal) -> Rule:
    """The rule that a signal of the kind `rule` keeps."""
    # Not checked again: a release that allows less must not stop a site that has such a rule.
    return _rule(signal.data, since=signal.since, until=signal.until, number=signal.number)


def parse_rule(
    data: Mapping[str, Any], *, since: datetime | None = None, until: datetime | None = None, number: int = 0
) -> Rule:
    """The rule that some data describe, as `to_data` gives it. Raises InvalidSignal with every field that is wrong."""
    rule = _rule(data, since=since, until=until, number=number)
    problems = [FieldProblem(*problem) for problem in _problems(rule)]
    if problems:
        raise InvalidSignal(problems)
    return rule


def _rule(data: Mapping[str, Any], *, since: datetime | None, until: datetime | None, number: int) -> Rule:
    return Rule(
        description=data["description"].strip(),
        when=_condition(data["when"]),
        then=data["then"],
        what=_condition(data["what"]),
        count=data["count"],
        factor=data["factor"],
        enabled=data["enabled"],
        since=since,
        until=until,
        number=number,
    )


def _condition(data: Mapping[str, Iterable[str]]) -> Condition:
    values_by_kind = {
        kind: tuple(dict.fromkeys(value.strip() for value in values if value.strip())) for kind, values in data.items()
    }
    return Condition({kind: values for kind, values in values_by_kind.items() if values})


def _problems(rule: Rule) -> Iterator[tuple[str, str, str, str]]:
    if not rule.description:
        yield "description", "nothing", "is required", "say in a line what the rule is for"
    if len(rule.description) > MAX_DESCRIPTION:
        yield "description", f"{len(rule.description)} characters", "is too long", f"use up to {MAX_DESCRIPTION}"
    yield from _condition_problems("when", rule.when)
    yield from _condition_problems("what", rule.what)
    if not rule.what.wanted and (rule.then == FORBID or (rule.then == AT_MOST and rule.count == 0)):
        yield "what", "every story", "would empty the box", "say which stories, or use no_box"
    if rule.then not in EFFECTS:
        yield "then", repr(rule.then), "is not an effect", f"use one of {', '.join(EFFECTS)}"
    if rule.then in (AT_MOST, AT_LEAST) and not _between(rule.count, int(rule.then == AT_LEAST), MAX_COUNT):
        yield "count", str(rule.count), "is not a number of teasers", f"use {int(rule.then == AT_LEAST)} to {MAX_COUNT}"
    if rule.then == RAISE and not _between(rule.factor, 1, 10):
        yield "factor", str(rule.factor), "is not a boost", "use 1 to 10"
    if rule.then == LOWER and not _between(rule.factor, 0, 0.9):
        yield "factor", str(rule.factor), "does not bury", "use 0 to 0.9"
    if rule.since is not None and rule.until is not None and rule.until <= rule.since:
        yield "until", rule.until.isoformat(), "is not after the beginning", "choose a later time"


def _condition_problems(name: str, condition: Condition) -> Iterator[tuple[str, str, str, str]]:
    for kind, values in condition.wanted.items():
        longest = max(map(len, values))
        if kind not in CONDITIONS:
            yield name, repr(kind), "is not something a rule can ask for", f"use {', '.join(CONDITIONS)}"
        if len(values) > MAX_VALUES:
            yield name, f"{len(values)} values of {kind}", "are too many", f"use up to {MAX_VALUES}"
        if longest > MAX_VALUE:
            yield name, f"a {kind} of {longest} characters", "holds a value that is too long", f"use up to {MAX_VALUE}"


def _between(value: float | None, low: float, high: float) -> bool:
    return value is not None and low <= value <= high
