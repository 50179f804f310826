"""Ready answers of one worker, thrown away the moment anything changes."""

import time
from dataclasses import dataclass

from recommender.interfaces import State

MAX_ENTRIES = 50_000
MAX_BYTES = 64 * 1024 * 1024
# An article may be dated into the future: its hour comes without a change in the database.
MAX_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """A finished answer: its body, all its headers with a strong entity tag among them, and its teasers' sources."""

    body: bytes
    etag: str
    headers: list[tuple[str, str]]
    sources: tuple[str, ...]


# The query string as it came, and whether HTML is wanted.
Key = tuple[str, bool]


class SidebarCache:
    """Answers by request, all made at one state of the store. Safe to use from several threads."""

    def __init__(self) -> None:
        # One tuple: a thread never sees the answers of another state than the one it has compared.
        self._kept: tuple[State | None, dict[Key, tuple[float, Answer]]] = (None, {})
        self._bytes = 0

    def get(self, key: Key, state: State) -> Answer | None:
        """The answer made for this request at this state, unless it is too old."""
        made_at, answers = self._kept
        if state != made_at:
            return None
        found = answers.get(key)
        if found is None or time.monotonic() - found[0] > MAX_SECONDS:
            return None
        return found[1]

    def put(self, key: Key, state: State, answer: Answer) -> None:
        """Keeps an answer; those of another state are forgotten, and all when there is no room."""
        made_at, answers = self._kept
        full = len(answers) >= MAX_ENTRIES or self._bytes + len(answer.body) > MAX_BYTES
        if state != made_at or full:
            answers = {}
            self._kept, self._bytes = (state, answers), 0
        answers[key] = (time.monotonic(), answer)
        self._bytes += len(answer.body)
