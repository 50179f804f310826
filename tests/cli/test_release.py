"""`models compare|promote|rollback|shadow`, with versions whose embedding is a tiny model that is made here."""

import json
import os
import shutil
from pathlib import Path

import pytest
from pydantic import SecretStr

from recommender.cli.release import comparison_text
from recommender.embedding.sentence_transformer import SentenceTransformerEmbedder
from recommender.grading.grading import Grading
from recommender.grading.panels import Sample
from recommender.release.cards import Embedding, ModelCard
from recommender.release.comparison import Cost, JudgedComparison, Overlap, SidebarPair, VersionComparison, paired
from recommender.release.registry import FolderRegistry
from recommender.release.shadow import Shadowing
from recommender.settings import Settings, load_settings
from recommender.store.generation_view import generation_of, generation_view
from recommender.store.grading import SATISFACTORY
from recommender.wiring import make_builder, make_recommender, opened_store, utc_now
from tests.cli.conftest import Run
from tests.factories import NOW
from tests.newsroom import ALIKE, GOOD, qrels, stories
from tests.tiny import SIZE, make_model


@pytest.fixture(scope="session")
def made_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a site with the stories, and two versions with one tiny embedding; the first is live."""
    words = [word for query in stories() for word in f"{query.title} {query.body}".lower().replace(".", " ").split()]
    tiny = make_model(tmp_path_factory.mktemp("tiny") / "model", words)
    folder = tmp_path_factory.mktemp("site")
    version = SentenceTransformerEmbedder(str(tiny), name="tiny").version
    files = {f"embedding/{file.relative_to(tiny)}": file for file in sorted(tiny.rglob("*")) if file.is_file()}
    size = sum(file.stat().st_size for file in files.values())
    registry = FolderRegistry(folder / "models")
    for model_version in (GOOD, ALIKE):
        embedding = Embedding(None, "embedding", version, SIZE, size)
        registry.create(ModelCard(model_version.name, NOW.date(), "tests", embedding, model_version.ranking), files)
    registry.put_live(GOOD.name)
    lines = (
        f"{query} 0 {article} {grade}\n"
        for query, grades in qrels(stories()).items()
        for article, grade in grades.items()
    )
    (folder / "qrels.txt").write_text("".join(lines))
    settings = Settings(database_url=SecretStr(f"sqlite:///{folder}/site.db"), models=folder / "models")
    with opened_store(settings) as store:
        store.articles.upsert(stories())
        make_builder(store, settings).build()
    return folder


@pytest.fixture
def site(made_site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that site, which is the current folder."""
    folder = tmp_path / "site"
    shutil.copytree(made_site, folder)
    monkeypatch.setenv("RECOMMENDER_DATABASE_URL", f"sqlite:///{folder}/site.db")
    monkeypatch.chdir(folder)
    return folder


def live() -> str | None:
    with opened_store(load_settings()) as store:
        return store.generations.model_version(store.state().generation or 0)


def grade_shadow() -> None:
    """A grader finds every sidebar of the shadow satisfactory."""
    settings = load_settings()
    with opened_store(settings) as store:
        view = generation_view(store, generation_of(store, ALIKE.name))
        grading = Grading(store, make_recommender(view, settings), utc_now)
        panel = grading.create("Spring", "awa", Sample(seed=1, pool=0))
        for place in range(len(panel.sidebars)):
            grading.grade(panel.number, place, "awa", {None: SATISFACTORY})


def test_version_goes_all_the_way(run: Run, site: Path) -> None:
    """Into the shadow, graded, promoted, rolled back."""
    assert run("models", "shadow", ALIKE.name).stdout.endswith(
        "runs in the shadow of the live version, as generation 2.\n"
    )
    settings = load_settings()
    with opened_store(settings) as store:
        shadowing = Shadowing(store, lambda view: make_recommender(view, settings))
        while shadowing.step():
            pass
    report = run("models", "shadow", "--report")
    assert report.stdout.splitlines()[:3] == [
        "live    good/1",
        "shadow  alike/1",
        "compared so far: the sidebars of 24 of 24 articles",
    ]
    assert json.loads(run("models", "shadow", "--report", "--json").stdout)["differ"] == 0
    grade_shadow()
    Path("models/golden.yaml").write_text("- article: elsewhere\n  must: [gold-1]\n")
    done = run("models", "promote", ALIKE.name, "--qrels", "qrels.txt")
    assert (done.exit_code, live()) == (0, ALIKE.name)
    lines = done.stdout.splitlines()
    assert [line.split("  ")[0] for line in lines[:3]] == ["passed"] * 3
    assert lines[3] == "Live is alike/1, generation 3, instead of good/1."
    assert "golden pairs, line 1: there is no published article 'elsewhere'" in done.stderr
    assert run("models", "rollback").stdout == "Live is good/1 again, instead of alike/1.\n"
    assert (live(), Path("models/live").read_text()) == (GOOD.name, "good/1\n")


def test_gate_refuses_with_code_2_and_says_why(run: Run, site: Path) -> None:
    Path("pairs.yaml").write_text("- article: gold-0\n  must: [fuel-0]\n  why: they never met\n")
    result = run("models", "promote", ALIKE.name, "--qrels", "qrels.txt", "--golden", "pairs.yaml")
    assert (result.exit_code, live()) == (2, GOOD.name)
    assert "golden pairs: 1 of 1 do not hold: gold-0 does not list fuel-0 (they never met)" in result.stderr
    assert "graded panel: no panel shows sidebars of alike/1" in result.stderr
    assert "judged queries" not in result.stderr


