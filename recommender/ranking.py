"""From candidates to the sidebar: named parts that add up, filters, versions, diversity, fallbacks. Pure functions.

The order of the steps is: filters and bans → score, boosted or buried → one report of each event → threshold → roles or
diversity, within the limits of rules → pins → fallbacks → cut → guard. What may not stand beside the source (`guarded`)
is filtered out first, here and in the fallbacks, so that others take its place; the finished list passes the same guard
again, so that no step can bring it back.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np
import numpy.typing as npt

from recommender.candidates import CandidateArray, IntArray, pair_features
from recommender.directives import OPEN, Beside
from recommender.rules import AT_LEAST, AT_MOST, FORBID, LOWER, RAISE
from recommender.scoring import (
    DAY,
    SIGNALS,
    UNITS,
    RankingModel,
    Scales,
    Scores,
    likenesses,
    multiplied,
    scaled,
    scored,
)
from recommender.shingles import SAME_TEXT

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
RevisionArray = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]

RELATED = "related"
PINNED = "pinned"
FALLBACK_READ = "fallback_edition_read"
FALLBACK_EDITION = "fallback_edition_latest"
FALLBACK_ANY = "fallback_any_latest"
READ_LATELY = 30 * DAY
POOL = 25  # candidates that compete for the places after filters; more cost time and change nothing in ten results
# A story in the reader's own language stands before one in another language with up to twice its odds of being related.
OWN_LANGUAGE = 2.0
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
    (or its signals') and its candidate list's last change. `flags` are bits (see `guard`), `labels` what rules ask for.
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
    flags: IntArray
    labels: npt.NDArray[np.object_]

    def take(self, places: npt.NDArray[np.integer]) -> "Columns":
        """The facts at some places."""
        return Columns(**{name: column[places] for name, column in vars(self).items()})

    def joined(self, other: "Columns") -> "Columns":
        """These facts and then the other ones."""
        return Columns(**{name: np.concatenate([column, getattr(other, name)]) for name, column in vars(self).items()})


@dataclass(frozen=True)
class SourceArticle:
    """The article the sidebar stands beside; -1 and NaN for a draft without number, story or date.

    `beside` is what editors and the guard say of it.
    """

    number: int
    posted: float
    edition: int
    language: int
    desk: int = -1
    story: int = -1
    beside: Beside = OPEN


@dataclass(frozen=True)
class Rules:
    """What one request asks for. Codes as in `Columns`; None means "any". Times are seconds since 1970.

    With `foreign` related stories may be of other languages too, and so may pins; fallbacks may not.
    """

    now: float
    n: int = 3
    exclude: frozenset[int] = frozenset()
    editions: frozenset[int] | None = None
    languages: frozenset[int] | None = None
    foreign: bool = False
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
    worth: FloatArray  # by which places are given: the score, to which a reader's own language may add
    roles: Sequence[str | None]
    versions_of_source: IntArray

    @property
    def numbers(self) -> IntArray:
        """Article numbers, best first."""
        return self.facts.number


def guarded(facts: Columns, beside: Beside) -> BoolArray:
    """Which articles may stand beside the source at all, whoever put them there and whatever is asked for.

    Not there: what is withdrawn or held, what the matrix of sensitive content keeps apart, what editors have excluded,
    rejected or set apart, what a rule forbids; and nothing where the box is off.
    """
    mask: BoolArray = facts.shown & ((facts.flags & beside.forbidden) == 0)
    if beside.off is not None:
        mask = np.zeros_like(mask)
    if beside.banned:
        mask &= ~np.isin(facts.number, list(beside.banned))
    for rule in beside.rules:
        if rule.then == FORBID or (rule.then == AT_MOST and not rule.count):
            mask &= ~rule.what.among(facts.labels)
    return mask


def allowed(facts: Columns, source: SourceArticle, rules: Rules) -> BoolArray:
    """Which articles may stand in this sidebar: what the guard lets through, and every filter of the request."""
    mask: BoolArray = guarded(facts, source.beside) & (facts.number != source.number)
    # NaN compares false: an article without a date is not "posted later", and in no period that is asked for.
    mask &= ~(facts.posted > rules.now)
    if rules.exclude:
        mask &= ~np.isin(facts.number, list(rules.exclude))
    if rules.editions is not None:
        mask &= np.isin(facts.edition, list(rules.editions))
    mask &= readable(facts, rules)
    if rules.since is not None:
        mask &= facts.posted >= rules.since
    if rules.until is not None:
        mask &= facts.posted <= rules.until
    return mask


def readable(facts: Columns, rules: Rules) -> BoolArray:
    """Which articles are of a language that is asked for."""
    if rules.languages is None or rules.foreign:
        return np.ones(len(facts.language), dtype=bool)
    mask: BoolArray = np.isin(facts.language, list(rules.languages))
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
    factors = factors_of(facts.take(keep), source.beside)
    scores = scores if factors is None else multiplied(scores, factors)
    own = rules.foreign & (facts.language[keep] == source.language)
    order = np.lexsort((facts.number[keep], -(scores.evidence + np.log(OWN_LANGUAGE) * own)))[:POOL]
    chosen = facts.take(keep[order])
    found = scores.take(order)
    return Shortlist(
        rows=rows[keep[order]],
        facts=chosen,
        scores=found,
        worth=_multiplied(found.score, np.where(own[order], OWN_LANGUAGE, 1.0)),
        roles=roles_of(rows[keep[order]], chosen, source, rules.roles),
        versions_of_source=facts.number[version],
    )


def _multiplied(score: FloatArray, factors: FloatArray) -> FloatArray:
    """Probabilities whose odds are multiplied."""
    return score * factors / (1 - score + score * factors)


def factors_of(facts: Columns, beside: Beside) -> FloatArray | None:
    """By what the odds of some articles are multiplied; None where there is nothing to multiply."""
    rules = [
        (rule.what, rule.factor) for rule in beside.rules if rule.then in (RAISE, LOWER) and rule.factor is not None
    ]
    if not rules and not beside.factors:
        return None
    factors = np.array([beside.factors.get(number, 1.0) for number in facts.number.tolist()], dtype=np.float64)
    for what, factor in rules:
        factors[what.among(facts.labels)] *= factor
    return factors


# Deviations. On the sample the lowest true version stands at 4.78, the highest pair of two stories at 4.51, both with
# words as alike; the middle between them.
EVENT_DENSE = 4.65
EVENT_LEXICAL = 6.0  # deviations
# Deviations. The lowest true version stands at 4.87; a portrait of victims and an analysis of the day after shared
# words and meaning with the first report, but had 4.31.
EVENT_THEMES = 4.6
EVENT_SECONDS = 3 * DAY
EVENT_NAMES_AND_TOPICS = 1.45  # of 2
EVENT_NAMED_SECONDS = 2 * DAY


def same_event(known: Mapping[str, FloatArray], apart: FloatArray, same_language: BoolArray) -> BoolArray:
    """Whether two articles report one event: versions, twins of two desks, counterparts in another language.

    In one language they have much the same words and themes within three days, or nearly the same text, whenever that
    was. In two languages they have the same names and topics within two days: in one, these are shared by all that one
    event sets off. `known` is what `likenesses` gives, `apart` in seconds, NaN where a date is unknown.
    """
    alike = (known["dense"] >= EVENT_DENSE) & (known["lexical"] >= EVENT_LEXICAL)
    worded = same_language & alike & (known["themes"] >= EVENT_THEMES) & (apart <= EVENT_SECONDS)
    copied = same_language & (known["shingles"] >= SAME_TEXT)
    named = known["names"] + known["topics"] >= EVENT_NAMES_AND_TOPICS
    counterpart: BoolArray = ~same_language & named & (apart <= EVENT_NAMED_SECONDS)
    return worded | copied | counterpart


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


NO_LIMIT = 1 << 30


@dataclass(frozen=True)
class Quota:
    """How many teasers of some sort a rule allows and asks for; `sort` says by number which articles are of it."""

    sort: frozenset[int]
    least: int
    most: int


def quotas_of(facts: Columns, beside: Beside) -> list[Quota]:
    """What the rules say of how many teasers may be of some sort, among the articles given."""
    found = []
    for rule in beside.rules:
        if rule.then in (AT_MOST, AT_LEAST) and rule.count:
            sort = frozenset(facts.number[rule.what.among(facts.labels)].tolist())
            least, most = (rule.count, NO_LIMIT) if rule.then == AT_LEAST else (0, rule.count)
            found.append(Quota(sort, least, most))
    return found


def within(remaining: Sequence[int], taken: Sequence[int], free: int, quotas: Sequence[Quota]) -> list[int]:
    """Which of some articles may come next, when some are taken and `free` places are left. All by number.

    Where as many places are left as rules still ask for, only what they ask for may come, if there is any.
    """
    counts = [len(quota.sort.intersection(taken)) for quota in quotas]
    full = [quota.sort for quota, count in zip(quotas, counts, strict=True) if count >= quota.most]
    open_ = [number for number in remaining if not any(number in sort for sort in full)]
    lacking = [
        (quota.sort, quota.least - count) for quota, count in zip(quotas, counts, strict=True) if count < quota.least
    ]
    wanted = [number for number in open_ if any(number in sort for sort, _ in lacking)]
    return wanted if wanted and sum(count for _, count in lacking) >= free else open_


def lacking(taken: Sequence[Teaser], quotas: Sequence[Quota]) -> tuple[int, frozenset[int]]:
    """How many more teasers rules ask for than are taken, and by number the articles that would do."""
    numbers = [teaser.number for teaser in taken]
    short = [(quota.least - len(quota.sort.intersection(numbers)), quota.sort) for quota in quotas]
    open_ = [(count, sort) for count, sort in short if count > 0]
    return sum(count for count, _ in open_), frozenset().union(*(sort for _, sort in open_))


def select(
    short: Shortlist,
    lists: Lists,
    rules: Rules,
    source: SourceArticle,
    ranker: Ranker,
    *,
    pinned: Columns | None = None,
) -> tuple[list[Teaser], frozenset[int]]:
    """The related teasers, best first, and the numbers that must not come back as fallbacks.

    `lists` holds the candidate lists of the shortlisted articles, and of those that are pinned: they say how alike any
    two of these are. Pinned articles take places, and keep out other reports of the same events.
    """
    placed = [] if pinned is None else pinned.number.tolist()
    apart = _without_reports(short, pinned, lists, ranker.scales)
    versions = events_among(short.facts.take(apart), lists, ranker.scales)
    kept = apart[one_of_each(versions, short.facts.take(apart), source.language)]
    dropped = frozenset(short.numbers.tolist()) - frozenset(short.numbers[kept].tolist())
    worth = short.worth
    kept = np.sort(
        kept[short.scores.score[kept] >= rules.min_score]
    )  # best first again: one may stand for a better version
    known = short.facts.take(kept)
    quotas = quotas_of(known if pinned is None else pinned.joined(known), source.beside)
    choice = Choice(short.numbers[kept].tolist(), placed, rules.n - len(placed), quotas)
    if rules.diversity:
        alike = pair_features(lists, short.numbers[kept], ("lexical",))["lexical"]
        chosen = diversify(worth[kept], alike, choice, rules.diversity)
    else:
        roles = [short.roles[place] for place in kept.tolist()]
        chosen = varied(worth[kept], roles, short.facts.demand[kept], choice)
    teasers = [_teaser(short, place) for place in kept[chosen].tolist()]
    return teasers, dropped | frozenset(short.versions_of_source.tolist()) | frozenset(placed)


def _without_reports(short: Shortlist, pinned: Columns | None, lists: Lists, scales: Scales) -> Places:
    """Places of the shortlist that are neither pinned nor report the same event as something that is."""
    every: Places = np.arange(len(short.numbers), dtype=np.intp)
    if pinned is None or not len(pinned.number):
        return every
    apart = every[~np.isin(short.numbers, pinned.number)]
    events = events_among(pinned.joined(short.facts.take(apart)), lists, scales)
    count = len(pinned.number)
    return apart[~events[:count, count:].any(axis=0)]


@dataclass(frozen=True)
class Choice:
    """What is chosen from: the articles' numbers, those placed already, how many places are free, and the rules."""

    numbers: Sequence[int]
    placed: Sequence[int] = ()
    free: int = 3
    quotas: Sequence[Quota] = ()

    def open(self, remaining: list[int], chosen: Sequence[int]) -> list[int]:
        """Which of the remaining may come next. All are places in `numbers`."""
        if not self.quotas:
            return remaining
        numbers = {self.numbers[place]: place for place in remaining}
        taken = [*self.placed, *(self.numbers[place] for place in chosen)]
        return [numbers[one] for one in within(list(numbers), taken, self.free - len(chosen), self.quotas)]


