"""Grading in the browser: panels, one article after another, and what the grades say."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from recommender.grading.grading import Grading
from recommender.grading.panels import Sample
from recommender.store.audit import AuditQuery
from recommender.store.grading import GRADES, VERDICTS, Panel
from recommender.web.desk.grading import PHRASES, SCALE, VERDICT_SCALE
from recommender.wiring import utc_now
from tests.web.conftest import context_of
from tests.web.desk.conftest import Desk, post, store_of
from tests.web.toy import ARCHIVE

Draw = Callable[..., Panel]

FIELDS = {"name": "Spring", "size": 4, "pool": 2}  # of the form that draws a panel


def grading_of(client: FlaskClient) -> Grading:
    parts = context_of(client.application)
    return Grading(parts.store, parts.recommender, utc_now)


@pytest.fixture
def draw(stranger: FlaskClient) -> Draw:
    """Draws a panel on the application of the test."""

    def drawn(name: str = "Spring", **fields: Any) -> Panel:
        return grading_of(stranger).create(name, "sira", Sample(**({"seed": 1} | fields)))

    return drawn


@pytest.fixture
def panel(draw: Draw) -> Panel:
    return draw()


def place_of(client: FlaskClient, panel: Panel, article_id: str) -> int:
    """The place of an article, as addresses have it."""
    number = store_of(client).articles.numbers([article_id])[article_id]
    return [sidebar.source for sidebar in panel.sidebars].index(number) + 1


def path(panel: Panel, place: int) -> str:
    return f"/editor/grading/{panel.number}/{place}"


def everything(panel: Panel, place: int, value: int = 1) -> dict[str, int]:
    """The fields of an article that is graded whole."""
    sidebar = panel.sidebars[place - 1]
    return {f"story-{story}": value for story in (*sidebar.shown, *sidebar.pool)} | {"sidebar": 2}


def grade_all(client: FlaskClient, panel: Panel) -> None:
    for place in range(1, len(panel.sidebars) + 1):
        assert post(client, path(panel, place), **everything(panel, place)).status_code == 303


def values_of(client: FlaskClient, panel: Panel) -> list[tuple[int | None, int, str]]:
    return [(grade.target, grade.value, grade.grader) for grade in store_of(client).grading.grades(panel.number)]


def entries_of(client: FlaskClient, action: str = "grade") -> list[Any]:
    return store_of(client).audit.entries(AuditQuery(action=action), 100)


def messages(response: TestResponse) -> str:
    """What the page says at its top."""
    return response.text.partition('id="messages"')[2].partition("<main")[0]


def checked(page: str) -> list[tuple[str, str]]:
    """Fields and values of the radio buttons that are chosen."""
    buttons = re.findall(r'<input type="radio" name="([\w-]+)" value="(-?\d)"([^>]*)>', page)
    return [(name, value) for name, value, rest in buttons if " checked" in rest]


class TestPanels:
    """`/editor/grading`."""

    def test_empty_desk_says_who_draws(self, desk: Desk) -> None:
        assert "A data scientist or an administrator draws one." in desk().get("/editor/grading").text
        assert "/editor/grading/new" in desk("data-scientist", "sira").get("/editor/grading").text

    def test_own_progress_is_shown(self, desk: Desk, panel: Panel) -> None:
        client = desk()
        assert "You have graded 0 of 13." in client.get("/editor/grading").text
        post(client, path(panel, 1), **everything(panel, 1))
        page = client.get("/editor/grading").text
        assert "You have graded 1 of 13." in page
        assert "Go on" in page

    def test_others_progress_is_shown_without_grades(self, desk: Desk, panel: Panel) -> None:
        post(desk(name="idrissa"), path(panel, 1), **everything(panel, 1))
        assert "<dt>idrissa</dt><dd>1 of 13</dd>" in desk().get("/editor/grading").text

    def test_panel_leads_to_the_first_unfinished(self, desk: Desk, panel: Panel) -> None:
        client = desk()
        assert client.get(f"/editor/grading/{panel.number}").location == path(panel, 1)
        post(client, path(panel, 1), **everything(panel, 1))
        assert client.get(f"/editor/grading/{panel.number}").location == path(panel, 2)

    def test_finished_panel_leads_back(self, desk: Desk, draw: Draw) -> None:
        panel, client = draw(size=2), desk()
        grade_all(client, panel)
        response = client.get(f"/editor/grading/{panel.number}", follow_redirects=True)
        assert response.request.path == "/editor/grading"
        assert "You have graded everything in this panel." in messages(response)

    def test_what_is_not_there_is_not_found(self, desk: Desk, panel: Panel) -> None:
        client = desk("administrator", "sira")
        for address in ("9", "9/1", "9/report", "1/0", "1/14", "99999999999999999999/1", "x"):
            response = client.get(f"/editor/grading/{address}")
            assert (address, response.status_code, response.mimetype) == (address, 404, "text/html")

    def test_viewers_do_not_grade(self, desk: Desk, panel: Panel) -> None:
        client = desk("viewer", "oumar")
        addresses = ("", "/1", "/1/1", "/1/report", "/new")
        assert {client.get(f"/editor/grading{address}").status_code for address in addresses} == {403}


class TestNew:
    """`/editor/grading/new`."""

    def test_panel_is_drawn_as_asked(self, desk: Desk) -> None:
        client = desk("data-scientist", "sira")
        response = post(client, "/editor/grading/new", **FIELDS, edition="Sahel", seed="7")
        assert (response.status_code, response.location) == (303, "/editor/grading")
        assert "The panel Spring has 4 articles." in messages(client.get("/editor/grading"))
        (entry,) = entries_of(client, "panel")
        assert entry.by == "sira"
        assert entry.after == {"panel": 1, "articles": 4, "seed": 7, "pool": 2, "edition": "Sahel"}

    def test_days_are_taken_whole(self, desk: Desk) -> None:
        client = desk("data-scientist", "sira")
        post(client, "/editor/grading/new", **FIELDS | {"since": "2025-09-10", "until": "2025-09-20"})
        assert len(grading_of(client).panel(1).sidebars) == 2

    def test_seed_is_drawn_where_none_is_given(self, desk: Desk) -> None:
        client = desk("data-scientist", "sira")
        for name in ("One", "Two"):
            post(client, "/editor/grading/new", **FIELDS | {"name": name})
        assert len({entry.after["seed"] for entry in entries_of(client, "panel")}) == 2

    def test_form_sent_twice_draws_one(self, desk: Desk) -> None:
        client = desk("data-scientist", "sira")
        for _ in range(2):
            assert post(client, "/editor/grading/new", **FIELDS, request="once").status_code == 303
        assert len(grading_of(client).progress()) == 1

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"name": " "}, "can be read"),
            ({"name": "Taken"}, "already"),
            ({"size": "0"}, "1 to 500"),
            ({"size": "9" * 40}, "1 to 500"),
            ({"size": "four"}, "1 to 500"),
            ({"pool": "-1"}, "0 to 20"),
            ({"seed": "x"}, "whole number"),
            ({"edition": "Oceania"}, "Oceania"),
            ({"since": "soon"}, "not a date"),
            ({"until": "0001-01-01"}, "No published article"),
        ],
    )
    def test_wrong_field_is_named_and_the_rest_stays(
        self, desk: Desk, draw: Draw, wrong: dict[str, str], message: str
    ) -> None:
        draw("Taken")
        response = post(desk("data-scientist", "sira"), "/editor/grading/new", **{**FIELDS, "pool": 3, **wrong})
        assert response.status_code == 422
        assert message in response.text.partition('role="alert"')[2].partition("</p>")[0]
        if "pool" not in wrong:
            assert 'name="pool" type="number" value="3"' in response.text

    def test_editors_draw_none(self, desk: Desk) -> None:
        client = desk()
        assert client.get("/editor/grading/new").status_code == 403
        assert post(client, "/editor/grading/new", **FIELDS).status_code == 403


class TestArticle:
    """`/editor/grading/<panel>/<place>`."""

    def test_article_stories_and_scales_are_shown(self, desk: Desk, panel: Panel) -> None:
        client = desk()
        place = place_of(client, panel, "blockade-1")
        page = client.get(path(panel, place)).text
        sidebar = panel.sidebars[place - 1]
        assert ARCHIVE[0].title in page
        assert ARCHIVE[0].body in page
        names = set(re.findall(r'type="radio" name="([\w-]+)"', page))
        assert names == {"sidebar", *(f"story-{story}" for story in (*sidebar.shown, *sidebar.pool))}
        assert page.count('data-key="v"') == len(names) - 1
        assert checked(page) == []

    def test_order_does_not_tell_what_is_shown(self, desk: Desk, panel: Panel) -> None:
        """Two graders see two orders, each always the same."""

        def order(client: FlaskClient, place: int) -> list[str]:
            return re.findall(r'<li id="story-(\d+)"', client.get(path(panel, place)).text)

        mine, other = desk(), desk(name="idrissa")
        orders = [(order(mine, place), order(other, place)) for place in range(1, 6)]
        assert any(first != second for first, second in orders)
        assert all(sorted(first) == sorted(second) for first, second in orders)
        assert order(mine, 1) == orders[0][0]

    def test_sidebar_is_shown_as_readers_see_it(self, desk: Desk, panel: Panel) -> None:
        client = desk()
        place = place_of(client, panel, "blockade-1")
        page = client.get(path(panel, place)).text
        box = page.partition('<section class="rec-box"')[2].partition("</section>")[0]
        shown = re.findall(r'data-id="([\w-]+)"', box)
        assert shown == grading_of(client).ids(panel.sidebars[place - 1].shown)
        assert page.index('id="whole"') < page.index('class="rec-box"')

    def test_hostile_text_stays_text(self, desk: Desk, panel: Panel) -> None:
        client = desk()
        place = place_of(client, panel, "blockade-1")
        bad = "<script>alert(1)</script>"
        store_of(client).articles.upsert(
            [
                replace(article, title=bad, summary=bad, body=bad)
                for article in ARCHIVE
                if article.id.startswith("blockade")
            ]
        )
        page = client.get(path(panel, place)).text
        assert bad not in page
        assert "&lt;script&gt;" in page

    def test_withdrawn_article_is_skipped_with_a_word(self, desk: Desk, panel: Panel) -> None:
        client = desk()
        store_of(client).articles.withdraw(grading_of(client).ids([panel.sidebars[2].source])[0])
        response = client.get(path(panel, 3), follow_redirects=True)
        assert response.request.path == path(panel, 4)
        assert "Article 3 has been withdrawn since, and is skipped." in messages(response)

    def test_withdrawn_story_is_left_out_with_a_word(self, desk: Desk, panel: Panel) -> None:
        client = desk()
        place = place_of(client, panel, "blockade-1")
        store_of(client).articles.withdraw("blockade-2")
        page = client.get(path(panel, place)).text
        assert "1 story has been withdrawn since and is left out." in page
        assert "Bamako runs out of fuel" not in page


class TestGrade:
    """Sending the grades of an article."""

    def test_whole_article_is_kept_and_the_next_comes(self, desk: Desk, panel: Panel) -> None:
        client = desk()
        response = post(client, path(panel, 1), **everything(panel, 1, 3))
        assert (response.status_code, response.location) == (303, path(panel, 2))
        sidebar = panel.sidebars[0]
        assert set(values_of(client, panel)) == {
            *((story, 3, "awa") for story in (*sidebar.shown, *sidebar.pool)),
            (None, 2, "awa"),
        }
        assert len(entries_of(client)) == 1

    def test_half_is_kept_and_comes_again(self, desk: Desk, panel: Panel) -> None:
        client = desk()
        story = panel.sidebars[0].shown[0]
        post(client, path(panel, 1), **{f"story-{story}": -1})
        assert "Article 1 is saved. Some of its grades are still missing" in messages(client.get(path(panel, 2)))
        assert checked(client.get(path(panel, 1)).text) == [(f"story-{story}", "-1")]
        assert client.get(f"/editor/grading/{panel.number}").location == path(panel, 1)

    def test_form_sent_twice_counts_once(self, desk: Desk, panel: Panel) -> None:
        client = desk()
        for value in (4, 4, 0):
            response = post(client, path(panel, 1), **everything(panel, 1, value), request="once")
            assert response.status_code == 303
        assert {value for target, value, _ in values_of(client, panel) if target is not None} == {4}
        assert len(entries_of(client)) == 1

    def test_same_key_of_two_graders_are_two(self, desk: Desk, panel: Panel) -> None:
        for name in ("awa", "idrissa"):
            post(desk(name=name), path(panel, 1), **everything(panel, 1), request="once")
        assert {grader for _, _, grader in values_of(desk(), panel)} == {"awa", "idrissa"}

    @pytest.mark.parametrize(
        "wrong",
        [{"sidebar": "3"}, {"sidebar": "-1"}, {"story-1": "x"}, {"story-x": "1"}, {"story-9999": "1"}, {"sidebar": ""}],
    )
    def test_wrong_value_keeps_nothing_and_loses_no_choice(
        self, desk: Desk, panel: Panel, wrong: dict[str, str]
    ) -> None:
        client = desk()
        story = panel.sidebars[0].shown[-1]
        response = post(client, path(panel, 1), **{f"story-{story}": "2"} | wrong)
        assert response.status_code == 422
        assert 'role="alert"' in response.text
        assert (f"story-{story}", "2") in checked(response.text)
        assert values_of(client, panel) == []
        assert entries_of(client) == []

    def test_empty_form_says_what_to_do(self, desk: Desk, panel: Panel) -> None:
        response = post(desk(), path(panel, 1))
        assert response.status_code == 422
        assert "Choose a grade for at least one story." in response.text

    def test_grades_of_others_are_not_shown(self, desk: Desk, panel: Panel) -> None:
        post(desk(name="idrissa"), path(panel, 1), **everything(panel, 1, 4))
        assert checked(desk().get(path(panel, 1)).text) == []

    def test_article_withdrawn_since_loses_no_grade(self, desk: Desk, panel: Panel) -> None:
        client = desk()
        store_of(client).articles.withdraw(grading_of(client).ids([panel.sidebars[0].source])[0])
        response = post(client, path(panel, 1), **everything(panel, 1))
        assert (response.status_code, response.location) == (303, path(panel, 2))
        assert values_of(client, panel)

    def test_form_without_token_is_refused(self, desk: Desk, panel: Panel) -> None:
        client = desk()
        assert client.post(path(panel, 1), data={**everything(panel, 1), "request": "k"}).status_code == 400
        assert values_of(client, panel) == []


class TestReport:
    """`/editor/grading/<panel>/report`."""

    def test_graders_see_it_when_they_have_finished(self, desk: Desk, draw: Draw) -> None:
        panel, client = draw(size=2), desk()
        address = f"/editor/grading/{panel.number}/report"
        post(client, path(panel, 1), **everything(panel, 1))
        assert client.get(address).status_code == 403
        assert address not in client.get("/editor/grading").text
        grade_all(client, panel)
        assert client.get(address).status_code == 200
        assert address in client.get("/editor/grading").text

    def test_who_draws_panels_sees_it_at_once(self, desk: Desk, panel: Panel) -> None:
        page = desk("data-scientist", "sira").get(f"/editor/grading/{panel.number}/report").text
        assert "No sidebar has a verdict yet." in page

    def test_shares_bar_graders_and_agreement_are_reported(self, desk: Desk, draw: Draw) -> None:
        panel = draw(size=2)
        grade_all(desk(), panel)
        grade_all(desk(name="idrissa"), panel)
        page = desk().get(f"/editor/grading/{panel.number}/report").text
        assert "bar met" in page
        assert "Verdicts on 2 sidebars" in page
        assert re.search(r"Satisfactory</th>\s*<td[^>]*>2</td>\s*<td[^>]*>100.0 %</td>\s*<td>34.2 % . 100.0 %", page)
        assert "alpha is not defined, as all gave the same; 100% gave the same" in page
        assert "Grader idrissa</dt><dd>2 of 2" in page

    def test_unacceptable_sidebar_is_named(self, desk: Desk, draw: Draw) -> None:
        panel, client = draw(size=2), desk("data-scientist", "sira")
        post(client, path(panel, 1), **everything(panel, 1) | {"sidebar": 0})
        page = client.get(f"/editor/grading/{panel.number}/report").text
        assert "bar not met" in page
        assert f"<li>{grading_of(client).ids([panel.sidebars[0].source])[0]}</li>" in page


def test_pages_speak_french(desk: Desk, draw: Draw) -> None:
    """Filters of numbers and dates take every language."""
    panel, client = draw(size=1), desk("data-scientist", "sira")
    grade_all(client, panel)
    client.set_cookie("desk_language", "fr", path="/editor")
    for address in ("", "/new", f"/{panel.number}/1", f"/{panel.number}/report"):
        page = client.get(f"/editor/grading{address}")
        assert page.status_code == 200
        assert '<html lang="fr">' in page.text


def test_phrases_are_the_words_of_the_core(stranger: FlaskClient) -> None:
    with stranger.application.test_request_context():
        assert [str(text) for text in PHRASES.values()] == list(PHRASES)


def test_scales_are_those_of_the_contract() -> None:
    assert tuple(value for value, *_ in SCALE) == GRADES
    assert {value for value, *_ in VERDICT_SCALE} == set(VERDICTS)
