"""The frame of the desk's pages and the parts they are made of."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from recommender.desk.permissions import ROLES
from recommender.errors import FieldProblem
from recommender.web import languages
from tests.web.look import MACROS, page

TEMPLATES = sorted((Path(languages.__file__).parent / "templates" / "desk").glob("*.html"))
MACRO = re.compile(r"{%-? macro (\w+)\((.*?){%-? endmacro", re.DOTALL)
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "rect", "source", "wbr"}


class Outline(HTMLParser):
    """The start tags of a page, and tags that are closed in the wrong order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and (not self.open or self.open.pop() != tag):
            self.wrong.append(tag)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]


def part(content: str, **values: object) -> str:
    """What stands in the page for a piece of template."""
    return page(content, **values).partition('tabindex="-1">')[2].partition("</main>")[0].strip()


def navigation(html: str) -> list[str]:
    """The words of the navigation."""
    return re.findall(r">([^<]+)</a></li>", html.partition("<nav")[2].partition("</nav>")[0])


def test_page_is_well_formed() -> None:
    outline = Outline(page("<h1>Try</h1>", flashes=(("Done", "undo /editor/undo/1"),)))
    assert (outline.open, outline.wrong) == ([], [])


def test_macros_are_well_formed() -> None:
    everything = """
    {{ button("Go", "primary", "a", "do", "it", "now") }}{{ go("On", "/editor/", key="n") }}{{ field("A", "a") }}
    {{ area("B", "b") }}{{ pick("C", "c", [(1, "one")], 1) }}{{ tick("D", "d") }}{{ radios("E", "e", [(1, "one")]) }}
    {{ scale("F", "f", [(4, "4", "Four", "most")]) }}{{ why() }}{{ tag("new", "new") }}{{ day(at) }}{{ moment(at) }}
    {{ nothing("None", "at all") }}{{ problems(["x"]) }}{{ subnav([("a", "/a", "A")], "a", "Subjects") }}
    {{ pager("/1", "/2") }}{{ score([("dense", "meaning", 0.5)], 0.5) }}{{ waiting("/editor/job", "Counting") }}
    """
    called = set(re.findall(r"{{ (\w+)\(", everything))
    assert called == set(MACROS.split(", "))
    outline = Outline(page(everything, at=datetime(2026, 6, 1, tzinfo=UTC)))
    assert (outline.open, outline.wrong) == ([], [])
    ids = [attributes["id"] for _tag, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("language", languages.LANGUAGES)
def test_page_says_its_language(language: str) -> None:
    assert f'<html lang="{language}">' in page("", language=language)


def test_site_name_stands_in_frame() -> None:
    html = page("")
    assert re.findall(r"<title>Try . (.+)</title>", html) == ["Editors' desk, Sahel Journal"]
    assert '<a href="/editor/">Sahel Journal <span' in html


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("viewer", ["Queue", "Draft", "Rules", "What is shown", "Audit trail"]),
        ("editor", ["Queue", "Draft", "Rules", "Grading", "What is shown", "Audit trail"]),
        ("administrator", ["Queue", "Draft", "Rules", "Grading", "What is shown", "Audit trail", "People"]),
    ],
)
def test_navigation_shows_what_is_allowed(role: str, words: list[str]) -> None:
    assert navigation(page("", permissions=tuple(ROLES[role]))) == words


def test_navigation_marks_current_page() -> None:
    current = [link for link in Outline(page("", at="rules")).all("a") if "aria-current" in link]
    assert [(link["href"], link["aria-current"]) for link in current] == [("/editor/rules", "page")]


def test_stranger_sees_no_navigation() -> None:
    html = page("", name=None, permissions=())
    assert navigation(html) == []
    assert "/editor/sign-out" not in html


def test_flash_is_told_as_text() -> None:
    html = page("", flashes=(("<b>Saved</b>", "message"),))
    assert '<div class="flash">\n    <p>&lt;b&gt;Saved&lt;/b&gt;</p>' in html


def test_flash_can_be_undone() -> None:
    html = page("", flashes=(("Rejected", "undo /editor/undo/7"),))
    form = html.partition('action="/editor/undo/7"')[2].partition("</form>")[0]
    assert 'name="csrf_token"' in form
    assert 'name="request"' in form
    assert 'data-key="u"' in form


def test_problem_flash_stands_out() -> None:
    assert '<div class="flash is-problem">' in page("", flashes=(("Too late", "problem"),))


def test_field_is_tied_to_its_words() -> None:
    html = part('{{ field("Until", "until", hint="A date.", problem="It is over.", id="end") }}')
    assert '<label for="end">Until</label>' in html
    assert 'name="until"' in html
    assert 'aria-describedby="end-problem end-hint" aria-invalid="true"' in html
    assert '<span class="problem" id="end-problem">It is over.</span>' in html


