"""Traces: a span for each request, part of the proxy's trace; nothing is loaded where they are off."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import pytest

from recommender.errors import Unavailable
from recommender.web.tracing import Tracing, batches_to
from tests.web.conftest import MakeClient
from tests.web.served import eventually, serving

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def sdk(unavailable: Callable[[str, str], NoReturn]) -> Any:
    """OpenTelemetry's classes for tests."""
    if find_spec("opentelemetry") is None:
        unavailable("tracing", "OpenTelemetry is not installed; pip install -e '.[tracing]'")
    from opentelemetry.sdk.trace import export
    from opentelemetry.sdk.trace.export import in_memory_span_exporter

    return export.SimpleSpanProcessor, in_memory_span_exporter.InMemorySpanExporter


def test_span_says_what_was_asked_and_answered(make_client: MakeClient, sdk: Any) -> None:
    simple, memory = sdk
    client, exporter = make_client(), memory()
    client.application.wsgi_app = Tracing(client.application.wsgi_app, simple(exporter))  # type: ignore[method-assign]
    for _ in range(2):  # the second is answered before Flask looks at it
        client.get("/api/v1/recommend?article_id=gold-1")
    client.get("/editor/link/secret", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    first, second, link = exporter.get_finished_spans()
    assert first.name == second.name == "GET /api/v1/recommend"
    assert dict(link.attributes) == {
        "http.request.method": "GET",
        "http.route": "/editor/link/<token>",
        "http.response.status_code": 410,
    }
    assert f"{link.context.trace_id:032x}" == TRACE
    assert f"{link.parent.span_id:016x}" == PARENT


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """A collector's address, and the bodies that it gets."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", bodies
        server.shutdown()


@pytest.mark.usefixtures("sdk")
def test_served_instance_sends_its_traces(database: Path) -> None:
    with collector() as (url, bodies), serving(database, traces_to=url) as served:
        assert served.status("/api/v1/recommend?article_id=blockade-1") == 200
        assert eventually(lambda: any(b"GET /api/v1/recommend" in body for body in bodies))
    assert not any(b"blockade-1" in body for body in bodies)


def test_missing_libraries_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(Unavailable, match=r"install recommender\[tracing\]"):
        batches_to("http://127.0.0.1:4318/v1/traces")


def test_nothing_is_loaded_where_traces_are_off(database: Path) -> None:
    program = f"""
import sys
from recommender.web.app import make_app
from tests.web.toy import settings_for
from pathlib import Path
make_app(settings_for(Path({str(database)!r})))
sys.exit("opentelemetry" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=False).returncode == 0
