"""OpenTelemetry traces: a span for each request, part of the trace that the proxy has begun, where it has.

The libraries are an extra, and are imported where traces are asked for.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from recommender.errors import Unavailable
from recommender.version import __version__
from recommender.web.access_log import ROUTE, UNKNOWN

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from opentelemetry.sdk.trace import SpanProcessor

INSTALL = "Traces need OpenTelemetry: install recommender[tracing], or leave the setting traces_to out."


def batches_to(url: str) -> "SpanProcessor":
    """Sends spans to a collector by OTLP over HTTP, some at a time, outside the requests.

    Raises Unavailable where OpenTelemetry is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        raise Unavailable(INSTALL) from error
    return BatchSpanProcessor(OTLPSpanExporter(endpoint=url))


class Tracing:
    """WSGI middleware around the application.

    A span has method, route and status: no path, no query, no address of a reader, as in the access log.
    """

    def __init__(self, app: "WSGIApplication", processor: "SpanProcessor") -> None:
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.trace import SpanKind  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        provider = TracerProvider(
            resource=Resource.create({"service.name": "recommender", "service.version": __version__})
        )
        provider.add_span_processor(processor)
        self._app = app
        self._tracer = provider.get_tracer(__name__)
        self._parents = TraceContextTextMapPropagator()
        self._kind = SpanKind.SERVER

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answers as the application does, inside a span."""
        method = environ["REQUEST_METHOD"]
        carrier = {
            name: environ[key]
            for name, key in (("traceparent", "HTTP_TRACEPARENT"), ("tracestate", "HTTP_TRACESTATE"))
            if key in environ
        }
        parent = self._parents.extract(carrier)
        with self._tracer.start_as_current_span(method, parent, self._kind) as span:

            def start(line: str, headers: list[tuple[str, str]], *error: Any) -> Any:
                span.set_attribute("http.response.status_code", int(line.partition(" ")[0]))
                return start_response(line, headers, *error)

            try:
                return self._app(environ, start)
            finally:
                route = environ.get(ROUTE, UNKNOWN)
                span.update_name(f"{method} {route}")
                span.set_attributes({"http.request.method": method, "http.route": route})
