"""`doctor`: lines for people, a list for programs, and an exit code."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.damage import HARMS
from tests.web.served import free_port


@pytest.fixture(autouse=True)
def _port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOMMENDER_PORT", str(free_port()))


def test_warnings_end_with_0(run: Run, archive: Path) -> None:
    archive.chmod(0o644)
    result = run("doctor")
    assert result.exit_code == 0
    assert "warning  permissions" in result.stdout
    assert f"-> chmod 600 {archive}" in result.stdout


def test_faults_end_with_1(run: Run, gathered: Path) -> None:
    HARMS["header"](gathered)
    result = run("doctor")
    assert result.exit_code == 1
    assert "fault    database" in result.stdout
    assert "Traceback" not in result.output


def test_json_is_a_list_of_findings(run: Run, archive: Path) -> None:
    found = json.loads(run("doctor", "--json").stdout)
    assert {"settings", "database", "models", "port", "proxy"} <= {one["check"] for one in found}
    assert {frozenset(one) for one in found} == {frozenset(("check", "level", "text", "advice"))}


def test_unusable_settings_are_a_finding(run: Run, empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOMMENDER_PROT", "1")
    result = run("doctor", "--json")
    assert result.exit_code == 1
    assert [one["check"] for one in json.loads(result.stdout)] == ["settings"]
