"""From candidates to the sidebar: named parts that add up, filters, versions, diversity, fallbacks. Pure functions.

The order of the steps is: filters → score → one report of each event → threshold → roles or diversity → fallbacks →
cut. What may not be shown at all (`Facts.shown`) is filtered out first here and in the fallbacks, so no step can bring
it back.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from recommender.candidates import CandidateArray, IntArray, pair_features
from recommender.scoring import DAY, UNITS, RankingModel, Scales, Scores, likenesses, scaled, scored

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
RevisionArray = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]

RELATED = "related"
FALLBACK_READ = "fallback_edition_read"
FALLBACK_EDITION = "fallback_edition_latest"
FALLBACK_ANY = "fallback_any_latest"
READ_LATELY = 30 * DAY
POOL = 25  # candidates that compete for the places after filters; more cost time and change nothing in ten results
MOST_DIVERSITY = 0.2  # the share of likeness in the gain at `diversity` 1

LATEST, BACKGROUND, ANGLE = "latest", "background", "angle"
ROLES = (BACKGROUND, LATEST, ANGLE)
ROLE_GAIN = 0.03  # what a role that no other teaser has yet may cost in score
RARE_GAIN = 0.25  # what an article in no other sidebar may be worth in the last place
BACKGROUND_SECONDS = 30 * DAY  # an article of the same story that is older tells what came before
OTHER_PLACE = 0.5  # of the countries of two articles less is shared


@dataclass(frozen=True)
class Ranker:
    """How candidates are scored: the model, and how likenesses spread in the generation they come from."""

    model: RankingModel
    scales: Scales


@dataclass(frozen=True)
class Columns:
    """Facts of many articles as aligned columns; `edition`, `language` and `desk` are codes of the catalogue.

    `posted` is in seconds since 1970, NaN where unknown. `shown` is False for what must stand in no sidebar, `explains`
    True for an explainer or analysis. `story` is the number of the first article of the running story, `demand` says
    among how many others' best candidates an article is. `changed` and `relisted` are the revisions of the article's
    and its candidate list's last change.
    """

    number: IntArray
    posted: FloatArray
    reads: FloatArray
    edition: IntArray
    language: IntArray
    shown: BoolArray
    update: BoolArray
    explains: BoolArray
    desk: IntArray
    story: IntArray
    demand: IntArray
    changed: RevisionArray
    relisted: RevisionArray

    def take(self, places: npt.NDArray[np.integer]) -> "Columns":
        """The facts at some places."""
        return Columns(**{name: column[places] for name, column in vars(self).items()})


@dataclass(frozen=True)
class SourceArticle:
    """The article the sidebar stands beside; -1 and NaN for a draft without number, story or date."""

    number: int
    posted: float
    edition: int
    language: int
    desk: int = -1
    story: int = -1


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
    min_score: float = 0.0
    fallback: str = "ladder"
    roles: frozenset[str] = frozenset(ROLES)


@dataclass(frozen=True)
class Teaser:
    """One place in the sidebar: an article's number, its score, the parts that add up to it, its origin and role."""

    number: int
    score: float
    source: str
    parts: Mapping[str, float] = field(default_factory=dict)
    role: str | None = None


@dataclass(frozen=True)
class Shortlist:
    """The best candidates that pass the filters, best first, and what is known of them."""

    rows: CandidateArray
    facts: Columns
    scores: Scores
    roles: Sequence[str | None]
    versions_of_source: IntArray

    @property
    def numbers(self) -> IntArray:
        """Article numbers, best first."""
        return self.facts.number


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


