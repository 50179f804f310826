"""`models list|show|verify|fetch`: the versions of the setting's folder."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recommender.errors import InvalidInput
from recommender.release.cards import Embedding
from recommender.release.registry import FolderRegistry
from recommender.settings import load_settings
from recommender.wiring import make_model_version, opened_store
from tests.cli.conftest import Run
from tests.embedder import ToyEmbedder
from tests.factories import make_article, make_builder
from tests.release.test_cards import CARD
from tests.tiny import SIZE, make_model

FILES = {"embedding/model.safetensors": b"weights"}
PLAIN = replace(CARD, name="sahel/1", embedding=Embedding("all-MiniLM-L6-v2", None, "x", 384, 2 << 20), metrics={})


@pytest.fixture
def versions(archive: Path) -> FolderRegistry:
    """Two versions beside the toy archive; the second is live."""
    registry = FolderRegistry(Path("models"))
    registry.create(PLAIN, {})
    registry.create(CARD, FILES)
    registry.put_live("sahel/2")
    return registry


class TestList:
    def test_versions_are_shown_with_their_figures(self, run: Run, versions: FolderRegistry) -> None:
        lines = run("models", "list").stdout.splitlines()
        assert lines[0].split() == ["sahel/1", "candidate", "2026-06-01", "no", "nDCG@3", "2.0", "MiB"]
        assert lines[1].startswith("* sahel/2  candidate  2026-06-01  nDCG@3 0.800 (0.700-0.900)")
        assert lines[2] == "* Builds build sahel/2."

    def test_difference_to_what_readers_get_is_reported(self, run: Run, versions: FolderRegistry) -> None:
        message = "Readers get sahel/1 until the next `recommender build`."
        assert message in run("models", "list").stdout
        versions.put_live("sahel/1")
        assert message not in run("models", "list").stdout

    def test_damaged_card_does_not_hide_the_others(self, run: Run, versions: FolderRegistry) -> None:
        (versions.folder("sahel/1") / "card.json").write_text("[]")
        lines = run("models", "list").stdout.splitlines()
        assert lines[0].startswith("  sahel/1  damaged: models/sahel/1/card.json is not a model card")
        assert lines[1].startswith("* sahel/2  candidate")

    def test_live_version_that_is_gone_is_told(self, run: Run, versions: FolderRegistry) -> None:
        shutil.rmtree(versions.folder("sahel/2"))
        assert "models/live names sahel/2, which is not there" in run("models", "list").stdout

    @pytest.mark.parametrize("metrics", [{"x": 1}, {"x": {"nDCG@3": "good"}}, {"x": {"nDCG@3": {"mean": "0.8"}}}])
    def test_other_metrics_are_no_figures(self, run: Run, versions: FolderRegistry, metrics: dict[str, Any]) -> None:
        versions.create(replace(PLAIN, name="sahel/3", metrics=metrics), {})
        assert "  sahel/3  candidate  2026-06-01  no nDCG@3 " in run("models", "list").stdout
        assert run("models", "show", "sahel/3").exit_code == 0

    def test_software_without_versions_says_what_it_does(self, run: Run, empty: Path) -> None:
        assert "Builds build sahel/1, which is part of this software." in run("models", "list").stdout


class TestShow:
    def test_card_is_told(self, run: Run, versions: FolderRegistry) -> None:
        shown = run("models", "show", "sahel/2").stdout
        assert shown.startswith("sahel/2, candidate\n")
        assert "nDCG@3       0.800 (0.700-0.900)" in shown
        assert "It reads English only." in shown

    def test_json_is_the_card(self, run: Run, versions: FolderRegistry) -> None:
        shown = run("models", "show", "sahel/2", "--json").stdout
        assert json.loads(shown)["files"].keys() == FILES.keys()

    @pytest.mark.parametrize(
        ("name", "code", "message"), [("sahel/9", 2, "no model version"), ("../x", 2, "Write NAME/")]
    )
    def test_other_names_are_refused(
        self, run: Run, versions: FolderRegistry, name: str, code: int, message: str
    ) -> None:
        result = run("models", "show", name)
        assert result.exit_code == code
        assert message in result.stderr


class TestVerify:
    def test_whole_versions_are_whole(self, run: Run, versions: FolderRegistry) -> None:
        result = run("models", "verify")
        assert (result.exit_code, result.stdout) == (0, "sahel/1: whole\nsahel/2: whole\n")

    def test_damage_ends_with_an_error(self, run: Run, versions: FolderRegistry) -> None:
        (versions.folder("sahel/2") / "embedding" / "model.safetensors").write_bytes(b"others")
        result = run("models", "verify")
        assert result.exit_code == 2
        assert "sahel/2: embedding/model.safetensors is not the file of the card" in result.stdout
        assert "Not whole: sahel/2." in result.stderr


class TestFetch:
    def test_missing_file_is_fetched(
        self, run: Run, versions: FolderRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shutil.copytree("models", tmp_path / "store")
        (versions.folder("sahel/2") / "embedding" / "model.safetensors").unlink()
        monkeypatch.setenv("RECOMMENDER_MODELS_FROM", str(tmp_path / "store"))
        assert run("models", "fetch", "sahel/2").stdout == "sahel/2: fetched embedding/model.safetensors\n"
        assert run("models", "fetch", "sahel/2").stdout == "sahel/2: nothing is missing\n"

    def test_without_a_place_there_is_none(self, run: Run, versions: FolderRegistry) -> None:
        result = run("models", "fetch", "sahel/2")
        assert result.exit_code == 2
        assert "models_from" in result.stderr


def test_damaged_version_is_not_built(run: Run, versions: FolderRegistry) -> None:
    (versions.folder("sahel/2") / "embedding" / "model.safetensors").write_bytes(b"others")
    result = run("build")
    assert result.exit_code == 2
    assert "sahel/2 is damaged" in result.stderr


class TestAdd:
    """`models add`."""

    def test_files_of_a_folder_become_those_of_the_version(
        self, run: Run, versions: FolderRegistry, tmp_path: Path
    ) -> None:
        folder = make_model(tmp_path / "small", ["gold", "fuel"])
        done = run("models", "add", folder, "--as", "ours/1", "--licence", "MIT")
        assert done.exit_code == 0
        card = versions.card("ours/1")
        assert (card.state, card.licence, card.embedding.dimension) == ("candidate", "MIT", SIZE)
        assert card.ranking == versions.card("sahel/2").ranking
        shutil.rmtree(folder)
        assert versions.verify("ours/1") == []
        model_version, embedder = make_model_version(load_settings(), "ours/1")
        assert (model_version.name, embedder.version) == ("ours/1", card.embedding.version)

    def test_name_of_a_model_stays_a_name(self, run: Run, versions: FolderRegistry) -> None:
        assert run("models", "add", "all-MiniLM-L6-v2", "--as", "ours/1", "--licence", "Apache-2.0").exit_code == 0
        card = versions.card("ours/1")
        assert (card.embedding.model, card.files) == ("all-MiniLM-L6-v2", {})

    @pytest.mark.parametrize(
        ("model", "name", "hint"),
        [
            ("nobody/nothing", "ours/1", "is not here"),
            ("all-MiniLM-L6-v2", "sahel/2", "There is a model version sahel/2 already"),
            ("all-MiniLM-L6-v2", "Ours", "NAME/VERSION"),
        ],
    )
    def test_what_cannot_be_added_is_told(
        self, run: Run, versions: FolderRegistry, model: str, name: str, hint: str
    ) -> None:
        result = run("models", "add", model, "--as", name, "--licence", "MIT")
        assert result.exit_code != 0
        assert hint in result.stderr
        assert versions.names() == ["sahel/1", "sahel/2"]

    def test_version_of_another_model_than_its_card_says_is_refused(self, run: Run, versions: FolderRegistry) -> None:
        """A name says nothing of what lies behind it: the hub's files can change, and vectors would be mixed."""
        with pytest.raises(InvalidInput, match=r"sahel/1 is of x, but here is all-MiniLM-L6-v2@53aa51172d14"):
            make_model_version(load_settings(), "sahel/1")


