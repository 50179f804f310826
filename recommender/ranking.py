"""From candidates to the sidebar: named parts that add up, filters, versions, diversity, fallbacks. Pure functions.

The order of the steps is: filters → score → versions of one report → threshold → diversity → fallbacks → cut. What may
not be shown at all (`Facts.shown`) is filtered out first here and in the fallbacks, so no step can bring it back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from recommender.candidates import CandidateArray, IntArray, pair_features

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
RevisionArray = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]

DAY = 86_400.0
RELATED = "related"
FALLBACK_READ = "fallback_edition_read"
FALLBACK_EDITION = "fallback_edition_latest"
FALLBACK_ANY = "fallback_any_latest"
READ_LATELY = 30 * DAY
POOL = 25  # candidates that compete for the places after filters; more cost time and change nothing in ten results
MOST_DIVERSITY = 0.2  # the share of likeness in the gain at `diversity` 1
DECIMALS = 4  # parts are rounded before they are added, so what is shown adds up exactly


@dataclass(frozen=True)
class Weights:
    """The most that each part may give; together 1. Chosen on the sample's judgments, see docs/decisions.md."""

    dense: float = 0.25
    lexical: float = 0.50
    tags: float = 0.17
    places: float = 0.03
    nearness: float = 0.05


NEARNESS_DAYS = 365.0  # two stories a year apart get 1/e of the credit for nearness in time


@dataclass(frozen=True)
class Columns:
    """Facts of many articles as aligned columns; `edition` and `language` are codes of the catalogue.

    `posted` is in seconds since 1970, NaN where unknown. `shown` is False for what must stand in no sidebar. `changed`
    and `relisted` are the revisions of the article's and its candidate list's last change.
    """

    number: IntArray
    posted: FloatArray
    reads: FloatArray
    edition: IntArray
    language: IntArray
    shown: BoolArray
    update: BoolArray
    changed: RevisionArray
    relisted: RevisionArray

    def take(self, places: npt.NDArray[np.integer]) -> "Columns":
        """The facts at some places."""
        return Columns(**{name: column[places] for name, column in vars(self).items()})


@dataclass(frozen=True)
class SourceArticle:
    """The article the sidebar stands beside; -1 and NaN for a draft without number or date."""

    number: int
    posted: float
    edition: int
    language: int


@dataclass(frozen=True)
class Rules:
    """What one request asks for. Codes as in `Columns`; None means "any". Times are seconds since 1970."""

    now: float
    n: int = 3
    exclude: frozenset[int] = frozenset()
    editions: frozenset[int] | None = None
    languages: frozenset[int] | None = None
    since: float | None = None
    until: float | None = None
    diversity: float = 0.0
    min_score: float = 0.12
    fallback: str = "ladder"


@dataclass(frozen=True)
class Teaser:
    """One place in the sidebar: an article's number, its score, the parts that add up to it, and its origin."""

    number: int
    score: float
    source: str
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Shortlist:
    """The best candidates that pass the filters, best first, and what is known of them."""

    rows: CandidateArray
    facts: Columns
    parts: Mapping[str, FloatArray]
    score: FloatArray
    versions_of_source: IntArray

    @property
    def numbers(self) -> IntArray:
        """Article numbers, best first."""
        return self.facts.number


def score_parts(rows: CandidateArray, facts: Columns, source: SourceArticle, weights: Weights) -> dict[str, FloatArray]:
    """The parts of each candidate's score, each 0 or more, rounded to DECIMALS; their sum is at most 1.

    A part of which nothing is known for a pair (no tags, no countries, no date on one side) is 0, and the others share
    its weight.
    """
    days = np.abs(facts.posted - source.posted) / DAY
    known = {
        "dense": np.clip(rows["dense"], 0, 1),
        "lexical": np.clip(rows["lexical"], 0, 1),
        "tags": np.clip(rows["tags"], 0, 1),
        "places": np.clip(rows["places"], 0, 1),
        "nearness": np.exp(-days / NEARNESS_DAYS),
    }
    weighed = {name: getattr(weights, name) * ~np.isnan(values) for name, values in known.items()}
    whole = np.sum(list(weighed.values()), axis=0)
    return {
        name: np.round(weighed[name] / whole * np.nan_to_num(values.astype(np.float64)), DECIMALS)
        for name, values in known.items()
    }


