"""Ready answers of one worker; each is given only while nothing it was made from has changed."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

from recommender.release.interleaving import RunKey
from recommender.serving.document import digest
from recommender.serving.recommender import Basis, Recommender
from recommender.settings import Settings
from recommender.store.base import State
from recommender.web.headers import hardening

MAX_BYTES = 128 * 1024 * 1024  # of all that is kept: questions, answers, and what they were made from
MAX_QUERY = 1_024  # characters; a longer question, such as a list of ids to leave out, is seldom asked twice
OVERHEAD_BYTES = 2_048  # of an entry's objects beside its texts and arrays
STALE_SECONDS = 86_400  # a page cache may go on showing the last answer for a day while the service is down
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

    def __init__(self, recommender: Recommender, turn: Callable[[State], RunKey]) -> None:
        """`turn` names the interleaving run that goes on at a state, and is asked only where the state has changed."""
        self._recommender = recommender
        self._turn = turn
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

    def __contains__(self, key: Key) -> bool:
        return key in self._kept

    def put(self, key: Key, turn: RunKey, basis: Basis, answer: Answer) -> None:
        """Keeps an answer of a run, or of none; when there is no room, all others are forgotten."""
        if len(key[0]) > MAX_QUERY or turn != self._turn(basis.state):
            return  # or a run has begun or ended meanwhile
        size = _size(key, basis, answer)
        with self._lock:
            if self._bytes + size > MAX_BYTES:
                self._kept, self._bytes = {}, 0
            replaced = self._kept.get(key)
            self._bytes += size - (0 if replaced is None else _size(key, replaced[2], replaced[3]))
            self._kept[key] = (basis.state, turn, basis, answer)


def _size(key: Key, basis: Basis, answer: Answer) -> int:
    """About how many bytes of memory an entry takes."""
    articles = 0 if basis.articles is None else basis.articles.nbytes
    return len(key[0]) + articles + len(answer.body) + OVERHEAD_BYTES
