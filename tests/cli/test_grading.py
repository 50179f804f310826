"""`panel` and `qrels`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from recommender.curation.signals import PIN, Signal
from recommender.evaluation.trec import read_qrels
from recommender.grading.grading import Grading
from recommender.settings import load_settings
from recommender.store.audit import AuditQuery
from recommender.store.base import Store
from recommender.wiring import make_recommender, opened_store, utc_now
from tests.cli.conftest import Run
from tests.web.toy import YESTERDAY, story

Values = dict[str | None, int]


def with_grading(work: Callable[[Store, Grading], None]) -> None:
    """Does something as the desk would, on the database of the settings."""
    with opened_store(load_settings()) as store:
        work(store, Grading(store, make_recommender(store, load_settings()), utc_now))


def grade(grader: str, grades: dict[str, Values], name: str = "Spring") -> None:
    """Grades articles of a panel, by their ids."""

    def work(store: Store, grading: Grading) -> None:
        panel = grading.named(name)
        sources = [sidebar.source for sidebar in panel.sidebars]
        for article_id, values in grades.items():
            keys = [article_id, *(key for key in values if key is not None)]
            numbers = store.articles.numbers(keys)
            by_number = {None if key is None else numbers[key]: value for key, value in values.items()}
            grading.grade(panel.number, sources.index(numbers[article_id]), grader, by_number)

    with_grading(work)


@pytest.fixture
def panel(run: Run, archive: Path) -> str:
    """A panel of everything in the archive."""
    assert run("panel", "create", "Spring", "--seed", "1").exit_code == 0
    return "Spring"


class TestCreate:
    """`panel create`."""

    def test_tells_what_was_drawn(self, run: Run, archive: Path) -> None:
        result = run("panel", "create", "Spring", "--size", "4", "--seed", "7", "--pool", "2")
        assert result.exit_code == 0
        assert result.stdout.startswith("Panel 1, Spring: 4 articles, ")
        assert result.stdout.endswith("seed 7\n")
        assert result.stderr == ""

    def test_model_that_runs_nowhere_is_refused(self, run: Run, archive: Path) -> None:
        result = run("panel", "create", "Spring", "--model", "mine/2")
        assert result.exit_code == 2
        assert "mine/2 is neither live nor in the shadow; `recommender models shadow mine/2` builds it" in result.stderr

    def test_drawn_seed_draws_the_same_again(self, run: Run, archive: Path) -> None:
        seed = run("panel", "create", "Spring", "--size", "4").stdout.split()[-1]
        run("panel", "create", "Again", "--size", "4", "--seed", seed)

        def compare(store: Store, grading: Grading) -> None:
            assert grading.named("Spring").sidebars == grading.named("Again").sidebars

        with_grading(compare)

    def test_entry_names_the_command_line(self, run: Run, panel: str) -> None:
        with opened_store(load_settings()) as store:
            (entry,) = store.audit.entries(AuditQuery(action="panel"), 10)
        assert entry.by.startswith("command line (")
        assert entry.after is not None
        assert entry.after["seed"] == 1

    def test_days_and_edition_narrow_it_down(self, run: Run, archive: Path) -> None:
        result = run(
            "panel", "create", "Spring", "--edition", "Sahel", "--since", "2025-09-10", "--until", "2025-09-20"
        )
        assert "Spring: 2 articles" in result.stdout
        assert "no more such articles than 2; 30 were asked for" in result.stderr

    @pytest.mark.parametrize(
        ("arguments", "hint"),
        [
            (["Spring", "--edition", "Oceania"], "no edition 'Oceania'"),
            (["Spring", "--until", "1999-01-01"], "No published article has a date"),
            ([" "], "name of a panel"),
            (["Spring", "--size", "0"], "--size"),
            (["Spring", "--since", "yesterday"], "--since"),
        ],
    )
    def test_impossible_panel_ends_with_two(self, run: Run, archive: Path, arguments: list[str], hint: str) -> None:
        result = run("panel", "create", *arguments)
        assert result.exit_code == 2
        assert hint in result.stderr

    def test_taken_name_ends_with_two(self, run: Run, panel: str) -> None:
        result = run("panel", "create", panel)
        assert result.exit_code == 2
        assert "already" in result.stderr

    def test_unbuilt_database_is_unavailable(self, run: Run, empty: Path) -> None:
        assert run("panel", "create", "Spring").exit_code == 3


class TestList:
    """`panel list`."""

    def test_without_panels_it_says_how_to_make_one(self, run: Run, archive: Path) -> None:
        result = run("panel", "list")
        assert (result.exit_code, result.stdout) == (0, "")
        assert "recommender panel create NAME" in result.stderr

    def test_progress_and_agreement_are_shown(self, run: Run, panel: str) -> None:
        run("panel", "create", "Autumn", "--size", "2")
        grade("awa", {"blockade-1": {"blockade-2": 4, "blockade-3": 1, None: 2}})
        grade("idrissa", {"blockade-1": {"blockade-2": 4, "blockade-3": 2}})
        lines = run("panel", "list").stdout.splitlines()
        assert [line.split()[0] for line in lines] == [
            "Autumn",
            "graders",
            "agreement",
            "Spring",
            "graders",
            "agreement",
        ]
        assert lines[1] == "  graders    none yet"
        assert lines[2] == "  agreement  stories by no two graders; sidebars by no two graders"
        assert lines[4] == "  graders    awa 0 of 13, idrissa 0 of 13"
        assert lines[5] == "  agreement  stories alpha 0.833, 50% the same; sidebars by no two graders"


class TestReport:
    """`panel report`."""

    def test_shares_bar_and_figures_are_shown(self, run: Run, panel: str) -> None:
        values: Values = {None: 2}

        def fill(store: Store, grading: Grading) -> None:
            spring = grading.named(panel)
            sidebar = next(sidebar for sidebar in spring.sidebars if grading.ids([sidebar.source]) == ["gold-1"])
            values.update(zip(grading.ids(sidebar.shown), (3, 0, 0), strict=True))
            values.update(dict.fromkeys(grading.ids(sidebar.pool), 0))

        with_grading(fill)
        grade("awa", {"gold-1": values, "gold-2": {None: 1}, "lone": {None: 2}, "fr-1": {None: 2}})
        result = run("panel", "report", panel)
        assert result.exit_code == 0
        lines = result.stdout.splitlines()
        assert lines[0].startswith("Spring: 13 sidebars of ")
        assert lines[0].endswith(", 4 with a verdict")
        assert lines[1] == "model       sahel/1, toy@1/passages180-mean, generation 1"
        assert lines[2] == "graders     awa 1 of 13"
        assert lines[4:7] == [
            "satisfactory       3   75.0%  (30.1%-95.4%)    85% or more: not met",
            "inappropriate      1   25.0%  (4.6%-69.9%)     15% or less: not met",
            "unacceptable       0    0.0%  (0.0%-49.0%)     0%: met",
        ]
        assert lines[8] == "nDCG@3      1.000 (1.000-1.000), sidebars completely graded with a story above 0: 1"
        assert lines[-1] == "the bar is not met"

    def test_unacceptable_sidebar_is_named(self, run: Run, panel: str) -> None:
        grade("awa", {"gold-1": {None: 0}})
        grade("idrissa", {"gold-1": {None: 2}})
        stdout = run("panel", "report", panel).stdout
        assert "called unacceptable by a grader: gold-1\n" in stdout
        assert "inappropriate      1  100.0%" in stdout

    def test_ungraded_panel_claims_nothing(self, run: Run, panel: str) -> None:
        stdout = run("panel", "report", panel).stdout
        assert "graders     none yet" in stdout
        assert "No sidebar has a verdict yet." in stdout
        assert "the bar" not in stdout

    def test_unknown_panel_ends_with_two(self, run: Run, panel: str) -> None:
        result = run("panel", "report", "Autumn")
        assert result.exit_code == 2
        assert "no panel 'Autumn'" in result.stderr


class TestExport:
    """`qrels export`."""

    @pytest.fixture
    def graded(self, panel: str) -> None:
        """Two stories, one graded by two people."""
        grade("awa", {"blockade-1": {"blockade-3": 4, "blockade-2": 3, None: 2}, "gold-1": {"gold-2": 3, "lone": 0}})
        grade("idrissa", {"blockade-1": {"blockade-3": 2, "blockade-4": -1}})

    def test_standard_output_holds_the_file_alone(self, run: Run, graded: None) -> None:
        result = run("qrels", "export")
        assert result.exit_code == 0
        assert result.stdout == (
            "blockade-1 0 blockade-2 3\n"
            "blockade-1 0 blockade-3 3\n"
            "blockade-1 0 blockade-4 -1\n"
            "gold-1 0 gold-2 3\n"
            "gold-1 0 lone 0\n"
        )
        assert result.stderr == "2 articles, 5 judgments\n"

    def test_file_is_read_as_judgments(self, run: Run, graded: None) -> None:
        assert run("qrels", "export", "ours.txt").stdout == ""
        assert read_qrels(Path("ours.txt")) == {
            "blockade-1": {"blockade-2": 3, "blockade-3": 3, "blockade-4": -1},
            "gold-1": {"gold-2": 3, "lone": 0},
        }

    def test_evaluation_takes_the_file(self, run: Run, graded: None) -> None:
        run("qrels", "export", "ours.txt")
        result = run("evaluate", "--qrels", "ours.txt")
        assert result.exit_code == 0
        assert result.stdout.startswith("2 judged queries, ")

    def test_training_takes_the_file(self, run: Run, graded: None) -> None:
        run("qrels", "export", "ours.txt")
        Path("ours.toml").write_text('kind = "ranking"\nbase = "sahel/1"\nrepeats = 1\n')
        assert run("train", "--recipe", "ours.toml", "--as", "ours/1", "--qrels", "ours.txt").exit_code == 0
        card = json.loads(Path("models/ours/1/card.json").read_text())
        assert card["training"]["data"]["judgments"]["queries"] == 2

    def test_least_graders_are_asked_for(self, run: Run, graded: None) -> None:
        result = run("qrels", "export", "--min-graders", "2")
        assert result.stdout == "blockade-1 0 blockade-3 3\n"
        assert "left out: 4 with fewer than 2 graders" in result.stderr

    def test_one_panel_is_asked_for(self, run: Run, graded: None) -> None:
        run("panel", "create", "Autumn")
        grade("awa", {"gold-2": {"gold-3": 2}}, "Autumn")
        assert run("qrels", "export", "--panel", "Autumn").stdout == "gold-2 0 gold-3 2\n"
        assert run("qrels", "export", "--panel", "Winter").exit_code == 2

    def test_decisions_are_added_on_request(self, run: Run, graded: None) -> None:
        def pin(store: Store, grading: Grading) -> None:
            numbers = store.articles.numbers(["gold-1", "gold-3"])
            store.signals.add([Signal(PIN, numbers["gold-1"], numbers["gold-3"], "awa", utc_now(), slot=1)])

        with_grading(pin)
        assert "gold-1 0 gold-3 3\n" not in run("qrels", "export").stdout
        assert "gold-1 0 gold-3 3\n" in run("qrels", "export", "--decisions").stdout

    def test_withdrawn_articles_are_told(self, run: Run, graded: None) -> None:
        with opened_store(load_settings()) as store:
            store.articles.withdraw("gold-1")
        result = run("qrels", "export")
        assert "gold-1" not in result.stdout
        assert "left out: 2 with an article that is not published any more" in result.stderr

    def test_id_with_a_space_is_refused_and_the_rest_goes_out(self, run: Run, archive: Path) -> None:
        with opened_store(load_settings()) as store:
            store.articles.upsert([story("gold two", "Foreign mine", "", YESTERDAY, reads=9000)])
        run("panel", "create", "Spring")

        def fill(store: Store, grading: Grading) -> None:
            spring = grading.named("Spring")
            (place,) = [
                at for at, sidebar in enumerate(spring.sidebars) if grading.ids([sidebar.source]) == ["gold two"]
            ]
            grading.grade(spring.number, place, "awa", {spring.sidebars[place].shown[0]: 1})

        with_grading(fill)
        grade("awa", {"gold-1": {"gold-2": 3}})
        result = run("qrels", "export")
        assert (result.exit_code, result.stdout) == (1, "gold-1 0 gold-2 3\n")
        assert "refused: the id 'gold two' holds a space" in result.stderr

    def test_nothing_graded_leaves_the_file_alone(self, run: Run, panel: str) -> None:
        Path("ours.txt").write_text("kept")
        result = run("qrels", "export", "ours.txt")
        assert result.exit_code == 2
        assert "nothing to export" in result.stderr
        assert Path("ours.txt").read_text() == "kept"
