"""`evaluate`: the table of measures, and what it leaves alone."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from recommender.settings import load_settings
from recommender.wiring import opened_store
from tests.cli.conftest import Run
from tests.web.toy import ARCHIVE

QRELS = """blockade-1 0 blockade-3 3
blockade-1 0 blockade-2 2
gold-1 0 gold-2 3
gold-1 0 lone 0
"""


@pytest.fixture
def qrels(tmp_path: Path) -> Path:
    """Judgments of two queries."""
    (tmp_path / "qrels.txt").write_text(QRELS)
    return tmp_path / "qrels.txt"


def test_table_has_every_system(run: Run, archive: Path, qrels: Path) -> None:
    result = run("evaluate", "--qrels", qrels)
    assert result.exit_code == 0
    assert result.stdout.startswith("2 judged queries, 14 articles")
    for system in ("the service", "TF-IDF", "BM25", "embedding alone", "latest in the edition", "most read"):
        assert system in result.stdout


def test_run_is_a_trec_run(run: Run, archive: Path, qrels: Path, tmp_path: Path) -> None:
    run("evaluate", "--qrels", qrels, "--run", tmp_path / "out.run")
    rows = [line.split() for line in (tmp_path / "out.run").read_text().splitlines()]
    assert {(row[0], row[1], row[5]) for row in rows} == {
        ("blockade-1", "Q0", "recommender"),
        ("gold-1", "Q0", "recommender"),
    }
    for query in ("blockade-1", "gold-1"):
        ranking = [row for row in rows if row[0] == query]
        assert [int(row[3]) for row in ranking] == list(range(1, len(ranking) + 1))
        scores = [float(row[4]) for row in ranking]
        assert scores == sorted(scores, reverse=True)
        assert len({row[2] for row in ranking}) == len(ranking)
        assert query not in {row[2] for row in ranking}


def test_unknown_queries_are_named(run: Run, archive: Path, qrels: Path) -> None:
    qrels.write_text(QRELS + "elsewhere 0 blockade-1 2\n")
    assert "not among the articles, so not counted: elsewhere (1)" in run("evaluate", "--qrels", qrels).stdout


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "holds no judgments"),
        ("blockade-1 blockade-2 1\n", "line 1"),
        ("a 0 b high\n", "line 1"),
        ("a 0 b 1\na 0 b 2\n", "judged twice"),
        ("elsewhere 0 b 1\n", "None of the judged queries"),
    ],
)
def test_wrong_judgments_are_refused(run: Run, archive: Path, qrels: Path, text: str, hint: str) -> None:
    qrels.write_text(text)
    result = run("evaluate", "--qrels", qrels)
    assert result.exit_code == 2
    assert hint in result.stderr


def test_unbuilt_database_is_unavailable(run: Run, empty: Path, qrels: Path) -> None:
    assert run("evaluate", "--qrels", qrels).exit_code == 3


class TestCorpusOfItsOwn:
    """`--articles`."""

    @pytest.fixture
    def corpus(self, tmp_path: Path) -> Path:
        """The archive as a file."""
        lines = [json.dumps(asdict(article), default=str) for article in ARCHIVE]
        (tmp_path / "corpus.jsonl").write_text("\n".join(lines))
        return tmp_path / "corpus.jsonl"

    def test_database_is_left_alone(self, run: Run, empty: Path, qrels: Path, corpus: Path) -> None:
        result = run("evaluate", "--qrels", qrels, "--articles", corpus)
        assert result.exit_code == 0
        assert "2 judged queries, 14 articles" in result.stdout
        assert not empty.exists()

    def test_contents_are_left_alone(self, run: Run, archive: Path, qrels: Path, corpus: Path) -> None:
        with opened_store(load_settings()) as store:
            before = (store.state(), store.articles.counts())
        run("evaluate", "--qrels", qrels, "--articles", corpus)
        with opened_store(load_settings()) as store:
            assert (store.state(), store.articles.counts()) == before

    def test_bad_article_stops_it(self, run: Run, empty: Path, qrels: Path, corpus: Path) -> None:
        corpus.write_text('{"id": "a", "flags": "unknown", "title": "A flag that nobody knows"}\n')
        result = run("evaluate", "--qrels", qrels, "--articles", corpus)
        assert result.exit_code == 2
        assert "corpus.jsonl, line 1" in result.stderr
