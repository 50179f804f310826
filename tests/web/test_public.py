"""What is not public is told to no stranger: held, withdrawn or not published yet, on any route, and in no file."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.articles.article import HOLD_FLAG, STATUSES, Article
from recommender.progress import quiet
from recommender.ranking.candidates import TextCandidates
from recommender.serving.answers import Query
from recommender.serving.document import make_draft_document, to_json
from recommender.serving.export import export
from recommender.serving.prepared import prepare
from recommender.store.base import Store
from recommender.web.api.security import PUBLIC
from recommender.web.app import make_app
from recommender.wiring import make_files, make_fragment_of
from tests.web.conftest import MakeClient, Publish, close, context_of
from tests.web.served import eventually
from tests.web.toy import ARCHIVE, YESTERDAY, settings_for, story

IDS = [article.id for article in ARCHIVE]
TOMORROW = YESTERDAY + timedelta(days=2)
HELD = {"flags": (HOLD_FLAG,)}
HIDDEN = [HELD, {"posted_on": TOMORROW}, {"status": "unpublished"}, {"status": "draft"}]
URL = "https://example.org/sahel/blockade-1"

# How a stranger asks each public route about an article; the others say nothing of any article.
ASKED: dict[str, Callable[[Article], list[str]]] = {
    "recommend.sidebar": lambda article: [
        f"/api/v1/recommend?{key}{question}"
        for key in (f"article_id={article.id}", f"url={article.url}")
        for question in ("", "&fallback=latest", "&n=50&min_score=0&lang=any&explain=true")
    ],
    "recommend.story": lambda article: [f"/api/v1/stories/{article.id}"],
    "articles.get_article": lambda article: [f"/api/v1/articles/{article.id}"],
    "articles.get_articles": lambda article: [
        "/api/v1/articles?limit=500",
        f"/api/v1/articles?edition={article.edition}&status={article.status}&updated_since=2020-01-01",
    ],
    "operations.readyz": lambda _: ["/readyz"],
    "operations.metrics": lambda _: ["/metrics"],
    "api.openapi": lambda _: ["/openapi.json"],
    "api.docs": lambda _: ["/docs"],
    "site.front": lambda _: ["/"],
    "site.edition": lambda article: [f"/editions/{article.edition.lower()}", "/editions/all/1"],
    "site.article": lambda article: [f"/articles/{article.id}"],
    "site.story": lambda article: [f"/stories/{article.id}"],
}
SAY_NOTHING = {
    "static",
    "snippet.newest",
    "snippet.versioned",
    "operations.healthz",
    "recommend.draft_sidebar",  # needs the model: see the tests of drafts
    "events.click",
    "language.choose",
    "sign_in.form",
    "sign_in.enter_with_password",
    "sign_in.link_form",
    "sign_in.use_link",
}

states = st.fixed_dictionaries(
    {
        article.id: st.tuples(
            st.sampled_from(STATUSES),
            st.sampled_from([(), (HOLD_FLAG,), ("minor",)]),
            st.sampled_from([None, YESTERDAY, article.posted_on, TOMORROW]),
        )
        for article in ARCHIVE
    }
)
State = dict[str, tuple[str, tuple[str, ...], datetime | None]]


def in_state(state: State) -> list[Article]:
    """The archive with a status, flags and a date for each article."""
    return [
        replace(article, status=status, flags=flags, posted_on=posted_on)
        for article in ARCHIVE
        for status, flags, posted_on in [state[article.id]]
    ]


def is_public(article: Article) -> bool:
    """The rule, said the long way."""
    dated_ahead = article.posted_on is not None and article.posted_on > datetime.now(UTC)
    return article.status == "published" and HOLD_FLAG not in article.flags and not dated_ahead


@pytest.fixture(scope="module")
def site(toy_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """One application for all examples, with answers prepared before the first."""
    database = Path(shutil.copy(toy_archive, tmp_path_factory.mktemp("public") / "copy.db"))
    app = make_app(settings_for(database))
    prepare(context_of(app).store, context_of(app).recommender, quiet)
    yield app.test_client()
    close(app)


def test_every_public_route_is_asked() -> None:
    assert ASKED.keys() | SAY_NOTHING == PUBLIC


@given(st.lists(states, min_size=1, max_size=2), st.sets(st.sampled_from(IDS), min_size=3, max_size=3))
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_public_answer_has_a_hidden_title(site: FlaskClient, changes: list[State], about: set[str]) -> None:
    store = context_of(site.application).store  # type: ignore[arg-type]  # an APIFlask
    for state in changes:
        articles = in_state(state)
        store.articles.upsert(articles)
        hidden = {article.title for article in articles if not is_public(article)}
        asked = [article for article in articles if article.id in about]
        paths = {path for article in asked for ask in ASKED.values() for path in ask(article)}
        for path in sorted(paths):
            for accept in ("application/json", "text/html"):
                text = unescape(site.get(path, headers={"Accept": accept}).text)
                assert not {title for title in hidden if title in text}, path


@given(states)
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_exported_file_has_a_hidden_title(
    site: FlaskClient, tmp_path_factory: pytest.TempPathFactory, state: State
) -> None:
    context = context_of(site.application)  # type: ignore[arg-type]  # an APIFlask
    context.store.articles.upsert(in_state(state))
    folder = tmp_path_factory.mktemp("files")
    export(context.store, context.recommender, make_fragment_of(), make_files(folder), quiet)
    hidden = {article.title for article in in_state(state) if not is_public(article)}
    texts = [unescape(file.read_text(encoding="utf-8")) for file in folder.rglob("*") if file.is_file()]
    assert texts
    assert not {title for title in hidden for text in texts if title in text}


@given(states)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_draft_is_told_of_public_articles_only(site: FlaskClient, state: State) -> None:
    context = context_of(site.application)  # type: ignore[arg-type]  # an APIFlask
    context.store.articles.upsert(in_state(state))
    rows = context.store.generations.candidates(context.store.state().generation or 0, [1])[1]
    draft, found = replace(ARCHIVE[0], id="draft"), TextCandidates(rows, ())
    everything = Query(n=50, languages=("any",), min_score=0.0)
    document = make_draft_document(
        {"items": []},
        context.recommender.linked([article.url for article in ARCHIVE if article.url]),
        context.recommender.coverage(draft, found),
        "en",
    )
    teasers = [item.article.title for item in context.recommender.for_draft(draft, found, everything).items]
    told = to_json(document).decode() + "".join(teasers)
    assert not {article.title for article in in_state(state) if not is_public(article) and article.title in told}


@pytest.mark.parametrize(
    ("hidden", "question"),
    [
        (hidden, question)
        for hidden in HIDDEN
        for question in ("", "&fallback=latest", "&n=9&explain=true")
        if (hidden, question) != (HELD, "&fallback=latest")
    ],
)
@pytest.mark.parametrize("key", ["article_id", "url"])
def test_hidden_article_is_answered_as_an_unknown_one(
    make_client: MakeClient, other_worker: Store, hidden: dict[str, object], key: str, question: str
) -> None:
    other_worker.articles.upsert([replace(ARCHIVE[0], **hidden)])  # type: ignore[arg-type]  # as named
    client, value = make_client(), "blockade-1" if key == "article_id" else URL
    for accept in ("application/json", "text/html"):
        there, unknown = (
            client.get(f"/api/v1/recommend?{key}={name}{question}", headers={"Accept": accept})
            for name in (value, value.replace("blockade-1", "nothing-01"))
        )
        assert there.status_code == unknown.status_code
        assert there.text.replace("blockade-1", "nothing-01") == unknown.text
        dated = [dict(answer.headers) | {"Date": None} for answer in (there, unknown)]
        assert dated[0] == dated[1]


@pytest.mark.parametrize("question", [f"article_id={ARCHIVE[0].id}", f"url={URL}"])
def test_nothing_stands_beside_a_held_article(make_client: MakeClient, other_worker: Store, question: str) -> None:
    """Not even the latest stories, which a page that is not known gets: the guard comes first."""
    other_worker.articles.upsert([replace(ARCHIVE[0], flags=(HOLD_FLAG,))])
    answers = [make_client().get(f"/api/v1/recommend?{question}&fallback={way}") for way in ("latest", "ladder")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].text == answers[1].text


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("path", ["/articles/blockade-1", "/stories/blockade-1", "/api/v1/stories/blockade-1"])
def test_hidden_article_has_no_page(
    make_client: MakeClient, other_worker: Store, hidden: dict[str, object], path: str
) -> None:
    other_worker.articles.upsert([replace(ARCHIVE[0], **hidden)])  # type: ignore[arg-type]  # as named
    there = make_client().get(path, headers={"Accept": "text/html"})
    unknown = make_client().get(path.replace("blockade-1", "nothing-01"), headers={"Accept": "text/html"})
    assert there.status_code == 404
    assert there.text.replace("blockade-1", "nothing-01") == unknown.text


def test_twin_that_is_hidden_does_not_hide_an_article(make_client: MakeClient, other_worker: Store) -> None:
    """Two published articles at one address find neither; one that is not public yet does not count."""
    other_worker.articles.upsert([replace(ARCHIVE[0], id="blockade-1-new", posted_on=TOMORROW)])
    assert make_client().get(f"/api/v1/recommend?url={URL}").json["article"]["id"] == "blockade-1"


def test_dated_ahead_leads_no_front_page(make_client: MakeClient, other_worker: Store) -> None:
    other_worker.articles.upsert([story("ahead", "Minister resigns", "Text", TOMORROW, edition="Future")])
    page = make_client().get("/").text
    assert "Minister resigns" not in page
    assert "Future" not in page


def test_counts_of_editions_are_of_public_articles(make_client: MakeClient, other_worker: Store) -> None:
    def count(client: FlaskClient) -> int:
        found = re.search(r'Maghreb <span class="tally">(\d+)<', client.get("/").text)
        assert found
        return int(found[1])

    before = count(make_client())
    other_worker.articles.upsert([story("ahead", "Minister resigns", "Text", TOMORROW, edition="Maghreb")])
    assert count(make_client()) == before


@pytest.mark.parametrize("question", ["", "&fallback=latest"])
def test_hold_and_its_end_take_effect_at_once(make_client: MakeClient, other_worker: Store, question: str) -> None:
    client, path = make_client(), f"/api/v1/recommend?article_id=blockade-1{question}"
    title = ARCHIVE[0].title
    for _ in range(2):
        other_worker.articles.upsert([ARCHIVE[0]])
        assert [title in client.get(path).text for _ in range(2)] == [True, True]
        other_worker.articles.upsert([replace(ARCHIVE[0], flags=(HOLD_FLAG,))])
        assert [title in client.get(path).text for _ in range(2)] == [False, False]


def test_prepared_answer_of_a_hidden_article_is_not_given(make_client: MakeClient, publish: Publish) -> None:
    publish(replace(ARCHIVE[0], posted_on=TOMORROW), replace(ARCHIVE[1], flags=(HOLD_FLAG,)))
    client = make_client()
    services = context_of(client.application)  # type: ignore[arg-type]  # an APIFlask
    prepare(services.store, services.recommender, quiet)
    for article_id in ("blockade-1", "blockade-2"):
        assert client.get(f"/api/v1/recommend?article_id={article_id}").status_code == 404


def test_date_that_comes_makes_an_article_public_without_a_write(make_client: MakeClient, publish: Publish) -> None:
    client = make_client()
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    publish(replace(ARCHIVE[0], posted_on=soon))
    paths = [f"/api/v1/recommend?article_id=blockade-1{question}" for question in ("", "&fallback=latest")]
    shown = [client.get(path).text for path in (*paths, "/")]
    if datetime.now(UTC) < soon:
        assert not [text for text in shown if ARCHIVE[0].title in text]
    assert eventually(lambda: datetime.now(UTC) >= soon)
    for path in (*paths, "/", "/articles/blockade-1"):
        assert ARCHIVE[0].title in client.get(path).text, path


@pytest.mark.parametrize("path", ["/articles/blockade-1", "/stories/blockade-1", "/editions/all", "/editions/sahel/1"])
def test_demonstration_pages_are_off_unless_asked_for(make_client: MakeClient, path: str) -> None:
    client = make_client(demonstration=False)
    assert client.get(path).get_json() == client.get("/nothing").get_json()
    page = client.get(path, headers={"Accept": "text/html"})
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "Sahel" not in page.text


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_without_the_demonstration_name_no_article_and_no_edition(make_client: MakeClient, path: str) -> None:
    page = make_client(demonstration=False).get(path)
    assert page.status_code == 200
    assert "/editions/" not in page.text
    assert not [article for article in ARCHIVE if article.title in unescape(page.text)]


@pytest.mark.parametrize(
    "path", ["/api/v1/recommend?article_id=blockade-1", "/api/v1/stories/blockade-1", "/editor/sign-in"]
)
def test_api_and_desk_stay_without_the_demonstration(make_client: MakeClient, path: str) -> None:
    assert make_client(demonstration=False).get(path).status_code == 200