def varied(score: FloatArray, roles: Sequence[str | None], demand: IntArray, choice: Choice) -> list[int]:
    """Places of the candidates, best first, chosen so that they differ in their roles and no article is forgotten.

    `score` falls. The first is always the best. After it, a role that no other has yet is worth ROLE_GAIN of score. In
    the last place an article gains up to RARE_GAIN, the less the more sidebars it could stand in: it is a near miss
    there, and nowhere else would it be seen.
    """
    chosen: list[int] = []
    remaining = list(range(len(score)))
    while len(chosen) < choice.free and (possible := choice.open(remaining, chosen)):
        taken = {roles[place] for place in chosen}
        fresh = [roles[place] is not None and roles[place] not in taken for place in possible]
        gain = score[possible]
        if chosen:
            gain = gain + ROLE_GAIN * np.array(fresh)
            gain += RARE_GAIN / (1 + demand[possible]) * (len(chosen) == choice.free - 1)
        best = possible[int(np.argmax(gain))]
        remaining.remove(best)
        chosen.append(best)
    return sorted(chosen)


def _teaser(short: Shortlist, place: int) -> Teaser:
    units = {part: int(values[place]) for part, values in short.scores.units.items()}
    # Most teasers stand under no signal, and say nothing of any.
    parts = {part: count / UNITS for part, count in units.items() if count or part != SIGNALS}
    return Teaser(int(short.numbers[place]), sum(units.values()) / UNITS, RELATED, parts, short.roles[place])


