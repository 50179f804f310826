"""Rules, sensitive matrix and ranking as editors change them: tried first, then in force at once, revocable."""

import html
import re
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import shake_256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from recommender.curation.rules import EFFECTS, Condition, Rule, labels
from recommender.curation.sensitivity import DEFAULT_MATRIX, FIXED
from recommender.curation.signals import MATRIX, RANKING, RULE, Signal
from recommender.ranking.scoring import PARTS
from recommender.store.audit import AuditEntry, AuditQuery
from recommender.web.app import make_app
from recommender.web.desk.policies import TIME, joined, read_rule, rule_form, rule_words, split, unknown
from tests.web.conftest import close, context_of
from tests.web.desk.conftest import PAGE, enter, post, store_of
from tests.web.toy import settings_for

Browser = Callable[..., FlaskClient]

NEW = "/editor/rules/new"
NO_MINING = {"description": "No mining beside it", "when_tag": "blockade", "then": "forbid", "what_tag": "mining"}
NO_BLOCKADE = NO_MINING | {"description": "No more of it", "what_tag": "blockade", "enabled": "yes"}


@pytest.fixture(scope="module")
def workers(toy_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, Flask]]:
    """Two applications on one database, as two workers are. The first has started its desk when the tests end."""
    database = Path(shutil.copy(toy_archive, tmp_path_factory.mktemp("rules") / "copy.db"))
    apps = make_app(settings_for(database)), make_app(settings_for(database))
    yield apps
    for app in apps:
        close(app)


@pytest.fixture
def browser(workers: tuple[Flask, Flask]) -> Iterator[Browser]:
    """Gives the browser of a signed-in account. Afterwards no rule, matrix or ranking is in force."""

    def signed_in(role: str = "editor", name: str = "") -> FlaskClient:
        client = workers[0].test_client()
        client.environ_base["HTTP_ACCEPT"] = PAGE["Accept"]
        enter(client, role, name or role)
        return client

    yield signed_in
    store = context_of(workers[0]).store
    store.signals.end([signal.number for signal in store.signals.changed_since(-1)], datetime.now(UTC), "the tests")


@pytest.fixture
def reader(workers: tuple[Flask, Flask]) -> FlaskClient:
    """A reader whom the other worker answers."""
    return workers[1].test_client()


def sidebar(reader: FlaskClient, article_id: str = "blockade-1") -> list[str]:
    return [item["id"] for item in reader.get(f"/api/v1/recommend?article_id={article_id}").get_json()["items"]]


def main(response: TestResponse) -> str:
    """What a page says, without the frame, tags and entities."""
    text = response.text.partition("<main")[2].partition("</main")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def reach(client: FlaskClient, response: TestResponse) -> TestResponse:
    """The page that shows what a proposal would change, when that is worked out."""
    assert response.status_code == 303, main(response)
    for _ in range(300):
        page = client.get(response.location)
        if "Every sidebar is worked out anew" not in page.text:
            return page
        time.sleep(0.05)
    raise AssertionError("it is never worked out")


def hidden(page: TestResponse, action: str) -> dict[str, str]:
    """The hidden fields of the form with an action."""
    form = page.text.partition(f'action="{action}"')[2].partition("</form>")[0]
    assert form, f"no form for {action}"
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))


def apply(client: FlaskClient, page: TestResponse, **fields: Any) -> TestResponse:
    return client.post("/editor/rules/apply", data=hidden(page, "/editor/rules/apply") | fields)


def decide(client: FlaskClient, path: str, **fields: Any) -> TestResponse:
    """Proposes, waits and applies; gives the page that comes then."""
    done = apply(client, reach(client, post(client, path, **fields)))
    assert done.status_code == 303, main(done)
    return client.get(done.location)


def undo(client: FlaskClient, page: TestResponse) -> TestResponse:
    """Presses the Undo of the message on a page."""
    action = re.search(r'action="(/editor/undo/[^"]*)"', page.text)
    assert action, main(page)
    return client.post(html.unescape(action[1]), data=hidden(page, action[1]))


def standing(client: FlaskClient, kind: str = RULE) -> list[Signal]:
    return [signal for signal in store_of(client).signals.changed_since(-1) if signal.kind == kind]


