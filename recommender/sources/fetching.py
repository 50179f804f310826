"""Fetches what stands at a public address, within limits; the only module of the sources that knows HTTP.

A name is resolved once, every address that it has is checked, and the connection goes to a checked one: a resolver that
changes its mind between check and connection changes nothing. Each redirect is checked anew.
"""

import re
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import SplitResult, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from recommender.errors import InvalidInput, Unavailable
from recommender.sources.public_network import is_public
from recommender.version import __version__

MAX_BYTES = 32 * 1024 * 1024  # unpacked
MAX_REDIRECTS = 5
CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0  # without a byte
WHOLE_SECONDS = 60.0
_CHUNK = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}
_HEADERS = {"User-Agent": f"recommender/{__version__}", "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}

# What `--format` calls what a server says it sends; of others the end of the address tells.
_FORMATS = (
    (re.compile(r"application/(?:rss|atom|rdf)\+xml"), "feed"),
    (re.compile(r"(?:application|text)/xml"), "xml"),
    (re.compile(r"application/(?:\w+\+)?json"), "json"),
    (re.compile(r"text/csv"), "csv"),
)

Resolve = Callable[[str, int], Sequence[str]]  # the IP addresses of a host


@dataclass(frozen=True)
class Fetched:
    """What came, and the address that gave it, after all redirects."""

    url: str
    body: bytes
    content_type: str

    @property
    def format(self) -> str | None:
        """What `--format` calls it, by its type or else by the end of its address; None where neither says."""
        kind = self.content_type.strip().lower()
        ending = PurePosixPath(urlsplit(self.url).path).suffix.removeprefix(".")
        return next((name for form, name in _FORMATS if form.match(kind)), ending or None)


def resolved(host: str, port: int) -> list[str]:
    """The IP addresses of a host, each once. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Fetcher:
    """Fetches addresses of http and https."""

    def __init__(self, *, resolve: Resolve = resolved, may_reach: Callable[[str], bool] = is_public) -> None:
        """`may_reach` says of an IP address whether it may be connected to; by itself only public ones may."""
        self._resolve = resolve
        self._may_reach = may_reach

    def fetch(self, url: str) -> Fetched:
        """What stands at an address.

        Raises InvalidInput for an address that is not one of http or https, has a name or password in it, leads to a
        host that is not public, or redirects too often; and Unavailable where nothing comes: no host, no connection,
        a status other than 200, not all of it in time, or more than MAX_BYTES.
        """
        until = time.monotonic() + WHOLE_SECONDS
        wanted = url
        for _ in range(MAX_REDIRECTS + 1):
            response = self._asked(wanted)
            try:
                if response.status not in _REDIRECTS:
                    return self._taken(wanted, response, until)
                wanted = urljoin(wanted, response.headers.get("Location", ""))
            finally:
                response.close()
        raise InvalidInput(f"{url} redirects more than {MAX_REDIRECTS} times.")

    def _asked(self, url: str) -> urllib3.BaseHTTPResponse:
        parts, port = _checked(url)
        host = parts.hostname or ""
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise Unavailable(f"{url}: the host {host} is not known ({error}).") from error
        if not addresses or not all(map(self._may_reach, addresses)):
            raise InvalidInput(f"{url} leads into a network that is not public; only public hosts are asked.")
        path = urllib3.util.Url(path=parts.path or "/", query=parts.query or None).url
        headers = {**_HEADERS, "Host": parts.netloc}
        problem: Exception | None = None
        for address in addresses:
            try:
                return _pool(parts, address, port).urlopen(
                    "GET", path, headers=headers, redirect=False, retries=False, preload_content=False
                )
            except HTTPError as error:
                problem = error
        raise Unavailable(f"{url} cannot be reached: {problem}")

    @staticmethod
    def _taken(url: str, response: urllib3.BaseHTTPResponse, until: float) -> Fetched:
        if response.status != 200:
            raise Unavailable(f"{url} answers with the status {response.status}.")
        parts, size = list[bytes](), 0
        try:
            while chunk := response.read1(_CHUNK):
                parts.append(chunk)
                size += len(chunk)
                if size > MAX_BYTES:
                    raise Unavailable(f"{url} has more than {MAX_BYTES:,} bytes.")
                if time.monotonic() > until:
                    raise Unavailable(f"{url} did not come within {WHOLE_SECONDS:g} seconds.")
        except HTTPError as error:
            raise Unavailable(f"{url} broke off: {error}") from error
        return Fetched(url, b"".join(parts), response.headers.get("Content-Type", ""))


def _checked(url: str) -> tuple[SplitResult, int]:
    """The parts of an address, and its port. Raises InvalidInput."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise InvalidInput(f"{url!r} is not an address: {error}.") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise InvalidInput(f"{url!r} is not an address of http or https.")
    if parts.username is not None or parts.password is not None:
        raise InvalidInput("An address with a name or password in it is not fetched.")
    return parts, port


def _pool(parts: SplitResult, address: str, port: int) -> urllib3.HTTPConnectionPool:
    """Connects to the address that was checked; the certificate is held to the name."""
    limits: Mapping[str, float] = {"connect": CONNECT_SECONDS, "read": READ_SECONDS}
    if parts.scheme == "http":
        return urllib3.HTTPConnectionPool(address, port, timeout=urllib3.Timeout(**limits))
    return urllib3.HTTPSConnectionPool(
        address,
        port,
        timeout=urllib3.Timeout(**limits),
        server_hostname=parts.hostname,
        assert_hostname=parts.hostname,
        cert_reqs="CERT_REQUIRED",
    )
