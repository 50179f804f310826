"""`python -m benchmarks [NAME…]`: run the benchmarks, print their tables and store them in docs/benchmarks.md."""

import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import embedding, endpoint, neighbours, publishing, startup
from benchmarks.report import Table, machine

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
ALL: dict[str, Callable[[], list[Table]]] = {
    "startup": startup.run,
    "embedding": embedding.run,
    "neighbours": neighbours.run,
    "endpoint": endpoint.run,
    "publishing": publishing.run,
}
HEAD = """# Benchmarks

Printed and stored by `make bench` (`python -m benchmarks`). A ratio compares two things that were timed in turn in
one run on one machine; it is the median over the rounds, with the smallest and largest round in brackets. Absolute
figures depend on the machine and are there for orientation only.
"""


def main() -> None:
    """Runs what is named on the command line, or everything."""
    names = sys.argv[1:] or list(ALL)
    if unknown := [name for name in names if name not in ALL]:
        sys.exit(f"Unknown benchmark {', '.join(unknown)}; there are {', '.join(ALL)}.")
    sections = []
    for name in names:
        for table in ALL[name]():
            sections.append(f"## {table.title}\n\n`benchmarks/{name}.py`. {table.note}\n\n{table.markdown()}\n")
            sys.stdout.write(sections[-1] + "\n")
            sys.stdout.flush()
    if set(names) == set(ALL):
        PAGE.write_text("\n".join([HEAD, f"Machine: {machine()}.\n", *sections]), encoding="utf-8")
        sys.stdout.write(f"Stored in {PAGE}.\n")


if __name__ == "__main__":
    main()
