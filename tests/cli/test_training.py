"""`training-data` and `train`."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from recommender.notebook.site import open_site
from recommender.ranking.scoring import PARTS
from recommender.release.cards import ModelCard
from recommender.settings import load_settings
from recommender.training.pairs import parse
from recommender.wiring import make_registry, opened_store
from tests.cli.conftest import Run
from tests.web.toy import ARCHIVE

QRELS = """blockade-1 0 blockade-3 3
blockade-1 0 blockade-2 2
gold-1 0 gold-2 3
gold-1 0 gold-3 2
gold-1 0 lone 0
"""
RANKING = 'kind = "ranking"\nbase = "sahel/1"\nrepeats = 2\n'
ADAPTER = 'kind = "finetune"\nbase = "sahel/1"\nloss = "MultipleNegativesRankingLoss"\npart = "adapter"\n'


def load_card(name: str) -> ModelCard:
    """The card of a version in the settings' registry."""
    return make_registry(load_settings()).card(name)


@pytest.fixture
def qrels(tmp_path: Path) -> Path:
    """Judgments of two queries from two stories."""
    (tmp_path / "qrels.txt").write_text(QRELS)
    return tmp_path / "qrels.txt"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "ours.toml").write_text(RANKING)
    return tmp_path / "ours.toml"


@pytest.fixture
def files(recipe: Path, qrels: Path) -> tuple[Path, Path]:
    """Both."""
    return recipe, qrels


class TestTrainingData:
    """`training-data`."""

    def test_pairs_are_written_and_counted(self, run: Run, archive: Path, qrels: Path) -> None:
        result = run("training-data", "pairs.jsonl", "--qrels", qrels, "--test-share", "0.3")
        assert result.exit_code == 0
        window, pairs = parse(Path("pairs.jsonl").read_text().splitlines(), "pairs.jsonl")
        lines = [line.split() for line in result.stdout.splitlines()]
        assert lines[0] == ["kind", "training", "testing"]
        counted = {line[0]: (int(line[1]), int(line[2])) for line in lines[1:-3]}
        assert counted["title-body"] == tuple(
            sum(pair.kind == "title-body" and pair.side == side for pair in pairs) for side in ("train", "test")
        )
        assert lines[-3][:2] == [str(window.articles), "articles,"]
        assert result.stdout.splitlines()[-1] == "no leak"

    def test_same_seed_writes_the_same_file(self, run: Run, archive: Path) -> None:
        for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
            run("training-data", name, "--seed", seed)
        assert Path("a").read_bytes() == Path("b").read_bytes() != Path("c").read_bytes()

    def test_cut_off_day_is_the_last(self, run: Run, archive: Path) -> None:
        newest = max(article.posted_on for article in ARCHIVE if article.posted_on and article.status == "published")
        run("training-data", "all.jsonl", "--until", f"{newest:%Y-%m-%d}")
        window, _ = parse(Path("all.jsonl").read_text().splitlines(), "all.jsonl")
        assert window.last == f"{newest:%Y-%m-%d}"

    def test_clicks_are_read(self, run: Run, archive: Path) -> None:
        Path("events.csv").write_text(
            "source,article,position,impressions,clicks\ngold-1,gold-2,1,1000,100\ngold-1,gold-3,1,1000,10\n"
        )
        result = run("training-data", "pairs.jsonl", "--events", "events.csv", "--test-share", "0")
        assert result.exit_code == 0
        assert any(line.split() == ["click", "2", "0"] for line in result.stdout.splitlines())

    def test_unbuilt_database_is_unavailable(self, run: Run, empty: Path) -> None:
        assert run("training-data", "pairs.jsonl").exit_code == 3
        assert not Path("pairs.jsonl").exists()


