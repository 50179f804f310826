"""`status` and `settings`."""

import json
from pathlib import Path

import pytest

from recommender.settings import Settings
from recommender.store.verdicts import Failure
from recommender.wiring import make_builder, open_store
from tests.cli.conftest import Run
from tests.embedder import ToyEmbedder
from tests.factories import NOW
from tests.web.toy import ARCHIVE, settings_for


def test_status_counts_and_names_the_build(run: Run, archive: Path) -> None:
    lines = dict(line.split(maxsplit=1) for line in run("status").stdout.splitlines())
    assert lines["articles"] == f"{len(ARCHIVE) - 1} published, 1 unpublished"
    assert lines["generation"].startswith(f"1, {len(ARCHIVE) - 1} articles, toy@1/")
    assert lines["waiting"] == "0 new or changed, 0 to leave"


def test_status_says_what_decides_in_each_language(run: Run, archive: Path) -> None:
    run("ingest", "-", "--format", "jsonl", given='{"id": "bm", "title": "Mali", "body": "Faama.", "language": "bm"}')
    run("build", "--full")
    shown = run("status").stdout
    assert "language    bm: words and names decide, the embedding model was not measured there" in shown
    assert "language    en: the embedding counts fully" in shown


def test_status_counts_what_waits(run: Run, archive: Path) -> None:
    run("ingest", "-", "--format", "jsonl", given='{"id": "a", "title": "First", "body": "Text."}')
    assert "waiting     1 new or changed, 0 to leave" in run("status").stdout


def test_status_names_the_reader_and_what_it_has_read(
    run: Run, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "reader  " not in run("status").stdout
    box = {"query": ARCHIVE[0].id, "candidates": [article.id for article in ARCHIVE], "grades": [2] * len(ARCHIVE)}
    (tmp_path / "boxes.jsonl").write_text(json.dumps(box))
    settings = settings_for(archive, reranker=f"recorded:{tmp_path / 'boxes.jsonl'}")
    store = open_store(f"sqlite:///{archive}")
    make_builder(store, settings, ToyEmbedder()).build()
    version = store.generations.reranker(store.state().generation or 0) or ""
    lines = dict(line.split(maxsplit=1) for line in run("status").stdout.splitlines())
    assert lines["reader"] == f"{version}, 1 of {len(ARCHIVE) - 1} boxes read"
    store.verdicts.note_failure(version, Failure(NOW, "nobody is at home"))
    store.close()
    assert "no answer   2026-06-01 12:00:00 UTC: nobody is at home" in run("status").stdout


def test_empty_database_says_what_to_do(run: Run, empty: Path) -> None:
    result = run("status")
    assert "articles    none" in result.stdout
    assert "run `recommender build`" in result.stdout


def test_settings_show_value_and_origin(run: Run, empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site.toml").write_text('port = 9000\ncors_origins = ["https://news.example"]\n')
    monkeypatch.setenv("RECOMMENDER_WORKERS", "3")
    lines = run("--config", "site.toml", "settings").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(Settings.model_fields)
    shown = {line.split()[0]: " ".join(line.split()[1:]) for line in lines}
    assert shown["port"] == "9000 (site.toml)"
    assert shown["cors_origins"] == "https://news.example (site.toml)"
    assert shown["workers"] == "3 (RECOMMENDER_WORKERS)"
    assert shown["host"] == "127.0.0.1 (default)"


def test_secrets_are_masked(run: Run, empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOMMENDER_API_KEYS", "a-very-secret-key-1,a-very-secret-key-2")
    monkeypatch.setenv("RECOMMENDER_DATABASE_URL", "postgresql+psycopg://desk:pa:ss@w0rd@db/news")
    shown = run("settings").stdout
    assert "2 set" in shown
    assert "postgresql+psycopg://desk:***@db/news" in shown
    assert "secret" not in shown
    assert "w0rd" not in shown


@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ("PROT=9000", "did you mean port?"),
        ("PORT=http", "port"),
        ("PORT=0", "port"),
        ("API_KEYS=short", "16 characters"),
        ("CORS_ORIGINS=news.example", "is not an origin"),
        ("MIN_SCORE=2", "min_score"),
        ("ROLES=latest,newest", "'newest' is none of background, latest, angle"),
    ],
)
def test_unusable_setting_stops_the_start(
    run: Run, empty: Path, monkeypatch: pytest.MonkeyPatch, setting: str, hint: str
) -> None:
    name, _, value = setting.partition("=")
    monkeypatch.setenv(f"RECOMMENDER_{name}", value)
    result = run("settings")
    assert result.exit_code == 2
    assert hint in result.stderr


@pytest.mark.parametrize(
    ("text", "hint"), [("port = ", "not valid TOML"), ("prot = 1", "did you mean port?"), ('port = "x"', "port")]
)
def test_unusable_file_stops_the_start(run: Run, empty: Path, tmp_path: Path, text: str, hint: str) -> None:
    (tmp_path / "recommender.toml").write_text(text)
    result = run("settings")
    assert result.exit_code == 2
    assert hint in result.stderr


def test_status_counts_what_no_box_can_link_to(run: Run, archive: Path) -> None:
    assert "no address" not in run("status").stdout
    run("ingest", "-", "--format", "jsonl", given='{"id": "bare", "title": "First", "body": "Text."}')
    assert "no address  1 published: no box links to them; give them a url" in run("status").stdout
