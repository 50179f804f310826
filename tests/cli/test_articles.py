"""`ingest` and `build`."""

import json
from pathlib import Path

import pytest

from recommender.settings import load_settings
from recommender.wiring import opened_store
from tests.cli.conftest import Run

GOOD = '{"id": "a", "title": "First", "body": "Text."}\n{"id": "b", "title": "Second", "body": "Text."}\n'


def articles() -> int:
    with opened_store(load_settings()) as store:
        return sum(store.articles.counts().values())


def test_file_goes_in(run: Run, empty: Path, tmp_path: Path) -> None:
    (tmp_path / "news.jsonl").write_text(GOOD)
    result = run("ingest", "news.jsonl")
    assert (result.exit_code, result.stdout) == (0, "2 added, 0 changed, 0 unchanged, 0 refused\n")
    assert articles() == 2


def test_same_file_changes_nothing(run: Run, empty: Path, tmp_path: Path) -> None:
    (tmp_path / "news.jsonl").write_text(GOOD)
    run("ingest", "news.jsonl")
    assert run("ingest", "news.jsonl").stdout == "0 added, 0 changed, 2 unchanged, 0 refused\n"


def test_changed_record_is_counted(run: Run, empty: Path, tmp_path: Path) -> None:
    (tmp_path / "news.jsonl").write_text(GOOD)
    run("ingest", "news.jsonl")
    (tmp_path / "news.jsonl").write_text(GOOD.replace("Second", "Renamed"))
    assert run("ingest", "news.jsonl").stdout == "0 added, 1 changed, 1 unchanged, 0 refused\n"


def test_several_files_add_up(run: Run, empty: Path, tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_text(GOOD)
    (tmp_path / "two.csv").write_text("id,title,body,tags\nc,Third,Text,mali; gao\n")
    assert run("ingest", "one.jsonl", "two.csv").stdout == "3 added, 0 changed, 0 unchanged, 0 refused\n"


def test_standard_input_is_read(run: Run, empty: Path) -> None:
    result = run("ingest", "-", "--format", "jsonl", given=GOOD)
    assert (result.exit_code, result.stdout) == (0, "2 added, 0 changed, 0 unchanged, 0 refused\n")


def test_csv_keeps_its_labels(run: Run, empty: Path, tmp_path: Path) -> None:
    (tmp_path / "news.csv").write_text('id,title,body,tags\nc,Third,"Text, with a comma",mali; gao\n')
    run("ingest", "news.csv")
    with opened_store(load_settings()) as store:
        (article,) = store.articles.get([1]).values()
    assert (article.body, article.tags) == ("Text, with a comma", ("mali", "gao"))


def test_sample_has_300_stories(run: Run, empty: Path) -> None:
    assert run("ingest", "--sample").stdout == "300 added, 0 changed, 0 unchanged, 0 refused\n"


def test_refusal_names_line_field_value_advice(run: Run, empty: Path, tmp_path: Path) -> None:
    (tmp_path / "news.jsonl").write_text(GOOD + json.dumps({"id": "c", "title": "T", "body": "B", "flags": "x"}))
    result = run("ingest", "news.jsonl")
    assert (result.exit_code, result.stdout) == (1, "2 added, 0 changed, 0 unchanged, 1 refused\n")
    assert "refused: news.jsonl, line 3: flags: holds the unknown flag 'x' (got 'x'); use one of" in result.stderr
    assert articles() == 2


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{broken", "line 1: is not valid JSON"),
        ("[1, 2]", "line 1: is a JSON list, not an object"),
        ('{"id": "x"}', "line 1: title: is required, as summary and body are empty as well"),
        ('{"title": "T", "body": "B"}', "line 1: id: is required"),
    ],
)
def test_bad_line_costs_only_itself(run: Run, empty: Path, line: str, reason: str) -> None:
    result = run("ingest", "-", "--format", "jsonl", given=f"{line}\n{GOOD}")
    assert (result.exit_code, result.stdout) == (1, "2 added, 0 changed, 0 unchanged, 1 refused\n")
    assert reason in result.stderr


def test_one_cause_is_said_once(run: Run, empty: Path) -> None:
    result = run("ingest", "-", "--format", "jsonl", given="broken\n" * 60)
    assert result.stdout == "0 added, 0 changed, 0 unchanged, 60 refused\n"
    assert result.stderr.count("is not valid JSON") == 1
    assert "refused: standard input, line 1 and 59 more records: is not valid JSON" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("ingest",),
        ("ingest", "missing.jsonl"),
        ("ingest", "--sample", "-"),
        ("ingest", "-", "--format", "xml"),
        ("ingest", "-"),
        ("build", "everything"),
        ("nonsense",),
        ("--config", "missing.toml", "status"),
    ],
)
def test_wrong_usage_ends_with_two(run: Run, empty: Path, arguments: tuple[str, ...]) -> None:
    assert run(*arguments, given="").exit_code == 2


def test_csv_without_header_is_wrong_input(run: Run, empty: Path, tmp_path: Path) -> None:
    (tmp_path / "news.csv").write_text("a,First,Text\n")
    result = run("ingest", "news.csv")
    assert result.exit_code == 2
    assert "id and title not found" in result.stderr


def test_nothing_to_build_is_wrong_input(run: Run, empty: Path) -> None:
    result = run("build")
    assert result.exit_code == 2
    assert "recommender ingest" in result.stderr


def test_missing_model_is_unavailable(run: Run, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOMMENDER_MODEL", "no/such-model")
    result = run("build")
    assert result.exit_code == 3
    assert "no/such-model" in result.stderr
    assert "RECOMMENDER_MODEL_DOWNLOAD" in result.stderr


def test_missing_database_is_unavailable(run: Run, empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOMMENDER_DATABASE_URL", "postgresql+psycopg://user:hidden@127.0.0.1:1/news")
    result = run("status")
    assert result.exit_code == 3
    assert "hidden" not in result.stdout + result.stderr


def test_other_database_is_wrong_input(run: Run, empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOMMENDER_DATABASE_URL", "mysql://localhost/news")
    assert run("status").exit_code == 2
