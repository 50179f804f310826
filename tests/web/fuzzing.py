"""Schemathesis against a running service: everything the API answers is held to its OpenAPI file."""

import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.web.served import environment

# `examples` is left out: `coverage` sends them too.
ALL = ("coverage", "fuzzing", "stateful")
_PROGRAM = "from schemathesis.cli import schemathesis; schemathesis()"


@dataclass(frozen=True)
class Fuzzed:
    """How many requests were sent, and what was different from the file, or a server's error."""

    cases: int
    differences: list[str]


def _load_model(url: str) -> None:
    """The first draft waits for the model, longer than schemathesis allows an answer to take."""
    headers = {"Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"{url}/api/v1/recommend", b'{"title": "A"}', headers)).close()


def fuzzed(url: str, key: str | None, examples: int, seed: int, phases: Sequence[str] = ALL) -> Fuzzed:
    """Sends what may be and what may not be, at most so many examples of each operation in a phase.

    All of schemathesis's checks: server errors, status, type, headers and schema of answers, refusals of what is
    invalid, methods, headers and keys that are missing, and what is asked for after its deletion.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        _load_model(url)
        arguments = [
            *("run", f"{url}/openapi.json", "--checks", "all", "--continue-on-failure"),
            *("--phases", ",".join(phases), "--max-examples", str(examples), "--seed", str(seed)),
            *("--suppress-health-check", "all", "--request-timeout", "70", "--no-color"),
            *("--report", "json", "--report-json-path", str(report)),
            *(() if key is None else ("--header", f"Authorization: Bearer {key}")),
        ]
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, *arguments],
            cwd=folder,
            env=environment() | {"SCHEMATHESIS_HOOKS": "tests.web.fuzz_rules"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert report.exists(), done.stdout + done.stderr
        found = json.loads(report.read_text())
    differences = [json.dumps(failure, ensure_ascii=False) for failure in found["failures"] + found["errors"]]
    if not differences and done.returncode:
        differences = [done.stdout]
    return Fuzzed(found["test_cases"]["generated"], differences)
