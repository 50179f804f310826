"""`serve`: workers that answer, and a stop that leaves nothing behind."""

import shutil
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.web.served import command, environment, eventually, serving


@pytest.fixture
def served_file(toy_file: Path, tmp_path: Path) -> Path:
    """A copy of the archive in a folder of its own."""
    for file in toy_file.parent.iterdir():
        shutil.copy(file, tmp_path / file.name)
    return tmp_path / toy_file.name


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_two_workers_answer_and_stop(served_file: Path, stop: signal.Signals) -> None:
    with serving(served_file, workers=2) as served:
        assert served.status("/api/v1/recommend?article_id=blockade-1") == 200
        assert served.status("/readyz") == 200
        assert eventually(lambda: len(served.workers()) == 2)
        everyone = served.everyone()
        served.process.send_signal(stop)
        assert served.process.wait(60) == 0
        gone, alive = psutil.wait_procs(everyone, 30)
    assert (len(gone), alive) == (len(everyone), [])
    assert list((served_file.parent / "tmp").iterdir()) == []


def test_workers_share_their_counters(served_file: Path) -> None:
    with serving(served_file, workers=2) as served:
        for _ in range(20):
            assert served.status("/api/v1/recommend?article_id=blockade-1") == 200
        assert served.status("/metrics") == 200
        counted = [
            served.counted('recommender_requests_total{route="/api/v1/recommend",status="200"}') for _ in range(5)
        ]
    assert counted == [20.0] * 5


def test_file_that_is_not_there_stops_the_start(served_file: Path) -> None:
    given = environment(database_url=f"sqlite:///{served_file}", gazetteer="nowhere")
    done = subprocess.run(
        command("serve"), cwd=served_file.parent, env=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "nowhere cannot be read" in done.stderr
    assert "Traceback" not in done.stderr