def allowed(facts: Columns, source: SourceArticle, rules: Rules) -> BoolArray:
    """Which articles may stand in this sidebar at all: every filter of the request, and what holds for all."""
    mask: BoolArray = facts.shown & (facts.number != source.number)
    # NaN compares false: an article without a date is not "posted later", and in no period that is asked for.
    mask &= ~(facts.posted > rules.now)
    if rules.exclude:
        mask &= ~np.isin(facts.number, list(rules.exclude))
    if rules.editions is not None:
        mask &= np.isin(facts.edition, list(rules.editions))
    if rules.languages is not None:
        mask &= np.isin(facts.language, list(rules.languages))
    if rules.since is not None:
        mask &= facts.posted >= rules.since
    if rules.until is not None:
        mask &= facts.posted <= rules.until
    return mask


def shortlist(rows: CandidateArray, facts: Columns, source: SourceArticle, rules: Rules, weights: Weights) -> Shortlist:
    """The POOL best candidates that pass the filters and are no other version of the source. `facts` go with `rows`."""
    version = is_version(
        rows["raw"], rows["lexical"], np.abs(facts.posted - source.posted), facts.language == source.language
    )
    keep = np.flatnonzero(allowed(facts, source, rules) & ~version)
    parts = score_parts(rows[keep], facts.take(keep), source, weights)
    score = total(parts)
    order = np.lexsort((facts.number[keep], -score))[:POOL]
    return Shortlist(
        rows=rows[keep[order]],
        facts=facts.take(keep[order]),
        parts={name: values[order] for name, values in parts.items()},
        score=score[order],
        versions_of_source=facts.number[version],
    )


def total(parts: Mapping[str, FloatArray]) -> FloatArray:
    """The score: the sum of the parts."""
    summed: FloatArray = np.round(np.sum(list(parts.values()), axis=0), DECIMALS)
    return summed


_UNALIKE = np.zeros((0, 0), dtype=np.float32)
VERSION_RAW = 0.80
VERSION_LEXICAL = 0.36
VERSION_SECONDS = 2 * DAY


def is_version(
    raw: npt.NDArray[np.float32], lexical: npt.NDArray[np.float32], apart: FloatArray, same_language: BoolArray
) -> BoolArray:
    """Whether two articles are versions of one report: nearly the same text, in one language, within two days.

    `raw` and `lexical` are the features of a candidate list, `apart` is in seconds, NaN where a date is unknown:
    then the texts alone decide.
    """
    close = ~(apart > VERSION_SECONDS)
    return (raw >= VERSION_RAW) & (lexical >= VERSION_LEXICAL) & close & same_language


def select(short: Shortlist, lists: Mapping[int, CandidateArray], rules: Rules) -> tuple[list[Teaser], frozenset[int]]:
    """The related teasers, best first, and the numbers that must not come back as fallbacks.

    `lists` holds the candidate lists of the shortlisted articles: they say how alike any two of these are.
    """
    versions = versions_among(short.facts, lists)
    kept = one_of_each(versions, short.facts)
    dropped = frozenset(short.numbers.tolist()) - frozenset(short.numbers[kept].tolist())
    kept = kept[short.score[kept] >= rules.min_score]
    alike = pair_features(lists, short.numbers[kept], ("lexical",))["lexical"] if rules.diversity else _UNALIKE
    chosen = diversify(short.score[kept], alike, rules.n, rules.diversity)
    teasers = [_teaser(short, place) for place in kept[chosen].tolist()]
    return teasers, dropped | frozenset(short.versions_of_source.tolist())


def _teaser(short: Shortlist, place: int) -> Teaser:
    parts = {name: round(float(values[place]), DECIMALS) for name, values in short.parts.items()}
    return Teaser(int(short.numbers[place]), round(float(short.score[place]), DECIMALS), RELATED, parts)


