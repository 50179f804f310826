"""`python -m benchmarks [NAME…]`: run the benchmarks, print their tables and store them under docs/explanation."""

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    desk,
    embedding,
    endpoint,
    neighbours,
    parts,
    publishing,
    quality,
    releasing,
    startup,
    training,
    training_gate,
)
from benchmarks.report import Table, machine

DOCS = Path(__file__).parents[1] / "docs" / "explanation"
PAGE = DOCS / "benchmarks.md"
WIDTH = 120
UNBROKEN = {"break_long_words": False, "break_on_hyphens": False}
ALL: dict[str, Callable[[], list[Table]]] = {
    "startup": startup.run,
    "embedding": embedding.run,
    "neighbours": neighbours.run,
    "endpoint": endpoint.run,
    "publishing": publishing.run,
    "desk": desk.run,
    "releasing": releasing.run,
}
# Measure quality, not speed: run only when named. The first two are stored on pages of their own.
EXTRAS: dict[str, Callable[[], list[Table]]] = {
    "quality": quality.run,
    "parts": parts.run,
    "training": training.run,
    "training-static": training.static,
    "training-search": training.search,
    "training-naive": training.naive,
    "training-graded": training.graded,
    "training-gate": training_gate.run,
    "training-curve": training.curve,
}
QUALITY_HEAD = """# Quality

Printed and stored by `python -m benchmarks quality`. The measures are those of `recommender evaluate`: gain is
2^grade - 1, a grade below 0 counts 0, and `poor@3` is the share of the first three that are graded 0 or -1, so less is
better. The first table is what readers get; in all others all languages are asked for, and fallbacks do not fill
places. The other archives and the other model are measured where they lie beside the checkout or under `var/models`.

What the figures mean for the choices that were made stands in [decisions.md](decisions.md).
"""
PARTS_HEAD = """# What was tried for the score

Printed and stored by `python -m benchmarks parts`, the bench for a new part of the score, another form of it, or
another embedding model. A gain counts when the interval of its difference is above 0. What follows from it stands in
[decisions.md](decisions.md).
"""
HEAD = """# Benchmarks

Printed and stored by `make bench` (`python -m benchmarks`). A ratio compares two things that were timed in turn in
one run on one machine; it is the median over the rounds, with the smallest and largest round in brackets. Absolute
figures depend on the machine and are there for orientation only.
"""


def main() -> None:
    """Runs what is named on the command line, or everything."""
    names = sys.argv[1:] or list(ALL)
    benchmarks = ALL | EXTRAS
    if unknown := [name for name in names if name not in benchmarks]:
        sys.exit(f"Unknown benchmark {', '.join(unknown)}; there are {', '.join(benchmarks)}.")
    sections = {name: _printed(benchmarks[name]) for name in names}
    if set(names) >= set(ALL):
        measured = [section for name in ALL for section in sections[name]]
        _store(PAGE, [HEAD, f"Machine: {machine()}.\n", *measured])
    if "quality" in names:
        _store(DOCS / "quality.md", [QUALITY_HEAD, *sections["quality"]])
    if "parts" in names:
        _store(DOCS / "parts.md", [PARTS_HEAD, *sections["parts"]])


def _printed(run: Callable[[], list[Table]]) -> list[str]:
    script = f"`{run.__module__.replace('.', '/')}.py`."
    sections = [
        f"## {table.title}\n\n{textwrap.fill(f'{script} {table.note}', WIDTH, **UNBROKEN)}\n\n{table.markdown()}\n"
        for table in run()
    ]
    sys.stdout.write("\n".join([*sections, ""]))
    sys.stdout.flush()
    return sections


def _store(page: Path, sections: list[str]) -> None:
    page.write_text("\n".join(sections), encoding="utf-8")
    sys.stdout.write(f"Stored in {page}.\n")


if __name__ == "__main__":
    main()
