"""The pages in docs/ name every setting, command, option, route and parameter, and their links lead somewhere."""

import csv
import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner

from recommender.articles.article import EXPLAINER_TAGS, UPDATE_TAG, Article
from recommender.articles.gazetteer import COLUMNS, KINDS, parse_gazetteer
from recommender.cli import COMMANDS, cli
from recommender.ranking.facts import ROLES
from recommender.ranking.scoring import PARTS
from recommender.settings import Settings
from recommender.web.api.schemas import (
    ArticleBody,
    Coverage,
    Draft,
    DraftSidebar,
    DraftTeaser,
    Sidebar,
    SidebarQuery,
    Story,
)
from recommender.web.app import make_app
from scripts import docs
from tests.web.conftest import close
from tests.web.toy import settings_for

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
API = (REFERENCE / "api.md").read_text(encoding="utf-8")
DESK = (REFERENCE / "desk.md").read_text(encoding="utf-8")
SNIPPET = (REFERENCE / "snippet.md").read_text(encoding="utf-8")
GAZETTEER = (REFERENCE / "gazetteer.md").read_text(encoding="utf-8")
NAMES = (DOCS / "how-to" / "names.md").read_text(encoding="utf-8")
DECISIONS = (DOCS / "explanation" / "decisions.md").read_text(encoding="utf-8")
PAGES = sorted(DOCS.rglob("*.md"))
FRONT = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "models/README.md")]
WRAPPED = [page for page in [*PAGES, *FRONT] if page.parent.name != "notebooks"]  # these are written by a script
MAX_LINE = 120
UNWRAPPED = ("|", "    ", "![", "- [20")  # tables, code, pictures, entries of the contents of decisions
RENEW = "run `python scripts/docs.py`"


@pytest.mark.parametrize(
    ("file", "page"),
    [("settings.md", docs.settings_page), ("cli.md", docs.cli_page), ("python.md", docs.python_page)],
)
def test_written_page_is_up_to_date(file: str, page: docs.Page) -> None:
    assert (REFERENCE / file).read_text(encoding="utf-8") == page(), RENEW


@pytest.mark.parametrize("arguments", [[], *(name.split() for name in docs.commands())], ids=" ".join)
def test_help_is_quoted_exactly(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = CliRunner().invoke(cli, [*arguments, "--help"], prog_name="recommender").stdout
    assert f"```\n{shown}```\n" in (REFERENCE / "cli.md").read_text(encoding="utf-8"), RENEW


@pytest.mark.parametrize("name", Settings.model_fields)
def test_setting_is_documented(name: str) -> None:
    assert f"| `{name}` |" in docs.settings_page()
    assert str(Settings.model_fields[name].description) in docs.settings_page()


def test_every_command_is_found() -> None:
    assert {name.split()[0] for name in docs.commands()} == set(COMMANDS)
    assert {"users", "users add", "users sign-out"} <= docs.commands().keys()


@pytest.mark.parametrize("name", docs.commands())
def test_command_is_documented_with_options(name: str) -> None:
    command = docs.commands()[name]
    section = docs.cli_page().partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert f"Usage: recommender {name}" in section
    options = [option for parameter in command.params for option in parameter.opts if option.startswith("-")]
    assert [option for option in options if option not in section] == []


def test_every_route_is_documented(tmp_path: Path) -> None:
    app = make_app(settings_for(tmp_path / "empty.db"))
    rules = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule) for rule in app.url_map.iter_rules()}
    close(app)
    assert len(rules) > 10
    pages = {rule: DESK if rule.startswith("/editor") else API for rule in rules}
    assert [rule for rule in sorted(rules) if not re.search(rf"[ `]{re.escape(rule)}`", pages[rule])] == []


@pytest.mark.parametrize("name", [*SidebarQuery.model_fields, *Draft.model_fields])
def test_parameter_is_documented(name: str) -> None:
    assert f"`{name}`" in API


@pytest.mark.parametrize(
    "name",
    sorted({name for model in (Sidebar, DraftSidebar, DraftTeaser, Coverage, Story) for name in model.model_fields}),
)
def test_answered_field_is_shown(name: str) -> None:
    assert f'"{name}": ' in API


@pytest.mark.parametrize("part", PARTS)
def test_part_of_the_score_is_explained(part: str) -> None:
    assert f"`{part}`" in API
    assert f'"{part}": ' in API