def test_field_takes_other_attributes() -> None:
    assert 'maxlength="80"' in part('{{ field("Name", "name", maxlength=80) }}')


@pytest.mark.parametrize("macro", ["field", "area"])
def test_values_are_escaped(macro: str) -> None:
    html = part("{{ " + macro + '("Name", "name", value) }}', value='"><script>alert(1)</script>')
    assert "<script>alert" not in html
    assert "&lt;script&gt;" in html


def test_area_keeps_first_empty_line() -> None:
    """Browsers drop a line end that follows the start tag."""
    assert ">\n\nText</textarea>" in part('{{ area("Draft", "draft", value) }}', value="\nText")


def test_pick_marks_chosen_value() -> None:
    html = part('{{ pick("Slot", "slot", [(1, "first"), (2, "second")], "2") }}')
    assert re.findall(r'value="(\d)" selected', html) == ["2"]


def test_scale_has_a_key_for_each_step() -> None:
    html = part('{{ scale("Grade", "grade", [(4, "4", "Must", "most"), (-1, "v", "Version", "again")], -1) }}')
    steps = Outline(html).all("input")
    assert [(step["value"], step["data-key"], "checked" in step) for step in steps] == [
        ("4", "4", False),
        ("-1", "v", True),
    ]


def test_reason_expires_in_a_week() -> None:
    days = next(box for box in Outline(part("{{ why() }}")).all("input") if box["name"] == "days")
    assert (days["value"], days["min"]) == ("7", "1")


def test_reason_without_expiry() -> None:
    assert [box["name"] for box in Outline(part("{{ why(days=none) }}")).all("input")] == ["reason"]


@pytest.mark.parametrize(("language", "text"), [("en", "17 Sept 2024, 04:05 UTC"), ("fr", "17 sept. 2024, 04:05 UTC")])
def test_moment_names_its_zone(language: str, text: str) -> None:
    html = part("{{ moment(at) }}", at=datetime(2024, 9, 17, 4, 5, tzinfo=UTC), language=language)
    assert html.replace("Sep ", "Sept ") == f'<time datetime="2024-09-17T04:05:00Z">{text}</time>'


def test_score_bar_adds_up() -> None:
    html = part(
        "{{ score(parts, 0.65) }}",
        parts=[("dense", "meaning", 0.5), ("names", "names", 0.25), ("boost", "boost", -0.1)],
    )
    bars = Outline(html).all("rect")
    assert [(bar["x"], bar["width"]) for bar in bars] == [("0", "50.0"), ("50.0", "25.0")]
    assert re.findall(r"<dt>(\w+)</dt><dd>([^<]+)</dd>", html) == [
        ("meaning", "0.50"),
        ("names", "0.25"),
        ("boost", "\u22120.10"),
    ]


def test_problems_are_counted_and_listed() -> None:
    html = part("{{ problems(list) }}", list=[FieldProblem("slot", "12", "is no place", "use 1 to 10"), "Too late."])
    assert "2 things to correct:" in html
    assert "<li>slot: is no place (got 12); use 1 to 10</li><li>Too late.</li>" in html


def test_no_problem_leaves_nothing() -> None:
    assert part("{{ problems([]) }}{{ pager() }}") == ""


def test_empty_state_takes_a_way_on() -> None:
    html = part('{% call nothing("Nothing left.") %}{{ go("All", "/editor/") }}{% endcall %}')
    assert '<p class="empty-title">Nothing left.</p>' in html
    assert 'href="/editor/"' in html


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_template_keeps_to_the_policy(template: Path) -> None:
    """The pages' Content-Security-Policy allows neither styles nor scripts inside them."""
    source = template.read_text(encoding="utf-8")
    assert re.findall(r"""<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=["']""", source) == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_changing_form_proves_its_origin(template: Path) -> None:
    """With the hidden field itself, or with a macro of the desk that holds it."""
    macros = [macro for path in TEMPLATES for macro in MACRO.findall(path.read_text(encoding="utf-8"))]
    proofs = ["csrf_field()", *(f"{name}(" for name, body in macros if "csrf_field()" in body)]
    forms = re.findall(r'<form[^>]*method="post".*?</form>', template.read_text(encoding="utf-8"), re.DOTALL)
    assert [form for form in forms if not any(proof in form for proof in proofs)] == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_template_marks_nothing_as_safe(template: Path) -> None:
    assert re.findall(r"\|\s*safe\b|autoescape", template.read_text(encoding="utf-8")) == []
