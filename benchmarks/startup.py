"""Start-up time and resident memory of a web process, against a bare Flask application."""

import os
import subprocess
import sys
from textwrap import dedent

from benchmarks import corpora
from benchmarks.report import Table, in_turn, ratio, seconds

ROUNDS = 5
_OURS = """
    import sys
    from recommender.web import create_app
    app = create_app()
    app.test_client().get("/api/v1/recommend?article_id=unknown&fallback=latest")
    assert not {"torch", "sentence_transformers", "sklearn"} & sys.modules.keys()
"""
_BARE = """
    from flask import Flask
    app = Flask(__name__)
    app.test_client().get("/")
"""
_MEMORY = """
    import psutil
    print(psutil.Process().memory_info().rss)
"""


def run() -> list[Table]:
    """From nothing to the first answer, with the data of the archive loaded."""
    rows = []
    for name, url in (("sample", corpora.sample_url()), ("newswire", corpora.reuters_url())):
        if url is None:
            continue
        ours, bare = in_turn(lambda url=url: _run(_OURS, url), lambda url=url: _run(_BARE, url), ROUNDS)  # type: ignore[misc]
        memory, bare_memory = _memory(_OURS, url), _memory(_BARE, url)
        rows.append(
            [name, seconds(ours), seconds(bare), ratio(ours, bare), f"{memory:.0f} MB", f"{bare_memory:.0f} MB"]
        )
    return [
        Table(
            "Start of a web process",
            "From starting Python to the first answer; neither torch nor scikit-learn is loaded, which the script "
            "asserts.",
            ("archive", "ours", "bare Flask", "ours / bare", "memory, ours", "memory, bare"),
            rows,
        )
    ]


def _run(code: str, url: str) -> str:
    environment = os.environ | {"RECOMMENDER_DATABASE_URL": url}
    done = subprocess.run(
        [sys.executable, "-c", dedent(code)],
        check=True,
        env=environment,
        cwd=corpora.ROOT,
        capture_output=True,
        text=True,
    )
    return done.stdout


def _memory(code: str, url: str) -> float:
    return int(_run(dedent(code) + dedent(_MEMORY), url)) / 1024**2
