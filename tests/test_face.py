"""What other programs and notebooks may rely on: these names, and no others. Whatever else moves breaks nobody."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import recommender
import recommender.notebook
import recommender.web
from scripts import docs

DECLARES = ("class", "def", "@property")
PROGRAMS = [
    "Article",
    "Query",
    "Recommendation",
    "Recommender",
    "RecommenderError",
    "Settings",
    "__version__",
    "load_settings",
    "make_builder",
    "make_recommender",
    "open_store",
]
NOTEBOOKS = [
    "ALONE",
    "DENSE",
    "MAIN",
    "TFIDF",
    "Exposures",
    "Request",
    "Site",
    "collect",
    "counted",
    "counts",
    "disagreements",
    "judged_sidebars",
    "language_of",
    "leaks",
    "open_site",
    "overview",
    "project",
    "shares",
    "spread",
    "story_map",
    "year_of",
]


def test_programs_may_rely_on_these_names() -> None:
    assert recommender.__all__ == PROGRAMS
    assert [name for name in PROGRAMS if not hasattr(recommender, name)] == []


def test_notebooks_may_rely_on_these_names() -> None:
    assert recommender.notebook.__all__ == NOTEBOOKS
    assert [name for name in NOTEBOOKS if not hasattr(recommender.notebook, name)] == []


def test_servers_may_rely_on_these_names() -> None:
    assert recommender.web.__all__ == ["create_app", "create_front_door"]


def test_other_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="module 'recommender' has no attribute 'make_everything'"):
        recommender.make_everything  # noqa: B018  # asking is the test


ENTRIES = [entry for entries in docs.face().values() for entry in entries if entry.declared.startswith(DECLARES)]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_parameter_is_described(entry: docs.Entry) -> None:
    """An IDE shows them."""
    sections = docs.sections(entry.docstring)
    kind = "Attributes" if "Attributes" in sections else "Parameters"
    heads = re.findall(r"^(\S.*?) : ", sections.get(kind, ""), flags=re.MULTILINE)
    assert [name for head in heads for name in head.split(", ")] == list(entry.fields)
    assert entry.declared.startswith("class") or "Returns" in sections


def test_program_of_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[1] / "docs" / "how-to" / "python.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    (printed,) = re.findall(r"```\n(rebuilt.*?)```", page, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(program, "docs/how-to/python.md", "exec"), {})
    assert capsys.readouterr().out == printed


def test_importing_the_package_loads_nothing_else() -> None:
    """The command and the web server import it for other reasons, and must not wait."""
    program = "import sys, recommender; print(*[name for name in sys.modules if name.startswith('recommender.')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["recommender.version"]
