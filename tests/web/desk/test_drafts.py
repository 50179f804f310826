"""Drafts: what a text should link to, what has been published already, and what may not stand beside it."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import get_args

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from recommender.articles.article import FLAGS, Article
from recommender.curation.rules import Condition, Rule
from recommender.curation.sensitivity import DEFAULT_MATRIX, Matrix
from recommender.desk.decisions import Sent
from recommender.errors import Unavailable
from recommender.ranking.candidates import TextCandidates
from recommender.store.base import Store
from recommender.web.api.schemas import MAX_DRAFT, Flag
from recommender.web.app import make_app
from recommender.wiring import make_builder
from recommender.worker.client import WorkerBusy
from tests.embedder import ToyEmbedder
from tests.factories import make_recommender
from tests.web.conftest import close, context_of
from tests.web.desk.conftest import Desk, enter, post, store_of
from tests.web.toy import ARCHIVE, YESTERDAY, settings_for

DRAFT = "/editor/draft"
TEXT = {
    "title": "Tankers wait as the fuel blockade of Bamako goes on",
    "body": "Jihadist fighters blockade the Malian capital; convoys wait for an escort.",
    "countries": "Mali",
    "tags": "blockade",
    "language": "en",
}
BLOCKADE = {article.title: article for article in ARCHIVE if article.id.startswith("blockade")}


class HereAndNow:
    """A desk without a process of its own, and with the toy embedder."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def candidates(self, draft: Article, wait: float = 0) -> TextCandidates:
        return make_builder(self._store, settings_for(Path("unused")), ToyEmbedder()).draft_candidates(draft)

    def close(self) -> None:
        """There is nothing to end."""


class Failing(HereAndNow):
    """A desk that cannot answer."""

    def __init__(self, store: Store, error: Exception) -> None:
        super().__init__(store)
        self._error = error

    def candidates(self, draft: Article, wait: float = 0) -> TextCandidates:
        raise self._error


def give_desk(client: FlaskClient, desk: HereAndNow) -> None:
    parts = context_of(client.application)  # type: ignore[arg-type]  # an APIFlask
    parts.worker.close()
    client.application.extensions["recommender"] = replace(parts, worker=desk)  # type: ignore[arg-type]  # as Desk


@pytest.fixture
def editor(desk: Desk) -> FlaskClient:
    """An editor, on an application whose desk answers at once."""
    client = desk()
    give_desk(client, HereAndNow(store_of(client)))
    return client


def ask(client: FlaskClient, *flags: str, **fields: object) -> TestResponse:
    """Sends the form with the usual text."""
    return post(client, DRAFT, **{**TEXT, **fields}, flags=list(flags))


def section(page: str, heading: str) -> str:
    """What a page says under a heading."""
    match = re.search(rf"<h3[^>]*>{heading}</h3>(.*?)(?=<h[23]|</section>)", page, flags=re.DOTALL)
    return match[1] if match else ""


def titles(html: str, archive: Sequence[Article] = ARCHIVE) -> set[str]:
    """Ids of the articles whose pages a piece of a page links to."""
    return set(re.findall(r'href="/editor/shown/([^"]+)"', html)) & {article.id for article in archive}


def related(page: str) -> set[str]:
    return titles(page.partition('id="related"')[2].partition("Linked already")[0])


# -- stories to link ---------------------------------------------------------------------------------------------------


def test_related_stories_come_with_a_link_to_copy(editor: FlaskClient) -> None:
    page = ask(editor).text
    assert {"blockade-2", "blockade-3", "blockade-4"} <= related(page)
    assert "gold-1" not in related(page)
    copies = [unescape(value) for value in re.findall(r'name="copy" type="text" value="([^"]*)"', page)]
    assert (
        '<a href="https://example.org/sahel/blockade-2">Bamako runs out of fuel under jihadist blockade</a>' in copies
    )


