"""Articles over the API: single fields, counts, one and many, for programs with a key and for strangers."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shutil import copy

import pytest
from flask.testing import FlaskClient

from recommender.store.audit import AuditQuery
from recommender.store.base import Store
from recommender.web.app import make_app
from tests.web.conftest import MakeClient, close, context_of
from tests.web.toy import ARCHIVE, KEY, YESTERDAY, settings_for, story

ARTICLES = "/api/v1/articles"
BEARER = {"Authorization": f"Bearer {KEY}"}
PUBLIC_IDS = {item.id for item in ARCHIVE if item.status == "published" and "legal_hold" not in item.flags}
URL = "https://example.org/sahel/market"
MARKET = story("market", "Market of Gao reopens", "Traders are back.", YESTERDAY, reads=7, url=URL)


@pytest.fixture
def site(make_client: MakeClient) -> FlaskClient:
    """A client of an application of its own that takes the key."""
    return make_client(api_keys=(KEY,))


@pytest.fixture(scope="module")
def writer(real_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """A client with a key, whose application, and with it its model, the tests share that publish."""
    database = Path(copy(real_archive, tmp_path_factory.mktemp("articles") / "copy.db"))
    app = make_app(settings_for(database, api_keys=(KEY,)))
    client = app.test_client()
    assert client.post("/api/v1/recommend", json={"title": "Salt"}).status_code == 200  # waits for the model
    yield client
    close(app)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """An id that no other test has."""
    return str(request.node.originalname)


def found(client: FlaskClient, url: str) -> str | None:
    answer = client.get("/api/v1/recommend", query_string={"url": url})
    return answer.get_json()["article"]["id"] if answer.status_code == 200 else None


BODY = {"title": "Market", "summary": "Back."}


class TestFields:
    """PATCH."""

    @pytest.mark.parametrize("word", ["private", "trash", "gone fishing"])
    def test_word_of_a_publishing_system_takes_an_article_out(self, writer: FlaskClient, name: str, word: str) -> None:
        path = f"{ARTICLES}/{name}"
        writer.put(path, json=BODY | {"url": f"https://example.org/{name}"}, headers=BEARER)
        assert writer.patch(path, json={"status": word}, headers=BEARER).status_code == 200
        assert writer.get(path, headers=BEARER).get_json()["status"] == "unpublished"

    def test_fields_change_alone(self, writer: FlaskClient, name: str) -> None:
        path, url = f"{ARTICLES}/{name}", f"https://example.org/{name}"
        writer.put(path, json=BODY | {"url": url, "read_count": 7}, headers=BEARER)
        patch = {"title": "Gao trades again", "summary": None, "body": "Traders are back, with salt."}
        answer = writer.patch(path, json=patch, headers=BEARER | {"Content-Type": "application/merge-patch+json"})
        assert (answer.status_code, answer.get_json()["outcome"]) == (200, "changed")
        record = writer.get(path, headers=BEARER).get_json()
        assert (record["title"], record["summary"], record["url"]) == ("Gao trades again", "", url)
        assert record["read_count"] == 7
        store = context_of(writer.application).store  # type: ignore[arg-type]  # an APIFlask
        entry = store.audit.entries(AuditQuery(), 1)[0]
        assert (entry.by, entry.subject, entry.after) == (
            "API (settings)",
            name,
            {"changed": ["title", "summary", "body"]},
        )
        assert writer.patch(path, json=patch, headers=BEARER).get_json()["outcome"] == "unchanged"

    def test_null_makes_a_count_unknown(self, writer: FlaskClient, name: str) -> None:
        path = f"{ARTICLES}/{name}"
        writer.put(path, json=BODY | {"read_count": 7}, headers=BEARER)
        assert writer.patch(path, json={"read_count": None}, headers=BEARER).get_json()["outcome"] == "changed"
        assert writer.get(path).get_json()["read_count"] is None

    @pytest.mark.parametrize(
        "patch", [{"titel": "x"}, {"title": None}, {"id": "other"}, {"url": "ftp://a"}, {"read_count": -1}]
    )
    def test_what_makes_no_article_is_refused(self, site: FlaskClient, other_worker: Store, patch: object) -> None:
        other_worker.articles.upsert([MARKET])
        assert site.patch(f"{ARTICLES}/market", json=patch, headers=BEARER).status_code == 422
        assert site.get(f"{ARTICLES}/market", headers=BEARER).get_json()["title"] == MARKET.title

    @pytest.mark.parametrize("patch", ["null", "[]", "false"])
    def test_patch_that_is_no_object_is_refused(self, site: FlaskClient, patch: str) -> None:
        headers = BEARER | {"Content-Type": "application/json"}
        assert site.patch(f"{ARTICLES}/blockade-1", data=patch, headers=headers).status_code == 422

    def test_unknown_article_is_not_found(self, site: FlaskClient) -> None:
        assert site.patch(f"{ARTICLES}/nowhere", json={"title": "x"}, headers=BEARER).status_code == 404


class TestAddresses:
    """Further addresses, and those that several articles have."""

    def test_further_addresses_find_the_article(self, writer: FlaskClient, name: str) -> None:
        body = BODY | {"aliases": ["https://old.example/?p=7"]}
        assert writer.put(f"{ARTICLES}/{name}", json=body, headers=BEARER).get_json()["warnings"] == []
        assert found(writer, "http://www.old.example/index.php?utm_source=x&p=7#top") == name
        writer.patch(f"{ARTICLES}/{name}", json={"flags": ["legal_hold"]}, headers=BEARER)
        assert found(writer, "https://old.example/?p=7") is None

    def test_kept_answer_ends_when_another_takes_the_address(self, writer: FlaskClient, name: str) -> None:
        url = f"https://example.org/{name}"
        writer.put(f"{ARTICLES}/{name}", json=BODY | {"url": url}, headers=BEARER)
        assert [found(writer, url), found(writer, url)] == [name, name]
        answer = writer.put(f"{ARTICLES}/copy", json=BODY | {"aliases": [f"{url}/amp"]}, headers=BEARER)
        (warning,) = answer.get_json()["warnings"]
        assert warning == f"2 articles stand at {url}/amp: {name}, copy; url= finds none of them there"
        assert found(writer, url) is None
        writer.delete(f"{ARTICLES}/copy", headers=BEARER)
        assert found(writer, url) == name

    def test_kept_answer_ends_when_another_takes_the_query(self, writer: FlaskClient, name: str) -> None:
        url = f"https://example.org/{name}"
        writer.put(f"{ARTICLES}/{name}", json=BODY | {"url": url}, headers=BEARER)
        assert found(writer, f"{url}?page=2") == name
        writer.put(f"{ARTICLES}/second", json=BODY | {"url": f"{url}?page=2"}, headers=BEARER)
        assert found(writer, f"{url}?page=2") == "second"

    def test_many_articles_report_shared_addresses(self, writer: FlaskClient, name: str) -> None:
        url = f"https://example.org/{name}"
        lines = "\n".join(f'{{"id": "{name}-{end}", "title": "T", "summary": "S", "url": "{url}"}}' for end in "ab")
        answer = writer.post(ARTICLES, data=lines, headers=BEARER).get_json()
        ids = [f"{name}-a", f"{name}-b"]
        assert (answer["shared"], answer["shared_addresses"]) == (1, [{"url": url, "count": 2, "ids": ids}])


class TestCounts:
    """Counts of reads."""

    def test_article_without_a_count_keeps_it(self, writer: FlaskClient, name: str) -> None:
        path = f"{ARTICLES}/{name}"
        writer.put(path, json=BODY, headers=BEARER)
        assert writer.get(path).get_json()["read_count"] is None
        writer.put(path, json=BODY | {"read_count": 7}, headers=BEARER)
        assert writer.put(path, json=BODY, headers=BEARER).get_json()["outcome"] == "unchanged"
        assert writer.get(path).get_json()["read_count"] == 7

    def test_counts_come_alone(self, site: FlaskClient, other_worker: Store) -> None:
        other_worker.articles.upsert([MARKET])
        counts = {"reads": {"market": 9, "blockade-1": 3, "nowhere": 1}}
        answer = site.post("/api/v1/reads", json=counts, headers=BEARER).get_json()
        assert answer == {"changed": 2, "unchanged": 0, "unknown": 1, "unknown_ids": ["nowhere"]}
        assert site.get(f"{ARTICLES}/market").get_json()["read_count"] == 9
        assert site.post("/api/v1/reads", json=counts, headers=BEARER).get_json()["unchanged"] == 2
        assert other_worker.articles.upsert([MARKET]).changed == 1  # 7 again
        assert other_worker.audit.entries(AuditQuery(), 9) == []

    @pytest.mark.parametrize("counts", [{}, {"a": -1}, {"a": None}, {"a": True}, {str(n): 1 for n in range(5_001)}])
    def test_wrong_counts_are_refused(self, site: FlaskClient, counts: object) -> None:
        assert site.post("/api/v1/reads", json={"reads": counts}, headers=BEARER).status_code == 422

    def test_unknown_count_is_not_shown(self, site: FlaskClient, other_worker: Store) -> None:
        other_worker.articles.upsert([replace(MARKET, read_count=None)])
        text = site.get("/articles/market").text
        assert MARKET.title in text
        assert "<dt>Read" not in text


class TestLists:
    """What is kept, page by page."""

    def pages(self, client: FlaskClient, headers: dict[str, str], **wanted: object) -> list[str]:
        ids: list[str] = []
        cursor = ""
        while True:
            query = {**wanted, "cursor": cursor, "limit": 3}
            answer = client.get(ARTICLES, query_string=query, headers=headers).get_json()
            ids += [item["id"] for item in answer["items"]]
            if answer["next"] is None:
                return ids
            cursor = answer["next"]

    def test_program_gets_every_article_once(self, site: FlaskClient) -> None:
        assert sorted(self.pages(site, BEARER)) == sorted(item.id for item in ARCHIVE)

    def test_stranger_gets_what_is_public(self, site: FlaskClient) -> None:
        answer = site.get(ARTICLES, query_string={"limit": 500})
        assert {item["id"] for item in answer.get_json()["items"]} == PUBLIC_IDS
        assert all(item["status"] is None for item in answer.get_json()["items"])
        assert answer.headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize("wanted", [{"status": "draft"}, {"language": "fr"}, {"edition": "Sahel"}])
    def test_filters_hold(self, site: FlaskClient, wanted: dict[str, str]) -> None:
        expected = {item.id for item in ARCHIVE if all(getattr(item, name) == value for name, value in wanted.items())}
        assert set(self.pages(site, BEARER, **wanted)) == expected

    def test_wrong_parameters_are_refused(self, site: FlaskClient) -> None:
        for wanted in ({"limit": 501}, {"cursor": "x"}, {"status": "deleted"}, {"updated_since": "soon"}, {"page": 2}):
            assert site.get(ARTICLES, query_string=wanted).status_code == 422

    def test_drafts_need_the_key(self, site: FlaskClient, other_worker: Store) -> None:
        other_worker.articles.upsert([story("soon", "Not yet", "No.", YESTERDAY, status="draft", url=URL)])
        assert site.get(f"{ARTICLES}/soon").status_code == 404
        record = site.get(f"{ARTICLES}/soon", headers=BEARER)
        assert (record.get_json()["status"], record.headers["Cache-Control"]) == ("draft", "no-store")
        assert site.get(f"{ARTICLES}/soon", headers={"Authorization": "Bearer wrong"}).status_code == 404

    def test_strangers_get_no_text(self, site: FlaskClient) -> None:
        record = site.get(f"{ARTICLES}/blockade-1").get_json()
        assert (record["body"], record["flags"], record["aliases"]) == (None, None, None)
