"""Checks of where the service listens, and of what lies between it and others."""

import http.client
import json
import socket
from collections.abc import Iterator, Mapping

from recommender.operations.findings import Finding, fault, ok, warning
from recommender.settings import Settings

PATIENCE_SECONDS = 3.0
_LOCAL = ("127.0.0.1", "localhost", "::1")
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared, not bound
_PROXIES = ("https_proxy", "all_proxy")


def port(settings: Settings) -> Iterator[Finding]:
    """Whether the port is free, or this service answers on it."""
    place = f"{settings.host}:{settings.port}"
    host = _EVERYWHERE.get(settings.host, settings.host)
    try:
        answer = _get(host, settings.port, "/healthz")
    except ConnectionRefusedError:
        yield from _free(settings, place)
        return
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        yield fault("port", f"what listens on {place} does not answer as this service ({reason})", _FREE_IT)
        return
    if answer != (200, {"status": "ok"}):
        yield fault("port", f"another program answers on {place}", _FREE_IT)
        return
    status, body = _get(host, settings.port, "/readyz")
    if status == 200:
        yield ok("port", f"this service answers on {place}, and is ready")
    else:
        detail = body.get("detail", "") if isinstance(body, dict) else ""
        yield fault("port", f"this service answers on {place}, and is not ready: {detail}", "The other lines say why")


_FREE_IT = "End that program, or choose another port (setting port)"


def _free(settings: Settings, place: str) -> Iterator[Finding]:
    try:
        family, kind, _, _, where = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        reason = error.strerror or str(error)
        yield fault("port", f"the service could not listen on {place}: {reason}", "Choose another host or port")
        return
    yield ok("port", f"{place} is free; the service does not run")


def _get(host: str, number: int, path: str) -> tuple[int, object]:
    """Status and JSON of an answer, asked directly: a proxy of the environment is for other hosts."""
    connection = http.client.HTTPConnection(host, number, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, json.loads(response.read(1 << 20))
    finally:
        connection.close()


def address(settings: Settings) -> Iterator[Finding]:
    """Where people and pages reach the service."""
    found = []
    if settings.host not in _LOCAL and not (settings.public_url or "").startswith("https://"):
        text = f"it listens on {settings.host} for other machines, and public_url names no https address"
        advice = "End TLS at a proxy and set public_url: docs/how-to/proxy.md"
        found.append(warning("address", f"{text}: passwords cross the network in the clear", advice))
    elif settings.host not in _LOCAL and set(settings.proxies) <= {*_LOCAL}:
        text = f"it listens on {settings.host} for a proxy on another machine, which proxies does not name"
        advice = "Set proxies to its address, or all who sign in share the limits of one: docs/how-to/proxy.md"
        found.append(warning("address", text, advice))
    if "*" in settings.cors_origins:
        text, advice = "cors_origins is *: pages of every site may ask for sidebars", "Name your sites"
        found.append(warning("address", text, advice))
    yield from found
    if not found:
        yield ok("address", settings.public_url or f"http://{settings.host}:{settings.port}, for this machine only")


def proxy(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the proxy that the environment names is one that can be used."""
    lower = {name.lower(): value for name, value in environment.items() if value}
    named = next((lower[name] for name in _PROXIES if name in lower), None)
    fetches = (settings.models_from or "").startswith("https://") or settings.model_download
    if named is None:
        yield ok(
            "proxy", "none is set: what is fetched is fetched directly" if fetches else "none is set, and none needed"
        )
        return
    host, number = _host_of(named)
    if not host:
        yield warning("proxy", "https_proxy or all_proxy is not an address", "Write http://host:port")
        return
    try:
        socket.create_connection((host, number), timeout=PATIENCE_SECONDS).close()
    except OSError as error:
        text = f"{host}:{number} does not answer ({error.strerror or error})"
        if fetches:
            yield warning("proxy", text, "Mend https_proxy: `recommender models fetch` goes through it")
        else:
            yield ok("proxy", f"{text}; nothing is fetched by these settings")
        return
    yield ok("proxy", f"{host}:{number} answers; only what is fetched goes through it")


def _host_of(url: str) -> tuple[str, int]:
    """Host and port of a proxy's address; user and password are left out. An empty host where it is none."""
    place = url.rpartition("://")[2].rpartition("@")[2].partition("/")[0]
    host, colon, number = place.rpartition(":")
    if not colon:
        return place, 80
    return (host.strip("[]"), int(number)) if number.isdecimal() and int(number) < 65536 else ("", 0)
