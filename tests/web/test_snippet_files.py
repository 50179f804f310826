"""The script and the style of the box as they are sent: small, under an address that never changes, and pinnable."""

import gzip
import re

import pytest
from flask.testing import FlaskClient

from recommender.web.snippet import SCRIPT, STYLE, VERSION, snippet_file
from tests.web.served import ROOT

NEWEST = f"/static/{SCRIPT}"
MAX_BYTES = 4096  # on the wire
PAGE = (ROOT / "docs" / "reference" / "snippet.md").read_text(encoding="utf-8")


def versioned(name: str) -> str:
    return f"/static/{VERSION}/{name}"


def test_script_is_small_on_the_wire(client: FlaskClient) -> None:
    response = client.get(versioned(SCRIPT), headers={"Accept-Encoding": "gzip, br"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert len(response.data) == int(response.headers["Content-Length"]) <= MAX_BYTES
    assert gzip.decompress(response.data) == snippet_file(SCRIPT).body


@pytest.mark.parametrize("encodings", ["", "identity", "gzip;q=0"])
def test_who_takes_no_gzip_gets_none(client: FlaskClient, encodings: str) -> None:
    response = client.get(versioned(SCRIPT), headers={"Accept-Encoding": encodings})
    assert "Content-Encoding" not in response.headers
    assert response.data == snippet_file(SCRIPT).body


@pytest.mark.parametrize("name", [SCRIPT, STYLE])
def test_version_is_kept_for_a_year_and_the_newest_for_an_hour(client: FlaskClient, name: str) -> None:
    assert client.get(versioned(name)).headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert client.get(f"/static/{name}").headers["Cache-Control"] == "public, max-age=3600"


def test_version_that_is_not_there_is_not_found(client: FlaskClient) -> None:
    for path in (f"/static/{VERSION + 1}/{SCRIPT}", f"/static/{VERSION}/site.css"):
        assert client.get(path).status_code == 404


def test_unchanged_file_is_not_sent_again(client: FlaskClient) -> None:
    first = client.get(NEWEST)
    again = client.get(NEWEST, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_pages_of_other_sites_may_check_it(client: FlaskClient) -> None:
    """Without this header a browser refuses a script with an integrity line."""
    assert client.get(versioned(SCRIPT)).headers["Access-Control-Allow-Origin"] == "*"


def test_integrity_line_of_the_docs_fits() -> None:
    (line,) = re.findall(r"<script .*integrity=.*", PAGE)
    assert f'integrity="{snippet_file(SCRIPT).integrity}"' in line
    assert f'{versioned(SCRIPT)}"' in line
    assert " crossorigin " in line
    assert " async" in line


@pytest.mark.parametrize("name", [SCRIPT, STYLE])
def test_only_comments_and_indents_are_left_out(name: str) -> None:
    source = (ROOT / "recommender" / "web" / "static" / name).read_text(encoding="utf-8")
    lines = snippet_file(name).body.decode().splitlines()
    assert all(line in source for line in lines)
    assert not any("/*" in line for line in lines)