def shortlist(rows: CandidateArray, facts: Columns, source: SourceArticle, rules: Rules, ranker: Ranker) -> Shortlist:
    """The POOL best candidates that pass the filters, without other reports of the source's event in its language.

    `facts` go with `rows`. A report in another language stays: who reads both may want it.
    """
    apart = np.abs(facts.posted - source.posted)
    known = likenesses(rows, apart, ranker.scales)
    version = same_event(known, apart, facts.language == source.language) & (facts.language == source.language)
    keep = np.flatnonzero(allowed(facts, source, rules) & ~version)
    scores = scored({part: values[keep] for part, values in known.items()}, ranker.model)
    order = np.lexsort((facts.number[keep], -scores.evidence))[:POOL]
    chosen = facts.take(keep[order])
    return Shortlist(
        rows=rows[keep[order]],
        facts=chosen,
        scores=scores.take(order),
        roles=roles_of(rows[keep[order]], chosen, source, rules.roles),
        versions_of_source=facts.number[version],
    )


EVENT_DENSE = 4.5  # deviations
EVENT_LEXICAL = 6.0  # deviations
EVENT_SECONDS = 3 * DAY
EVENT_NAMES_AND_TOPICS = 1.45  # of 2
EVENT_NAMED_SECONDS = 2 * DAY
EVENT_TEXT = 7.5  # deviations; without dates only nearly the same text is the same report


def same_event(known: Mapping[str, FloatArray], apart: FloatArray, same_language: BoolArray) -> BoolArray:
    """Whether two articles report one event: versions, twins of two desks, counterparts in another language.

    They have much the same words within three days, or the same names and topics within two, which holds across
    languages. `known` is what `likenesses` gives, `apart` in seconds, NaN where a date is unknown.
    """
    close = known["dense"] >= EVENT_DENSE
    worded = same_language & close & (known["lexical"] >= EVENT_LEXICAL) & (apart <= EVENT_SECONDS)
    named = (known["names"] + known["topics"] >= EVENT_NAMES_AND_TOPICS) & (apart <= EVENT_NAMED_SECONDS)
    undated: BoolArray = np.isnan(apart) & same_language & close & (known["lexical"] >= EVENT_TEXT)
    return worded | named | undated


def near_identical(rows: CandidateArray, same_language: BoolArray, scales: Scales) -> BoolArray:
    """Which candidates report the same in much the same words, whenever that was."""
    known = scaled({feature: rows[feature] for feature in ("dense", "lexical")}, scales)
    near: BoolArray = same_language & (known["dense"] >= EVENT_DENSE) & (known["lexical"] >= EVENT_LEXICAL)
    return near


def roles_of(rows: CandidateArray, facts: Columns, source: SourceArticle, roles: frozenset[str]) -> list[str | None]:
    """Why each candidate is another reason to read on; None where it is none of `roles`.

    `latest`: newer, of the same running story. `background`: explains, or tells what came before in the same story.
    `angle`: from another place or another desk, where both desks are known.
    """
    story = facts.story == source.story
    other_desk = (facts.desk != source.desk) & (facts.desk >= 0) & (source.desk >= 0)
    with np.errstate(invalid="ignore"):
        reasons = {
            LATEST: story & (facts.posted > source.posted),
            BACKGROUND: facts.explains | (story & (facts.posted < source.posted - BACKGROUND_SECONDS)),
            ANGLE: (rows["places"] < OTHER_PLACE) | other_desk,
        }
    found: list[str | None] = [None] * len(rows)
    for role in (ANGLE, BACKGROUND, LATEST):  # the last one counts
        if role in roles:
            for place in np.flatnonzero(reasons[role]).tolist():
                found[place] = role
    return found


Lists = Mapping[int, CandidateArray]


def select(
    short: Shortlist, lists: Lists, rules: Rules, source: SourceArticle, ranker: Ranker
) -> tuple[list[Teaser], frozenset[int]]:
    """The related teasers, best first, and the numbers that must not come back as fallbacks.

    `lists` holds the candidate lists of the shortlisted articles: they say how alike any two of these are.
    """
    versions = events_among(short.facts, lists, ranker.scales)
    kept = one_of_each(versions, short.facts, source.language)
    dropped = frozenset(short.numbers.tolist()) - frozenset(short.numbers[kept].tolist())
    score = short.scores.score
    kept = np.sort(kept[score[kept] >= rules.min_score])  # best first again: one may stand for a better version
    if rules.diversity:
        alike = pair_features(lists, short.numbers[kept], ("lexical",))["lexical"]
        chosen = diversify(score[kept], alike, rules.n, rules.diversity)
    else:
        roles = [short.roles[place] for place in kept.tolist()]
        chosen = varied(score[kept], roles, short.facts.demand[kept], rules.n)
    teasers = [_teaser(short, place) for place in kept[chosen].tolist()]
    return teasers, dropped | frozenset(short.versions_of_source.tolist())


