"""What ranking must know of every article and of editors' decisions, in memory, kept fresh by revision."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from recommender.directives import Directives
from recommender.interfaces import State, Store
from recommender.ranking import Columns

UNKNOWN_CODE = -1


@dataclass(frozen=True)
class Known:
    """The facts of all articles, as columns indexed by article number, and what editors have decided."""

    columns: Columns
    directives: Directives


class Catalogue:
    """What ranking must know, brought up to date when something has changed. Safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._state = State(-1, None)
        self._known = Known(_empty(0), Directives())
        self._codes: dict[str, int] = {}

    def known(self, state: State) -> Known | None:
        """What is known, if it is as of `state` or later."""
        return self._known if self._covers(state) else None

    def as_of(self, state: State) -> Known:
        """What is known as of `state` or later. Called inside a read transaction that has seen `state`."""
        if not self._covers(state):
            with self._lock:
                if not self._covers(state):
                    columns = self._updated(self._known.columns, state)
                    self._known = Known(columns, self._directed(columns, self._known.directives))
                    self._state = state
        return self._known

    def _covers(self, state: State) -> bool:
        return state.revision <= self._state.revision

    def code(self, name: str) -> int:
        """The code of an edition, language or desk; UNKNOWN_CODE for one that no article has."""
        return self._codes.get(name.casefold(), UNKNOWN_CODE)

    def codes(self, names: Iterable[str]) -> frozenset[int]:
        """The codes of several."""
        return frozenset(map(self.code, names))

    def _updated(self, old: Columns, state: State) -> Columns:
        """New columns with the changes in them; readers of the old ones are not disturbed."""
        changed = self._store.articles.facts_since(self._state.revision)
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
        new.update[places] = [facts.update for facts in changed]
        new.explains[places] = [facts.explains for facts in changed]
        new.flags[places] = [facts.flags for facts in changed]
        for place, facts in zip(places, changed, strict=True):
            new.labels[place] = facts.labels
        new.desk[places] = [self._code_for(facts.desk) if facts.desk else UNKNOWN_CODE for facts in changed]
        new.changed[places] = [facts.revision for facts in changed]
        self._relist(new, state)
        return new

    def _directed(self, columns: Columns, directives: Directives) -> Directives:
        """The directives with the changes in them; an article counts as changed when a signal of its changes."""
        signals, since = self._store.signals, self._state.revision
        for number, revision in signals.touched_since(since).items():
            columns.changed[number] = max(columns.changed[number], revision)
        news = signals.changed_since(since)
        policies = signals.policy_revision()
        return directives.changed(news, policies) if news or policies != directives.policy_revision else directives

    def _relist(self, new: Columns, state: State) -> None:
        if state.generation is None:
            return
        same = state.generation == self._state.generation
        if not same:
            new.story[:], new.demand[:], new.relisted[:] = new.number, 0, -1
        standings = self._store.generations.standings_since(state.generation, self._state.revision if same else -1)
        new.relisted[list(standings)] = [standing.relisted for standing in standings.values()]
        new.story[list(standings)] = [standing.story for standing in standings.values()]
        new.demand[list(standings)] = [standing.demand for standing in standings.values()]

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
        update=np.zeros(size, dtype=bool),
        explains=np.zeros(size, dtype=bool),
        desk=np.full(size, UNKNOWN_CODE, dtype=np.int32),
        story=np.arange(size, dtype=np.int32),
        demand=np.zeros(size, dtype=np.int32),
        changed=np.full(size, -1, dtype=np.int64),
        relisted=np.full(size, -1, dtype=np.int64),
        flags=np.zeros(size, dtype=np.int32),
        labels=np.full(size, frozenset(), dtype=object),
    )
