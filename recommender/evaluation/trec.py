"""TREC's files: qrels (judgments) and runs (rankings)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from recommender.errors import InvalidInput
from recommender.store.grading import GRADES


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Grades by query and article, in the order of the file: lines of `query 0 article grade`.

    Raises InvalidInput with the line that is wrong: so is a grade that is none of GRADES, or a pair judged twice with
    different grades.
    """
    qrels: dict[str, dict[str, int]] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"The judgments {path} cannot be read: {error}") from error
    for number, line in enumerate(lines, start=1):
        fields = line.split()
        if not fields:
            continue
        try:
            query, _, article, grade = fields
            value = int(grade)
        except ValueError as error:
            raise InvalidInput(f"{path}, line {number}: expected `query 0 article grade`, found {line!r}") from error
        if value not in GRADES:
            raise InvalidInput(
                f"{path}, line {number}: the grade {value} is not on the scale from {min(GRADES)} to {max(GRADES)}; "
                "the columns are `query 0 article grade`"
            )
        if qrels.setdefault(query, {}).setdefault(article, value) != value:
            raise InvalidInput(f"{path}, line {number}: {query} and {article} are judged twice, with different grades")
    if not qrels:
        raise InvalidInput(f"{path} holds no judgments.")
    return qrels


def write_run(path: Path, run: Mapping[str, Sequence[tuple[str, float]]], tag: str) -> None:
    """Writes a run, `query Q0 article rank score tag`, best first; evaluation programs sort by score, so it falls."""
    lines = (
        f"{query} Q0 {article} {rank} {score:.6f} {tag}\n"
        for query, ranking in run.items()
        for rank, (article, score) in enumerate(ranking, start=1)
    )
    path.write_text("".join(lines), encoding="utf-8")
