"""CONTRIBUTING.md is true: what it names is there, and each recipe names a test that fails when a step is left out."""

import ast
import re
from pathlib import Path

import pytest

from recommender.sources.files import DOCUMENTS, FOLDERS, FORMATS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
QUOTED = sorted(set(re.findall(r"`([^`\n]+)`", PAGE)))
RECIPES = dict(re.findall(r"^### (Add .*?)\n(.*?)(?=^##)", PAGE, flags=re.DOTALL | re.MULTILINE))
SUFFIXES = (".py", ".md", ".toml", ".txt", ".po", ".pot", ".css", ".js", ".csv", ".html")
EXAMPLES = {"utils.py", "vX.Y.Z"}  # there is none of these
NAMES = [name for name in QUOTED if re.fullmatch(r"[a-z_]+\.\w+", name) and not name.endswith(SUFFIXES)]
PATHS = [name for name in QUOTED if re.fullmatch(r"[\w./-]+(\.\w+|/)", name) and name not in {*NAMES, *EXAMPLES}]
# By the folder of a promise: the file of its contract tests, and for each promise the methods by which an adapter is
# told from other classes.
CONTRACTS = {
    "embedding": ("test_embedder.py", {"embed", "pieces_per_word"}),
    "retrieval": ("test_index.py", {"search", "similarities"}),
}


def test_page_has_its_recipes() -> None:
    assert set(RECIPES) == {
        "Add a source",
        "Add an embedder",
        "Add an index",
        "Add a score part",
        "Add a setting",
        "Add a column of articles",
        "Add a language of the desk",
    }


@pytest.mark.parametrize("name", PATHS)
def test_named_file_is_there(name: str) -> None:
    """Paths are from the root of the checkout, or from the package."""
    assert (ROOT / name).exists() or (ROOT / "recommender" / name).exists()


@pytest.mark.parametrize("name", NAMES)
def test_named_name_is_in_a_module(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    files = [file for top in ("recommender", "tests") for file in (ROOT / top).rglob(f"{module}.py")]
    assert [file for file in files if defines(file, attribute)]


def defines(file: Path, name: str) -> bool:
    """Whether a module binds a name at its top."""
    return bool(re.search(rf"^(def |class )?{name}\b", file.read_text(encoding="utf-8"), flags=re.MULTILINE))


@pytest.mark.parametrize(
    ("file", "test"), re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE), ids=lambda value: Path(value).stem
)
def test_named_test_is_there(file: str, test: str) -> None:
    assert defines(ROOT / file, test)


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipe_names_a_test(recipe: str) -> None:
    assert re.search(r"`tests/[\w/]+\.py(::\w+)?`", RECIPES[recipe])


def adapters(folder: str, methods: set[str]) -> set[str]:
    """The classes of a folder that have some methods, without the promise itself."""
    classes = [
        node
        for file in (ROOT / "recommender" / folder).glob("*.py")
        if file.name != "base.py"
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    ]
    return {
        node.name
        for node in classes
        if methods <= {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
    }


@pytest.mark.parametrize("folder", CONTRACTS)
def test_every_adapter_is_held_to_its_promise(folder: str) -> None:
    file, methods = CONTRACTS[folder]
    tests = (ROOT / "tests" / "contracts" / file).read_text(encoding="utf-8")
    classes = adapters(folder, methods)
    assert classes
    assert {name for name in classes if not re.search(rf"\b{name}\b", tests)} == set(), (
        f"add it to tests/contracts/{file}"
    )


def test_every_source_is_chosen_by_a_format() -> None:
    classes = adapters("sources", {"__iter__"})
    assert (
        classes - {source.__name__ for source in (*FORMATS.values(), *DOCUMENTS.values(), *FOLDERS.values())} == set()
    ), "add it to sources/files.py, FORMATS"
