"""The recommend endpoint against a bare Flask view returning the same bytes: server, workers and load are the same."""

from urllib.parse import quote

from benchmarks import corpora, servers
from benchmarks.report import Table, ratio
from recommender.wiring import open_store

ROUNDS = 3
SECONDS = 8
WARM_SECONDS = 30


def run() -> list[Table]:
    """Both archives; first every article for the first time, then again and again."""
    rows = []
    for name, url in (("sample", corpora.sample_url()), ("newswire", corpora.reuters_url())):
        if url is not None:
            rows += _measured(name, url)
    return [
        Table(
            "The recommend endpoint",
            f"{servers.WORKERS} workers, {servers.CONNECTIONS} connections, articles in turn, each as often as any "
            "other. `first` asks after a change, when no worker has an answer ready; `again` is what a site sees "
            "between two changes.",
            ("archive", "articles", "asked", "requests/s", "bare", "throughput, ours / bare", "p99, ours / bare"),
            rows,
        )
    ]


def _measured(name: str, url: str) -> list[list[str]]:
    store = open_store(url)
    ids = sorted(article.id for article in store.articles.listing(None, 1_000_000, 0))
    store.close()
    paths = [f"/api/v1/recommend?article_id={quote(article_id, safe='')}" for article_id in ids]
    with servers.service(url) as ours:
        body = servers.call("GET", ours + paths[len(paths) // 2])[1]
        with servers.bare_view(body) as bare:
            servers.load(bare, paths, 3)
            first = _first(ours, bare, paths)
            servers.load(ours, paths, WARM_SECONDS)
            again = [
                (
                    servers.load(ours, paths, SECONDS, start=number * 997),
                    servers.load(bare, paths, SECONDS, start=number * 997),
                )
                for number in range(ROUNDS)
            ]
    return [_row(name, len(ids), "first", first), _row(name, len(ids), "again", again)]


def _first(ours: str, bare: str, paths: list[str]) -> list[tuple[servers.Load, servers.Load]]:
    # Short enough that no worker sees an article twice: two workers, a few hundred requests a second each.
    return [
        (servers.load(ours, paths, 3, start=number * 6000), servers.load(bare, paths, 3, start=number * 6000))
        for number in range(ROUNDS if len(paths) > 10_000 else 1)
    ]


def _row(name: str, size: int, asked: str, rounds: list[tuple[servers.Load, servers.Load]]) -> list[str]:
    ours, bare = [pair[0] for pair in rounds], [pair[1] for pair in rounds]
    if errors := sum(load.errors for load in ours + bare):
        raise SystemExit(f"{errors} requests of the endpoint benchmark failed.")
    return [
        name,
        f"{size:,}",
        asked,
        f"{sorted(load.requests_per_second for load in ours)[len(ours) // 2]:,.0f}",
        f"{sorted(load.requests_per_second for load in bare)[len(bare) // 2]:,.0f}",
        ratio([load.requests_per_second for load in ours], [load.requests_per_second for load in bare]),
        ratio([load.p99_milliseconds for load in ours], [load.p99_milliseconds for load in bare]),
    ]
