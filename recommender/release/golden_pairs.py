"""Golden pairs: what editors say must stand, or must never stand, beside an article, whatever the model version."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from recommender.ranking.facts import SIDEBAR_PLACES


@dataclass(frozen=True)
class GoldenPair:
    """What must and what must never stand beside an article, all by id; `why` is for people, `line` is in the file."""

    article: str
    must: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    why: str = ""
    line: int = 0


@dataclass(frozen=True)
class Broken:
    """A golden pair that a sidebar does not hold to: what it lacks, and what it shows and must not."""

    pair: GoldenPair
    missing: tuple[str, ...]
    forbidden: tuple[str, ...]

    def __str__(self) -> str:
        faults = [f"does not list {', '.join(self.missing)}"] if self.missing else []
        faults += [f"lists {', '.join(self.forbidden)}"] if self.forbidden else []
        why = f" ({self.pair.why})" if self.pair.why else ""
        return f"{self.pair.article} {' and '.join(faults)}{why}"


def broken(pairs: Sequence[GoldenPair], sidebars: Mapping[str, Sequence[str]]) -> list[Broken]:
    """The pairs that do not hold in some sidebars, in order. The sidebar of an article that is not there is empty."""
    failures = []
    for pair in pairs:
        shown = sidebars.get(pair.article, ())[:SIDEBAR_PLACES]
        missing = tuple(article_id for article_id in pair.must if article_id not in shown)
        forbidden = tuple(article_id for article_id in pair.never if article_id in shown)
        if missing or forbidden:
            failures.append(Broken(pair, missing, forbidden))
    return failures


def unknown(pairs: Sequence[GoldenPair], published: Collection[str]) -> list[str]:
    """A message for each id in the pairs that no published article has: its line, and the id."""
    return [
        f"line {pair.line}: there is no published article {article_id!r}"
        for pair in pairs
        for article_id in (pair.article, *pair.must, *pair.never)
        if article_id not in published
    ]
