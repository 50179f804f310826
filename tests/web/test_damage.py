"""A service whose SQLite file comes to harm while it serves: 503 with a problem, and not ready."""

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from recommender.web.api.problems import NO_DATABASE, PROBLEM_JSON
from recommender.web.app import make_app
from tests.damage import HARMS, Harm, overwrite_page, pages_of_tables
from tests.web.conftest import close
from tests.web.served import serving
from tests.web.toy import settings_for


def article_table(file: Path) -> None:
    overwrite_page(file, pages_of_tables(file)["article"])


PATHS = ("/readyz", "/", "/articles/blockade-1", "/api/v1/recommend?article_id=blockade-1", "/api/v1/recommend?url=x")
WHILE_OPEN: dict[str, Harm] = {
    "header": HARMS["header"],
    "truncated": HARMS["truncated"],
    "article_table": article_table,
}


@pytest.mark.parametrize("name", WHILE_OPEN)
def test_harm_makes_the_service_unready(database: Path, name: str) -> None:
    """A process that was started on a whole file."""
    app = make_app(settings_for(database))
    client = app.test_client()
    assert client.get("/readyz").status_code == 200
    WHILE_OPEN[name](database)
    response = client.get("/readyz")
    assert (response.status_code, response.mimetype) == (503, PROBLEM_JSON)
    assert response.get_json()["detail"] == NO_DATABASE
    close(app)


@pytest.mark.parametrize("name", WHILE_OPEN)
def test_no_page_is_an_internal_error(database: Path, name: str) -> None:
    """Some pages may be answered from what is in memory."""
    app = make_app(settings_for(database))
    client = app.test_client()
    WHILE_OPEN[name](database)
    answers = {path: client.get(path).status_code for path in PATHS}
    assert set(answers.values()) <= {200, 404, 503}
    assert answers["/readyz"] == 503
    close(app)


def test_strangers_do_not_learn_where_the_database_is(database: Path) -> None:
    app = make_app(settings_for(database))
    database.unlink()
    database.mkdir()
    text = app.test_client().get("/readyz").text
    assert "unable to open" not in text
    assert str(database) not in text
    close(app)


def test_served_instance_is_unready(toy_archive: Path, tmp_path: Path) -> None:
    file = tmp_path / "served.db"
    file.write_bytes(toy_archive.read_bytes())
    with serving(file) as served:
        assert served.status("/readyz") == 200
        article_table(file)  # not the header: what a service has written lies in the log, with a header of its own
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{served.url}/readyz", timeout=30)
        with caught.value as answer:
            assert (answer.code, answer.headers["Content-Type"]) == (503, PROBLEM_JSON)
            assert json.load(answer)["detail"] == NO_DATABASE
