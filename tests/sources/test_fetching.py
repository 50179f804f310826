"""Fetching: nothing but public hosts is ever connected to, and nothing comes without limits."""

import gzip
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from recommender.errors import InvalidInput, RecommenderError, Unavailable
from recommender.sources import fetching
from recommender.sources.fetching import Fetched, Fetcher
from recommender.sources.public_network import is_public

PRIVATE = [
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "100.127.255.254", "192.0.0.1", "192.0.2.7", "198.18.0.1", "198.51.100.1",
    "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1",
    "fe80::1%eth0",
    "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "2001:db8::1", "3fff::1", "5f00::1", "100::1", "64:ff9b:1::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::",
    "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "not an address", "",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:1.1.1.1", "2002:0101:0101::", "64:ff9b::1.1.1.1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_address_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_address_is_public(address: str) -> None:
    assert is_public(address)


class Site(BaseHTTPRequestHandler):
    """A host of the test; what it answers depends on the path."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(f"{self.headers['Host']}{self.path}")
        name = self.path.strip("/").partition("?")[0]
        if name.startswith("redirect-"):
            self._answer(302, b"", Location=name.removeprefix("redirect-").replace("_", "/"))
        elif name == "round":
            self._answer(301, b"", Location="/round")
        elif name == "bomb":
            self._answer(200, gzip.compress(bytes(80 * 1024 * 1024)), **{"Content-Encoding": "gzip"})
        elif name == "drip":
            self.send_response(200)
            self.end_headers()
            for _ in range(200):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.05)
        elif name == "missing":
            self._answer(404, b"no")
        else:
            self._answer(200, b"<rss/>", **{"Content-Type": "application/rss+xml"})

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for header, value in headers.items():
            self.send_header(header, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def site() -> Iterator[tuple[str, list[str]]]:
    """Host and port of a server on this machine, and what it was asked."""
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Asked", (Site,), {"asked": asked}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"journal.example:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def local(*hosts: str) -> Fetcher:
    """A fetcher that finds the hosts on this machine, and for which they are public; no other host is known."""

    def resolve(host: str, _port: int) -> list[str]:
        if host == "private.example":
            return ["10.0.0.1"]
        if host not in hosts:
            raise OSError("no such host")
        return ["127.0.0.1"]

    return Fetcher(resolve=resolve, may_reach=lambda address: address == "127.0.0.1")


def test_address_is_fetched_by_its_name(site: tuple[str, list[str]]) -> None:
    fetched = local("journal.example").fetch(f"http://{site[0]}/feed?a=b")
    assert (fetched.body, fetched.content_type) == (b"<rss/>", "application/rss+xml")
    assert site[1] == [f"{site[0]}/feed?a=b"]


def test_redirect_is_followed(site: tuple[str, list[str]]) -> None:
    assert local("journal.example").fetch(f"http://{site[0]}/redirect-_feed").url == f"http://{site[0]}/feed"


@pytest.mark.parametrize("address", PRIVATE[:-2])
def test_private_host_is_not_asked(address: str, site: tuple[str, list[str]]) -> None:
    port = site[0].rpartition(":")[2]
    fetcher = Fetcher(resolve=lambda _host, _port: ["93.184.215.14", address])
    with pytest.raises(InvalidInput, match="not public"):
        fetcher.fetch(f"http://innocent.example:{port}/")
    assert site[1] == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{port}/", "http://2130706433:{port}/", "http://0x7f.1:{port}/", "http://[::1]:{port}/"]
)
def test_numbers_are_hosts_as_well(url: str, site: tuple[str, list[str]]) -> None:
    with pytest.raises(RecommenderError):
        Fetcher().fetch(url.format(port=site[0].rpartition(":")[2]))
    assert site[1] == []


def test_redirect_into_a_private_network_is_refused(site: tuple[str, list[str]]) -> None:
    with pytest.raises(InvalidInput, match="not public"):
        local("journal.example").fetch(f"http://{site[0]}/redirect-http:__private.example_admin")


def test_resolver_that_changes_its_mind_changes_nothing(site: tuple[str, list[str]]) -> None:
    """The connection goes to the address that was checked."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    fetcher = Fetcher(resolve=lambda _host, _port: next(answers), may_reach=lambda address: address == "127.0.0.1")
    assert fetcher.fetch(f"http://{site[0]}/").body == b"<rss/>"
    with pytest.raises(InvalidInput, match="not public"):
        fetcher.fetch(f"http://{site[0]}/")


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://journal.example/", "gopher://x/", "//journal.example/", "journal.example", "http://",
     "http://a:b@journal.example/", "http://@journal.example/", "http://journal.example:99999/", "http://[::1/"],
)  # fmt: skip
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        local("journal.example").fetch(url)


@pytest.mark.parametrize("target", ["file:__", "ftp:__private.example_"])
def test_redirect_leads_nowhere_but_to_http(target: str, site: tuple[str, list[str]]) -> None:
    with pytest.raises(InvalidInput):
        local("journal.example").fetch(f"http://{site[0]}/redirect-{target}")


def test_redirects_come_to_an_end(site: tuple[str, list[str]]) -> None:
    with pytest.raises(InvalidInput, match="redirects more than 5 times"):
        local("journal.example").fetch(f"http://{site[0]}/round")
    assert len(site[1]) == 6


def test_bomb_is_not_unpacked(site: tuple[str, list[str]]) -> None:
    with pytest.raises(Unavailable, match="has more than"):
        local("journal.example").fetch(f"http://{site[0]}/bomb")


def test_slow_answer_is_given_up(site: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "WHOLE_SECONDS", 0.3)
    began = time.monotonic()
    with pytest.raises(Unavailable, match="did not come within"):
        local("journal.example").fetch(f"http://{site[0]}/drip")
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("url", "says"),
    [("http://{site}/missing", "status 404"), ("http://nowhere.example/", "is not known")],
)
def test_what_does_not_come_is_said(url: str, says: str, site: tuple[str, list[str]]) -> None:
    with pytest.raises(Unavailable, match=says):
        local("journal.example").fetch(url.format(site=site[0]))


@pytest.mark.parametrize(
    ("url", "content_type", "name"),
    [
        ("/", "application/rss+xml; charset=utf-8", "feed"),
        ("/", "text/xml", "xml"),
        ("/posts.csv", "application/feed+json", "json"),
        ("/", "text/csv", "csv"),
        ("/posts.jsonl?page=1", "text/plain", "jsonl"),
        ("/", "text/html", None),
        ("/", "", None),
    ],
)
def test_format_is_what_the_server_says_or_the_address(url: str, content_type: str, name: str | None) -> None:
    assert Fetched(f"https://journal.example{url}", b"", content_type).format == name


def test_closed_port_is_said() -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        local("journal.example").fetch("http://journal.example:1/")
