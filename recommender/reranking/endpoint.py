"""A language model behind any endpoint that speaks OpenAI's chat completions: Ollama, llama.cpp, vLLM, or a hosted one.

What it is asked stands in `box_text`, how in `post`; here is when: within a budget, again at most once, and not at all
for a while after it has failed several times.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from recommender.errors import NoVerdict, Unavailable
from recommender.reranking.base import Reading, Verdict
from recommender.reranking.box_text import (
    AnswerFormat,
    NotUnderstood,
    clean,
    form_digest,
    max_answer_tokens,
    ordered,
    request,
    verdicts,
)
from recommender.reranking.budget import Budget, Tokens
from recommender.reranking.post import Reply, Unreached, post

WAIT_SECONDS = 15.0  # for one that does not: a model that is being loaded may take so long
MAX_WAIT_SECONDS = 30.0  # for an endpoint that says when to come back; a longer wait is a failure
FAILURES = 3  # in a row, after which it is left alone
REST_SECONDS = 60.0
MAX_REST_SECONDS = 3600.0
MAX_TOKENS = 10_000_000  # of one request; who reports more does not count tokens
BYTES_IN_TOKEN = 3  # of text; the languages measured have 3 to 5, so an estimate is rather too high
ANSWERED_FOR_EACH = 45  # tokens of a verdict, as they come; the most is `max_answer_tokens`
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_REFUSED = {
    401: "it does not take the key (setting reranker_key)",
    403: "the key may not do this (setting reranker_key)",
    404: "there is no such model or address (settings reranker_url and reranker_model)",
}


@dataclass(frozen=True)
class Estimate:
    """What reading some boxes is likely to take; `money` by the budget's prices."""

    requests: int
    tokens: Tokens
    money: float

    def __str__(self) -> str:
        money = f", {self.money:.2f} by your prices" if self.money else ""
        return f"{self.requests:,} requests, about {self.tokens.asked:,} + {self.tokens.answered:,} tokens{money}"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class _TryAgain(Exception):
    """A failure that may pass; `wait` is for how many seconds. `answered`: there was an answer, but of no use."""

    def __init__(self, message: str, wait: float = 0.0, *, answered: bool = False) -> None:
        super().__init__(message)
        self.wait = wait
        self.answered = answered