def trail(client: FlaskClient, action: str) -> list[AuditEntry]:
    return store_of(client).audit.entries(AuditQuery(action=action), 100)


def problems(response: TestResponse) -> str:
    return response.text.partition('role="alert"')[2].partition("</div>")[0]


def at(hours: float) -> str:
    """A time from now, as a browser sends it."""
    return (datetime.now(UTC) + timedelta(hours=hours)).strftime(TIME)


class TestEditorsTask:
    """A rule is tried, applied, seen by readers of another worker, and taken back."""

    def test_rule_holds_with_the_next_request_and_is_undone(self, browser: Browser, reader: FlaskClient) -> None:
        client, before = browser(), sidebar(reader)
        shown = reach(client, post(client, NEW, **NO_BLOCKADE, reason="enough of it"))
        assert "Beside articles tagged blockade: no stories tagged blockade." in main(shown)
        assert sidebar(reader) == before
        done = apply(client, shown)
        assert (done.status_code, done.location) == (303, "/editor/rules")
        after = sidebar(reader)
        assert not [story for story in after if story.startswith(("blockade", "fr"))]
        page = client.get(done.location)
        assert "No more of it" in main(page)
        assert undo(client, page).location == "/editor/rules"
        assert sidebar(reader) == before
        assert standing(client) == []

    def test_what_is_shown_beforehand_is_what_comes(self, browser: Browser, reader: FlaskClient) -> None:
        client, before = browser(), sidebar(reader)
        shown = reach(client, post(client, NEW, **NO_BLOCKADE))
        parts = main(shown).partition("Fighters blockade fuel convoys near Bamako Now ")[2].partition(" Then ")
        apply(client, shown)
        titles = {article.id: article.title for article in store_of(client).articles.listing(None, 99, 0)}
        assert parts[0] == " ".join(titles[story] for story in before)
        assert parts[2].startswith(" ".join(titles[story] for story in sidebar(reader)))

    def test_decision_is_written_down_with_its_reason(self, browser: Browser) -> None:
        client = browser()
        shown = reach(client, post(client, NEW, **NO_BLOCKADE, reason="enough of it"))
        assert 'value="enough of it"' in shown.text
        apply(client, shown, reason="asked for by the desk")
        entry = trail(client, RULE)[0]
        assert (entry.by, entry.subject, entry.why) == ("editor", "No more of it", "asked for by the desk")

    def test_form_sent_twice_counts_once(self, browser: Browser) -> None:
        client, before = browser(), len(trail(browser(), RULE))
        shown = reach(client, post(client, NEW, **NO_BLOCKADE))
        fields = hidden(shown, "/editor/rules/apply")
        answers = [client.post("/editor/rules/apply", data=fields).status_code for _ in range(2)]
        assert answers == [303, 303]
        assert (len(standing(client)), len(trail(client, RULE)) - before) == (1, 1)

    def test_rule_is_switched_off_and_on(self, browser: Browser, reader: FlaskClient) -> None:
        client, before = browser(), sidebar(reader)
        decide(client, NEW, **NO_BLOCKADE)
        after = sidebar(reader)
        decide(client, f"/editor/rules/{standing(client)[0].number}/switch")
        assert sidebar(reader) == before
        assert "Switch on" in main(client.get("/editor/rules"))
        decide(client, f"/editor/rules/{standing(client)[0].number}/switch")
        assert sidebar(reader) == after

    def test_rule_ends_and_can_be_used_again(self, browser: Browser, reader: FlaskClient) -> None:
        client, before = browser(), sidebar(reader)
        decide(client, NEW, **NO_BLOCKADE)
        number = standing(client)[0].number
        shown = reach(client, post(client, f"/editor/rules/{number}/end"))
        assert "The rule ends" in main(shown)
        page = client.get(apply(client, shown).location)
        assert sidebar(reader) == before
        assert "changed or ended by editor" in main(page)
        form = client.get(f"{NEW}?like={number}").text
        assert 'name="description" type="text" value="No more of it"' in form
        assert undo(client, page).status_code == 303
        assert sidebar(reader) != before

    def test_rule_that_begins_later_waits(self, browser: Browser, reader: FlaskClient) -> None:
        client, before = browser(), sidebar(reader)
        shown = reach(client, post(client, NEW, **NO_BLOCKADE, since=at(1), until=at(2)))
        assert "Worked out as if the rule began now." in main(shown)
        assert "0 sidebars change" not in main(shown)
        page = client.get(apply(client, shown).location)
        assert sidebar(reader) == before
        assert "begins later" in main(page)

    def test_rule_that_is_over_is_marked_as_such(self, browser: Browser, reader: FlaskClient) -> None:
        client, before = browser(), sidebar(reader)
        decide(client, NEW, **NO_BLOCKADE)
        (signal,) = standing(client)
        store = store_of(client)
        store.signals.end([signal.number], datetime.now(UTC), "the tests")
        past = datetime.now(UTC) - timedelta(hours=2)
        store.signals.add([Signal(RULE, None, None, "awa", past, until=past + timedelta(hours=1), data=signal.data)])
        assert sidebar(reader) == before
        assert "There is no rule." in main(client.get("/editor/rules"))
        assert "No more of it" in main(client.get("/editor/rules"))

    def test_rule_is_changed(self, browser: Browser, reader: FlaskClient) -> None:
        client = browser()
        decide(client, NEW, **NO_BLOCKADE)
        number = standing(client)[0].number
        form = client.get(f"/editor/rules/{number}/edit").text
        assert 'name="what_tag" type="text" value="blockade"' in form
        shown = reach(client, post(client, f"/editor/rules/{number}/edit", **NO_BLOCKADE | {"then": "no_box"}))
        assert "no stories tagged blockade. → Beside articles tagged blockade: no box." in main(shown)
        apply(client, shown)
        assert sidebar(reader) == []
        assert len(standing(client)) == 1

    def test_cancelled_proposal_changes_nothing(self, browser: Browser, reader: FlaskClient) -> None:
        client, before = browser(), sidebar(reader)
        shown = reach(client, post(client, NEW, **NO_BLOCKADE))
        fields = hidden(shown, "/editor/rules/reach/cancel")
        assert client.post("/editor/rules/reach/cancel", data=fields).location == "/editor/rules"
        assert (standing(client), sidebar(reader)) == ([], before)


