"""The front door: takes all requests of a web worker, and keeps each kind of them from stopping the others.

An event loop answers sidebars that are in memory and `/healthz` itself, reads bodies before a thread is taken, and
hands everything else to the threads of its lane (`lanes`). Nothing on the loop waits for the database: its revision and
prepared answers are read where that needs no waiting, which a SQLite file allows; else a thread reads them, with one
look at the revision for all that wait for it.
"""

import asyncio
import json
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from io import BytesIO
from queue import SimpleQueue
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, Generic, TypeVar

from flask import Flask

from recommender.web.api.problems import PROBLEM_JSON, RETRY_SECONDS
from recommender.web.cache import JSON
from recommender.web.context import context_of
from recommender.web.fastlane import FastLane, wants_html
from recommender.web.headers import hardening
from recommender.web.lanes import HEALTH, LANES, PAGES, SIDEBARS, Lane, lane_of
from recommender.web.pause import LATER
from recommender.web.revision import QuickLook, RevisionLook
from recommender.web.rsgi import Exchange, Reply, Scope, environ_of, run_wsgi

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MEMORY_BYTES = 1024 * 1024  # of a body; what is larger lies in a temporary file
# Threads that write behind let the loop go on after so long; by itself Python lets them keep it for ten times that.
SWITCH_SECONDS = 0.0005
TURN_SECONDS = 30.0  # a request waits so long for a thread of its lane
HEALTHY = b'{"status": "ok"}'

Result = TypeVar("Result")

_log = logging.getLogger(__name__)


