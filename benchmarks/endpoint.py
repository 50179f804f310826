"""The recommend endpoint against a bare Flask view returning the same bytes: server, workers and load are the same."""

from urllib.parse import quote

from benchmarks import corpora, servers
from benchmarks.report import Table, ratio
from recommender.wiring import open_store

ROUNDS = 3
SECONDS = 8
WARM_SECONDS = 20
# A second of load does not come to the end of so many articles, so in these rounds no article is asked for twice.
FIRST_PER_ROUND = 9_000
FIRST_ROUNDS = 2
UNKNOWN = "/api/v1/recommend?article_id=unknown&fallback=latest"


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
            "other. `first`: the worker has not been asked for the article yet, and the answer comes from "
            "the last build. `again`: the worker has it in memory.",
            ("archive", "articles", "asked", "requests/s", "bare", "throughput, ours / bare", "p99, ours / bare"),
            rows,
        )
    ]


def _measured(name: str, url: str) -> list[list[str]]:
    store = open_store(url)
    ids = sorted(article.id for article in store.articles.listing(None, 1_000_000, 0))
    store.close()
    paths = [f"/api/v1/recommend?article_id={quote(article_id, safe='')}" for article_id in ids]
    rows = []
    with servers.service(url) as ours:
        body = servers.call("GET", ours + paths[len(paths) // 2])[1]
        with servers.bare_view(body) as bare:
            servers.load(ours, [UNKNOWN], 2)  # both workers have read the facts of the archive then, and no sidebar
            servers.load(bare, paths, 2)
            if len(paths) > FIRST_PER_ROUND * FIRST_ROUNDS:
                rows.append(
                    _row(name, len(ids), "first", _rounds((ours, bare), paths, FIRST_ROUNDS, 1, FIRST_PER_ROUND))
                )
            servers.load(ours, paths, WARM_SECONDS)
            rows.append(_row(name, len(ids), "again", _rounds((ours, bare), paths, ROUNDS, SECONDS, 997)))
    return rows


def _rounds(
    addresses: tuple[str, str], paths: list[str], rounds: int, seconds: int, step: int
) -> list[tuple[servers.Load, servers.Load]]:
    ours, bare = addresses
    starts = [number * step for number in range(rounds)]
    return [(servers.load(ours, paths, seconds, start), servers.load(bare, paths, seconds, start)) for start in starts]


def _row(name: str, size: int, which: str, rounds: list[tuple[servers.Load, servers.Load]]) -> list[str]:
    ours, bare = [pair[0] for pair in rounds], [pair[1] for pair in rounds]
    if errors := sum(load.errors for load in ours + bare):
        raise SystemExit(f"{errors} requests of the endpoint benchmark failed.")
    return [
        name,
        f"{size:,}",
        which,
        f"{sorted(load.requests_per_second for load in ours)[len(ours) // 2]:,.0f}",
        f"{sorted(load.requests_per_second for load in bare)[len(bare) // 2]:,.0f}",
        ratio([load.requests_per_second for load in ours], [load.requests_per_second for load in bare]),
        ratio([load.p99_milliseconds for load in ours], [load.p99_milliseconds for load in bare]),
    ]
