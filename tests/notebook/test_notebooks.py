"""The notebooks run from the top, hold no outputs in git, and no logic of their own."""

import ast
import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.While, ast.Try)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("notebooks_script", ROOT / "scripts" / "notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_output_lies_in_git(path: Path, script: ModuleType) -> None:
    """If this fails, run `python scripts/notebooks.py --strip`."""
    assert path.read_text(encoding="utf-8") == script.stripped(path)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_defines_nothing(path: Path) -> None:
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    definitions = [node for cell in cells for node in ast.walk(ast.parse(cell)) if isinstance(node, DEFINITIONS)]
    assert definitions == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_opens_with_its_question_and_ends_with_what_to_do(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    assert cells[0].cell_type == "markdown"
    assert "?**" in cells[0].source
    assert cells[-1].cell_type == "markdown"
    assert cells[-1].source.startswith("## What to do next")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_rendered_page_is_there(path: Path) -> None:
    page = ROOT / "docs" / "notebooks" / f"{path.stem}.md"
    cells = nbformat.read(path, as_version=4).cells
    rendered = page.read_text(encoding="utf-8")
    assert [cell.source for cell in cells if cell.cell_type == "code" and cell.source not in rendered] == []
    assert str(ROOT) not in rendered


@pytest.fixture(params=["part", pytest.param("whole", marks=pytest.mark.long)])
def archive(request: pytest.FixtureRequest) -> Path:
    """A third of the sample, on which training takes a minute; with the tests marked `long`, all of it as well."""
    name = "sample_part" if request.param == "part" else "sample_database"
    url: str = request.getfixturevalue(name)
    return Path(url.removeprefix("sqlite:///"))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_from_the_top(
    path: Path, script: ModuleType, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "site.db"
    shutil.copy(archive, database)
    monkeypatch.setenv("RECOMMENDER_DATABASE_URL", f"sqlite:///{database}")
    assert script.executed(path).cells