class TestForm:
    """What was typed stays, and what is wrong stands beside its field."""

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"description": " "}, "Say in a line what the rule is for."),
            ({"description": "x" * 301}, "Use up to 300 characters"),
            ({"then": ""}, "Choose what holds."),
            ({"then": "explode"}, "Choose what holds."),
            ({"what_tag": " , ,"}, "This would empty the box."),
            ({"then": "at_most", "count": ""}, "Type a number of stories"),
            ({"then": "at_most", "count": "9" * 30}, "Type a number of stories"),
            ({"then": "at_least", "count": "0"}, "Type a number of stories"),
            ({"then": "at_least", "count": "1.5"}, "Type a number of stories"),
            ({"then": "raise", "factor": "nan"}, "Type a number from 1 to 10."),
            ({"then": "raise", "factor": "1e99"}, "Type a number from 1 to 10."),
            ({"then": "lower", "factor": "."}, "Type a number from 0 to 0.9."),
            ({"since": "soon"}, "This is not a date with a time."),
            ({"until": "2026-02-31T12:00"}, "This is not a date with a time."),
            ({"until": "2001-01-01T12:00"}, "This is over already."),
            ({"since": at(3), "until": at(2)}, "This is not after the beginning."),
            ({"reason": "x" * 1001}, "Use up to 1000 characters"),
            ({"what_tag": ",".join(map(str, range(51)))}, "These are too many."),
            ({"what_tag": "x" * 201}, "One of the values is too long."),
            ({"what_tag": ",".join(shake_256(bytes([n])).hexdigest(100) for n in range(50))}, "says too much"),
        ],
    )
    def test_wrong_field_is_named_and_the_rest_stays(
        self, browser: Browser, wrong: dict[str, str], message: str
    ) -> None:
        response = post(browser(), NEW, **NO_BLOCKADE | wrong)
        assert response.status_code == 422
        assert message in html.unescape(problems(response))
        if "when_tag" not in wrong:
            assert 'name="when_tag" type="text" value="blockade"' in response.text
        if "description" not in wrong:
            assert 'name="description" type="text" value="No more of it"' in response.text

    def test_flags_are_ticked_and_others_refused(self, browser: Browser) -> None:
        client = browser()
        fields = NO_BLOCKADE | {"what_tag": "", "what_flag": ["opinion", "weather"], "description": ""}
        response = post(client, NEW, **fields)
        assert re.findall(r'name="what_flag" value="(\w+)" checked', response.text) == ["opinion"]

    def test_values_of_the_archive_are_offered(self, browser: Browser) -> None:
        page = browser().get(NEW).text
        for kind, value in (("edition", "Maghreb"), ("country", "mali"), ("tag", "mining"), ("language", "fr")):
            offered = page.partition(f'<datalist id="known-{kind}">')[2].partition("</datalist>")[0]
            assert f'<option value="{value}">' in offered

    def test_misspelt_values_are_reported(self, browser: Browser) -> None:
        client = browser()
        shown = reach(client, post(client, NEW, **NO_BLOCKADE | {"when_edition": "Magreb"}))
        assert "perhaps it is misspelt: Edition: Magreb" in main(shown)
        assert "0 sidebars change" in main(shown)

    def test_hostile_texts_are_shown_as_text(self, browser: Browser) -> None:
        client = browser()
        evil = '5 < 6 "><script>alert(1)</script>'
        page = decide(client, NEW, **NO_BLOCKADE | {"description": evil, "what_tag": "<b>&", "reason": evil})
        number = standing(client)[0].number
        for text in (page.text, client.get(f"/editor/rules/{number}/edit").text):
            assert "<script>alert" not in text
            assert "<b>" not in text.partition("<main")[2]

    def test_proposal_goes_back_into_its_form(self, browser: Browser) -> None:
        client = browser()
        shown = reach(client, post(client, NEW, **NO_BLOCKADE, reason="enough", until=at(5)))
        (back,) = re.findall(r'href="(/editor/rules/new\?change=[^"]*)"', shown.text)
        form = client.get(html.unescape(back)).text
        for name, value in (("description", "No more of it"), ("what_tag", "blockade"), ("reason", "enough")):
            assert f'name="{name}" type="text" value="{value}"' in form