class Endpoint:
    """`Reranker` that asks a language model, one request for a box. Safe to use from several threads.

    Where an answer is not understood, it is asked once more with the candidates in another order: the same question at
    temperature 0 has the same answer.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        key: str | None = None,
        answer_format: AnswerFormat = "json_schema",
        parallel: int = 1,
        seconds: float = 120.0,
        budget: Budget | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = _utc_now,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`url` is the address before `/chat/completions`, `seconds` the limit of one request.

        `parallel` says how many may be on their way at once, which callers keep to.
        """
        self.parallel = parallel
        self.budget = budget or Budget()
        self._url = f"{url.rstrip('/')}/chat/completions"
        self._model = model
        self._key = key
        self._format: AnswerFormat = answer_format
        self._seconds = seconds
        self._clock = clock
        self._now = now
        self._pause = pause
        self._lock = threading.Lock()
        self._failed = 0
        self._resting_until = 0.0
        self._last_failure = ""
        self.version = f"{model} {answer_format} 0-4 {form_digest(answer_format)}"

    def read(self, article: Reading, candidates: Sequence[Reading]) -> list[Verdict]:
        """One request, or two where the first fails.

        Of Unavailable it raises BudgetSpent as well, and NoVerdict where there was an answer.
        """
        if not candidates:
            return []
        try:
            return self._read(article, candidates, 0)
        except _TryAgain as error:
            if error.wait:
                self._pause(error.wait)
        try:
            return self._read(article, candidates, 1)
        except _TryAgain as error:
            kind = NoVerdict if error.answered else Unavailable
            raise kind(f"The reader {self._model} gave no verdict: {error}.") from error

    def estimate(self, boxes: Iterable[tuple[Reading, Sequence[Reading]]]) -> Estimate:
        """What reading some boxes would take, if each is understood at once."""
        requests, tokens = 0, Tokens()
        for article, candidates in boxes:
            body = request(self._model, article, candidates, self._format)
            answered = ANSWERED_FOR_EACH * len(candidates)
            tokens = Tokens(tokens.asked + _tokens_in(body), tokens.answered + answered)
            requests += 1
        return Estimate(requests, tokens, self.budget.prices.cost(tokens))

    def _read(self, article: Reading, candidates: Sequence[Reading], attempt: int) -> list[Verdict]:
        self._refuse_while_resting()
        order = ordered(article, candidates, attempt)
        body = request(self._model, article, [candidates[place] for place in order], self._format)
        reply = self._asked(body, Tokens(_tokens_in(body), max_answer_tokens(len(order))))
        try:
            answered = verdicts(_content(reply.body), len(order))
        except NotUnderstood as error:
            raise _TryAgain(f"its answer is not one: {error}", answered=True) from error
        by_place = dict(zip(order, answered, strict=True))
        return [by_place[place] for place in range(len(order))]

    def _asked(self, body: bytes, most: Tokens) -> Reply:
        """The answer to a request that may cost `most`."""
        headers = {} if self._key is None else {"Authorization": f"Bearer {self._key}"}
        self.budget.reserve(most)
        used = most
        try:
            reply = post(self._url, body, headers, self._seconds)
            used = _used(reply.body, most.asked) if reply.status == 200 else Tokens()
        except Unavailable as error:
            if isinstance(error, Unreached):
                used = Tokens()  # one that breaks off later may have been answered, and charged
            self._count_failure(str(error))
            raise _TryAgain(str(error)) from error
        finally:
            self.budget.settle(most, used)
        if reply.status != 200:
            self._raise_refusal(reply)
        with self._lock:
            self._failed = 0
        return reply

    def _raise_refusal(self, reply: Reply) -> None:
        said = _explanation(reply.body)
        if self._key is not None:
            said = said.replace(self._key, "***")
        message = f"it answers with status {reply.status}{': ' if said else ''}{said}"
        if reply.status in _AGAIN:
            wait = _seconds_until(reply.retry_after, self._now())
            self._count_failure(message, wait if wait > MAX_WAIT_SECONDS else None)
            raise _TryAgain(message, min(wait, MAX_WAIT_SECONDS))
        if 300 <= reply.status < 400:
            message += "; redirects are not followed, so reranker_url has to be the address itself"
        if reply.status in _REFUSED:
            message += f"; {_REFUSED[reply.status]}"
            self._count_failure(message, REST_SECONDS)
        elif reply.status in {400, 422} and self._format == "json_schema":
            message += "; some servers know no schema for answers (setting reranker_format)"
            self._count_failure(message)
        else:
            self._count_failure(message)
        raise Unavailable(f"The reader {self._model} gave no verdict: {message}.")

    def _count_failure(self, message: str, rest: float | None = None) -> None:
        """Leaves the endpoint alone for a while where it has failed several times, or for as long as it says."""
        with self._lock:
            self._failed += 1
            self._last_failure = message
            if rest is not None or self._failed >= FAILURES:
                self._resting_until = self._clock() + min(rest or REST_SECONDS, MAX_REST_SECONDS)

    def _refuse_while_resting(self) -> None:
        with self._lock:
            if self._clock() < self._resting_until:
                raise Unavailable(f"The reader {self._model} is left alone for a while: {self._last_failure}.")


def _tokens_in(body: bytes) -> int:
    return len(body) // BYTES_IN_TOKEN + 1


def _envelope(body: bytes) -> dict[str, Any]:
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return envelope if isinstance(envelope, dict) else {}


def _used(body: bytes, asked: int) -> Tokens:
    """Tokens as the endpoint reports them; of what it does not report, `asked` and an estimate from the answer."""
    usage = _envelope(body).get("usage")
    usage = usage if isinstance(usage, dict) else {}

    def count(name: str, otherwise: int) -> int:
        value = usage.get(name)
        return value if type(value) is int and 0 < value <= MAX_TOKENS else otherwise

    return Tokens(count("prompt_tokens", asked), count("completion_tokens", _tokens_in(body)))


def _content(body: bytes) -> str:
    """What the model has said. Raises NotUnderstood."""
    choices = _envelope(body).get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        raise NotUnderstood("it is not a chat completion")
    if choice.get("finish_reason") == "length":
        raise NotUnderstood("it was cut, since it grew too long; a model that thinks aloud cannot be used so")
    message = choice.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, str):
        raise NotUnderstood("it holds no text")
    return content


def _explanation(body: bytes) -> str:
    """What the endpoint says of an error, on one line."""
    error = _envelope(body).get("error")
    message = error.get("message") if isinstance(error, dict) else error
    return clean(message, 200) if isinstance(message, str) else ""


def _seconds_until(retry_after: str | None, now: datetime) -> float:
    """Seconds of a Retry-After header, which may be a number or a date; WAIT_SECONDS where there is none."""
    if retry_after is None:
        return WAIT_SECONDS
    if retry_after.strip().isdecimal():
        return float(retry_after.strip()[:9])
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return WAIT_SECONDS
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())
