"""What ranking needs of every article and of editors' decisions, in memory, kept fresh by revision."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from recommender.curation.constraints import Directives
from recommender.ranking.facts import Columns
from recommender.store.base import State, Store

UNKNOWN_CODE = -1
HELD = 2  # generations: while one replaces another there are readers of both


@dataclass(frozen=True)
class Snapshot:
    """The facts of all articles, as columns indexed by article number, and what editors have decided."""

    columns: Columns
    directives: Directives


@dataclass(frozen=True)
class _Held:
    state: State
    snapshot: Snapshot


class Catalogue:
    """What ranking needs, brought up to date when something has changed. Safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._held: dict[int | None, _Held] = {}  # by generation, the one that was brought up to date last at the end
        self._codes: dict[str, int] = {}
        self._texts: dict[str, int] = {}  # by copy key

    def snapshot(self, state: State) -> Snapshot | None:
        """The snapshot of the generation of `state`, if there is one as of its revision or later."""
        held = self._held.get(state.generation)
        return held.snapshot if held is not None and state.revision <= held.state.revision else None

    def as_of(self, state: State) -> Snapshot:
        """The snapshot of the generation of `state`, as of its revision or later.

        Called inside a read transaction that has seen `state`. Articles stand elsewhere in every generation, so a
        generation that has come meanwhile has no part in the answer.
        """
        snapshot = self.snapshot(state)
        if snapshot is None:
            with self._lock:
                snapshot = self.snapshot(state) or self._updated(state)
        return snapshot

    def _updated(self, state: State) -> Snapshot:
        base = self._starting_point(state)
        columns = self._columns(base, state)
        snapshot = Snapshot(columns, self._directives(columns, base))
        others = [item for item in self._held.items() if item[0] != state.generation]
        self._held = dict([*others[-(HELD - 1) :], (state.generation, _Held(state, snapshot))])
        return snapshot

    def _starting_point(self, state: State) -> _Held:
        """What to begin with: the same generation, or another one whose snapshot is of no later revision."""
        if state.generation in self._held:
            return self._held[state.generation]
        earlier = [held for held in self._held.values() if held.state.revision <= state.revision]
        nothing = _Held(State(-1, None), Snapshot(_empty(0), Directives()))
        return max(earlier, key=lambda held: held.state.revision, default=nothing)

    def code(self, name: str) -> int:
        """The code of an edition, language or byline; UNKNOWN_CODE for one that no article has."""
        return self._codes.get(name.casefold(), UNKNOWN_CODE)

    def codes(self, names: Iterable[str]) -> frozenset[int]:
        """The codes of several."""
        return frozenset(map(self.code, names))

    def _columns(self, base: _Held, state: State) -> Columns:
        """New columns with the changes in them; readers of the old ones are not disturbed."""
        old = base.snapshot.columns
        changed = self._store.articles.facts_since(base.state.revision)
        size = max([len(old.number), *(facts.number + 1 for facts in changed)])
        new = _empty(size)
        for name, column in vars(new).items():
            if name != "number":
                column[: len(old.number)] = getattr(old, name)
        places = np.array([facts.number for facts in changed], dtype=np.intp)
        new.posted[places] = [np.nan if facts.posted is None else facts.posted for facts in changed]
        new.reads[places] = [facts.reads for facts in changed]
        new.edition[places] = [self._code_for(facts.edition) for facts in changed]
        new.language[places] = [self._code_for(facts.language) for facts in changed]
        new.shown[places] = [facts.published and not facts.held for facts in changed]
        new.linked[places] = [facts.published and facts.linked for facts in changed]
        new.update[places] = [facts.update for facts in changed]
        new.explains[places] = [facts.explains for facts in changed]
        new.page[places] = [facts.page for facts in changed]
        new.flags[places] = [facts.flags for facts in changed]
        for place, facts in zip(places, changed, strict=True):
            new.labels[place] = facts.labels
        new.byline[places] = [self._code_for(facts.byline) if facts.byline else UNKNOWN_CODE for facts in changed]
        new.changed[places] = [facts.revision for facts in changed]
        self._relist(new, base, state)
        return new

    def _directives(self, columns: Columns, base: _Held) -> Directives:
        """The directives with the changes in them; an article counts as changed when a signal of its changes."""
        signals, since, directives = self._store.signals, base.state.revision, base.snapshot.directives
        for number, revision in signals.touched_since(since).items():
            columns.changed[number] = max(columns.changed[number], revision)
        news = signals.changed_since(since)
        policies = signals.policy_revision()
        return directives.changed(news, policies) if news or policies != directives.policy_revision else directives

    def _relist(self, new: Columns, base: _Held, state: State) -> None:
        same = state.generation == base.state.generation
        if not same:
            new.story[:], new.demand[:], new.relisted[:], new.copy[:] = new.number, 0, -1, UNKNOWN_CODE
        if state.generation is None:
            return
        standings = self._store.generations.standings_since(state.generation, base.state.revision if same else -1)
        new.relisted[list(standings)] = [standing.relisted for standing in standings.values()]
        new.story[list(standings)] = [standing.story for standing in standings.values()]
        new.demand[list(standings)] = [standing.demand for standing in standings.values()]
        new.copy[list(standings)] = [self._code_for_text(standing.copy_key) for standing in standings.values()]

    def code_of_text(self, copy_key: str) -> int:
        """The code of a text by its copy key; UNKNOWN_CODE for one that no article has."""
        return self._texts.get(copy_key, UNKNOWN_CODE)

    def _code_for_text(self, copy_key: str) -> int:
        return self._texts.setdefault(copy_key, len(self._texts)) if copy_key else UNKNOWN_CODE

    def _code_for(self, name: str) -> int:
        return self._codes.setdefault(name.casefold(), len(self._codes))


def _empty(size: int) -> Columns:
    return Columns(
        number=np.arange(size, dtype=np.int32),
        posted=np.full(size, np.nan),
        reads=np.zeros(size),
        edition=np.full(size, UNKNOWN_CODE, dtype=np.int32),
        language=np.full(size, UNKNOWN_CODE, dtype=np.int32),
        shown=np.zeros(size, dtype=bool),
        linked=np.zeros(size, dtype=bool),
        update=np.zeros(size, dtype=bool),
        explains=np.zeros(size, dtype=bool),
        byline=np.full(size, UNKNOWN_CODE, dtype=np.int32),
        story=np.arange(size, dtype=np.int32),
        demand=np.zeros(size, dtype=np.int32),
        copy=np.full(size, UNKNOWN_CODE, dtype=np.int32),
        changed=np.full(size, -1, dtype=np.int64),
        relisted=np.full(size, -1, dtype=np.int64),
        flags=np.zeros(size, dtype=np.int32),
        labels=np.full(size, frozenset(), dtype=object),
        page=np.arange(size, dtype=np.int32),
    )
