"""`teach`: a language model grades boxes, and how far it agrees with people."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from recommender.settings import load_settings
from recommender.wiring import make_builder, opened_store
from tests.cli.conftest import Run
from tests.embedder import ToyEmbedder
from tests.factories import make_article
from tests.reranking.scripted import Answer, ScriptedEndpoint, graded, scripted_endpoint
from tests.web.toy import ARCHIVE

PUBLIC = {article.id for article in ARCHIVE if article.status == "published" and "legal_hold" not in article.flags}


@pytest.fixture
def endpoint(archive: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedEndpoint]:
    """An endpoint that the settings name, beside the archive of the toy."""
    with scripted_endpoint() as running:
        monkeypatch.setenv("RECOMMENDER_RERANKER_URL", running.url)
        monkeypatch.setenv("RECOMMENDER_RERANKER_MODEL", "toy-reader")
        yield running


def lines(file: str = "boxes.jsonl") -> list[dict[str, list[str]]]:
    return [json.loads(line) for line in Path(file).read_text(encoding="utf-8").splitlines()]


def test_boxes_have_the_form_that_training_reads(run: Run, endpoint: ScriptedEndpoint) -> None:
    titles = {article.id: article.title for article in ARCHIVE}
    endpoint.script = lambda asked: graded(asked, {titles["blockade-2"]: 4, titles["blockade-3"]: 3})
    assert run("teach", "boxes.jsonl", "--n", "100", "--candidates", "5", "--yes").exit_code == 0
    box = next(box for box in lines() if box["query"] == "blockade-1")
    assert sorted(box) == ["candidates", "grades", "order", "query", "reader", "reasons"]
    assert box["order"][:2] == ["blockade-2", "blockade-3"]
    assert len(box["candidates"]) <= 5
    assert dict(zip(box["candidates"], box["grades"], strict=True))["blockade-2"] == 4
    assert box["reasons"] == [titles[one] for one in box["candidates"]]
    assert sorted(box["order"]) == sorted(box["candidates"])


def test_cost_is_said_and_asked_before(run: Run, endpoint: ScriptedEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOMMENDER_RERANKER_PRICE_INPUT", "1000")
    monkeypatch.setenv("RECOMMENDER_RERANKER_BUDGET", "0.5")
    result = run("teach", "boxes.jsonl", "--n", "2", given="n\n")
    assert result.exit_code == 1
    assert f"2 boxes for toy-reader at {endpoint.url}: 2 requests, about " in result.stdout
    assert "by your prices" in result.stdout
    assert "The budget ends it at about" in result.stdout
    assert endpoint.asked == []
    assert not Path("boxes.jsonl").exists()


def test_second_call_goes_on(run: Run, endpoint: ScriptedEndpoint) -> None:
    run("teach", "boxes.jsonl", "--n", "2", "--yes")
    Path("boxes.jsonl").write_text(Path("boxes.jsonl").read_text() + '{"query": "cut in the mid')
    result = run("teach", "boxes.jsonl", "--n", "5", "--yes")
    assert "3 boxes were read" in result.stdout
    assert len({box["query"] for box in lines()}) == len(lines()) == len(endpoint.asked) == 5
    run("teach", "boxes.jsonl", "--n", "5", "--yes")
    assert len(endpoint.asked) == 5


def test_only_public_articles_are_sent(run: Run, endpoint: ScriptedEndpoint) -> None:
    settings = load_settings()
    secret = [
        make_article("draft", title="Secret draft blockade", status="draft"),
        make_article("held", title="Secret held blockade", flags=("legal_hold",)),
        replace(make_article("later", title="Secret embargo blockade"), posted_on=ARCHIVE[0].posted_on),
    ]
    with opened_store(settings) as store:
        store.articles.upsert(secret[:2])
        make_builder(store, settings, ToyEmbedder()).build()
    run("teach", "boxes.jsonl", "--n", "1000", "--yes")
    assert {box["query"] for box in lines()} <= PUBLIC
    assert "Secret" not in json.dumps([asked.body for asked in endpoint.asked])


def test_budget_ends_it_well(run: Run, endpoint: ScriptedEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOMMENDER_RERANKER_REQUESTS", "3")
    result = run("teach", "boxes.jsonl", "--n", "6", "--yes")
    assert result.exit_code == 0
    assert "The budget ends it after 3 requests" in result.stdout
    assert "3 were not: The budget of 3 requests is spent" in result.stderr
    assert len(lines()) == 3


def test_endpoint_that_fails_ends_it_badly(run: Run, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = lambda _: Answer(b"", 401)
    result = run("teach", "boxes.jsonl", "--n", "6", "--yes")
    assert result.exit_code == 3
    assert "0 boxes were read" in result.stdout
    assert "setting reranker_key" in result.stderr


def test_answers_of_two_readers_do_not_mix(
    run: Run, endpoint: ScriptedEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("teach", "boxes.jsonl", "--n", "1", "--yes")
    monkeypatch.setenv("RECOMMENDER_RERANKER_MODEL", "another")
    result = run("teach", "boxes.jsonl", "--n", "2", "--yes")
    assert result.exit_code == 2
    assert "holds answers of toy-reader" in result.stderr
    assert len(endpoint.asked) == 1


def test_without_an_endpoint_it_says_what_is_missing(run: Run, archive: Path) -> None:
    result = run("teach", "boxes.jsonl", "--yes")
    assert result.exit_code == 2
    assert "reranker_url and reranker_model" in result.stderr


def test_check_reads_judged_boxes_and_compares(run: Run, endpoint: ScriptedEndpoint) -> None:
    titles = {article.id: article.title for article in ARCHIVE}
    Path("qrels.txt").write_text("blockade-1 0 blockade-2 4\nblockade-1 0 blockade-3 2\nblockade-1 0 gold-1 -1\n")
    endpoint.script = lambda asked: graded(asked, {titles["blockade-2"]: 4, titles["gold-1"]: 0})
    result = run("teach", "boxes.jsonl", "--check", "qrels.txt", "--yes", "--candidates", "50")
    assert [box["query"] for box in lines()] == ["blockade-1"]
    assert [line.split() for line in result.stdout.splitlines()[-6:]] == [
        ["3", "pairs", "are", "judged"],
        ["same", "grade", "100%"],
        ["within", "one", "grade", "100%"],
        ["kappa,", "related", "(2", "and", "better)", "1.00"],
        ["kappa,", "essential", "(3", "and", "better)", "1.00"],
        ["correlation", "(Pearson)", "1.00"],
    ]


def test_check_of_a_file_asks_nothing(run: Run, archive: Path) -> None:
    """Nor does it need an endpoint."""
    Path("boxes.jsonl").write_text('{"query": "a", "candidates": ["b", "c"], "grades": [4, 1]}\n')
    Path("qrels.txt").write_text("a 0 b 3\na 0 d 4\n")
    result = run("teach", "boxes.jsonl", "--n", "0", "--check", "qrels.txt")
    assert result.exit_code == 0
    assert result.stdout.startswith("1 pairs are judged\nsame grade                           0%\n")
    assert result.stdout.endswith("–\n")  # noqa: RUF001  # what is not defined


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "{",
        '{"query": "a"}',
        '{"query": "a", "candidates": ["b"], "grades": [5]}',
        '{"query": "a", "candidates": ["b"], "grades": [true]}',
        '{"query": "a", "candidates": ["b"], "grades": []}',
        '{"query": 1, "candidates": [], "grades": []}',
        '{"query": "a", "candidates": 1, "grades": 1}',
    ],
)
def test_wrong_line_is_named(run: Run, endpoint: ScriptedEndpoint, line: str) -> None:
    Path("boxes.jsonl").write_text(f'{{"query": "a", "candidates": [], "grades": []}}\n{line}\n')
    result = run("teach", "boxes.jsonl", "--yes")
    assert result.exit_code == 2
    assert "boxes.jsonl, line 2: expected a box" in result.stderr
