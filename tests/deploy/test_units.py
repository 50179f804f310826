"""The systemd units: correct, and closed to what the service doesn't need."""

import configparser
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
MOST_EXPOSED = 2.0  # of 10; systemd calls less than 2.5 safe


@pytest.fixture
def systemd_analyze(unavailable: Callable[[str, str], NoReturn]) -> str:
    """The program."""
    found = shutil.which("systemd-analyze")
    if found is None:
        unavailable("systemd", "systemd-analyze is not on PATH; Debian's package systemd has it")
    return found


def test_units_are_correct(systemd_analyze: str, tmp_path: Path) -> None:
    for unit in UNITS:  # with a program that is on this machine
        text = re.sub(r"^ExecStart=\S+", f"ExecStart={shutil.which('true')}", unit.read_text(), flags=re.MULTILINE)
        (tmp_path / unit.name).write_text(text)
    files = sorted(tmp_path.iterdir())
    done = subprocess.run([systemd_analyze, "verify", *files], capture_output=True, text=True, check=False)
    about_ours = [line for line in done.stderr.splitlines() if "recommender" in line]
    assert (done.returncode, about_ours) == (0, [])


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_units_are_sandboxed(systemd_analyze: str, unit: Path) -> None:
    command = [systemd_analyze, "security", "--offline=true", f"--threshold={MOST_EXPOSED * 10:.0f}", unit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_services_have_limits(unit: Path) -> None:
    service = read(unit)["Service"]
    assert {"MemoryMax", "TasksMax", "Restart", "RestartSec", "User"} <= set(service)
    assert service["User"] == "recommender"


@pytest.mark.parametrize("name", ["build", "backup"])
def test_jobs_run_every_night(name: str) -> None:
    timer = read(DEPLOY / "systemd" / f"recommender-{name}.timer")["Timer"]
    assert re.fullmatch(r"\*-\*-\* 0\d:30:00", timer["OnCalendar"])
    assert timer["Persistent"] == "yes"


def read(unit: Path) -> configparser.ConfigParser:
    """A unit's sections; of a key that stands there twice, the last."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
    parser.read(unit)
    return parser
