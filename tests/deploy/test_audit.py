"""The audit of the lock: which versions an advisory in OSV's format means."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LOCK = "# Versions.\nflask-cors==6.0.5\nnumpy==2.4.6\n"


def advisory(*events: dict[str, str], package: str = "numpy", **fields: object) -> dict[str, Any]:
    """An invented advisory."""
    span = {"type": "ECOSYSTEM", "events": list(events)}
    named = {"package": {"ecosystem": "PyPI", "name": package}, "ranges": [span]}
    return {"id": "TEST-1", "summary": "Invented.", "affected": [named]} | fields


@pytest.fixture
def audit(tmp_path: Path) -> Any:
    """Runs the script on advisories: exit code and output."""
    lock, file = tmp_path / "lock.txt", tmp_path / "advisories.json"
    lock.write_text(LOCK)

    def run(content: object, *options: str, place: Path = file) -> tuple[int, str]:
        if content is not None:
            file.write_text(json.dumps(content))
        command = [sys.executable, ROOT / "scripts" / "audit.py", place, "--lock", lock, *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ([{"introduced": "0"}], True),
        ([{"introduced": "2.4.6"}], True),
        ([{"introduced": "2.4.7"}], False),
        ([{"introduced": "0"}, {"fixed": "2.4.7"}], True),
        ([{"introduced": "0"}, {"fixed": "2.4.6"}], False),
        ([{"introduced": "0"}, {"last_affected": "2.4.6"}], True),
        ([{"introduced": "0"}, {"last_affected": "2.4.5"}], False),
        ([{"introduced": "2.4.6rc1"}, {"fixed": "2.4.10"}], True),  # by version, not by text
        ([{"fixed": "2.4.10"}, {"introduced": "2.4.6"}, {"fixed": "2"}, {"introduced": "0"}], True),  # in any order
    ],
)
def test_range_of_versions_is_read(audit: Any, events: list[dict[str, str]], found: bool) -> None:
    assert audit(advisory(*events))[0] == found


def test_finding_names_what_to_do(audit: Any) -> None:
    code, output = audit(advisory({"introduced": "0"}, {"fixed": "2.5.0"}))
    assert code == 1
    assert output.splitlines()[0] == "numpy 2.4.6: TEST-1, fixed in 2.5.0. Invented."


def test_names_are_compared_as_pypi_does(audit: Any) -> None:
    assert audit(advisory({"introduced": "0"}, package="Flask_CORS"))[0] == 1


def test_listed_version_is_found(audit: Any) -> None:
    entry = {"package": {"ecosystem": "PyPI", "name": "numpy"}, "versions": ["2.4.6"]}
    assert audit({"id": "TEST-2", "affected": [entry]})[0] == 1


@pytest.mark.parametrize(
    "content",
    [
        advisory({"introduced": "0"}, package="other"),
        advisory({"introduced": "0"}, withdrawn="2026-01-01T00:00:00Z"),
        {"id": "TEST-3", "affected": [{"package": {"ecosystem": "npm", "name": "numpy"}, "versions": ["2.4.6"]}]},
    ],
)
def test_what_is_not_meant_is_left_out(audit: Any, content: object) -> None:
    assert audit(content)[0] == 0


def test_accepted_advisory_is_left_out(audit: Any) -> None:
    content = advisory({"introduced": "0"}, aliases=["CVE-1"])
    assert audit(content, "--accept", "CVE-1")[0] == 0
    assert audit(content, "--accept", "CVE-2")[0] == 1


def test_zip_and_folder_are_read(audit: Any, tmp_path: Path) -> None:
    folder, archive = tmp_path / "all", tmp_path / "all.zip"
    folder.mkdir()
    (folder / "one.json").write_text(json.dumps(advisory({"introduced": "0"})))
    with zipfile.ZipFile(archive, "w") as writing:
        writing.write(folder / "one.json", "one.json")
    assert audit(None, place=folder)[0] == audit(None, place=archive)[0] == 1


@pytest.mark.parametrize("content", [[], {"summary": "no id"}, "text", advisory({"introduced": "not a version"})])
def test_unreadable_advisories_are_no_clean_audit(audit: Any, content: object) -> None:
    assert audit(content)[0] == 2


def test_missing_file_is_no_clean_audit(audit: Any, tmp_path: Path) -> None:
    assert audit(None, place=tmp_path / "none")[0] == 2


def test_lock_of_the_project_can_be_audited(tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    file.write_text(json.dumps(advisory({"introduced": "0"}, {"fixed": "1"}, package="flask")))
    command = [sys.executable, ROOT / "scripts" / "audit.py", file]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.endswith(" packages, 1 advisories, 0 findings\n")