def teasers_of(
    numbers: IntArray, rows: CandidateArray, facts: Columns, source: SourceArticle, ranker: Ranker
) -> dict[int, Teaser]:
    """What some of the candidates would look like as teasers, whether they are good enough or not."""
    places = np.flatnonzero(np.isin(facts.number, numbers))
    if not len(places):
        return {}
    chosen = facts.take(places)
    known = likenesses(rows[places], np.abs(chosen.posted - source.posted), ranker.scales)
    scores = scored(known, ranker.model)
    factors = factors_of(chosen, source.beside)
    scores = scores if factors is None else multiplied(scores, factors)
    none: IntArray = np.empty(0, dtype=np.int32)
    short = Shortlist(rows[places], chosen, scores, scores.score, [None] * len(places), none)
    return {int(number): _teaser(short, place) for place, number in enumerate(chosen.number)}


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


def diversify(score: FloatArray, alike: npt.NDArray[np.floating], choice: Choice, diversity: float) -> list[int]:
    """Places of the candidates by maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998), in that order.

    `alike` is (m, m) in [0, 1]. `diversity` 0 keeps the order given; 1 lets likeness to what is chosen already count a
    fifth, which is where the sample's judgments begin to suffer.
    """
    share = MOST_DIVERSITY * diversity
    chosen: list[int] = []
    remaining = list(range(len(score)))
    nearest = np.zeros(len(score))
    while len(chosen) < choice.free and (possible := choice.open(remaining, chosen)):
        gain = (1 - share) * score[possible] - share * nearest[possible]
        best = possible[int(np.argmax(gain))]
        remaining.remove(best)
        chosen.append(best)
        nearest = np.maximum(nearest, alike[best])
    return chosen