class TestMatrix:
    """`/editor/sensitive`."""

    def cells(self, *without: tuple[str, str]) -> list[str]:
        return [":".join(cell) for cell in sorted(DEFAULT_MATRIX.forbidden - FIXED - set(without))]

    def ticked(self, page: TestResponse) -> set[str]:
        return set(re.findall(r'name="cell" value="([\w:]+)" checked', page.text))

    def test_table_shows_what_is_in_force(self, browser: Browser) -> None:
        page = browser().get("/editor/sensitive")
        assert self.ticked(page) == {":".join(cell) for cell in DEFAULT_MATRIX.forbidden}
        assert page.text.count(" disabled") == 81  # for an editor all of them

    def test_fixed_cells_cannot_be_changed(self, browser: Browser, reader: FlaskClient) -> None:
        client = browser("data-scientist")
        page = client.get("/editor/sensitive")
        assert page.text.count(" checked disabled") == page.text.count(" disabled") == len(FIXED)
        decide(client, "/editor/sensitive", cell=[], seen=0)
        assert reader.get("/api/v1/recommend?article_id=held").status_code == 404
        assert standing(client, MATRIX)[0].data == {"forbidden": []}

    def test_change_is_tried_and_applied(self, browser: Browser, reader: FlaskClient) -> None:
        client, before = browser("data-scientist"), sidebar(reader)
        cells = [*self.cells(("opinion", "minor")), "anything:anything"]
        shown = reach(client, post(client, "/editor/sensitive", cell=cells, seen=0))
        assert "“any article” beside “any article” may stand there → must not stand there" in main(shown)
        assert "“minor” beside “opinion” must not stand there → may stand there" in main(shown)
        done = apply(client, shown)
        assert done.location == "/editor/sensitive"
        assert sidebar(reader) == []
        undo(client, client.get(done.location))
        assert sidebar(reader) == before

    def test_same_matrix_is_no_change(self, browser: Browser) -> None:
        response = post(browser("data-scientist"), "/editor/sensitive", cell=self.cells(), seen=0)
        assert response.status_code == 422
        assert "The matrix is like this already." in problems(response)

    @pytest.mark.parametrize("cell", ["opinion:weather", "opinion", "opinion:minor:minor", ""])
    def test_unknown_cells_are_refused(self, browser: Browser, cell: str) -> None:
        response = post(browser("data-scientist"), "/editor/sensitive", cell=[cell, "opinion:opinion"], seen=0)
        assert response.status_code == 422
        assert "opinion:opinion" in self.ticked(response)

    def test_second_of_two_keeps_its_ticks(self, browser: Browser) -> None:
        first, second = browser("data-scientist", "sira"), browser("administrator", "oumar")
        shown = reach(first, post(first, "/editor/sensitive", cell=["opinion:opinion"], seen=0))
        decide(second, "/editor/sensitive", cell=["minor:minor"], seen=0)
        fields = hidden(shown, "/editor/rules/apply")
        response = first.post("/editor/rules/apply", data={name: fields[name] for name in fields if name != "revision"})
        assert response.status_code == 409
        assert "oumar has changed this since you opened the page." in main(response)
        assert "opinion:opinion" in self.ticked(response)
        assert standing(first, MATRIX)[0].data == {"forbidden": [["minor", "minor"]]}
        seen = hidden(response, "/editor/sensitive")["seen"]
        decide(first, "/editor/sensitive", cell=["opinion:opinion"], seen=seen)
        assert standing(first, MATRIX)[0].data == {"forbidden": [["opinion", "opinion"]]}


