"""`exposure` and `fit-ranking`."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import pytest

from recommender.interfaces import quiet
from recommender.prepared import prepare
from recommender.scoring import PARTS
from recommender.settings import load_settings
from recommender.wiring import make_recommender, opened_store
from tests.cli.conftest import Run
from tests.web.toy import ARCHIVE

QRELS = """blockade-1 0 blockade-3 3
blockade-1 0 blockade-2 2
gold-1 0 gold-2 3
gold-1 0 gold-3 2
gold-1 0 lone 0
"""


@pytest.fixture
def counted(archive: Path) -> Path:
    """The archive with its sidebars counted, as `recommender build` leaves it."""
    with opened_store(load_settings()) as store:
        prepare(store, make_recommender(store, load_settings()), quiet)
    return archive


@pytest.fixture
def qrels(tmp_path: Path) -> Path:
    """Judgments of two queries from two stories."""
    (tmp_path / "qrels.txt").write_text(QRELS)
    return tmp_path / "qrels.txt"


class TestExposure:
    """`exposure`."""

    def test_counts_are_those_of_the_sidebars(self, run: Run, counted: Path) -> None:
        result = run("exposure")
        assert result.exit_code == 0
        _, hubs, _ = result.stdout.split("\n\n")
        shown = {line.split()[2]: int(line.split()[0]) for line in hubs.splitlines()[1:]}
        sidebars = [
            [item["id"] for item in json.loads(run("related", article.id, "--json").stdout)["items"]]
            for article in ARCHIVE
            if article.status == "published"
        ]
        assert shown == {key: sum(key in sidebar for sidebar in sidebars) for key in shown}
        assert list(shown.values()) == sorted(shown.values(), reverse=True)

    def test_shown_and_forgotten_add_up(self, run: Run, counted: Path) -> None:
        lines = run("exposure").stdout.splitlines()
        assert lines[0] == "articles    14"
        assert lines[1] == "shown       85.7% of them stand in at least one sidebar, 2 in none"
        assert lines[-3:] == ["in none, the newest", "  held", "  lone"]

    def test_evenness_is_a_gini_coefficient(self, run: Run, counted: Path) -> None:
        line = run("exposure").stdout.splitlines()[2]
        assert line.endswith("(0: all alike, 1: one article has it all)")
        assert 0 < float(line.split()[1]) < 1

    def test_withdrawn_article_is_called_so(self, run: Run, counted: Path) -> None:
        with opened_store(load_settings()) as store:
            store.articles.withdraw("gold-3")
            store.articles.withdraw("lone")
        result = run("exposure")
        assert result.exit_code == 0
        assert result.stdout.count("(withdrawn)") == 2

    def test_unbuilt_database_is_unavailable(self, run: Run, empty: Path) -> None:
        result = run("exposure")
        assert result.exit_code == 3
        assert "recommender build" in result.stderr


class TestFitRanking:
    """`fit-ranking`."""

    def test_card_holds_the_model_and_its_figures(self, run: Run, archive: Path, qrels: Path) -> None:
        assert run("fit-ranking", "ours-1", "--qrels", qrels, "--into", "made").exit_code == 0
        card = json.loads(Path("made/ours-1/card.json").read_text())
        assert card["version"] == "ours-1"
        assert tuple(card["weights"]) == PARTS
        assert card["judgments"] == {"queries": 2, "sha256": hashlib.sha256(QRELS.encode()).hexdigest()}
        assert (card["stories"], card["embedding_model"]) == (2, "toy@1/passages180-mean")
        measured = card["cross_validation"]
        assert 0 <= measured["nDCG@3"]["low"] <= measured["nDCG@3"]["mean"] <= measured["nDCG@3"]["high"] <= 1
        assert sum(one["count"] for one in card["calibration"]) > 0

    def test_models_lie_where_releases_have_them(self, run: Run, archive: Path, qrels: Path) -> None:
        assert "models/ranking/ours-1/card.json" in run("fit-ranking", "ours-1", "--qrels", qrels).stdout
        assert Path("models/ranking/ours-1/card.json").exists()

    def test_report_shows_weights_and_calibration(self, run: Run, archive: Path, qrels: Path) -> None:
        lines = run("fit-ranking", "ours-1", "--qrels", qrels, "--into", "made").stdout.splitlines()
        assert lines[0] == "2 judged queries, 2 stories"
        assert [line.split()[0] for line in lines[3:11]] == list(PARTS)
        assert "held out by story, 5 folds, 5 times" in lines
        assert "score      candidates  mean score  related" in lines

    def test_setting_puts_the_model_to_use(
        self, run: Run, archive: Path, qrels: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shipped = run("related", "gold-1").stdout
        run("fit-ranking", "ours-1", "--qrels", qrels, "--into", "made")
        monkeypatch.setenv("RECOMMENDER_RANKING", "made/ours-1")
        result = run("related", "gold-1")
        assert result.exit_code == 0
        assert result.stdout != shipped

    def test_models_are_not_written_over(self, run: Run, archive: Path, qrels: Path) -> None:
        run("fit-ranking", "ours-1", "--qrels", qrels, "--into", "made")
        before = Path("made/ours-1/card.json").read_bytes()
        result = run("fit-ranking", "ours-1", "--qrels", qrels, "--into", "made")
        assert result.exit_code == 2
        assert "holds a model already" in result.stderr
        assert Path("made/ours-1/card.json").read_bytes() == before

    @pytest.mark.parametrize(
        ("text", "hint"),
        [
            ("", "holds no judgments"),
            ("a 0 b high\n", "line 1"),
            ("elsewhere 0 b 1\n", "None of the judged queries"),
            ("gold-1 0 gold-2 3\n", "are of one story"),
        ],
    )
    def test_wrong_judgments_leave_no_model(self, run: Run, archive: Path, qrels: Path, text: str, hint: str) -> None:
        qrels.write_text(text)
        result = run("fit-ranking", "ours-1", "--qrels", qrels, "--into", "made")
        assert result.exit_code == 2
        assert hint in result.stderr
        assert not Path("made").exists()

    @pytest.mark.parametrize(
        "arguments", [(), ("ours-1",), ("--qrels", "qrels.txt"), ("ours-1", "--qrels", "missing.txt")]
    )
    def test_wrong_usage_ends_with_two(self, run: Run, empty: Path, qrels: Path, arguments: tuple[str, ...]) -> None:
        assert run("fit-ranking", *arguments).exit_code == 2

    def test_unbuilt_database_is_unavailable(self, run: Run, empty: Path, qrels: Path) -> None:
        assert run("fit-ranking", "ours-1", "--qrels", qrels).exit_code == 3

    def test_corpus_of_its_own_leaves_the_database_alone(
        self, run: Run, empty: Path, qrels: Path, tmp_path: Path
    ) -> None:
        lines = [json.dumps(asdict(article), default=str) for article in ARCHIVE]
        (tmp_path / "corpus.jsonl").write_text("\n".join(lines))
        result = run("fit-ranking", "ours-1", "--qrels", qrels, "--articles", "corpus.jsonl", "--into", "made")
        assert result.exit_code == 0
        assert Path("made/ours-1/card.json").exists()
        assert not empty.exists()