def filled(
    chosen: Sequence[Teaser],
    more: Sequence[Teaser],
    events: Callable[[IntArray], BoolArray],
    n: int,
    quotas: Sequence[Quota] = (),
) -> list[Teaser]:
    """`chosen` and as many of `more` as fill `n` places within the rules, without a second report of any event.

    `events` says which of some articles report one event, as `events_among` does. `more` is taken in its order, but for
    what rules still ask for.
    """
    teasers = [*chosen, *more]
    numbers = [teaser.number for teaser in teasers]
    versions = events(np.array(numbers, dtype=np.int32))
    place_of = {number: place for place, number in enumerate(numbers)}
    kept = list(range(len(chosen)))
    remaining = numbers[len(chosen) :]
    while len(kept) < n:
        fresh = [number for number in remaining if not versions[place_of[number], kept].any()]
        possible = within(fresh, [numbers[place] for place in kept], n - len(kept), quotas)
        if not possible:
            break
        kept.append(place_of[possible[0]])
        remaining.remove(possible[0])
    return [teasers[place] for place in kept]


def pinned_places(facts: Columns, source: SourceArticle, rules: Rules) -> dict[int, int]:
    """By slot (from 1) the place in `facts` of each pinned article that may stand in this sidebar."""
    slots = {number: slot for slot, number in source.beside.pins.items() if slot <= rules.n}
    mask = allowed(facts, source, rules)
    return {
        slots[number]: place for place, number in enumerate(facts.number.tolist()) if number in slots and mask[place]
    }


