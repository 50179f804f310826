"""Use case: interleaving, in which readers get sidebars that two models share, and what their clicks say.

Readers of an article see one sidebar for an hour. It depends on nothing about them, so answers are kept as always, all
workers give the same, and nobody is followed: only how often a teaser was clicked on is counted.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from recommender.arrays import IntArray
from recommender.errors import InvalidInput, NotBuilt, NotFound
from recommender.ranking.facts import PINNED, RankedTeaser
from recommender.ranking.pins import place_pins
from recommender.ranking.quotas import allowed_by_quotas, quotas_of
from recommender.release.team_draft import HOUR, Fits, Preference, coins, drafted, preference
from recommender.serving.answers import Query, Question, Recommendation, basis_of
from recommender.serving.document import digest
from recommender.serving.recommender import Recommender
from recommender.serving.write_behind import WriteBehind
from recommender.store.audit import END_TRIAL, START_TRIAL, AuditEntry
from recommender.store.base import State, Store
from recommender.store.generation_view import generation_view
from recommender.store.interleaving import CHALLENGER, InterleavingRun, MixedSidebar, Pick

LATE = 3600  # seconds after its hour in which a sidebar may still be clicked on: pages stay open
MAX_CLICKS = 1_000  # on one teaser of an answer, so in an hour; more are not counted
WORKER = "recommender serve"  # what the audit trail calls one
NO_RUN = (0, 0)

RunKey = tuple[int, int]  # the number of the run and the challenger's generation


@dataclass(frozen=True)
class _Running:
    """A run that goes on: the challenger's generation, the service over it, and which articles it knows, in order."""

    run: InterleavingRun
    generation: int
    challenger: Recommender
    known: IntArray


def _key(running: _Running | None) -> RunKey:
    return NO_RUN if running is None else (running.run.number, running.generation)


@dataclass(frozen=True)
class _OwnSidebar:
    """One model's sidebar of an article, and what it was made with."""

    service: Recommender
    question: Question
    teasers: list[RankedTeaser]


@dataclass(frozen=True)
class InterleavedSidebar:
    """A sidebar during a run: of both models where there are `picks`, else that of the live model alone."""

    recommendation: Recommendation
    run: int
    hour: int
    picks: tuple[Pick, ...] = ()

    @property
    def until(self) -> float:
        """When its hour is over, in seconds since 1970."""
        return float((self.hour + 1) * HOUR)

    def request(self, name: str) -> str:
        """The name of this answer in this hour, made from the one that equal answers have."""
        return digest(f"{name}/{self.run}/{self.hour}".encode())