class TestRanking:
    """`/editor/ranking`."""

    def test_threshold_is_tried_and_applied(self, browser: Browser, reader: FlaskClient) -> None:
        client, before = browser("data-scientist"), sidebar(reader)
        shown = reach(client, post(client, "/editor/ranking", min_score="0,999", seen=0))
        assert "Threshold 0.1 → 0.999" in main(shown)
        apply(client, shown)
        assert sidebar(reader) != before
        page = client.get("/editor/ranking")
        assert 'name="min_score" type="text" value="0.999"' in page.text
        shown = reach(client, post(client, "/editor/ranking", reset="yes", seen=standing(client, RANKING)[0].number))
        apply(client, shown)
        assert sidebar(reader) == before

    def test_strengths_as_learned_are_left_out(self, browser: Browser) -> None:
        client = browser("data-scientist")
        strengths = dict.fromkeys(PARTS, "1") | {"tags": "2.5", "dense": ""}
        decide(client, "/editor/ranking", min_score="", seen=0, **strengths)
        assert standing(client, RANKING)[0].data == {"weights": {"tags": 2.5}}

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"min_score": "1.5"}, "Type a number from 0 to 1."),
            ({"min_score": "much"}, "Type a number from 0 to 1."),
            ({"dense": "4"}, "Type a number from 0 to 3."),
            ({"dense": "-1"}, "Type a number from 0 to 3."),
            ({}, "The ranking is like this already."),
        ],
    )
    def test_wrong_field_is_named_and_stays(self, browser: Browser, wrong: dict[str, str], message: str) -> None:
        response = post(browser("data-scientist"), "/editor/ranking", seen=0, **wrong)
        assert response.status_code == 422
        assert message in problems(response)
        for name, value in wrong.items():
            assert f'name="{name}" type="text" value="{value}"' in response.text

    def test_share_of_fallbacks_is_reported(self, browser: Browser) -> None:
        assert "The threshold is 0.1 at the moment. Of the" in main(browser().get("/editor/ranking"))


