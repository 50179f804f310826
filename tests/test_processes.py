"""Processes end with the one that has started them, however that ended."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil

from recommender.processes import in_own_process
from tests.web.served import environment, eventually

IN_OWN_PROCESS = """
import time
from recommender.processes import in_own_process

if __name__ == "__main__":
    in_own_process(time.sleep, 600)
"""


def test_function_runs_elsewhere() -> None:
    assert in_own_process(divmod, 7, 2) == (3, 1)


def test_own_process_ends_with_its_parent(tmp_path: Path) -> None:
    script = tmp_path / "waiting.py"
    script.write_text(IN_OWN_PROCESS)
    with subprocess.Popen([sys.executable, script], env=environment()) as parent:
        started = psutil.Process(parent.pid)
        assert eventually(lambda: len(started.children()) == 2)  # and multiprocessing's tracker
        children = started.children()
        parent.send_signal(signal.SIGKILL)
    assert psutil.wait_procs(children, 10)[1] == []