def varied(score: FloatArray, roles: Sequence[str | None], demand: IntArray, n: int) -> list[int]:
    """Places of `n` candidates, best first, chosen so that they differ in their roles and no article is forgotten.

    `score` falls. The first is always the best. After it, a role that no other has yet is worth ROLE_GAIN of score. In
    the last place an article gains up to RARE_GAIN, the less the more sidebars it could stand in: it is a near miss
    there, and nowhere else would it be seen.
    """
    chosen: list[int] = []
    remaining = list(range(len(score)))
    while remaining and len(chosen) < n:
        taken = {roles[place] for place in chosen}
        fresh = [roles[place] is not None and roles[place] not in taken for place in remaining]
        gain = score[remaining]
        if chosen:
            gain = gain + ROLE_GAIN * np.array(fresh)
            gain += RARE_GAIN / (1 + demand[remaining]) * (len(chosen) == n - 1)
        chosen.append(remaining.pop(int(np.argmax(gain))))
    return sorted(chosen)


def _teaser(short: Shortlist, place: int) -> Teaser:
    units = {part: int(values[place]) for part, values in short.scores.units.items()}
    parts = {part: count / UNITS for part, count in units.items()}
    return Teaser(int(short.numbers[place]), sum(units.values()) / UNITS, RELATED, parts, short.roles[place])


def one_of_each(versions: BoolArray, facts: Columns, language: int) -> Places:
    """Places of the articles that stand for their versions, in the order of the best of each.

    Walks down the given order; of what is left of an article and its versions one in `language` is taken if there is
    one, of these an update before what it overtakes, and of these the newest. `versions` is (n, n) and symmetric;
    versions of versions are none.
    """
    if not versions.any():
        return np.arange(len(versions), dtype=np.intp)
    posted = np.where(np.isnan(facts.posted), -np.inf, facts.posted)
    readable = facts.language == language
    others = {place: set(np.flatnonzero(row).tolist()) for place, row in enumerate(versions) if row.any()}
    gone: set[int] = set()
    kept = []
    for place in range(len(posted)):
        if place in gone:
            continue
        group = others.get(place, set()) - gone | {place}
        newest = max(group, key=lambda one: (readable[one], facts.update[one], posted[one], -one))
        kept.append(newest)
        gone |= group | others.get(newest, set())
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
    chosen: Sequence[Teaser], more: Sequence[Teaser], events: Callable[[IntArray], BoolArray], n: int
) -> list[Teaser]:
    """`chosen` and as many of `more`, in their order, as fill `n` places without a second report of any event.

    `events` says which of some articles report one event, as `events_among` does.
    """
    teasers = [*chosen, *more]
    versions = events(np.array([teaser.number for teaser in teasers], dtype=np.int32))
    kept = list(range(len(chosen)))
    for place in range(len(chosen), len(teasers)):
        if len(kept) < n and not versions[place, kept].any():
            kept.append(place)
    return [teasers[place] for place in kept]


_EVENT_FEATURES = ("dense", "lexical", "names", "topics")


def events_among(facts: Columns, lists: Lists, scales: Scales) -> BoolArray:
    """Which of some articles report one event, (n, n) and symmetric, as far as their own lists tell."""
    pairs = pair_features(lists, facts.number, _EVENT_FEATURES)
    apart = np.abs(facts.posted[:, None] - facts.posted[None, :])
    same_language = facts.language[:, None] == facts.language[None, :]
    return same_event(scaled(pairs, scales), apart, same_language)


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
