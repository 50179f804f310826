"""The pages in docs/ name every setting, command, option, route and parameter; the code writes two of them."""

import csv
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from recommender.articles.article import EXPLAINER_TAGS, UPDATE_TAG
from recommender.articles.gazetteer import COLUMNS, KINDS, parse_gazetteer
from recommender.cli import COMMANDS, cli
from recommender.ranking.facts import ROLES
from recommender.ranking.scoring import PARTS
from recommender.settings import Settings
from recommender.web.api.schemas import Coverage, Draft, DraftSidebar, DraftTeaser, Sidebar, SidebarQuery, Story
from recommender.web.app import make_app
from scripts import docs
from tests.web.conftest import close
from tests.web.toy import settings_for

ROOT = Path(__file__).parents[1]
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
EDITORS = (ROOT / "docs" / "editors.md").read_text(encoding="utf-8")
GAZETTEER = (ROOT / "docs" / "gazetteer.md").read_text(encoding="utf-8")
RENEW = "run `python scripts/docs.py`"


@pytest.mark.parametrize(("file", "page"), [("settings.md", docs.settings_page), ("cli.md", docs.cli_page)])
def test_written_page_is_up_to_date(file: str, page: docs.Page) -> None:
    assert (ROOT / "docs" / file).read_text(encoding="utf-8") == page(), RENEW


@pytest.mark.parametrize("arguments", [[], *(name.split() for name in docs.commands())], ids=" ".join)
def test_help_is_quoted_exactly(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = CliRunner().invoke(cli, [*arguments, "--help"], prog_name="recommender").stdout
    assert f"```\n{shown}```\n" in (ROOT / "docs" / "cli.md").read_text(encoding="utf-8"), RENEW


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
    pages = {rule: EDITORS if rule.startswith("/editor") else API for rule in rules}
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
    rows = re.findall(r"^ {4}(\S.*,.*)$", GAZETTEER, flags=re.MULTILINE)
    assert rows[0] == ",".join(COLUMNS)
    names = parse_gazetteer(list(csv.DictReader(rows)), "docs/gazetteer.md")
    assert [name.key for name in names] == [row.partition(",")[0] for row in rows[1:]]


@pytest.mark.parametrize("tag", sorted(EXPLAINER_TAGS | {UPDATE_TAG}))
def test_tag_with_a_meaning_is_documented(tag: str) -> None:
    assert f"`{tag}`" in (ROOT / "docs" / "articles.md").read_text(encoding="utf-8")


def test_snippet_attributes_are_those_of_the_script() -> None:
    script = (ROOT / "recommender" / "web" / "static" / "sidebar.js").read_text(encoding="utf-8")
    read = set(re.findall(r"data\.(\w+)", script)) - {"recState"}
    read |= {name for names in re.findall(r'\[("lang".*?)\]', script) for name in re.findall(r"\w+", names)}
    attributes = {"data-" + re.sub("([A-Z])", lambda match: "-" + match[1].lower(), name) for name in read}
    section = API.partition("## The snippet")[2].partition("\n## ")[0]
    assert set(re.findall(r"`(data-[a-z-]+)`", section)) == attributes


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