def arranged(teasers: Sequence[Teaser], pins: Mapping[int, Teaser], n: int) -> list[Teaser]:
    """The sidebar with every pin in its slot, and the others around them; where too few are there, pins move up."""
    rest = list(teasers)
    found: list[Teaser] = []
    waiting = dict(sorted(pins.items()))
    while len(found) < n and (rest or waiting):
        slot = len(found) + 1
        if slot in waiting or not rest:
            found.append(waiting.pop(slot if slot in waiting else min(waiting)))
        else:
            found.append(rest.pop(0))
    return found


_EVENT_FEATURES = ("dense", "lexical", "themes", "names", "topics", "shingles")


def events_among(facts: Columns, lists: Lists, scales: Scales) -> BoolArray:
    """Which of some articles report one event, (n, n) and symmetric, as far as their own lists tell."""
    pairs = pair_features(lists, facts.number, _EVENT_FEATURES)
    apart = np.abs(facts.posted[:, None] - facts.posted[None, :])
    same_language = facts.language[:, None] == facts.language[None, :]
    return same_event(scaled(pairs, scales), apart, same_language)


def kinds_of(facts: Columns, quotas: Sequence[Quota]) -> Places:
    """Which articles count alike for every rule: equal numbers say so."""
    kinds = np.zeros(len(facts.number), dtype=np.intp)
    for quota in quotas:
        _, kinds = np.unique(2 * kinds + np.isin(facts.number, list(quota.sort)), return_inverse=True)
    return kinds


def fallbacks(
    facts: Columns,
    source: SourceArticle,
    rules: Rules,
    missing: int,
    taken: frozenset[int],
    *,
    kinds: Places | None = None,
) -> list[Teaser]:
    """What fills the places that no related story fills, by a ladder; every filter of the request holds.

    Rungs: most read of the edition in the 30 days before now, latest of the edition, latest of any edition. With
    `rules.fallback` "latest" the first is left out; with "none" nothing is filled. Ties go to the newer article.
    With `kinds` (see `kinds_of`) there are up to `missing` of each kind, in the same order.
    """
    if missing <= 0 or rules.fallback == "none" or not source.beside.fills:
        return []
    free = allowed(facts, source, replace(rules, foreign=False)) & ~np.isnan(facts.posted)
    if taken:
        free &= ~np.isin(facts.number, list(taken))
    here = free & (facts.edition == source.edition)
    rungs = [(FALLBACK_EDITION, here, facts.posted), (FALLBACK_ANY, free, facts.posted)]
    if rules.fallback == "ladder":
        rungs.insert(0, (FALLBACK_READ, here & (facts.posted >= rules.now - READ_LATELY), facts.reads))
    kinds = np.zeros(len(facts.number), dtype=np.intp) if kinds is None else kinds
    room = dict.fromkeys(np.unique(kinds).tolist(), missing)
    found: list[Teaser] = []
    for label, mask, key in rungs:
        places = np.flatnonzero(mask & ~np.isin(facts.number, [teaser.number for teaser in found]))
        order = np.lexsort((-facts.number[places], -facts.posted[places], -key[places]))
        for place in _first_of_each(places[order], kinds, room):
            room[int(kinds[place])] -= 1
            found.append(Teaser(int(facts.number[place]), 0.0, label))
    return found


def _first_of_each(ordered: Places, kinds: Places, room: Mapping[int, int]) -> list[int]:
    """Of some places the first of each kind, as many as there is room for, in the order given."""
    firsts = [np.flatnonzero(kinds[ordered] == kind)[:count].tolist() for kind, count in room.items()]
    return [int(ordered[first]) for first in sorted(chain.from_iterable(firsts))]