class TestTwoEditors:
    """Nothing is overwritten silently, and nothing that was typed is lost."""

    def test_second_sees_it_at_the_form(self, browser: Browser) -> None:
        first, second = browser(name="awa"), browser(name="moussa")
        decide(first, NEW, **NO_BLOCKADE)
        number = standing(first)[0].number
        decide(second, f"/editor/rules/{number}/switch")
        response = post(first, f"/editor/rules/{number}/edit", **NO_BLOCKADE | {"description": "Mine"})
        assert response.status_code == 409
        assert "moussa has changed this since you opened the page." in main(response)
        assert 'name="description" type="text" value="Mine"' in response.text
        latest = standing(first)[0].number
        decide(first, f"/editor/rules/{latest}/edit", **NO_BLOCKADE | {"description": "Mine"})
        assert [signal.data["description"] for signal in standing(first)] == ["Mine"]

    def test_second_sees_it_when_the_rule_has_ended(self, browser: Browser) -> None:
        first, second = browser(name="awa"), browser(name="moussa")
        decide(first, NEW, **NO_BLOCKADE)
        number = standing(first)[0].number
        decide(second, f"/editor/rules/{number}/end")
        response = post(first, f"/editor/rules/{number}/edit", **NO_BLOCKADE)
        assert response.status_code == 409
        assert f'action="{NEW}"' in response.text
        assert post(first, f"/editor/rules/{number}/end").status_code == 409
        assert first.get(f"/editor/rules/{number}/edit").location == "/editor/rules"

    def test_form_of_an_old_version_leads_to_the_new_one(self, browser: Browser) -> None:
        client = browser()
        decide(client, NEW, **NO_BLOCKADE)
        number = standing(client)[0].number
        decide(client, f"/editor/rules/{number}/switch")
        latest = standing(client)[0].number
        assert client.get(f"/editor/rules/{number}/edit").location == f"/editor/rules/{latest}/edit"

    def test_reach_that_others_have_overtaken_is_not_applied(self, browser: Browser) -> None:
        first, second = browser(name="awa"), browser(name="moussa")
        shown = reach(first, post(first, NEW, **NO_BLOCKADE))
        decide(second, NEW, **NO_MINING | {"enabled": "yes"})
        response = apply(first, shown, reason="now")
        assert response.status_code == 409
        assert "It may do something else now." in main(response)
        assert 'name="reason" type="text" value="now"' in response.text
        assert len(standing(first)) == 1
        assert apply(first, response).status_code == 303
        assert len(standing(first)) == 2


class TestReachPage:
    """`/editor/rules/reach`."""

    def test_progress_says_when_it_is_ready(self, browser: Browser) -> None:
        client = browser()
        started = post(client, NEW, **NO_BLOCKADE)
        reach(client, started)
        query = parse_qs(urlsplit(started.location).query)
        answer = client.get("/editor/rules/reach/progress", query_string=query).get_json()
        assert answer["ready"] == started.location

    @pytest.mark.parametrize("change", ["", "x", "eyJhIjoxfQ.AAAAAAAAAAAAAAAAAAAAAAAAAAA", "é"])
    def test_change_that_was_not_proposed_is_refused(self, browser: Browser, change: str) -> None:
        client = browser("administrator")
        assert client.get("/editor/rules/reach", query_string={"change": change}).status_code == 404
        assert client.get(NEW, query_string={"change": change}).status_code == 404
        assert post(client, "/editor/rules/apply", change=change).status_code == 400

    def test_proposal_outlives_the_process_that_works_it_out(self, browser: Browser, workers: Any) -> None:
        client = browser()
        started = post(client, NEW, **NO_BLOCKADE)
        reach(client, started)
        for child in psutil.Process().children():
            if "multiprocessing.spawn" in " ".join(child.cmdline()):
                child.kill()
        page = client.get(started.location)
        assert "This is not worked out yet, or too long ago." in main(page)
        for _ in range(100):  # while its last threads die there is no answer
            page = reach(client, client.post("/editor/rules/reach", data=hidden(page, "/editor/rules/reach")))
            if 'action="/editor/rules/apply"' in page.text:
                break
            time.sleep(0.1)
        apply(client, page)
        assert len(standing(client)) == 1


class TestRoles:
    """Who may look and who may change."""

    def test_viewers_look_and_change_nothing(self, browser: Browser) -> None:
        decide(browser(), NEW, **NO_BLOCKADE)
        viewer = browser("viewer")
        for path in ("/editor/rules", "/editor/sensitive", "/editor/ranking"):
            page = viewer.get(path)
            assert page.status_code == 200
            assert "What it changes" not in main(page)
            assert not [action for action in re.findall(r'action="([^"]*)"', page.text) if "/rules/" in action]
        number = standing(viewer)[0].number
        for path in (NEW, f"/editor/rules/{number}/edit", f"/editor/rules/{number}/switch"):
            assert post(viewer, path, **NO_BLOCKADE).status_code == 403

    @pytest.mark.parametrize("path", ["/editor/sensitive", "/editor/ranking"])
    def test_editors_do_not_tune(self, browser: Browser, path: str) -> None:
        client = browser()
        assert "Show what it changes" not in main(client.get(path))
        assert post(client, path, seen=0).status_code == 403

    def test_editors_do_not_apply_what_others_propose(self, browser: Browser) -> None:
        """A colleague may look at it by its address."""
        client = browser("data-scientist")
        started = post(client, "/editor/ranking", min_score="0.9", seen=0)
        fields = hidden(reach(client, started), "/editor/rules/apply")
        editor = browser()
        assert 'action="/editor/rules/apply"' not in reach(editor, started).text
        assert post(editor, "/editor/rules/apply", change=fields["change"]).status_code == 403
        assert post(editor, "/editor/rules/reach", change=fields["change"]).status_code == 403

    @pytest.mark.parametrize("number", ["0", "99", "99999999999999999999"])
    def test_rule_that_is_not_there_is_not_found(self, browser: Browser, number: str) -> None:
        client = browser()
        assert client.get(f"/editor/rules/{number}/edit").status_code == 404
        assert post(client, f"/editor/rules/{number}/end").status_code == 404


