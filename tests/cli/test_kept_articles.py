"""`articles` and what `ingest` says of shared addresses."""

import json
from pathlib import Path

import pytest

from recommender.settings import load_settings
from recommender.store.articles import DELETED
from recommender.store.audit import WITHDRAW, AuditQuery
from recommender.wiring import opened_store
from tests.cli.conftest import Run
from tests.web.toy import ARCHIVE

GOLD = [item.id for item in ARCHIVE if item.id.startswith("gold-")]


def test_list_shows_articles_of_a_filter(run: Run, archive: Path) -> None:
    lines = run("articles", "list", "--status", "draft").stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == [item.id for item in ARCHIVE if item.status == "draft"]
    result = run("articles", "list", "--limit", "2")
    assert len(result.stdout.splitlines()) == 2
    assert "--limit shows more" in result.stderr


def test_show_gives_every_field(run: Run, archive: Path) -> None:
    record = json.loads(run("articles", "show", "blockade-1").stdout)
    assert record["id"] == "blockade-1"
    assert record["aliases"] == []
    assert run("articles", "show", "nowhere").exit_code == 2


def test_dry_run_changes_nothing(run: Run, archive: Path) -> None:
    result = run("articles", "remove", "--dry-run", *GOLD, "nowhere")
    assert result.stdout == f"would be removed: {len(GOLD)} articles, which stand in 0 sidebars\n"
    assert "not there: 1 ids, such as nowhere" in result.stderr
    with opened_store(load_settings()) as store:
        assert DELETED not in store.articles.counts()


def test_removal_is_a_withdrawal_with_an_entry(run: Run, archive: Path) -> None:
    Path("gold.jsonl").write_text("".join(f'{{"id": "{name}"}}\n' for name in GOLD), encoding="utf-8")
    assert run("articles", "remove", "--file", "gold.jsonl", given="n\n").exit_code == 1
    assert run("articles", "remove", "--file", "gold.jsonl", "--yes").exit_code == 0
    with opened_store(load_settings()) as store:
        assert store.articles.counts()[DELETED] == len(GOLD)
        entries = store.audit.entries(AuditQuery(), 99)
    assert {(entry.action, entry.subject) for entry in entries} == {(WITHDRAW, name) for name in GOLD}
    assert {entry.by.split(" (")[0] for entry in entries} == {"command line"}


def test_edition_is_removed(run: Run, archive: Path) -> None:
    edition = ARCHIVE[0].edition
    run("articles", "remove", "--edition", edition, "--yes")
    assert run("articles", "list", "--edition", edition).stdout == ""
    assert run("articles", "list").stdout != ""


@pytest.fixture
def with_sample(run: Run, empty: Path) -> None:
    """The database holds the sample, and a file of the site's own lies beside it."""
    Path("own.jsonl").write_text('{"id": "own", "title": "Rain at Gao", "body": "It rains."}\n', encoding="utf-8")
    assert run("ingest", "--sample").exit_code == 0


def ids() -> set[str]:
    """What the database holds."""
    with opened_store(load_settings()) as store:
        return {article.id for article in store.articles.listing(None, 1_000, 0)}


def test_sample_beside_own_articles_is_told(run: Run, with_sample: None) -> None:
    told = run("ingest", "own.jsonl").stderr
    assert "holds 300 sample stories, which may stand beside yours; `recommender articles remove --sample`" in told
    assert "removed: 300 articles" in run("articles", "remove", "--sample", "--yes").stdout
    assert ids() == {"own"}
    assert "sample" not in run("ingest", "own.jsonl").stderr


def test_own_articles_can_replace_the_sample(run: Run, with_sample: None) -> None:
    assert "removed: 300 sample stories" in run("ingest", "own.jsonl", "--replace-sample").stderr
    assert ids() == {"own"}


@pytest.mark.parametrize("options", [("--sample", "--replace-sample"), ("own.jsonl", "--dry-run", "--replace-sample")])
def test_sample_is_replaced_by_files_only(run: Run, with_sample: None, options: tuple[str, ...]) -> None:
    assert run("ingest", *options).exit_code == 2
    assert len(ids()) == 300


def test_one_choice_is_asked_for(run: Run, archive: Path) -> None:
    assert run("articles", "remove").exit_code == 2
    assert run("articles", "remove", "a", "--edition", "Sahel").exit_code == 2


def test_ingest_reports_shared_addresses(run: Run, empty: Path) -> None:
    lines = [
        {"id": "su-1", "title": "Tents at the well", "summary": "Diggers.", "url": "https://journal.example/well"},
        {"id": "su-2", "title": "The well, a year on", "summary": "Houses.", "url": "https://m.journal.example/well/"},
        {"id": "su-3", "title": "The price of water", "summary": "Dinars.", "url": "https://journal.example/price"},
    ]
    Path("a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    result = run("ingest", "a.jsonl")
    assert result.exit_code == 0
    assert "shared: 2 articles stand at https://journal.example/well: su-1, su-2; url= finds none of them there" in (
        result.stderr.replace("m.journal.example/well/", "journal.example/well")
    )
    assert result.stderr.count("shared: ") == 1
