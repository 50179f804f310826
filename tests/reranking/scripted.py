"""An endpoint that answers by a script: a real HTTP server on this machine, which keeps what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from recommender.reranking.base import Reading

ARTICLE = Reading("source", "Raid on Gao", "An army post was attacked.", "The post at Gao was attacked.", "en", None)
CANDIDATES = [
    Reading(name, f"Title {name}", f"Summary {name}", f"Lead {name}", "fr", None) for name in ("one", "two", "three")
]


@dataclass
class Asked:
    """A request as it came."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def box(self) -> dict[str, Any]:
        """The article and the candidates, as the model is given them."""
        box: dict[str, Any] = json.loads(self.body["messages"][1]["content"])
        return box


@dataclass
class Answer:
    """What is sent back: a status, headers, and bytes; `drip` sends one byte at a time, with a wait between them."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    drip: float | None = None


def completion(content: object, **changes: Any) -> Answer:
    """A chat completion whose content is a value as JSON, or a text as it is."""
    text = content if isinstance(content, str) else json.dumps(content)
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100}
    return Answer(json.dumps({"object": "chat.completion", "choices": [choice], "usage": usage} | changes).encode())


def graded(asked: Asked, grades: Mapping[str, int] | None = None) -> Answer:
    """A good answer: each candidate's grade by its title, 2 where none is given, and its own title as the reason."""
    return completion(
        {
            number: {"reason": shown["title"], "grade": (grades or {}).get(shown["title"], 2)}
            for number, shown in asked.box["candidates"].items()
        }
    )


Script = Callable[[Asked], Answer]


class ScriptedEndpoint:
    """The address of an endpoint, what it does, and what it was asked."""

    def __init__(self) -> None:
        self.script: Script = graded
        self.asked: list[Asked] = []
        self.url = ""

    def then(self, *answers: Answer | Script) -> None:
        """Answers so, one after the other, and well from then on."""
        rest = list(answers)

        def script(asked: Asked) -> Answer:
            answer = rest.pop(0) if rest else graded
            return answer if isinstance(answer, Answer) else answer(asked)

        self.script = script


@contextmanager
def scripted_endpoint() -> Iterator[ScriptedEndpoint]:
    """An endpoint on a free port."""
    endpoint = ScriptedEndpoint()
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked = Asked(self.path, dict(self.headers), body)
            endpoint.asked.append(asked)
            answer = endpoint.script(asked)
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if answer.drip is None:
                self.wfile.write(answer.body)
                return
            for byte in answer.body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                if over.wait(answer.drip):
                    return

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name of the base class
            pass

        def handle(self) -> None:
            with suppress(BrokenPipeError, ConnectionResetError):  # who asked has hung up, as it may
                super().handle()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        endpoint.url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield endpoint
        finally:
            over.set()
            server.shutdown()
            thread.join()