class TestTrain:
    """`train`."""

    def test_candidate_lies_in_the_registry(self, run: Run, archive: Path, recipe: Path, qrels: Path) -> None:
        result = run("train", "--recipe", recipe, "--as", "ours/1", "--qrels", qrels)
        assert result.exit_code == 0
        assert result.stdout.splitlines()[-1] == "The candidate is models/ours/1."
        card = json.loads(Path("models/ours/1/card.json").read_text())
        assert (card["name"], card["version"], card["history"][-1]["state"]) == ("ours", "1", "candidate")
        assert tuple(card["ranking"]["weights"]) == PARTS
        assert card["embedding"]["model"] == "all-MiniLM-L6-v2"
        assert card["training"]["recipe"] == {"kind": "ranking", "base": "sahel/1", "seed": 0, "repeats": 2}
        assert card["training"]["data"]["judgments"] == {
            "sha256": hashlib.sha256(QRELS.encode()).hexdigest(),
            "queries": 2,
            "pairs": 5,
        }
        measured = card["metrics"]["held out by story"]["nDCG@3"]
        assert 0 <= measured["low"] <= measured["mean"] <= measured["high"] <= 1
        assert sum(row["count"] for row in card["training"]["calibration"]) > 0
        assert Path("models/ours/1/README.md").exists()

    def test_report_shows_weights_and_calibration(self, run: Run, archive: Path, recipe: Path, qrels: Path) -> None:
        lines = run("train", "--recipe", recipe, "--as", "ours/1", "--qrels", qrels).stdout.splitlines()
        assert lines[0] == "ours/1, from sahel/1"
        start = lines.index("weights") + 1
        assert [line.split()[0] for line in lines[start : start + len(PARTS)]] == list(PARTS)
        assert "score      candidates  mean score  related" in lines

    def test_same_recipe_gives_the_same_weights(self, run: Run, archive: Path, recipe: Path, qrels: Path) -> None:
        for name in ("ours/1", "ours/2"):
            run("train", "--recipe", recipe, "--as", name, "--qrels", qrels)
        first, second = (json.loads(Path(f"models/ours/{version}/card.json").read_text()) for version in "12")
        assert first["ranking"]["weights"] == second["ranking"]["weights"]
        assert first["metrics"] == second["metrics"]

    def test_versions_are_not_written_over(self, run: Run, archive: Path, recipe: Path, qrels: Path) -> None:
        run("train", "--recipe", recipe, "--as", "ours/1", "--qrels", qrels)
        before = Path("models/ours/1/card.json").read_bytes()
        result = run("train", "--recipe", recipe, "--as", "ours/1", "--qrels", qrels)
        assert result.exit_code == 2
        assert "already" in result.stderr
        assert Path("models/ours/1/card.json").read_bytes() == before

    @pytest.mark.parametrize(
        "wrong",
        [
            ("", "holds no judgments"),
            ("a 0 b high\n", "line 1"),
            ("elsewhere 0 b 1\n", "None of the judged queries"),
            ("gold-1 0 gold-2 3\n", "are of one story"),
        ],
    )
    def test_wrong_judgments_leave_no_model(
        self, run: Run, archive: Path, files: tuple[Path, Path], wrong: tuple[str, str]
    ) -> None:
        (recipe, qrels), (text, hint) = files, wrong
        qrels.write_text(text)
        result = run("train", "--recipe", recipe, "--as", "ours/1", "--qrels", qrels)
        assert result.exit_code == 2
        assert hint in result.stderr
        assert not Path("models").exists()

    @pytest.mark.parametrize(
        "wrong",
        [
            (RANKING, "Ours", "NAME/VERSION"),
            (RANKING, "../1", "NAME/VERSION"),
            ('kind = "guess"', "ours/1", "kind"),
            (RANKING.replace("sahel/1", "gone/7"), "ours/1", "gone/7"),
            (RANKING + "repeats = 2", "ours/1", "is not TOML"),
        ],
    )
    def test_wrong_recipes_and_names_end_with_two(
        self, run: Run, archive: Path, files: tuple[Path, Path], wrong: tuple[str, str, str]
    ) -> None:
        (recipe, qrels), (text, name, hint) = files, wrong
        recipe.write_text(text)
        result = run("train", "--recipe", recipe, "--as", name, "--qrels", qrels)
        assert result.exit_code == 2
        assert hint in result.stderr

    def test_ranking_needs_judgments(self, run: Run, archive: Path, recipe: Path) -> None:
        assert run("train", "--recipe", recipe, "--as", "ours/1").exit_code == 2

    def test_wrong_training_data_names_its_line(self, run: Run, archive: Path, recipe: Path) -> None:
        recipe.write_text('kind = "static"\nbase = "sahel/1"\n')
        Path("pairs.jsonl").write_text("{}\n")
        result = run("train", "--recipe", recipe, "--as", "ours/1", "--data", "pairs.jsonl")
        assert result.exit_code == 2
        assert "pairs.jsonl, line 1" in result.stderr

    def test_unbuilt_database_is_unavailable(self, run: Run, empty: Path, recipe: Path, qrels: Path) -> None:
        assert run("train", "--recipe", recipe, "--as", "ours/1", "--qrels", qrels).exit_code == 3

    @pytest.mark.parametrize("text", [RANKING, ADAPTER], ids=["ranking", "embedding"])
    def test_notebook_trains_what_the_command_trains(
        self, run: Run, archive: Path, files: tuple[Path, Path], text: str
    ) -> None:
        """With the real model: files of equal digests, equal weights, equal figures."""
        recipe, qrels = Path("models/recipes/ours.toml"), files[1]
        recipe.parent.mkdir(parents=True)
        recipe.write_text(text)
        run("train", "--recipe", recipe, "--as", "ours/1", "--qrels", qrels)
        site = open_site()
        made = site.train(recipe.name, "ours/2", qrels)
        site.store.close()
        command = load_card("ours/1")
        assert (made.files, made.metrics) == (command.files, command.metrics)
        assert replace(made.ranking, version="") == replace(command.ranking, version="")
        assert made.training == command.training
        assert bool(made.files) == (text == ADAPTER)

    def test_training_changes_nothing_for_readers(self, run: Run, archive: Path, recipe: Path, qrels: Path) -> None:
        def state() -> object:
            with opened_store(load_settings()) as store:
                return store.state()

        before = state()
        run("train", "--recipe", recipe, "--as", "ours/1", "--qrels", qrels)
        assert state() == before
