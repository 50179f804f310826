"""What ranking must know of every article, in memory: columns by article number, kept fresh by revision."""

import threading
from collections.abc import Iterable

import numpy as np

from recommender.interfaces import State, Store
from recommender.ranking import Columns

UNKNOWN_CODE = -1


class Catalogue:
    """Facts of all articles as columns indexed by article number. Safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._state = State(-1, None)
        self._columns = _empty(0)
        self._codes: dict[str, int] = {}

    def known(self, state: State) -> Columns | None:
        """The columns, if they are as of `state` or later."""
        return self._columns if self._covers(state) else None

    def columns(self, state: State) -> Columns:
        """The columns as of `state` or later. Called inside a read transaction that has seen `state`."""
        if not self._covers(state):
            with self._lock:
                if not self._covers(state):
                    self._columns = self._updated(self._columns, state)
                    self._state = state
        return self._columns

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
        new.desk[places] = [self._code_for(facts.desk) if facts.desk else UNKNOWN_CODE for facts in changed]
        new.changed[places] = [facts.revision for facts in changed]
        self._relist(new, state)
        return new

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
    )
