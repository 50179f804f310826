"""How soon a published article is in sidebars, and a withdrawn one out of them; and a build with nothing new."""

import json
import os
import shutil
import statistics
import time
from pathlib import Path

from benchmarks import corpora, servers
from benchmarks.report import Table

PUBLISHED = 15


def run() -> list[Table]:
    """On a copy of each archive, so that the archives stay as they are."""
    rows = []
    for name, url in (("sample", corpora.sample_url()), ("newswire", corpora.reuters_url())):
        if url is not None:
            rows.append(_measured(name, url))
    return [
        Table(
            "Publishing",
            f"{PUBLISHED} articles sent one after the other to a service of {servers.WORKERS} workers whose model is "
            "loaded, timed until the answer to PUT is there. The script then asserts that the next request shows "
            "the article in another's sidebar, that it has a sidebar itself, and that after DELETE it is in none.",
            ("archive", "PUT, median", "PUT, longest", "`recommender build` with nothing new"),
            rows,
        )
    ]


def _measured(name: str, url: str) -> list[str]:
    copy = corpora.FOLDER / f"{name}-publishing.db"
    shutil.copyfile(url.removeprefix("sqlite:///"), copy)
    os.sync()  # or the first commits wait until the copy is on the disk
    copied = f"sqlite:///{copy}"
    start = time.perf_counter()
    corpora.recommender(["build"], copied)
    idle = time.perf_counter() - start
    with servers.service(copied) as address:
        _published(address, 0)  # loads the model
        taken = [_published(address, number) for number in range(1, PUBLISHED + 1)]
        _check(address)
    for file in Path(corpora.FOLDER).glob(f"{copy.name}*"):
        file.unlink()
    return [name, f"{statistics.median(taken):.2f} s", f"{max(taken):.2f} s", f"{idle:.2f} s"]


def _published(address: str, number: int) -> float:
    body = {
        "title": f"Zanzibar clove growers of district {number} meet over spice auction prices",
        "body": f"Clove growers of district {number} on Zanzibar met the spice auction board about falling prices.",
        "edition": "Sahel",
        "posted_on": f"20{number:02d}-01-01",  # years apart: otherwise they would count as versions of one report
    }
    start = time.perf_counter()
    status, answer = servers.call("PUT", f"{address}/api/v1/articles/bench-{number}", body)
    taken = time.perf_counter() - start
    if status not in {200, 201} or not json.loads(answer)["indexed"]:
        raise SystemExit(f"Publishing failed: {status} {answer!r}")
    return taken


def _check(address: str) -> None:
    if not any(article.startswith("bench-") for article in _sidebar(address, "bench-0")):
        raise SystemExit("A published article has no sidebar of its own.")
    shown = _sidebar(address, "bench-1")[0]
    servers.call("DELETE", f"{address}/api/v1/articles/{shown}")
    for _ in range(8):  # both workers are asked
        if shown in _sidebar(address, "bench-1"):
            raise SystemExit("A withdrawn article is still shown.")


def _sidebar(address: str, article_id: str) -> list[str]:
    answer = servers.call("GET", f"{address}/api/v1/recommend?article_id={article_id}")[1]
    return [item["id"] for item in json.loads(answer)["items"]]