def test_held_story_is_never_offered(editor: FlaskClient) -> None:
    page = ask(editor).text
    assert "held" not in related(page)
    assert "held" in titles(section(page, "Beware"))
    assert "“legal hold” may not stand beside “any article”" in section(page, "Beware")


def test_stories_linked_already_are_marked(editor: FlaskClient) -> None:
    body = '<p>Convoys wait, <a href="https://www.example.org/sahel/blockade-2/?utm_source=x">as told</a>.</p>'
    page = ask(editor, body=f"{TEXT['body']}{body}").text
    assert "Bamako runs out of fuel" in section(page, "Linked already")
    assert [
        "linked already" in item
        for item in re.findall(r"<li>\n      <h4>.*?</h4>", page, flags=re.DOTALL)
        if "shown/blockade-2" in item
    ] == [True]
    assert page.count("linked already</span>") == 1


def test_text_without_links_says_so(editor: FlaskClient) -> None:
    assert "links to no published article" in ask(editor).text


def test_reason_and_score_are_shown(editor: FlaskClient) -> None:
    shown = ask(editor).text.partition('id="related"')[2]
    assert 'class="score-parts"' in shown
    assert "Also about" in shown


# -- published already -------------------------------------------------------------------------------------------------


def counts(page: str, row: str) -> list[int]:
    """How many of the last 7, 30 and 365 days."""
    match = re.search(rf'<th scope="row">{row}</th>(.*?)</tr>', page)
    assert match
    return [int(number) for number in re.findall(r'class="number">(\d+)</td>', match[1])]


def test_late_reports_are_counted(stranger: FlaskClient, desk: Desk, tmp_path: Path) -> None:
    """Four reports of the same, 1, 20, 200 and 500 days ago, among what has nothing to do with it."""
    words = "zebra yak xerus wombat vole"
    reports = [
        Article(f"r{days}", f"{words} {days}", body=words, posted_on=YESTERDAY - timedelta(days=days))
        for days in (1, 20, 200, 500)
    ]
    noise = [Article(f"n{number}", f"lone{number} other{number}", body=f"apart{number}") for number in range(60)]
    store = store_of(stranger)
    store.articles.upsert([*reports, *noise])
    make_builder(store, settings_for(tmp_path / "unused"), ToyEmbedder()).build(full=True)
    client = desk()
    give_desk(client, HereAndNow(store))
    page = ask(client, title=words, body=words, countries="", tags="").text
    assert counts(page, "In much the same words") == [1, 2, 3]
    assert counts(page, "On the subject") == [1, 2, 3]
    list_of_them = section(page, "Published already")
    assert re.findall(r"/editor/shown/(r\d+)", list_of_them) == ["r1", "r20", "r200", "r500"]
    assert list_of_them.count("reported on") == 4


# -- the sensitive matrix ----------------------------------------------------------------------------------------------


def test_matrix_says_what_is_kept_out_and_why(editor: FlaskClient) -> None:
    store_of(editor).articles.upsert([replace(BLOCKADE[title], flags=("opinion",)) for title in list(BLOCKADE)[:2]])
    page = ask(editor, "minor").text
    beware = section(page, "Beware")
    assert {"blockade-1", "blockade-2"} <= titles(beware)
    assert "“opinion” may not stand beside “minor”" in beware
    assert {"blockade-1", "blockade-2"}.isdisjoint(related(page))
    assert "blockade-3" in related(page)
    without = ask(editor).text
    assert {"blockade-1", "blockade-2"} & related(without)
    assert "opinion" not in section(without, "Beware")


def test_flags_are_explained(editor: FlaskClient) -> None:
    page = section(ask(editor, "opinion").text, "Beware")
    assert "Beside it may not stand: live trial, minor." in page
    assert "It may not stand beside: live trial, hostage, victims named, minor, communal violence, sponsored." in page


def test_draft_under_legal_hold_gets_no_list(editor: FlaskClient) -> None:
    page = ask(editor, "legal_hold").text
    assert "It is under legal hold: no list stands beside it" in page
    assert related(page) == set()
    assert "No story to link." in page


