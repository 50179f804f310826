"""Temporary folders: private, gone at the end, and what killed processes have left goes with the next one."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from recommender.temporary import SUFFIX, TemporaryFolder
from tests.web.served import environment

HOLDING = """
import os, sys
from recommender.temporary import TemporaryFolder

folder = TemporaryFolder("test", sys.argv[1])
(folder.path / "file").write_text("x")
print("made", flush=True)
if "fork" in sys.argv and os.fork():
    os._exit(0)
sys.stdin.read()
"""
Held = subprocess.Popen[str]


def holding(*arguments: str | Path) -> Held:
    """A process with a folder in a place."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDING, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "made\n"
    return process


def kill(process: Held) -> None:
    with process:
        process.send_signal(signal.SIGKILL)


def test_folder_is_private_and_goes(tmp_path: Path) -> None:
    with TemporaryFolder("test", str(tmp_path)) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "inside").mkdir()
        (folder / "inside" / "file").touch()
        assert list(tmp_path.iterdir()) == [folder]
    assert list(tmp_path.iterdir()) == []


def test_folder_of_a_killed_process_goes_with_the_next(tmp_path: Path) -> None:
    kill(holding(tmp_path))
    left = list(tmp_path.iterdir())
    assert len(left) == 1
    with TemporaryFolder("other", str(tmp_path)) as folder:
        assert list(tmp_path.iterdir()) == [folder]


def test_folder_in_use_stays(tmp_path: Path) -> None:
    process = holding(tmp_path)
    (other,) = tmp_path.iterdir()
    with TemporaryFolder("test", str(tmp_path)) as own, TemporaryFolder("test", str(tmp_path)) as second:
        assert sorted(tmp_path.iterdir()) == sorted([other, own, second])
    assert [file.name for file in other.iterdir()] == ["file"]
    kill(process)


def test_folder_stays_while_a_fork_lives(tmp_path: Path) -> None:
    """The web processes are such; they may live for a moment longer than the main process."""
    process = holding(tmp_path, "fork")
    assert process.wait(30) == 0
    (other,) = tmp_path.iterdir()
    TemporaryFolder("test", str(tmp_path)).close()
    assert other.exists()
    process.communicate()


def test_names_of_others_are_left_alone(tmp_path: Path) -> None:
    """Anybody makes what they like in the place that all share."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").touch()
    (tmp_path / f"recommender-link{SUFFIX}").symlink_to(elsewhere)
    (tmp_path / f"recommender-file{SUFFIX}").touch()
    (tmp_path / "recommender-of-an-earlier-release").mkdir()
    before = sorted(tmp_path.rglob("*"))
    TemporaryFolder("test", str(tmp_path)).close()
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_folder_of_another_user_stays(tmp_path: Path) -> None:
    theirs = tmp_path / f"recommender-theirs{SUFFIX}"
    theirs.mkdir()
    os.chown(theirs, 65_534, 65_534)
    TemporaryFolder("test", str(tmp_path)).close()
    assert theirs.exists()


def test_many_at_once_take_none_from_each_other(tmp_path: Path) -> None:
    def made(_: int) -> bool:
        with TemporaryFolder("test", str(tmp_path)) as folder:
            (folder / "file").touch()
            return (folder / "file").exists()

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(made, range(400)))
    assert list(tmp_path.iterdir()) == []


def test_place_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        TemporaryFolder("test", str(tmp_path / "nowhere"))
