"""Who may import whom, and what is loaded when: read from the source, so that no import is missed."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "recommender"

CORE = {
    "errors",
    "article",
    "addresses",
    "text",
    "terms",
    "shingles",
    "candidates",
    "scoring",
    "ranking",
    "stories",
    "gazetteer",
    "labels",
    "reasons",
    "sentences",
    "metrics",
    "interfaces",
    "permissions",
    "signals",
    "editorial",
    "directives",
    "guard",
    "rules",
    "agreement",
    "panels",
    "golden",
    "gate",
    "releases",
    "cards",
    "pairs",
    "lessons",
    "recipes",
    "groups",
    "interleaving",
}
USE_CASES = {
    "ingest",
    "build",
    "vectors",
    "neighbours",
    "service",
    "catalogue",
    "document",
    "prepared",
    "evaluation",
    "systems",
    "learning",
    "accounts",
    "decisions",
    "review",
    "worklist",
    "ledger",
    "reach",
    "grading",
    "exposure",
    "advice",
    "findings",
    "export",
    "publishing",
    "proposals",
    "comparing",
    "releasing",
    "shadowing",
    "pinned",
    "exploring",
    "training",
    "training_data",
    "behind",
    "trial",
}
# One adapter each; the files of a model belong to its embedder.
ADAPTERS = {"sources": "sources", "embedding": "model", "model_files": "model", "lexical": "lexical", "bm25": "bm25"}
ADAPTERS |= {"indexes": "indexes", "storage": "storage", "fitting": "fitting", "registry": "registry"}
ADAPTERS |= {"passwords": "passwords", "projection": "projection", "fragment": "fragment", "folder": "folder"}
ADAPTERS |= {"trainer": "training", "layers": "training", "distilling": "training"}
ASSEMBLY = {"wiring", "settings"}
EDGES = {"web", "cli", "plots", "notebooks", "__main__"}
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
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports go by full name"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def inside(tree: ast.Module) -> set[str]:
    """The parts of this package that a module imports, such as `storage` for recommender.storage.tables."""
    names = {name.split(".")[1] for name in imports(tree) if name.startswith("recommender.")}
    return names - {"__version__"}


def outside(tree: ast.Module) -> set[str]:
    """The libraries that a module imports, without NumPy and the standard library."""
    names = {name.split(".")[0] for name in imports(tree)}
    return names - sys.stdlib_module_names - {"recommender", "numpy"}


ALL = dict(modules())
PARTS = {name: name.split(".")[0] for name in ALL if name not in ("", "sample")}


def of(group: object) -> list[str]:
    return [name for name, part in PARTS.items() if part in group]  # type: ignore[operator]


def test_every_module_has_its_place() -> None:
    assert set(PARTS.values()) == CORE | USE_CASES | ADAPTERS.keys() | ASSEMBLY | EDGES


@pytest.mark.parametrize("name", of(CORE))
def test_core_imports_only_core(name: str) -> None:
    assert inside(ALL[name]) <= CORE
    assert outside(ALL[name]) == set()


@pytest.mark.parametrize("name", of(USE_CASES))
def test_use_cases_import_only_inwards(name: str) -> None:
    assert inside(ALL[name]) <= CORE | USE_CASES
    assert outside(ALL[name]) == set()


@pytest.mark.parametrize("name", of(ADAPTERS))
def test_adapters_import_core_and_themselves(name: str) -> None:
    own = ADAPTERS[PARTS[name]]
    assert inside(ALL[name]) <= CORE | {part for part, adapter in ADAPTERS.items() if adapter == own}


@pytest.mark.parametrize("name", of(ADAPTERS))
def test_adapters_import_one_library(name: str) -> None:
    found = outside(ALL[name])
    # The trainer is one library in several packages.
    assert len(found - {"datasets", "torch", "transformers"} if name == "trainer" else found) <= 1
    assert PARTS[name] != "storage" or found <= {"sqlalchemy", "alembic"}


@pytest.mark.parametrize("name", of(EDGES))
def test_edges_leave_making_to_the_assembly(name: str) -> None:
    """They may open a file, since that is theirs to name; store, models and indexes come from `wiring`."""
    assert inside(ALL[name]) & ADAPTERS.keys() <= {"sources"}


def test_edges_do_not_know_each_other() -> None:
    assert not [name for name in of({"web"}) if "cli" in inside(ALL[name])]
    assert not [name for name in of({"cli"}) if "web" in inside(ALL[name]) and name != "cli.serve"]


def test_nobody_imports_the_edges() -> None:
    inner = of(CORE | USE_CASES | ADAPTERS.keys() | ASSEMBLY)
    assert not [name for name in inner if inside(ALL[name]) & EDGES]


def test_settings_know_no_part() -> None:
    assert inside(ALL["settings"]) <= CORE
    assert outside(ALL["settings"]) == {"pydantic", "pydantic_settings"}


def test_only_settings_read_the_environment() -> None:
    """The embedder sets two variables of its library; the server's children inherit theirs."""
    readers = [
        name for name in of(CORE | USE_CASES | ADAPTERS.keys()) if "os" in {i.split(".")[0] for i in imports(ALL[name])}
    ]
    assert readers == ["embedding"]


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
from recommender.service import Query
from recommender.settings import Settings
from recommender.wiring import make_recommender, open_store
from tests.factories import make_article
store = open_store("sqlite:///{tmp_path}/test.db")
store.articles.upsert([make_article("a"), make_article("b")])
assert make_recommender(store, Settings()).for_article("a", Query()).items
"""
    assert loaded(program) == ["alembic"]


def test_importing_changes_no_setting() -> None:
    program = "import os; before = dict(os.environ); import recommender.embedding, recommender.web.app\n"
    assert loaded(f"{program}assert dict(os.environ) == before") == []