class TestAdvise:
    STATIC = Path(__file__).parents[2] / "models" / "static" / "1" / "embedding"

    @pytest.fixture
    def gold(self, empty: Path) -> Path:
        with opened_store(load_settings(None)) as store:
            store.articles.upsert(
                [
                    make_article(f"a{place}", title=f"Mine {place}", body=f"Gold was found in mine {place}.")
                    for place in range(20)
                ]
            )
            make_builder(store, ToyEmbedder()).build()
        return empty

    def test_named_models_are_measured_on_the_archive(self, run: Run, gold: Path, tmp_path: Path) -> None:
        judgments = tmp_path / "judged.txt"
        judgments.write_text("a1 0 a2 3\n")
        head, line = run("models", "advise", self.STATIC, "--qrels", judgments).stdout.splitlines()[-2:]
        assert head.split() == ["model", "titles", "en", "judged", "ms", "an", "article", "MiB"]
        name, titles, judged, *_ = line.split()
        assert name == str(self.STATIC)
        assert 0 < float(titles) <= 1
        assert float(judged) == 1

    def test_archive_of_few_articles_is_refused(self, run: Run, archive: Path) -> None:
        result = run("models", "advise", self.STATIC)
        assert result.exit_code != 0
        assert "too few to compare models" in result.stderr