def test_rule_that_takes_the_box_is_named(editor: FlaskClient) -> None:
    decisions = context_of(editor.application).decisions  # type: ignore[arg-type]  # an APIFlask
    decisions.keep_rule(Rule("No box for Mali", Condition({"country": ("Mali",)}), "no_box"), Sent("awa"))
    page = ask(editor).text
    assert "No box will stand beside it: No box for Mali" in page
    assert related(page) == set()


def test_rule_that_forbids_stories_is_named(editor: FlaskClient) -> None:
    decisions = context_of(editor.application).decisions  # type: ignore[arg-type]  # an APIFlask
    rule = Rule("Nothing from the Maghreb", Condition({}), "forbid", Condition({"edition": ("Maghreb",)}))
    decisions.keep_rule(rule, Sent("awa"))
    page = ask(editor).text
    assert "blockade-maghreb" in titles(section(page, "Beware"))
    assert "Nothing from the Maghreb" in section(page, "Beware")


def test_matrix_of_editors_counts(editor: FlaskClient) -> None:
    decisions = context_of(editor.application).decisions  # type: ignore[arg-type]  # an APIFlask
    decisions.keep_matrix(Matrix(DEFAULT_MATRIX.forbidden | {("hostage", "hostage")}), Sent("awa"))
    assert "Beside it may not stand: hostage, opinion." in ask(editor, "hostage").text


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_public_endpoint_obeys_the_flags(editor: FlaskClient, accept: str) -> None:
    store_of(editor).articles.upsert([replace(article, flags=("opinion",)) for article in BLOCKADE.values()])
    draft = {"title": TEXT["title"], "body": TEXT["body"], "countries": ["Mali"], "n": 9}
    reader = editor.application.test_client()

    def answer(*flags: str) -> str:
        response = reader.post("/api/v1/recommend", json={**draft, "flags": flags}, headers={"Accept": accept})
        assert response.status_code == 200
        return response.text

    assert "blockade-3" in answer()
    assert "blockade-" not in answer("minor")
    assert "data-id" not in answer("legal_hold")
    assert "blockade-" not in answer("legal_hold")


def test_public_endpoint_refuses_unknown_flags(client: FlaskClient) -> None:
    assert client.post("/api/v1/recommend", json={"title": "A", "flags": ["secret"]}).status_code == 422


def test_flags_of_the_api_are_those_of_articles() -> None:
    assert get_args(Flag) == FLAGS


# -- from the archive --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", ["blockade-2", "https://example.org/sahel/blockade-2?utm_source=x"])
def test_article_of_the_archive_fills_the_form(editor: FlaskClient, asked: str) -> None:
    page = post(editor, DRAFT, step="look", asked=asked).text
    assert 'name="title" type="text" value="Bamako runs out of fuel under jihadist blockade"' in page
    assert 'name="known_as" value="blockade-2"' in page
    assert "blockade-2" not in related(page)
    assert "blockade-3" in related(page)


def test_unpublished_article_is_found_by_id(editor: FlaskClient) -> None:
    page = post(editor, DRAFT, step="look", asked="unpublished").text
    assert "Before you publish “Fuel blockade of Bamako, a draft”" in page


def test_flags_of_the_article_are_taken(editor: FlaskClient) -> None:
    page = post(editor, DRAFT, step="look", asked="held").text
    assert 'value="legal_hold" checked' in page
    assert related(page) == set()


@pytest.mark.parametrize("asked", ["no-such-story", "https://example.org/sahel/unpublished", "\0", "a" * 3000])
def test_unknown_article_is_reported(editor: FlaskClient, asked: str) -> None:
    response = post(editor, DRAFT, step="look", asked=asked)
    assert response.status_code == 422
    assert "There is no article with this id" in response.text