class Interleaver:
    """Mixes the sidebars of one worker, and counts its clicks. Safe to use from several threads."""

    def __init__(
        self, store: Store, recommender: Recommender, recommender_of: Callable[[Store], Recommender], key: str
    ) -> None:
        """`recommender_of` gives the service over a store; `key` is a secret of all workers that coins come from."""
        self._store = store
        self._live = recommender
        self._recommender_of = recommender_of
        self._key = key
        self._at: tuple[State, _Running | None] | None = None
        self._answers: WriteBehind[MixedSidebar] = WriteBehind("interleaved sidebar", store.interleaving.note)
        self._clicks: WriteBehind[tuple[str, int]] = WriteBehind(
            "count of clicks", lambda clicks: store.interleaving.count(Counter(clicks), MAX_CLICKS)
        )
        self._left: WriteBehind[InterleavingRun] = WriteBehind("end of an interleaving run", self._end)

    def turn(self, state: State) -> RunKey:
        """Names the run that goes on at a state, NO_RUN where none does. An answer of another is wrong."""
        return _key(self._running(state))

    def known_turn(self, state: State) -> RunKey | None:
        """The same as far as it is known without the store; None where it is not."""
        at = self._at
        if at is None or at[0] != state:
            return None
        return _key(at[1])

    def _running(self, state: State) -> _Running | None:
        at = self._at
        if at is None or at[0] != state:
            at = self._at = state, self._look(None if at is None else at[1])
        return at[1]

    def _look(self, last: _Running | None) -> _Running | None:
        with self._store.reading():
            run = self._store.interleaving.latest()
            if run is None or run.until is not None:
                return None
            number = self._store.generations.shadow()
            if number is None or not goes_on(self._store, run):
                self._left.put(run)  # or it would come to life again where its models come back
                return None
            if last is not None and last.generation == number:
                return replace(last, run=run)
            known = np.array(self._store.generations.numbers(number), dtype=np.int32)
            return _Running(run, number, self._recommender_of(generation_view(self._store, number)), known)

    def _end(self, left: Collection[InterleavingRun]) -> None:
        with self._store.writing():
            run = self._store.interleaving.latest()
            if run is not None and run in left:  # still open, as it was seen
                _ended(self._store, run, WORKER, self._live.now())

    # -- sidebars ------------------------------------------------------------------------------------------------------

    def answer(self, article_id: str) -> InterleavedSidebar | None:
        """The sidebar of a public article in the run that goes on; None where none does. Raises ArticleNotFound."""
        with self._store.reading():
            running = self._running(self._store.state())
            if running is None:
                return None
            run, hour = running.run.number, int(self._live.now().timestamp() // HOUR)
            live, challenger = (_side(service, article_id) for service in (self._live, running.challenger))
            alone = InterleavedSidebar(_finished(live, live.teasers, challenger), run, hour)
            if not self._takes_part(live, running):
                return alone
            teasers, teams = _mixed(live, challenger, coins(self._key, run, live.question.source.number, hour))
            recommendation = _finished(live, teasers, challenger, until=(hour + 1) * HOUR)
            picks = tuple(Pick(number, teams.get(number)) for number in recommendation.basis.teasers)
            whole = len(picks) == len(live.teasers)
            is_mixed = whole and any(pick.team for pick in picks)
            return replace(alone, recommendation=recommendation, picks=picks) if is_mixed else alone

    def _takes_part(self, live: _OwnSidebar, running: _Running) -> bool:
        """Whether an article's sidebar is shared.

        Not where the live model shows what came after the challenger was built, of which that knows nothing, and not
        where an editor has approved what stands there.
        """
        number = live.question.source.number
        shown = [number, *(teaser.number for teaser in live.teasers)]
        return bool(np.isin(shown, running.known).all()) and self._store.reviews.get(number) is None

    def note(self, request: str, shared: InterleavedSidebar) -> None:
        """Writes down that an answer is shown, behind the request."""
        number = shared.recommendation.basis.number
        self._answers.put(MixedSidebar(request, shared.run, number, shared.hour, shared.picks))

    # -- clicks --------------------------------------------------------------------------------------------------------

    def click(self, request: str, article_id: str) -> bool:
        """Counts a click on a teaser of an answer; False where that has its share already, or too many come at once.

        Raises NotFound for an answer whose clicks are not counted, InvalidInput for what it does not show.
        """
        shown, running = self._store.interleaving.shown(request), self._running(self._store.state())
        answer, clicks = shown or (None, {})
        if answer is None or running is None or running.run.number != answer.run or self._over(answer):
            raise NotFound(f"The answer {request!r} is of no interleaving run that goes on, or its time is over.")
        number = self._store.articles.numbers([article_id]).get(article_id)
        if number is None or number not in clicks:
            raise InvalidInput(f"The answer {request} does not show the article {article_id!r}.")
        return clicks[number] < MAX_CLICKS and self._clicks.put((request, number))

    def _over(self, answer: MixedSidebar) -> bool:
        return self._live.now().timestamp() >= (answer.hour + 1) * HOUR + LATE

    def flush(self) -> None:
        """Writes down what waits."""
        for queue in (self._answers, self._clicks, self._left):
            queue.flush()

    def close(self) -> None:
        """Writes down what waits, and ends the threads."""
        for queue in (self._answers, self._clicks, self._left):
            queue.close()


def goes_on(store: Store, run: InterleavingRun) -> bool:
    """Whether readers get the sidebars of a run: it was not ended, and both models are where they were."""
    live, shadow = store.state().generation, store.generations.shadow()
    if run.until is not None or live is None or shadow is None:
        return False
    model_version = store.generations.model_version
    return (model_version(live), model_version(shadow)) == (run.live, run.challenger)


def end_left(store: Store, by: str, at: datetime) -> None:
    """Ends the open run for good where one of its models has left its place, as `InterleavingControl.end` does.

    Whoever puts another version live or changes the shadow calls this in the same transaction. A worker does what was
    left undone, but only of what it sees.
    """
    with store.writing():
        run = store.interleaving.latest()
        if run is not None and run.until is None and not goes_on(store, run):
            _ended(store, run, by, at)


def _ended(store: Store, run: InterleavingRun, by: str, at: datetime) -> InterleavingRun:
    store.interleaving.end(run.number, at)
    before = {"model": run.challenger, "live": run.live}
    store.audit.append(AuditEntry(at, by, END_TRIAL, subject=run.challenger, before=before))
    return replace(run, until=at)


def _side(service: Recommender, article_id: str) -> _OwnSidebar:
    question = service.reader_question(article_id, Query())
    return _OwnSidebar(service, question, service.teasers(question))


def _finished(
    live: _OwnSidebar, teasers: list[RankedTeaser], other: _OwnSidebar, until: float = np.inf
) -> Recommendation:
    """The answer with some teasers. It is right while the sidebar of the other model is too, and until a time."""
    recommendation = live.service.finished(live.question, teasers)
    ours, theirs = recommendation.basis, basis_of(other.question, other.teasers)
    known = ours.articles is not None and theirs.articles is not None
    articles = np.union1d(ours.articles, theirs.articles) if known else None  # type: ignore[arg-type]  # both are there
    basis = replace(
        ours,
        articles=articles,
        until=min(ours.until, theirs.until, until),
        expires=min(ours.expires, theirs.expires, until),
    )
    return replace(recommendation, basis=basis)


def _mixed(
    live: _OwnSidebar, challenger: _OwnSidebar, coin: Callable[[int], bool]
) -> tuple[list[RankedTeaser], Mapping[int, str | None]]:
    """The sidebar that both share, and whose each teaser is, by number. Pins stay in their slots, and are nobody's."""
    pinned_here = {teaser.number: teaser for teaser in live.teasers if teaser.source == PINNED}
    slots = live.question.source.constraints.pins
    pins = {slot: pinned_here[number] for slot, number in slots.items() if number in pinned_here}
    ours, theirs = (
        {teaser.number: teaser for teaser in side.teasers if teaser.number not in pinned_here}
        for side in (live, challenger)
    )
    fits = _fits(live, challenger, list(pinned_here), {*ours, *theirs})
    picks = drafted(list(ours), list(theirs), len(live.teasers) - len(pins), coin, fits)
    chosen = [(theirs if pick.team == CHALLENGER else theirs | ours)[pick.number] for pick in picks]
    return place_pins(chosen, pins, Query().n), dict(picks)


def _fits(live: _OwnSidebar, challenger: _OwnSidebar, fixed: list[int], others: Collection[int]) -> Fits:
    """What may stand beside what is placed: one report of each event, as either model sees it, within the rules."""
    source = live.question.source
    numbers = [source.number, *fixed, *sorted(others)]
    place = {number: at for at, number in enumerate(numbers)}
    same = live.service.reports(live.question, numbers) | challenger.service.reports(challenger.question, numbers)
    quotas = quotas_of(live.question.snapshot.columns.take(np.array(numbers)), source.constraints)

    def fits(remaining: Collection[int], taken: Collection[int]) -> list[int]:
        placed = [*fixed, *taken]
        beside = [place[number] for number in (source.number, *placed)]
        fresh = [number for number in remaining if not same[place[number], beside].any()]
        return allowed_by_quotas(fresh, placed, len(live.teasers) - len(placed), quotas)

    return fits


# -- for those who run it ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class InterleavingReport:
    """What a run has shown so far.

    `sidebars` counts articles in hours, and `nobody` the clicks on teasers that are nobody's. `going_on` is False for
    one that was ended, or whose live model or shadow is another now, which ends it too.
    """

    run: InterleavingRun
    going_on: bool
    sidebars: int
    articles: int
    hours: int
    nobody: int
    preference: Preference


class InterleavingControl:
    """Opens and ends interleaving runs, and reports on them."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def start(self, name: str, by: str) -> InterleavingRun:
        """Gives readers sidebars that the live model and the one in the shadow share; what was counted is forgotten.

        Raises InvalidInput where `name` is not in the shadow, or its run goes on already; NotBuilt.
        """
        with self._store.writing():
            state, shadow = self._store.state(), self._store.generations.shadow()
            if state.generation is None:
                raise NotBuilt
            if shadow is None or self._store.generations.model_version(shadow) != name:
                raise InvalidInput(f"{name} is not in the shadow. Run `recommender models shadow {name}` first.")
            live = self._store.generations.model_version(state.generation)
            if live is None:
                raise InvalidInput("What readers get names no model version. Run `recommender build` first.")
            last = self._store.interleaving.latest()
            if last is not None and goes_on(self._store, last):
                raise InvalidInput(f"{last.challenger} shares the sidebars already; end that with --off first.")
            at = self._clock()
            end_left(self._store, by, at)
            number = self._store.interleaving.start(live, name, at)
            self._store.audit.append(AuditEntry(at, by, START_TRIAL, subject=name, after={"model": name, "live": live}))
        return InterleavingRun(number, live, name, at)

    def end(self, by: str) -> InterleavingRun:
        """Gives readers the live model's sidebars again. Raises InvalidInput where no run is open."""
        with self._store.writing():
            run = self._store.interleaving.latest()
            if run is None or run.until is not None:
                raise InvalidInput("No model shares the sidebars.")
            return _ended(self._store, run, by, self._clock())

    def report(self) -> InterleavingReport:
        """What the last run has shown so far. Raises InvalidInput where there was none."""
        with self._store.reading():
            run = self._store.interleaving.latest()
            if run is None:
                raise InvalidInput("There was no interleaving yet: `recommender models interleave NAME/VERSION`.")
            counts, going_on = self._store.interleaving.counts(run.number), goes_on(self._store, run)
        return InterleavingReport(
            run=run,
            going_on=going_on,
            sidebars=len(counts),
            articles=len({count.article for count in counts}),
            hours=len({count.hour for count in counts}),
            nobody=sum(count.nobody for count in counts),
            preference=preference(counts),
        )
