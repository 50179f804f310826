"""`related`: a sidebar on the terminal."""

import json
import re
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from recommender.embedding.sentence_transformer import SentenceTransformerEmbedder
from tests.cli.conftest import Run
from tests.web.toy import build_archive


def test_article_shows_its_stories(run: Run, archive: Path) -> None:
    lines = run("related", "blockade-1").stdout.splitlines()
    assert lines[0] == "Fighters blockade fuel convoys near Bamako"
    assert lines[1] == "1. Army escorts fuel convoys through the jihadist blockade"
    assert re.fullmatch(r"   2025-10-01 · 0\.\d{4} · related · latest · blockade-3", lines[2])
    assert lines[3] == "   Also about jihadist groups"
    assert [line[:2] for line in lines[1::3]] == ["1.", "2.", "3."]


def test_fallback_has_neither_role_nor_reason(run: Run, archive: Path) -> None:
    lines = run("related", "lone", "--n", "1").stdout.splitlines()
    assert lines[1] == "1. Rains arrive early"
    assert re.fullmatch(r"   \d{4}-\d\d-\d\d · 0\.0000 · fallback_edition_read · recent-read", lines[2])
    assert len(lines) == 3


def test_explained_parts_add_up(run: Run, archive: Path) -> None:
    shown = run("related", "blockade-1", "--explain", "--n", "1").stdout
    score = re.search(r" · (0\.\d{4}) · related", shown)
    parts = re.search(r"   = (.*)\n", shown)
    assert score is not None
    assert parts is not None
    names, values = zip(*(part.split(" ") for part in parts[1].split(" + ")), strict=True)
    assert names == ("dense", "lexical", "themes", "names", "topics", "tags", "places", "nearness")
    assert sum(map(Decimal, values)) == Decimal(score[1])
    assert "shared countries: Mali; tags: blockade; names: jihadist groups\n" in shown


def test_explanation_quotes_the_closest_sentences(run: Run, archive: Path) -> None:
    lines = run("related", "blockade-1", "--explain", "--n", "1").stdout.splitlines()
    assert lines[-2:] == [
        "   source  “Tankers burn on the road as jihadist fighters blockade the Malian capital.”",
        "   teaser  “Army escorts fuel convoys through the jihadist blockade”",
    ]


def test_sentences_are_quoted_on_request_only(run: Run, archive: Path) -> None:
    assert "“" not in run("related", "blockade-1").stdout


def test_site_without_roles_prints_none(run: Run, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOMMENDER_ROLES", "")
    assert "· related · blockade-3" in run("related", "blockade-1").stdout


def test_missing_file_of_a_setting_is_wrong_input(run: Run, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOMMENDER_GAZETTEER", "nowhere")
    result = run("related", "blockade-1")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "nowhere cannot be read" in result.stderr


def test_json_is_for_programs(run: Run, archive: Path) -> None:
    document = json.loads(run("related", "blockade-1", "--json", "--n", "2", "--explain").stdout)
    assert [item["id"] for item in document["items"]][:1] == ["blockade-3"]
    assert len(document["items"]) == 2
    assert (document["generation"], document["model"]) == (1, "toy@1/passages180-mean")
    item = document["items"][0]
    assert item["shared"] == {"countries": ["Mali"], "tags": ["blockade"], "names": ["jihadist groups"]}
    assert (item["role"], item["reason"]) == ("latest", "Also about jihadist groups")
    assert item["sentences"].keys() == {"source", "teaser"}


def test_json_explains_on_request_only(run: Run, archive: Path) -> None:
    document = json.loads(run("related", "blockade-1", "--json").stdout)
    assert {"parts", "shared", "sentences"}.isdisjoint(document["items"][0])


def test_held_article_has_no_story(run: Run, archive: Path) -> None:
    assert "1." not in run("related", "held").stdout


def test_unknown_article_is_wrong_input(run: Run, archive: Path) -> None:
    result = run("related", "no-such-story")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no-such-story" in result.stderr


@pytest.mark.parametrize(
    "arguments", [(), ("blockade-1", "--text", "-"), ("blockade-1", "--n", "0"), ("--text", "gone")]
)
def test_wrong_usage_ends_with_two(run: Run, archive: Path, arguments: tuple[str, ...]) -> None:
    assert run("related", *arguments, given="A draft").exit_code == 2


def test_empty_draft_is_wrong_input(run: Run, archive: Path) -> None:
    result = run("related", "--text", "-", given=" \n")
    assert result.exit_code == 2
    assert "empty" in result.stderr


def test_unbuilt_archive_says_what_to_do(run: Run, empty: Path) -> None:
    run("ingest", "-", "--format", "jsonl", given='{"id": "a", "title": "First", "body": "Text."}')
    result = run("related", "a")
    assert result.exit_code == 0
    assert "recommender build" in result.stderr


def test_other_model_is_unavailable(run: Run, archive: Path) -> None:
    result = run("related", "--text", "-", given="Gold mine\n\nOre.")
    assert result.exit_code == 3
    assert "recommender build" in result.stderr


def test_draft_shows_related_stories(
    run: Run, model: SentenceTransformerEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_archive(tmp_path / "real.db", embedder=model)
    monkeypatch.setenv("RECOMMENDER_DATABASE_URL", f"sqlite:///{tmp_path / 'real.db'}")
    draft = "Junta nationalises a foreign gold mine\n\nThe ore of the uranium mine at Arlit is Niger's.\n"
    (tmp_path / "draft.txt").write_text(draft)
    result = run("related", "--text", tmp_path / "draft.txt", "--json", "--n", "2")
    assert {item["id"] for item in json.loads(result.stdout)["items"]} <= {"gold-1", "gold-2", "gold-3"}
    assert len(json.loads(result.stdout)["items"]) == 2
    shutil.rmtree(tmp_path)