# -- what goes wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (Unavailable("being loaded"), 503, "The embedding model is still being loaded"),
        (WorkerBusy(), 429, "Other drafts are being read"),
    ],
)
def test_busy_desk_keeps_the_text(editor: FlaskClient, error: Exception, status: int, text: str) -> None:
    give_desk(editor, Failing(store_of(editor), error))
    response = ask(editor, "opinion", summary="Kept <b>too</b>")
    assert (response.status_code, response.headers["Retry-After"]) == (status, "5")
    assert text in response.text
    assert "Try again" in response.text
    assert TEXT["title"] in response.text
    assert TEXT["body"] in response.text
    assert "Kept &lt;b&gt;too&lt;/b&gt;" in response.text
    assert 'value="opinion" checked' in response.text


def test_archive_that_is_not_built_is_reported(editor: FlaskClient, store: Store) -> None:
    parts = context_of(editor.application)  # type: ignore[arg-type]  # an APIFlask
    editor.application.extensions["recommender"] = replace(parts, recommender=make_recommender(store))
    response = ask(editor)
    assert response.status_code == 503
    assert "Nothing has been built yet" in response.text


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"title": " "}, "A headline is needed"),
        ({"title": "<script>x</script>"}, "A headline is needed"),
        ({"language": "12"}, "This is not a language code"),
        ({"title": "x" * 2001}, "longer than 2000 characters"),
        ({"body": "x" * (MAX_DRAFT + 1)}, "longer than 200000 characters"),
        ({"tags": ",".join(f"t{number}" for number in range(101))}, "has more than 100 entries"),
    ],
)
def test_wrong_field_is_named_and_text_kept(editor: FlaskClient, fields: dict[str, str], text: str) -> None:
    response = ask(editor, **fields)
    assert response.status_code == 422
    assert text in response.text
    assert (TEXT["body"] in response.text) == ("body" not in fields)


def test_longest_text_is_taken(editor: FlaskClient) -> None:
    """Each letter is sent as six characters."""
    assert ask(editor, body="é " * (MAX_DRAFT // 2)).status_code == 200


def test_hostile_text_is_escaped(editor: FlaskClient) -> None:
    hostile = '"><script>alert(1)</script>'
    page = ask(editor, title=f"Fuel {hostile}", summary=hostile, body=hostile, countries=hostile, tags=hostile).text
    assert "<script>alert" not in page
    page = post(editor, DRAFT, step="look", asked=hostile).text
    assert "<script>alert" not in page


def test_html_is_read_as_text(editor: FlaskClient) -> None:
    page = ask(editor, title="<b>Fuel</b> blockade of Bamako").text
    assert "Before you publish “Fuel blockade of Bamako”" in page


def test_unknown_flag_is_left_out(editor: FlaskClient) -> None:
    assert ask(editor, "secret").status_code == 200


def test_form_needs_its_token(editor: FlaskClient) -> None:
    assert editor.post(DRAFT, data=TEXT).status_code == 400


def test_every_role_may_ask(desk: Desk) -> None:
    for role in ("viewer", "editor", "data-scientist", "administrator"):
        assert "Paste a text" in desk(role, f"one-{role}").get(DRAFT).text


def test_nothing_is_kept(editor: FlaskClient) -> None:
    before = store_of(editor).state()
    ask(editor)
    assert store_of(editor).state() == before


def test_desk_with_the_model_answers(real_archive: Path, tmp_path: Path) -> None:
    """All the way through the worker."""
    app = make_app(settings_for(Path(shutil.copy(real_archive, tmp_path / "copy.db"))))
    try:
        client = app.test_client()
        enter(client, "editor", "awa")
        page = "Try again"
        while "Try again" in page:  # a slow machine loads the model for longer than a page waits
            page = ask(
                client, title="Junta nationalises a foreign gold mine", body="The ore of Arlit.", tags="mining"
            ).text
    finally:
        close(app)
    assert related(page)
    assert related(page) <= {"gold-1", "gold-2", "gold-3"}
