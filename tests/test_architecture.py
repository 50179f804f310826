"""Who may import whom, and what is loaded when: read from the source, so that no import is missed."""

import ast
import subprocess
import sys
from collections.abc import Container, Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "recommender"

# From the bottom to the top: a package imports only what stands above it in this list, and itself. What stands in one
# line is one floor; nobody on a floor imports a neighbour.
FLOORS = (
    ("errors", "arrays", "version"),
    ("progress", "metrics", "logs", "processes", "temporary"),
    ("settings", "articles"),
    ("curation", "embedding", "reranking", "retrieval"),
    ("ranking",),
    ("store",),
    ("sources", "build", "serving"),
    ("evaluation",),
    ("grading", "desk"),
    ("release",),
    ("training",),
    ("rerankers",),
    ("wiring",),
    ("workflows", "operations"),
    ("worker", "notebook"),
    ("web",),
    ("cli",),
    ("__main__",),
)
# The rules: NumPy and the standard library only; no file, no network, no clock, no environment.
CORE = ("errors", "arrays", "progress", "metrics", "articles", "curation", "ranking")
# Where outside libraries are known, and which module knows which. The trainer is one library in several packages.
TRAINER = {"datasets", "sentence_transformers", "torch", "transformers"}
EDGES = ("workflows", "operations", "worker", "notebook", "web", "cli", "__main__")
HEAVY = ("torch", "sentence_transformers", "transformers", "sklearn", "scipy", "bm25s", "alembic")


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Every module of the package, as a path from it such as `web.site`, with its source; migrations apart."""
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        if "migrations" not in parts:
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            yield name, ast.parse(file.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> set[str]:
    """Full names of all that a module imports, at its top or inside functions."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports go by full name"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def inside(tree: ast.Module) -> set[str]:
    """The packages of this one that a module imports, such as `store` for recommender.store.sql.tables."""
    return {name.split(".")[1] for name in imports(tree) if name.startswith("recommender.")}


def outside(tree: ast.Module) -> set[str]:
    """The libraries that a module imports, without NumPy and the standard library."""
    names = {name.split(".")[0] for name in imports(tree)}
    return names - sys.stdlib_module_names - {"recommender", "numpy"}


ALL = {name: tree for name, tree in modules() if name and name.split(".")[0] != "sample"}
FLOOR = {package: floor for floor, packages in enumerate(FLOORS) for package in packages}


def of(packages: Container[str]) -> list[str]:
    """The modules of some packages."""
    return [name for name in ALL if name.split(".")[0] in packages]


def test_every_module_has_its_place() -> None:
    assert {name.split(".", 1)[0] for name in ALL} == set(FLOOR)


@pytest.mark.parametrize("name", ALL)
def test_imports_go_one_way(name: str) -> None:
    own = name.split(".", maxsplit=1)[0]
    assert [other for other in inside(ALL[name]) if other != own and FLOOR[other] >= FLOOR[own]] == []


@pytest.mark.parametrize("name", of(CORE))
def test_core_knows_no_library(name: str) -> None:
    assert outside(ALL[name]) == set()


@pytest.mark.parametrize("name", of(set(FLOOR) - set(EDGES) - {"wiring", "settings"}))
def test_no_module_knows_two_libraries(name: str) -> None:
    libraries = outside(ALL[name])
    if name == "training.sentence_transformers_trainer":
        libraries -= TRAINER - {"sentence_transformers"}
    assert len(libraries) <= 1


def test_settings_know_no_part() -> None:
    assert inside(ALL["settings"]) <= set(CORE)
    assert outside(ALL["settings"]) == {"pydantic", "pydantic_settings"}


@pytest.mark.parametrize("name", of(EDGES))
def test_edges_leave_making_to_the_assembly(name: str) -> None:
    """Store, models and indexes come from `wiring`, which alone knows the modules that wrap a library."""
    names = {module.removeprefix("recommender.") for module in imports(ALL[name]) if module.startswith("recommender.")}
    wrapped = {other for other in of(set(FLOOR) - set(EDGES) - {"wiring", "settings"}) if outside(ALL[other])}
    assert {
        other for other in wrapped if any(module.startswith(f"{other}.") or module == other for module in names)
    } == set()


def test_views_take_what_they_work_with_from_the_context() -> None:
    """The clock and the services of an application are made once, where it is made."""
    assert [name for name in of(["web"]) if "wiring" in inside(ALL[name])] == ["web.app"]


def test_only_settings_read_the_environment() -> None:
    """The embedder sets two variables of its library; the server's children inherit theirs.

    The other two need `os` for processes and for locks.
    """
    readers = [
        name
        for name in of(set(FLOOR) - set(EDGES) - {"settings"})
        if "os" in {module.split(".")[0] for module in imports(ALL[name])}
    ]
    assert readers == ["embedding.sentence_transformer", "processes", "temporary"]


def loaded(program: str) -> list[str]:
    """Which heavy libraries a program has loaded at its end."""
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys; print(*[name for name in {HEAVY} if name in sys.modules])"],
        capture_output=True,
        text=True,
        check=True,
        cwd=PACKAGE.parent,
    )
    return done.stdout.splitlines()[-1].split()


@pytest.mark.parametrize(
    "program",
    [
        "import recommender.cli",
        "import recommender.web",
        "import recommender.web.app",
        "import recommender.wiring",
        "from recommender.cli import cli; cli(['--help'], standalone_mode=False)",
        "from recommender.cli import cli; cli(['build', '--help'], standalone_mode=False)",
        "from recommender.cli import cli; cli(['settings'], standalone_mode=False)",
    ],
)
def test_nothing_heavy_at_import(program: str) -> None:
    assert loaded(program) == []


def test_requests_load_no_model(tmp_path: Path) -> None:
    """The store needs Alembic to see that its tables are current; nothing else is heavy."""
    program = f"""
from recommender.serving.answers import Query
from recommender.settings import Settings
from recommender.wiring import make_recommender, open_store
from tests.factories import make_article
store = open_store("sqlite:///{tmp_path}/test.db")
store.articles.upsert([make_article("a"), make_article("b")])
assert make_recommender(store, Settings()).for_article("a", Query()).items
"""
    assert loaded(program) == ["alembic"]


def test_importing_changes_no_setting() -> None:
    program = (
        "import os; before = dict(os.environ); import recommender.embedding.sentence_transformer, recommender.web.app\n"
    )
    assert loaded(f"{program}assert dict(os.environ) == before") == []
