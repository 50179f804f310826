"""Golden pairs: what editors say must stand, or must never stand, beside an article, whatever the model."""

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
        parts = [f"does not list {', '.join(self.missing)}"] if self.missing else []
        parts += [f"lists {', '.join(self.forbidden)}"] if self.forbidden else []
        why = f" ({self.pair.why})" if self.pair.why else ""
        return f"{self.pair.article} {' and '.join(parts)}{why}"


def broken(pairs: Sequence[GoldenPair], sidebars: Mapping[str, Sequence[str]]) -> list[Broken]:
    """The pairs that do not hold in some sidebars, in order. The sidebar of an article that is not there is empty."""
    found = []
    for pair in pairs:
        shown = sidebars.get(pair.article, ())[:SIDEBAR_PLACES]
        missing = tuple(one for one in pair.must if one not in shown)
        forbidden = tuple(one for one in pair.never if one in shown)
        if missing or forbidden:
            found.append(Broken(pair, missing, forbidden))
    return found


def unknown(pairs: Sequence[GoldenPair], published: Collection[str]) -> list[str]:
    """What is said of each id in the pairs that no published article has: its line, and the id."""
    return [
        f"line {pair.line}: there is no published article {one!r}"
        for pair in pairs
        for one in (pair.article, *pair.must, *pair.never)
        if one not in published
    ]
