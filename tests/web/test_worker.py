"""Publishing and drafts, through a desk with the real model."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from html import escape
from pathlib import Path
from shutil import copy
from typing import Any

import psutil
import pytest
from flask.testing import FlaskClient

from recommender.articles.gazetteer import Gazetteer
from recommender.build.model_version import ModelVersion
from recommender.embedding.sentence_transformer import SentenceTransformerEmbedder
from recommender.ranking.scoring import DEFAULT
from recommender.web.api.schemas import MAX_DRAFT, Card
from recommender.web.app import make_app
from recommender.worker.client import MAX_DRAFTS
from tests.factories import make_builder
from tests.web.conftest import close, context_of
from tests.web.toy import KEY, settings_for

SITE = "https://example.org/sahel/"
MARKET = {
    "title": "Livestock market of Gao reopens after three weeks",
    "summary": "Herders bring camels and sheep back to the livestock market of Gao.",
    "posted_on": "2025-09-01",
    "edition": "Sahel",
    "countries": ["Mali"],
    "tags": ["livestock"],
}
SHEEP = MARKET | {
    "title": "Price of sheep doubles at the livestock market of Gao",
    "summary": "Herders and traders of camels and sheep blame the closed road to Niger.",
    "posted_on": "2025-09-08",
}
DRAFT = {"title": "Junta nationalises a foreign gold mine", "body": "The ore of the uranium mine at Arlit is Niger's."}
ORPHAN = """
import sys, time
from pathlib import Path
from recommender.worker.address import Address
from recommender.worker.process import start_worker
from tests.web.toy import settings_for

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    print(start_worker(settings_for(folder / "copy.db"), Address.new(folder)).pid, flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def writer(real_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """A client with a key, whose application shares one desk among the tests of this file."""
    database = Path(copy(real_archive, tmp_path_factory.mktemp("desk") / "copy.db"))
    app = make_app(settings_for(database, api_keys=(KEY,)))
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {KEY}"
    assert client.post("/api/v1/recommend", json=DRAFT).status_code == 200  # waits for the model; articles do not
    yield client
    close(app)


def test_first_article_waits_no_longer_than_an_editor(real_archive: Path, tmp_path: Path) -> None:
    """While the model is loaded the call comes back: the article is kept, and appears by itself."""
    database = Path(copy(real_archive, tmp_path / "copy.db"))
    app = make_app(settings_for(database, api_keys=(KEY,)))
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {KEY}"
    context_of(app).worker.reach("none")  # it runs, and has loaded nothing
    began = time.monotonic()
    answer = put(client, "market", MARKET)
    assert time.monotonic() - began < 5
    assert answer["indexed"] is (answer["status"] == 201)
    assert client.get("/api/v1/recommend?article_id=market").status_code == 200
    assert eventually(lambda: bool(put(client, "market", MARKET)["indexed"]))
    close(app)


def put(client: FlaskClient, article_id: str, article: dict[str, Any]) -> dict[str, Any]:
    response = client.put(f"/api/v1/articles/{article_id}", json={"url": f"{SITE}told/{article_id}"} | article)
    answer = {"status": response.status_code, **response.get_json()}
    assert answer.pop("warnings") == []
    del answer["notes"]
    return answer


def related(client: FlaskClient, article_id: str) -> list[str]:
    answer = client.get(f"/api/v1/recommend?article_id={article_id}&fallback=none&n=10")
    return [item["id"] for item in answer.get_json()["items"]]


def desks() -> list[psutil.Process]:
    """The desks that this process has started."""
    children = [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
    return [child for child in children if "multiprocessing.spawn" in " ".join(child.cmdline())]


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether it comes true within half a minute."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_published_story_enters_sidebars(writer: FlaskClient) -> None:
    assert put(writer, "market", MARKET) == {
        "status": 201,
        "id": "market",
        "outcome": "added",
        "indexed": True,
    }
    assert put(writer, "sheep", SHEEP)["status"] == 201
    assert "sheep" in related(writer, "market")
    assert "market" in related(writer, "sheep")


def test_same_again_changes_nothing(writer: FlaskClient) -> None:
    put(writer, "market", MARKET)
    before = writer.get("/readyz").get_json()["revision"]
    assert put(writer, "market", MARKET) == {
        "status": 200,
        "id": "market",
        "outcome": "unchanged",
        "indexed": True,
    }
    assert writer.get("/readyz").get_json()["revision"] == before


def test_changed_text_moves_to_others(writer: FlaskClient) -> None:
    put(
        writer,
        "mover",
        MARKET | {"title": "Camels and sheep at the livestock market of Gao", "posted_on": "2025-08-01"},
    )
    assert related(writer, "mover")[0] in ("market", "sheep")
    gold = {
        "title": "Junta defends its takeover of the gold mine of Arlit",
        "summary": "The nationalised ore of the foreign mining company belongs to Niger, the junta says.",
        "countries": ["Niger"],
        "tags": ["mining"],
        "posted_on": "2025-08-01",
        "edition": "Sahel",
    }
    assert put(writer, "mover", gold) | {"id": ""} == {
        "status": 200,
        "id": "",
        "outcome": "changed",
        "indexed": True,
    }
    assert related(writer, "mover")[0].startswith("gold-")
    assert "mover" in related(writer, "gold-1")
    assert "mover" not in related(writer, "market")


@pytest.mark.parametrize("status", ["private", "trash", "draft", "pending", "archived", "gone fishing"])
def test_story_that_is_not_public_is_gone_at_once(writer: FlaskClient, status: str) -> None:
    story = SHEEP | {"title": "Sheep at the livestock market of Gao, once more", "posted_on": "2025-07-02"}
    put(writer, "market", MARKET)
    put(writer, "once-public", story | {"status": "publish"})
    assert "once-public" in related(writer, "market")
    assert put(writer, "once-public", story | {"status": status})["status"] == 200
    assert "once-public" not in related(writer, "market")


def test_answer_says_what_was_made_of_fields(writer: FlaskClient) -> None:
    story = SHEEP | {"status": "gone", "image_url": "/sheep.jpg", "posted_on": "soon", "language": "eng"}
    assert writer.put("/api/v1/articles/noted", json=story).get_json()["notes"] == [
        "posted_on: dropped: is not a date (got 'soon')",
        "image_url: dropped: is relative; set site_url (got '/sheep.jpg')",
        "status: stored as unpublished: 'gone' is not a known word",
    ]


def test_withdrawn_story_is_gone_at_once(writer: FlaskClient) -> None:
    put(
        writer,
        "short-lived",
        SHEEP | {"title": "Sheep at the livestock market of Gao, for a day", "posted_on": "2025-07-01"},
    )
    put(writer, "market", MARKET)
    assert "short-lived" in related(writer, "market")
    assert writer.delete("/api/v1/articles/short-lived").status_code == 204
    assert "short-lived" not in related(writer, "market")
    assert writer.get("/api/v1/recommend?article_id=short-lived").status_code == 404
    assert writer.delete("/api/v1/articles/short-lived").status_code == 404


def test_import_takes_all_but_bad_lines(writer: FlaskClient) -> None:
    lines = [
        json.dumps({"id": "import-1", "url": f"{SITE}told/1"} | MARKET | {"posted_on": "2024-01-01"}),
        '{"id": "import-2"}',
        json.dumps(
            {"id": "import-3", "url": f"{SITE}told/3"}
            | SHEEP
            | {"posted_on": "2024-03-01", "summary": "Camels are dear as well."}
        ),
    ]
    response = writer.post("/api/v1/articles", data="\n".join(lines), content_type="application/x-ndjson")
    assert response.status_code == 200
    answer = response.get_json()
    problems, notes = answer.pop("problems"), answer.pop("notes")
    assert "language: recognised as en: 2 records, first body, line 1" in notes
    counts = {"added": 2, "changed": 0, "unchanged": 0, "refused": 1}
    assert answer == counts | {"indexed": True, "shared": 0, "shared_addresses": []}
    assert [problem["line"] for problem in problems] == [2]
    assert "title: is required" in problems[0]["reason"]
    assert "import-3" in related(writer, "import-1")


def test_reads_change_without_the_model(writer: FlaskClient) -> None:
    put(writer, "market", MARKET)
    answer = put(writer, "market", MARKET | {"read_count": 77})
    assert (answer["outcome"], answer["indexed"]) == ("changed", True)


def test_draft_gets_related_stories(writer: FlaskClient) -> None:
    response = writer.post("/api/v1/recommend", json=DRAFT | {"n": 2})
    answer = response.get_json()
    assert answer["article"] is None
    assert {item["id"] for item in answer["items"]} <= {"gold-1", "gold-2", "gold-3", "mover"}
    assert len(answer["items"]) == 2
    assert response.headers["Cache-Control"] == "no-store"


def ask_draft(client: FlaskClient, **fields: Any) -> dict[str, Any]:
    response = client.post("/api/v1/recommend", json=DRAFT | fields)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.get_json()
    return answer


def linking(*addresses: str) -> str:
    """An HTML text that links to some addresses."""
    return "".join(f'<p>The ore of the mine, <a href="{escape(address)}">as told</a>.</p>' for address in addresses)


def linked(client: FlaskClient, *addresses: str) -> list[str]:
    return [article["id"] for article in ask_draft(client, body=linking(*addresses))["links"]]


def test_draft_says_what_it_links_to(writer: FlaskClient) -> None:
    answer = ask_draft(writer, body=linking(f"{SITE}gold-2", f"{SITE}lone"), n=3)
    assert [article["id"] for article in answer["links"]] == ["gold-2", "lone"]
    assert answer["links"][0].keys() == Card.model_fields.keys()
    marks = {item["id"]: item["linked"] for item in answer["items"]}
    assert (marks["gold-1"], marks["gold-2"]) == (False, True)


def test_draft_without_links_has_none(writer: FlaskClient) -> None:
    answer = ask_draft(writer)
    assert (answer["links"], answer["coverage"]) == ([], [])
    assert {item["linked"] for item in answer["items"]} == {False}


@pytest.mark.parametrize("address", [f"{SITE}held", f"{SITE}unpublished", f"{SITE}no-such-story"])
def test_draft_cannot_link_to_what_is_not_shown(writer: FlaskClient, address: str) -> None:
    assert linked(writer, address) == []


def test_article_is_linked_once(writer: FlaskClient) -> None:
    variants = [f"{SITE}lone", f"{SITE}lone/", f"{SITE}lone?utm_source=mail", "http://www.example.org/sahel/lone#top"]
    assert linked(writer, *variants) == ["lone"]


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,hello",
        "mailto:desk@example.org",
        "http://[",
        "http://[::1",
        "https://example.org:port/sahel/lone",
        "https://example.org:99999999/sahel/lone",
        "//",
        "#",
        " ",
        "lone",
        "/sahel/lone",
        "https://example.org/sahel/\x00lone",
        "https://example.org/sahel/lone' OR '1'='1",
        "https://" + "x" * 5000,
    ],
)
def test_broken_links_lead_nowhere(writer: FlaskClient, address: str) -> None:
    assert linked(writer, address, f"{SITE}gold-2") == ["gold-2"]


def test_lone_surrogates_are_refused(writer: FlaskClient) -> None:
    body = '{"title": "T", "body": "<a href=\'https://example.org/\\ud800\'>x</a>"}'
    response = writer.post("/api/v1/recommend", data=body, content_type="application/json")
    assert (response.status_code, response.mimetype) == (422, "application/problem+json")


def test_first_hundred_links_of_a_draft_count(writer: FlaskClient) -> None:
    many = [f"https://a.example/{number}" for number in range(10_000)]
    many[99:101] = [f"{SITE}gold-2", f"{SITE}lone"]
    body = "".join(f"<a href={address}>" for address in many) + "<p>The ore of the mine.</p>"
    began = time.monotonic()
    answer = ask_draft(writer, body=body[:MAX_DRAFT], summary="A list.")
    assert [article["id"] for article in answer["links"]] == ["gold-2"]
    assert time.monotonic() - began < 20  # it takes less than one second where the model is loaded


def test_draft_leaves_nothing_behind(writer: FlaskClient) -> None:
    before = writer.get("/readyz").get_json()["revision"]
    writer.post("/api/v1/recommend", json=DRAFT)
    assert writer.get("/readyz").get_json()["revision"] == before
    assert writer.get("/api/v1/recommend?article_id=draft").status_code == 404


def test_too_many_drafts_are_put_off(writer: FlaskClient) -> None:
    writer.post("/api/v1/recommend", json=DRAFT)
    (desk,) = desks()

    def ask(_: int) -> Any:
        return writer.application.test_client().post("/api/v1/recommend", json=DRAFT)

    desk.suspend()  # so that no draft is done before the last one comes
    with ThreadPoolExecutor(MAX_DRAFTS + 2) as threads:
        answers = [threads.submit(ask, number) for number in range(MAX_DRAFTS + 2)]
        assert eventually(lambda: sum(answer.done() for answer in answers) == 2)
        desk.resume()
    responses = [answer.result() for answer in answers]
    assert sorted(response.status_code for response in responses) == [200] * MAX_DRAFTS + [429] * 2
    refused = next(response for response in responses if response.status_code == 429)
    assert refused.mimetype == "application/problem+json"
    assert int(refused.headers["Retry-After"]) > 0


def test_killed_desk_is_replaced(writer: FlaskClient) -> None:
    put(writer, "market", MARKET)
    (desk,) = desks()
    desk.kill()
    # While its last threads die the answer is 202, stored but not indexed; sending it again asks again.
    assert eventually(lambda: put(writer, "after-the-kill", SHEEP)["indexed"])
    assert desks() != [desk]
    assert "market" in related(writer, "after-the-kill")


def test_rollback_is_caught_up_with(writer: FlaskClient, model: SentenceTransformerEmbedder) -> None:
    """What was published while another release was live comes into the sidebars, without another call."""
    store = context_of(writer.application).store  # type: ignore[arg-type]  # it is an APIFlask
    put(writer, "market", MARKET)
    before = store.state().generation
    number = make_builder(
        store, model, model_version=ModelVersion("other/1", DEFAULT), gazetteer=Gazetteer([])
    ).build_beside()
    store.generations.activate(number, keep=True)
    assert eventually(lambda: bool(put(writer, "meanwhile", SHEEP)["indexed"]))  # once the other model is loaded
    assert store.generations.swap_back() == before
    assert eventually(lambda: "market" in related(writer, "meanwhile"))


def test_desk_ends_with_its_parent(toy_archive: Path, tmp_path: Path) -> None:
    copy(toy_archive, tmp_path / "copy.db")
    script = tmp_path / "orphan.py"
    script.write_text(ORPHAN)
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen([sys.executable, script, tmp_path], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        desk = psutil.Process(int(parent.stdout.readline()))
        assert desk.is_running()
        parent.send_signal(signal.SIGKILL)
    assert eventually(lambda: not desk.is_running() or desk.status() == psutil.STATUS_ZOMBIE)
