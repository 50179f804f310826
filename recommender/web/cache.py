"""Ready answers of one worker; each is given only while nothing it was made from has changed."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from recommender.release.interleaving import RunKey
from recommender.serving.answers import Basis
from recommender.serving.document import digest
from recommender.serving.recommender import Recommender
from recommender.settings import Settings
from recommender.store.base import State
from recommender.web.headers import hardening

MAX_BYTES = 128 * 1024 * 1024  # of all that is kept: questions, answers, and what they were made from
MAX_QUERY = 1_024  # characters; a longer question, such as a list of ids to leave out, is seldom asked twice
OVERHEAD_BYTES = 2_048  # of an entry's objects beside its texts and arrays
STALE_SECONDS = 86_400  # a page cache may go on showing the last answer for a day while the service is down
STALE = "X-Recommender-Stale"
JSON = "application/json"
HTML = "text/html"


@dataclass(frozen=True)
class Answer:
    """A finished answer: its body, its headers with a strong entity tag among them, and its teasers' sources.

    Caches may keep it for `fresh` seconds, and not beyond `until` (seconds since 1970).
    """

    body: bytes
    etag: str
    headers: list[tuple[str, str]]
    sources: tuple[str, ...]
    fresh: int
    until: float

    def headers_at(self, now: float) -> list[tuple[str, str]]:
        """All its headers, at a time."""
        fresh = self.fresh if now + self.fresh <= self.until else max(0, math.floor(self.until - now))
        return [*self.headers, ("Cache-Control", f"public, max-age={fresh}, stale-if-error={STALE_SECONDS}")]


@dataclass(frozen=True)
class StaleAnswer:
    """The last good answer to a request while the database is away, and for how many seconds it has been."""

    answer: Answer
    age: float

    def headers(self) -> list[tuple[str, str]]:
        """All its headers. No cache may keep it or confirm with it what it has."""
        own = [header for header in self.answer.headers if header[0] != "ETag"]
        return [*own, ("Cache-Control", "no-store"), (STALE, str(int(self.age)))]


def make_answer(
    body: bytes, content_type: str, sources: tuple[str, ...], settings: Settings, until: float = math.inf
) -> Answer:
    """The answer with this body."""
    etag = f'"{digest(body)}"'
    headers = [
        ("Content-Type", content_type),
        ("ETag", etag),
        ("Vary", "Accept, Origin" if settings.cors_origins else "Accept"),
        *hardening(content_type),
    ]
    return Answer(body, etag, headers, sources, settings.cache_seconds, until)


# The query string as it came, and whether HTML is wanted.
Key = tuple[str, bool]


class SidebarCache:
    """Answers by request. Safe to use from several threads."""

    def __init__(
        self,
        recommender: Recommender,
        turn: Callable[[State], RunKey],
        known_turn: Callable[[State], RunKey | None],
        stale_seconds: float,
    ) -> None:
        """`turn` names the interleaving run that goes on at a state, and is asked only where the state has changed.

        `known_turn` does so without the database, and gives None where it does not know. `stale_seconds` is how long
        answers are given after the database has last answered.
        """
        self._recommender = recommender
        self._turn = turn
        self._known_turn = known_turn
        self._stale_seconds = stale_seconds
        # The state at which an answer was last found right comes first: while nothing changes, that settles it.
        self._kept: dict[Key, tuple[State, RunKey, Basis, Answer]] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: Key, state: State) -> Answer | None:
        """The answer to a request, if it is right at this state."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        right_at, turn, basis, answer = kept
        if right_at == state and basis.lasting:
            return answer
        if turn != self._turn(state) or not self._recommender.still_right(basis, state):
            return None
        with self._lock:
            if self._kept.get(key) is kept:
                self._kept[key] = (state, turn, basis, answer)
        return answer

    def current(self, key: Key, state: State) -> Answer | None:
        """The answer to a request, if it was found right at this very state and time has not made it wrong.

        Never waits: it looks at nothing but memory.
        """
        kept = self._kept.get(key)
        if kept is None:
            return None
        right_at, _, basis, answer = kept
        if right_at != state:
            return None
        fresh = basis.lasting or (basis.state == state and self._recommender.now().timestamp() < basis.until)
        return answer if fresh else None

    def stale(self, key: Key) -> StaleAnswer | None:
        """The answer to a request while the database is away: right by all that this process has seen before.

        None where it may be wrong: at the last state that was seen something that it was made from had changed, or this
        process does not know; time makes it wrong; or the database has been away for too long. Never waits.
        """
        kept, look = self._kept.get(key), self._recommender.last_look()
        if kept is None or look is None:
            return None
        right_at, turn, basis, answer = kept
        age, now = time.monotonic() - look.began, self._recommender.now().timestamp()
        if age > self._stale_seconds or now >= min(basis.expires, answer.until):
            return None
        known = right_at == look.state or (
            self._known_turn(look.state) == turn and self._recommender.known_right(basis, look.state)
        )
        return StaleAnswer(answer, age) if known else None

    def stale_seconds_left(self) -> int:
        """For how long answers would be given if the database did not answer any more; 0 where none would."""
        look = self._recommender.last_look()
        return 0 if look is None else max(0, int(self._stale_seconds - (time.monotonic() - look.began)))

    def __contains__(self, key: Key) -> bool:
        return key in self._kept

    def put(self, key: Key, turn: RunKey, basis: Basis, answer: Answer, right_at: State | None = None) -> None:
        """Keeps an answer of a run, or of none; when there is no room, all others are forgotten.

        `right_at` is the state at which it was found right, where that is not the one that it was made at.
        """
        state = right_at or basis.state
        if len(key[0]) > MAX_QUERY or turn != self._turn(state):
            return  # or a run has begun or ended meanwhile
        size = _size(key, basis, answer)
        with self._lock:
            if self._bytes + size > MAX_BYTES:
                self._kept, self._bytes = {}, 0
            replaced = self._kept.get(key)
            self._bytes += size - (0 if replaced is None else _size(key, replaced[2], replaced[3]))
            self._kept[key] = (state, turn, basis, answer)


def _size(key: Key, basis: Basis, answer: Answer) -> int:
    """About how many bytes of memory an entry takes."""
    articles = 0 if basis.articles is None else basis.articles.nbytes
    return len(key[0]) + articles + len(answer.body) + OVERHEAD_BYTES
