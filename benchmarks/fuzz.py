"""`python -m benchmarks.fuzz`: thousands of schemathesis's requests, each answer held to the OpenAPI file."""

import argparse
import itertools
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.report import Table
from tests.web.fuzzing import fuzzed
from tests.web.served import serving
from tests.web.toy import KEY, build_archive

EXAMPLES = 200  # of each operation, in one run of schemathesis
OTHER_PHASES = ("fuzzing", "stateful")  # a second run of `coverage` would send the same
# Who asks: whether a key is configured, and whether one is sent. The rest is sent by the one that may write.
STRANGERS = {"without a key": True, "where none is configured": False}


def run(cases: int, seed: int) -> Table:
    """Asks three services, each with an archive of its own. Exits where an answer is not that of the file."""
    rows, failed = [], []
    with TemporaryDirectory() as name, ExitStack() as stack:

        def archive(who: str, *, keys: bool) -> str:
            folder = Path(name) / who.replace(" ", "-")
            folder.mkdir()
            build_archive(folder / "archive.db")
            settings = {"api_keys": KEY} if keys else {}
            return stack.enter_context(serving(folder / "archive.db", workers=1, **settings)).url

        for who, keys in STRANGERS.items():
            result = fuzzed(archive(who, keys=keys), None, EXAMPLES // 10, seed)
            rows.append([who, f"{result.cases:,}", str(len(result.differences))])
            failed += result.differences
        url, sent, found = archive("with a key", keys=True), 0, 0
        for number in itertools.count():
            if sent >= cases:
                break
            phases = OTHER_PHASES if number else ("coverage", *OTHER_PHASES)
            result = fuzzed(url, KEY, min(EXAMPLES, max(1, (cases - sent) // 10)), seed + number, phases)
            sent, found = sent + result.cases, found + len(result.differences)
            failed += result.differences
        rows.append(["with a key", f"{sent:,}", str(found)])
    table = Table(
        "What the API answers, and what its file says",
        "Requests by schemathesis with all of its checks; a server error is a difference too.",
        ("asked", "requests", "differences"),
        rows,
    )
    sys.stdout.write("\n".join([table.markdown(), *failed, ""]))
    if failed:
        raise SystemExit(1)
    return table


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="requests with a key, at least (default: 10,000)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    run(options.cases, options.seed)


if __name__ == "__main__":
    main()