def one_of_each(versions: BoolArray, facts: Columns) -> Places:
    """Places of the articles that stand for their versions, in the order of the best of each.

    Walks down the given order; of what is left of an article and its versions the newest is taken, an update before
    its original. `versions` is (n, n) and symmetric; versions of versions are none.
    """
    if not versions.any():
        return np.arange(len(versions), dtype=np.intp)
    posted = np.nan_to_num(facts.posted, nan=-np.inf)
    free = np.ones(len(posted), dtype=bool)
    kept = []
    for place in range(len(posted)):
        if not free[place]:
            continue
        group = np.flatnonzero(versions[place] & free)
        group = np.append(group[group != place], place)
        newest = max(group.tolist(), key=lambda one: (posted[one], facts.update[one], -one))
        kept.append(newest)
        free[group] = False
        free[versions[newest]] = False
    return np.array(kept, dtype=np.intp)


def diversify(score: FloatArray, alike: npt.NDArray[np.floating], n: int, diversity: float) -> list[int]:
    """Places of `n` candidates by maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998), in that order.

    `alike` is (m, m) in [0, 1]. `diversity` 0 keeps the order given; 1 lets likeness to what is chosen already count a
    fifth, which is where the sample's judgments begin to suffer.
    """
    if not diversity:
        return list(range(min(n, len(score))))
    share = MOST_DIVERSITY * diversity
    chosen: list[int] = []
    remaining = list(range(len(score)))
    nearest = np.zeros(len(score))
    while remaining and len(chosen) < n:
        gain = (1 - share) * score[remaining] - share * nearest[remaining]
        best = remaining.pop(int(np.argmax(gain)))
        chosen.append(best)
        nearest = np.maximum(nearest, alike[best])
    return chosen


def without_versions(
    chosen: Sequence[Teaser], more: Sequence[Teaser], columns: Columns, lists: Mapping[int, CandidateArray], n: int
) -> list[Teaser]:
    """`chosen` and as many of `more`, in their order, as fill `n` places without a second version of any report."""
    teasers = [*chosen, *more]
    numbers = np.array([teaser.number for teaser in teasers], dtype=np.int32)
    versions = versions_among(columns.take(numbers), lists)
    kept = list(range(len(chosen)))
    for place in range(len(chosen), len(teasers)):
        if len(kept) < n and not versions[place, kept].any():
            kept.append(place)
    return [teasers[place] for place in kept]


def versions_among(facts: Columns, lists: Mapping[int, CandidateArray]) -> BoolArray:
    """Which of some articles are versions of each other, (n, n) and symmetric, as far as their own lists tell."""
    pairs = pair_features(lists, facts.number, ("raw", "lexical"))
    apart = np.abs(facts.posted[:, None] - facts.posted[None, :])
    same_language = facts.language[:, None] == facts.language[None, :]
    return is_version(pairs["raw"], pairs["lexical"], apart, same_language)


def fallbacks(facts: Columns, source: SourceArticle, rules: Rules, missing: int, taken: frozenset[int]) -> list[Teaser]:
    """What fills the places that no related story fills, by a ladder; every filter of the request holds.

    Rungs: most read of the edition in the 30 days before now, latest of the edition, latest of any edition. With
    `rules.fallback` "latest" the first is left out; with "none" nothing is filled. Ties go to the newer article.
    """
    if missing <= 0 or rules.fallback == "none":
        return []
    free = allowed(facts, source, rules) & ~np.isnan(facts.posted)
    if taken:
        free &= ~np.isin(facts.number, list(taken))
    here = free & (facts.edition == source.edition)
    rungs = [(FALLBACK_EDITION, here, facts.posted), (FALLBACK_ANY, free, facts.posted)]
    if rules.fallback == "ladder":
        rungs.insert(0, (FALLBACK_READ, here & (facts.posted >= rules.now - READ_LATELY), facts.reads))
    found: list[Teaser] = []
    for label, mask, key in rungs:
        places = np.flatnonzero(mask & ~np.isin(facts.number, [teaser.number for teaser in found]))
        order = np.lexsort((-facts.number[places], -facts.posted[places], -key[places]))
        found += [Teaser(int(facts.number[place]), 0.0, label) for place in places[order[: missing - len(found)]]]
    return found
