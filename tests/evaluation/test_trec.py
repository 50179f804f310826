"""TREC's files: what is read, what is refused, what is written."""

from pathlib import Path

import pytest

from recommender.errors import InvalidInput
from recommender.evaluation.trec import read_qrels, write_run


def qrels(folder: Path, text: str) -> dict[str, dict[str, int]]:
    file = folder / "qrels.txt"
    file.write_text(text, encoding="utf-8")
    return read_qrels(file)


def test_grades_by_query_and_article(tmp_path: Path) -> None:
    assert qrels(tmp_path, "q1 0 a 4\nq2 0 b 0\n\nq1 0 c -1\n") == {"q1": {"a": 4, "c": -1}, "q2": {"b": 0}}


def test_tabs_and_spaces_separate(tmp_path: Path) -> None:
    assert qrels(tmp_path, "q1\t0\ta\t 2 \n") == {"q1": {"a": 2}}


@pytest.mark.parametrize("line", ["q1 0 a", "q1 0 a 1 x", "q1 0 a good", "q1 0 a 1.5"])
def test_wrong_lines_are_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(InvalidInput, match="line 2: expected"):
        qrels(tmp_path, f"q1 0 b 1\n{line}\n")


@pytest.mark.parametrize("grade", [-2, 5, 2024])
def test_grades_off_the_scale_are_named(tmp_path: Path, grade: int) -> None:
    """A gain is a power of two: a year in the column of grades would be none that a number can hold."""
    with pytest.raises(InvalidInput, match=f"line 2: the grade {grade} is not on the scale from -1 to 4"):
        qrels(tmp_path, f"q1 0 b 1\nq1 0 a {grade}\n")


def test_contradictions_are_refused(tmp_path: Path) -> None:
    assert qrels(tmp_path, "q1 0 a 1\nq1 0 a 1\n") == {"q1": {"a": 1}}
    with pytest.raises(InvalidInput, match="line 2: q1 and a are judged twice"):
        qrels(tmp_path, "q1 0 a 1\nq1 0 a 2\n")


def test_empty_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="holds no judgments"):
        qrels(tmp_path, "\n")


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_qrels(tmp_path / "missing")
    (tmp_path / "latin").write_bytes(b"q1 0 caf\xe9 1")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_qrels(tmp_path / "latin")


def test_runs_have_the_format_of_trec(tmp_path: Path) -> None:
    write_run(tmp_path / "run", {"q1": [("a", 0.5), ("b", 0.25)], "q2": [("a", 1)]}, "mine")
    assert (tmp_path / "run").read_text(encoding="utf-8").splitlines() == [
        "q1 Q0 a 1 0.500000 mine",
        "q1 Q0 b 2 0.250000 mine",
        "q2 Q0 a 1 1.000000 mine",
    ]