@pytest.mark.parametrize("role", ROLES)
def test_role_is_explained(role: str) -> None:
    assert f"| `{role}` | " in API


@pytest.mark.parametrize("example", re.findall(r"```json\n(.*?)```", API, flags=re.DOTALL))
def test_json_in_the_page_is_json(example: str) -> None:
    assert json.loads(example)


@pytest.mark.parametrize("column", COLUMNS)
def test_gazetteer_column_is_documented(column: str) -> None:
    assert f"`{column}`" in GAZETTEER.partition("| column |")[2].partition("\n\n")[0]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_gazetteer_kind_is_documented(kind: str) -> None:
    assert f"`{kind}`" in GAZETTEER.partition("| `kind` | in ")[2].partition("\n\n")[0]


def test_gazetteer_example_can_be_used() -> None:
    rows = re.findall(r"^ {4,}(\S.*,.*,.*)$", NAMES, flags=re.MULTILINE)
    assert rows[0] == ",".join(COLUMNS)
    names = parse_gazetteer(list(csv.DictReader(rows)), "docs/how-to/names.md")
    assert [name.key for name in names] == [row.partition(",")[0] for row in rows[1:]]


@pytest.mark.parametrize("name", [field.name for field in fields(Article)])
def test_field_of_an_article_is_documented_and_taken_by_the_api(name: str) -> None:
    rows = re.findall(r"^\| (`.*?) \|", (REFERENCE / "articles.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert f"`{name}`" in "".join(rows)
    assert name in ArticleBody.model_fields


@pytest.mark.parametrize("tag", sorted(EXPLAINER_TAGS | {UPDATE_TAG}))
def test_tag_with_a_meaning_is_documented(tag: str) -> None:
    assert f"`{tag}`" in (REFERENCE / "articles.md").read_text(encoding="utf-8")


def test_snippet_attributes_are_those_of_the_script() -> None:
    script = (ROOT / "recommender" / "web" / "static" / "sidebar.js").read_text(encoding="utf-8")
    (names,) = re.findall(r"const NAMES = \[(.*?)\]", script, flags=re.DOTALL)
    attributes = {f"data-{name}" for name in re.findall(r'"([a-z-]+)"', names)}
    rows = "".join(re.findall(r"^\| (`data-.*?) \|", SNIPPET, flags=re.MULTILINE))
    assert set(re.findall(r"`(data-[a-z-]+)`", rows)) == attributes


def prose(page: Path) -> str:
    """A page without its blocks of code between fences."""
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """What a link to a heading of the page is called, as GitHub makes it."""
    headings = re.findall(r"^#+ (.*)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_somewhere(page: Path, link: str) -> bool:
    """Whether a relative link of a page names a file that is there, and a heading of it."""
    file, _, anchor = link.partition("#")
    target = page.parent / file if file else page
    return target.exists() and (not anchor or anchor in anchors(target))


@pytest.mark.parametrize("page", [*PAGES, *FRONT], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)\s]+)\)", prose(page))
    assert [link for link in links if not leads_somewhere(page, link)] == []


def test_index_names_every_page() -> None:
    index = DOCS / "README.md"
    linked = {(DOCS / link).resolve() for link in re.findall(r"\]\(([^)#\s]+)\)", prose(index))}
    assert [page for page in PAGES if page != index and page not in linked] == []


@pytest.mark.parametrize("page", WRAPPED, ids=lambda page: str(page.relative_to(ROOT)))
def test_lines_are_wrapped(page: Path) -> None:
    """So that a change shows as the words that changed."""
    lines = [line for line in prose(page).splitlines() if not line.startswith(UNWRAPPED)]
    assert [line for line in lines if len(line) > MAX_LINE] == []


def test_contents_of_decisions_are_its_headings() -> None:
    headings = re.findall(r"^## (.*)$", DECISIONS, flags=re.MULTILINE)
    assert re.findall(r"^- \[(.*)\]\(#", DECISIONS, flags=re.MULTILINE) == headings


def test_code_names_pages_that_are_there() -> None:
    folders = ("recommender", "benchmarks", "scripts", "tests", "models")
    files = [file for name in folders for kind in ("py", "toml", "html") for file in (ROOT / name).rglob(f"*.{kind}")]
    named = {page for file in files for page in re.findall(r"docs/[\w/-]+\.md", file.read_text(encoding="utf-8"))}
    assert sorted(page for page in named if not (ROOT / page).exists()) == []