# -- forms and words ---------------------------------------------------------------------------------------------------

values = st.lists(st.text("abC, é-", min_size=1).map(str.strip).filter(bool), unique=True, max_size=4)


@given(values)
def test_values_are_read_as_they_are_written(names: list[str]) -> None:
    typed = [" ".join(name.split()) for name in names]
    assert split(joined(typed)) == list(dict.fromkeys(typed))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Mali, Niger", ["Mali", "Niger"]),
        (' "Congo, D.R." ,Mali,', ["Congo, D.R.", "Mali"]),
        ("Mali,mali,Mali", ["Mali", "mali"]),
        ('"open', ['"open']),
        ("", []),
        (",,", []),
    ],
)
def test_values_stand_between_commas(text: str, names: list[str]) -> None:
    assert split(text) == names


@given(
    st.builds(
        Rule,
        st.just("A rule"),
        st.dictionaries(st.sampled_from(["edition", "tag"]), st.just(("x, y", "z"))).map(Condition),
        st.sampled_from(EFFECTS),
        st.just(Condition({"flag": ("minor", "opinion")})),
        count=st.just(2),
        factor=st.just(0.5),
        enabled=st.booleans(),
    )
)
def test_form_of_a_rule_asks_for_the_same_rule(rule: Rule) -> None:
    proposal, unread = read_rule(rule_form(rule, "because"), 5)
    data = rule.to_data()
    for name, effects in (("count", ("at_most", "at_least")), ("factor", ("raise", "lower"))):
        data[name] = data[name] if rule.then in effects else None
    data["what"] = {} if rule.then in ("no_box", "no_fallback") else data["what"]
    assert (unread, proposal.data, proposal.reason) == ([], data, "because")


@pytest.mark.parametrize(
    ("then", "sentence"),
    [
        ("forbid", "Beside articles of the edition Sahel or Maghreb: no stories flagged live trial, about Mali."),
        ("at_most", "Beside articles of the edition Sahel or Maghreb: at most 1 story flagged live trial, about Mali."),
        ("no_box", "Beside articles of the edition Sahel or Maghreb: no box."),
    ],
)
def test_rules_are_told_in_words(workers: tuple[Flask, Flask], then: str, sentence: str) -> None:
    what = Condition({"country": ("Mali",), "flag": ("live_trial",)})
    rule = Rule("A rule", Condition({"edition": ("Sahel", "Maghreb")}), then, what, count=1)
    with workers[0].test_request_context("/editor/rules", headers={"Accept-Language": "en"}):
        assert rule_words(rule) == sentence


@pytest.mark.parametrize("then", EFFECTS)
def test_every_effect_has_words(workers: tuple[Flask, Flask], then: str) -> None:
    with workers[0].test_request_context("/editor/rules"):
        assert rule_words(Rule("A rule", Condition({}), then, count=2, factor=0.5)).startswith("Beside every article: ")


def test_values_without_an_article_are_found(workers: tuple[Flask, Flask]) -> None:
    archive = [labels(edition="Sahel", language="en", byline="", flags=(), tags=("coup",), countries=())]
    rule = Rule("A rule", Condition({"edition": ("sahel", "Sahl")}), "forbid", Condition({"tag": ("coup", "cup")}))
    with workers[0].test_request_context("/editor/rules"):
        assert unknown(rule, archive) == ["Edition: Sahl", "Tag: cup"]
