"""`models interleave`: starts and ends a trial, and says what clicks have decided."""

import json
from collections import Counter
from pathlib import Path

import pytest

from recommender.settings import load_settings
from recommender.store.interleaving import CHALLENGER, LIVE, MixedSidebar, Pick
from recommender.wiring import opened_store
from tests.cli.conftest import Run
from tests.newsroom import BLIND, builder_of, opened

PICKS = (Pick(1, LIVE), Pick(2, CHALLENGER), Pick(3, None))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site with one version live and another in its shadow."""
    monkeypatch.setenv("RECOMMENDER_DATABASE_URL", f"sqlite:///{tmp_path}/site.db")
    with opened_store(load_settings()) as store:
        opened(store)
        store.generations.put_shadow(builder_of(store, BLIND.name).build_beside())


def clicks(won: int, lost: int, ties: int) -> None:
    """As many hours, each with a click on either team's teaser or on both, and one on what belongs to neither."""
    with opened_store(load_settings()) as store:
        trial = store.interleaving.latest()
        assert trial is not None
        hours = range(won + lost + ties)
        store.interleaving.note([MixedSidebar(f"{hour:016x}", trial.number, 4, hour, PICKS) for hour in hours])
        counted = Counter[tuple[str, int]]()
        for hour in hours:
            numbers = [2] if hour < won else [1] if hour < won + lost else [1, 2]
            counted.update((f"{hour:016x}", number) for number in [*numbers, 3])
        store.interleaving.count(counted, 10)


@pytest.mark.usefixtures("site")
def test_trial_goes_from_start_to_end(run: Run) -> None:
    started = run("models", "interleave", BLIND.name)
    assert started.stdout == "Readers get sidebars that good/1 and blind/1 share, as run 1.\n"
    assert run("models", "interleave", "--report").stdout.splitlines()[-1] == (
        "No reader has clicked on a teaser of one model yet."
    )
    clicks(won=4, lost=20, ties=2)
    lines = run("models", "interleave", "--report").stdout.splitlines()
    assert lines[:2] == ["live        good/1", "challenger  blind/1"]
    assert lines[2].endswith(" UTC, goes on")
    assert lines[3:5] == [
        "shared: the sidebars of 1 articles in 26 hours, 26 in all",
        "clicks: 28 on a teaser of one model, 26 on what is nobody's",
    ]
    assert lines[6] == "the challenger won 4, lost 20, and 2 were ties"
    assert lines[7].startswith("share of the challenger  19.2% (")
    assert lines[7].endswith("): readers prefer the live model")
    assert lines[8] == "sign test                p = 0.0015"
    assert lines[9] == "About 885 clicks more would show a difference of 5% from one half."
    assert run("models", "interleave", "--off").stdout == "Readers get the sidebars of good/1 alone again.\n"
    report = json.loads(run("models", "interleave", "--report", "--json").stdout)
    assert (report["going_on"], report["preference"]["wins"], report["preference"]["verdict"]) == (False, 4, LIVE)


@pytest.mark.usefixtures("site")
def test_report_says_what_a_verdict_still_takes(run: Run) -> None:
    run("models", "interleave", BLIND.name)
    clicks(won=1, lost=0, ties=0)
    missing = ["clicks in 24 different hours, of which there are 1", "a sign test with p below 0.05, which is 1.0000"]
    lines = run("models", "interleave", "--report").stdout.splitlines()
    assert lines[7] == "share of the challenger  100.0% (100.0% to 100.0%): no verdict yet"
    assert lines[9] == f"A verdict still takes {'; '.join(missing)}."
    report = json.loads(run("models", "interleave", "--report", "--json").stdout)
    assert (report["preference"]["verdict"], report["preference"]["missing"]) == (None, missing)


@pytest.mark.usefixtures("site")
def test_report_says_that_a_trial_is_over(run: Run) -> None:
    run("models", "interleave", BLIND.name)
    with opened_store(load_settings()) as store:
        store.generations.put_shadow(None)
    line = run("models", "interleave", "--report").stdout.splitlines()[2]
    assert line.endswith(", over: the live model or the one in the shadow is another now")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mine/9"], "mine/9 is not in the shadow. Run `recommender models shadow mine/9` first."),
        (["--off"], "No model shares the sidebars."),
        (["--report"], "There was no interleaving yet"),
        ([], "Give a model version, or --off, or --report."),
        (["blind/1", "--off"], "Give a model version, or --off, or --report."),
        (["blind/1", "--json"], "--json goes with --report."),
    ],
)
@pytest.mark.usefixtures("site")
def test_wrong_use_ends_with_code_2(run: Run, arguments: list[str], message: str) -> None:
    result = run("models", "interleave", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