class Refused(Exception):
    """A request that is answered before a thread is taken."""

    def __init__(self, status: int, title: str, detail: str, headers: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(detail)
        self.reply = _problem(status, title, detail, headers)


class Gone(Exception):
    """The client went away before its body had arrived."""


class FrontDoor:
    """Serves a Flask application made by `make_app`. It belongs to one event loop."""

    def __init__(self, app: Flask) -> None:
        self._wsgi = app.wsgi_app
        # An access log or traces stand before it and see every request: then nothing is answered past them.
        self._fast = app.wsgi_app if isinstance(app.wsgi_app, FastLane) else None
        self._context = context_of(app)
        self._gates: dict[Lane, _Gate] = {}
        self._cache = self._context.cache
        self._reader = self._context.store.quick_reader()
        self._quick = QuickLook(self._reader.state if self._reader else lambda: None)
        self._look = RevisionLook(self._context.recommender.state)

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Called by the server before the first request."""
        sys.setswitchinterval(SWITCH_SECONDS)
        self._gates = {lane: _Gate(lane, loop) for lane in LANES}
        self._quick.start(loop)
        self._look.start(loop)

    def __rsgi_del__(self, _loop: asyncio.AbstractEventLoop) -> None:
        """Called by the server after the last: writes down what waits."""
        self._context.recorder.close()
        self._context.interleaving.close()

    async def __rsgi__(self, scope: Scope, exchange: Exchange) -> None:
        """Answers one request."""
        if scope.method == "GET":
            path = scope.path
            if path == SIDEBARS and self._fast is not None:
                started, headers = time.perf_counter(), scope.headers
                key = _key(scope, headers)
                answer = None
                if key is not None and key in self._cache:
                    state = self._quick.state() or await self._look.next()
                    answer = None if state is None else self._cache.current(key, state)
                    stale = self._cache.stale(key) if state is None else None
                    if stale is not None:
                        exchange.response_bytes(*self._fast.stale_reply(stale, started))
                        return
                elif key is not None and self._reader is not None:
                    answer = self._fast.prepared_at_once(key, self._quick.state(), self._reader)
                if answer is not None:
                    exchange.response_bytes(*self._fast.reply(answer, headers.get("if-none-match", ""), started))
                    return
            elif path == HEALTH:
                exchange.response_bytes(*self._healthy())
                return
        elif scope.method == "HEAD" and scope.path == HEALTH:  # what some load balancers ask
            exchange.response_bytes(*self._healthy()._replace(body=b""))
            return
        await self._through_lane(scope, exchange)

    async def _through_lane(self, scope: Scope, exchange: Exchange) -> None:
        started, lane = time.perf_counter(), lane_of(scope.method, scope.path)
        try:
            reply = await self._gates[lane].passed(scope, exchange, self._wsgi)
        except Gone:
            return
        except Refused as refused:
            reply = refused.reply
            if scope.http_version.startswith("1"):  # what is left of the body is not waited for
                reply.headers.append(("Connection", "close"))
            self._context.metrics.count_request(f"lane {lane.name}", reply.status, time.perf_counter() - started)
        except Exception:  # noqa: BLE001  # Flask has told what it could; this is a fault outside it
            _log.exception("unexpected error outside the application")
            reply = _problem(500, "Internal error", "The service made a mistake; it has been logged.")
        exchange.response_bytes(*reply)

    def _healthy(self) -> Reply:
        self._context.metrics.count_request(HEALTH, 200, 0.0)
        return Reply(200, [("Content-Type", JSON), *hardening(JSON), ("Content-Length", str(len(HEALTHY)))], HEALTHY)


def _key(scope: Scope, headers: Any) -> tuple[str, bool] | None:
    """The key of a sidebar in the cache; None for pages of other origins, whose answer says who may read it."""
    return None if "origin" in headers else (scope.query_string, wants_html(headers.get("accept", "")))


class _Gate:
    """The limits and the threads of one lane."""

    def __init__(self, lane: Lane, loop: asyncio.AbstractEventLoop) -> None:
        self._lane = lane
        self._threads = _Threads[Reply](lane.name, lane.threads, loop)
        # One: look-ups take the interpreter's lock many times, and five at once took twice the processor time of one.
        self._look_ups = _Threads[Reply | None](f"{lane.name}-ready", 1, loop)
        self._inside = 0
        self._free = lane.threads
        self._turns: deque[asyncio.Future[None]] = deque()
        self._loop = loop

    async def passed(self, scope: Scope, exchange: Exchange, app: "WSGIApplication") -> Reply:
        """The response of the application. Raises Refused, Gone."""
        lane = self._lane
        if self._inside >= lane.threads + lane.waiting:
            raise _busy()
        self._inside += 1
        try:
            body = await _body(lane, scope, exchange)
            with body:
                call = _Call(scope, body, app)
                if lane is PAGES and scope.path == SIDEBARS:
                    ready = await self._look_ups.run(call.ready)
                    if ready is not None:
                        return ready
                await self._turn()
                try:
                    reply = await self._threads.run(call.answered)
                finally:
                    self._give_back()
            if call.pauses:
                await asyncio.sleep(sum(call.pauses))
            return reply
        finally:
            self._inside -= 1

    async def _turn(self) -> None:
        if self._free:
            self._free -= 1
            return
        turn = self._loop.create_future()
        self._turns.append(turn)
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await turn
        except TimeoutError:
            if not turn.cancelled():  # its turn has come in the same moment
                self._give_back()
            raise _busy() from None

    def _give_back(self) -> None:
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():  # one that has waited too long is cancelled
                turn.set_result(None)
                return
        self._free += 1


class _Threads(Generic[Result]):
    """Some threads that begin with the first request and never end."""

    def __init__(self, name: str, count: int, loop: asyncio.AbstractEventLoop) -> None:
        self._name = name
        self._count = count
        self._loop = loop
        self._work: SimpleQueue[tuple[asyncio.Future[Result], Callable[[], Result]]] = SimpleQueue()
        self._started = False

    def run(self, work: Callable[[], Result]) -> "asyncio.Future[Result]":
        """What `work` gives, or raises."""
        if not self._started:
            self._started = True
            for number in range(self._count):
                threading.Thread(target=self._loop_of_thread, daemon=True, name=f"{self._name}-{number + 1}").start()
        future: asyncio.Future[Result] = self._loop.create_future()
        self._work.put((future, work))
        return future

    def _loop_of_thread(self) -> None:
        while True:
            future, work = self._work.get()
            try:
                result = work()
            except Exception as error:  # noqa: BLE001  # raised where it is awaited; it must not end the thread
                self._loop.call_soon_threadsafe(_fail, future, error)
            else:
                self._loop.call_soon_threadsafe(_settle, future, result)
                del result
            del future, work  # or they would live until the next request


def _settle(future: "asyncio.Future[Result]", result: Result) -> None:
    if not future.done():  # the server cancels what a client that went away has asked for
        future.set_result(result)


def _fail(future: "asyncio.Future[Result]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


class _Call:
    """One request to the WSGI application, made in a thread."""

    def __init__(self, scope: Scope, body: IO[bytes], app: "WSGIApplication") -> None:
        self._scope = scope
        self._body = body
        self._app = app
        self.pauses: list[float] = []

    def ready(self) -> Reply | None:
        """The sidebar that the last build has prepared, without asking Flask; None where there is none."""
        scope, fast = self._scope, self._app
        if scope.method != "GET" or not isinstance(fast, FastLane):
            return None
        started, headers = time.perf_counter(), scope.headers
        key = _key(scope, headers)
        answer = None if key is None else fast.ready(key)
        return None if answer is None else fast.reply(answer, headers.get("if-none-match", ""), started)

    def answered(self) -> Reply:
        """The response of the application, whole: it makes no response that is too large for that."""
        environ = environ_of(self._scope, self._body)
        environ[LATER] = self.pauses.append
        return run_wsgi(self._app.app if isinstance(self._app, FastLane) else self._app, environ)


async def _body(lane: Lane, scope: Scope, exchange: Exchange) -> IO[bytes]:
    """The body, at its beginning. Raises Refused, Gone."""
    if not lane.body_bytes:
        return BytesIO()
    headers = scope.headers
    declared = headers.get("content-length")
    if declared is None and "transfer-encoding" not in headers and scope.http_version.startswith("1"):
        return BytesIO()
    if declared is not None and int(declared) > lane.body_bytes:
        raise _too_large(lane)
    body = SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115  # closed by the caller, and here where there is none
    try:
        async with asyncio.timeout(lane.body_seconds):
            size = await _copied(exchange, body, lane)
        if declared is not None and size != int(declared):
            raise Gone
        body.seek(0)
    except TimeoutError:
        body.close()
        raise Refused(
            408, "Too slow", f"The body has to arrive within {lane.body_seconds:g} seconds; send it again."
        ) from None
    except BaseException:
        body.close()
        raise
    return body


async def _copied(exchange: Exchange, body: "SpooledTemporaryFile[bytes]", lane: Lane) -> int:
    """Copies the body, and gives its size. Raises Refused, Gone."""
    size, ends = 0, 0
    async for chunk in exchange:
        size += len(chunk)
        if size > lane.body_bytes:
            raise _too_large(lane)
        ends += not chunk
        if size > MEMORY_BYTES:
            await asyncio.to_thread(body.write, chunk)  # a disk may be slow
        else:
            body.write(chunk)
    if ends > 1:  # the server gives an empty chunk at the end, and one for a connection that broke
        raise Gone
    return size


def _too_large(lane: Lane) -> Refused:
    return Refused(413, "Too large", f"The body may have {lane.body_bytes:,} bytes at the most.")


def _busy() -> Refused:
    detail = "Too many requests of this kind are under way. Try again in some seconds."
    return Refused(503, "Busy", detail, [("Retry-After", RETRY_SECONDS)])


def _problem(status: int, title: str, detail: str, headers: Iterable[tuple[str, str]] = ()) -> Reply:
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail}).encode()
    own = [("Content-Type", PROBLEM_JSON), *hardening(PROBLEM_JSON), ("Content-Length", str(len(body)))]
    return Reply(status, [*own, *headers], body)