def test_reason_releases_all_the_same(run: Run, site: Path) -> None:
    result = run("models", "promote", ALIKE.name, "--reason", "the desk moves today")
    assert (result.exit_code, live()) == (0, ALIKE.name)
    assert result.stdout.splitlines()[0].startswith("NOT PASSED  judged queries: this site: 0 queries are judged here")
    assert "the desk moves today" in run("models", "show", ALIKE.name).stdout


def test_comparison_as_json_has_everything(run: Run, site: Path) -> None:
    comparison = json.loads(run("models", "compare", GOOD.name, ALIKE.name, "--qrels", "qrels.txt", "--json").stdout)
    assert (comparison["first"], comparison["second"], comparison["articles"]) == ("good/1", "alike/1", 24)
    assert comparison["judged"][0]["groups"]["language"]["en"]["queries"] == 24
    for cost in comparison["costs"]:
        assert cost["embedding"] > 0
        assert cost["memory"] > 50e6
        assert cost["disk"] > 1_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "good/1", "mine/9"], "There is no model version mine/9"),
        (["promote", "../../etc"], "Write NAME/VERSION"),
        (["promote", "alike/1", "--golden", "qrels.txt"], "qrels.txt, line 1: expected a list"),
        (["rollback"], "There is no generation to go back to"),
        (["shadow", "--off"], "No model version runs in the shadow."),
        (["shadow", "--report"], "No model version runs in the shadow."),
        (["shadow"], "Give a model version, or --off, or --report."),
        (["shadow", "alike/1", "--off"], "Give a model version, or --off, or --report."),
        (["shadow", "--off", "--json"], "--json goes with --report."),
    ],
)
def test_what_cannot_be_is_refused(run: Run, site: Path, arguments: list[str], message: str) -> None:
    result = run("models", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize("arguments", [["compare", "good/1", "alike/1"], ["promote", "alike/1"], ["rollback"]])
def test_setting_that_would_win_stops_it(
    run: Run, site: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setenv("RECOMMENDER_MODEL", "all-MiniLM-L6-v2")
    result = run("models", *arguments)
    assert result.exit_code == 2
    assert "`model` is set and overrides that of every version" in result.stderr


def test_comparison_for_people() -> None:
    """Every line of a comparison whose figures are known."""
    all_lost = paired([1.0, 1.0], [0.5, 0.5])
    pair = SidebarPair("gold-0", "gold golds 0", ("one", "two"), ("two", "x" * 70), 1 / 3, 0.25)
    comparison = VersionComparison(
        "good/1",
        "blind/1",
        24,
        (
            JudgedComparison(
                "topics",
                {"the service": {"nDCG@3": all_lost}},
                {
                    "country": {"Mali": all_lost},
                    "age": {"up to 1 year old": all_lost, "1 to 3 years old": all_lost, "undated": all_lost},
                },
            ),
        ),
        Overlap(24, 6, 0.5, 0.4, (pair,)),
        (Cost(12.5, 300 << 20, 90 << 20, 3.21), Cost(0.05, 200 << 20, 3 << 19, 3.0)),
    )
    lost = "1.000 (1.000-1.000)  0.500 (0.500-0.500)  -0.500 (-0.500 to -0.500)       0     2"
    lines = comparison_text(comparison).splitlines()
    assert lines[:3] == ["A  good/1", "B  blind/1", "24 articles; intervals are 95 %, paired for B - A"]
    assert lines[4] == "judged queries of topics"
    assert lines[5].startswith(
        "  the service, 2 queries                 A                    B                     B - A  "
    )
    assert lines[6].startswith(f"    nDCG@3                      {lost}  0.4938")
    assert [line.split("  ")[2] for line in lines[8:11]] == [
        "up to 1 year old (2)",
        "1 to 3 years old (2)",
        "undated (2)",
    ]
    assert lines[12:] == [
        "sidebars of all 24 articles",
        "  the same three in one order    25.0%",
        "  overlap of the three           0.500",
        "  rank-biased overlap of ten     0.400",
        "",
        "the 1 that differ most",
        "  gold golds 0 (gold-0)",
        f"      one{' ' * 59}= two",
        f"    = two{' ' * 59}  {'x' * 59}…",
        "",
        "cost                                   A           B",
        "  embedding of one article      12.50 ms     0.05 ms",
        "  memory of such a process     300.0 MiB   200.0 MiB",
        "  size of the embedding         90.0 MiB     1.5 MiB",
        "  build without embedding          3.2 s       3.0 s",
    ]


def test_build_away_from_the_models_takes_nothing_from_readers(run: Run, site: Path) -> None:
    """In another folder there is no `models/live`, so the build would replace it by the built-in version."""
    (site / "elsewhere").mkdir()
    os.chdir(site / "elsewhere")
    result = run("build")
    assert (result.exit_code, live()) == (2, GOOD.name)
    assert "Readers get good/1, but" in result.stderr
    assert "has no file `live`, so this build would give them sahel/1" in result.stderr
