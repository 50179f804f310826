"""Parameters that the endpoint does not know: they empty no box, and fill no memory."""

import pytest
from flask.testing import FlaskClient

from recommender.store.base import Store
from recommender.web.api.parameters import what_counts
from tests.web.conftest import MakeClient, context_of
from tests.web.toy import YESTERDAY, story

PLAIN = "/api/v1/recommend?article_id=blockade-1"
ADDRESS = "https://example.org/sahel/blockade-1"
APPENDED = ("_=1732960000", "utm_source=mail&utm_medium=x", "fbclid=Iw1", "&")


@pytest.mark.parametrize("more", APPENDED)
def test_what_is_appended_everywhere_changes_nothing(client: FlaskClient, more: str) -> None:
    answer = client.get(f"{PLAIN}&{more}")
    assert answer.status_code == 200
    assert answer.get_json() == client.get(PLAIN).get_json()


def test_unknown_parameter_is_named_in_the_answer(client: FlaskClient) -> None:
    plain, answer = client.get(PLAIN), client.get(f"{PLAIN}&lnag=fr&zz=1")
    assert answer.get_json() == plain.get_json() | {
        "warnings": [
            "lnag is not a parameter, and was ignored; did you mean lang?",
            "zz is not a parameter, and was ignored",
        ]
    }
    assert answer.headers["ETag"] != plain.headers["ETag"]


def test_unknown_parameter_leaves_the_fragment(client: FlaskClient) -> None:
    html = {"Accept": "text/html"}
    assert client.get(f"{PLAIN}&lnag=fr", headers=html).text == client.get(PLAIN, headers=html).text != ""


def test_wrong_value_of_a_known_parameter_is_refused(client: FlaskClient) -> None:
    assert client.get(f"{PLAIN}&n=0&_=1").status_code == 422


@pytest.mark.parametrize("query", ["?_=17", "?utm_source=mail&_=17", "?utm_source=mail#top"])
@pytest.mark.parametrize("escaped", [True, False])
def test_page_is_found_whatever_its_address_carries(client: FlaskClient, query: str, escaped: bool) -> None:
    path = "/api/v1/recommend"
    question = {"url": ADDRESS + query} if escaped else f"url={ADDRESS}{query.partition('#')[0]}"
    assert client.get(path, query_string=question).get_json()["article"]["id"] == "blockade-1"


def test_appended_parameters_fill_no_memory(make_client: MakeClient) -> None:
    client = make_client()
    kept = context_of(client.application).cache._kept
    for number in range(5):
        client.get(f"{PLAIN}&_={number}&utm_campaign=c{number}&zz{number}=1")
        client.get("/api/v1/recommend", query_string={"url": f"{ADDRESS}?utm_campaign=c{number}"})
    assert len(kept) == 2


def test_known_parameters_stay_as_they_are_written() -> None:
    query = "article_id=a%2Cb&url=https%3a%2F%2Fx.example%2F%3Fp%3D1&lang=fr,en"
    assert what_counts(query) == (query, [])


def test_cache_buster_is_told_from_the_query_of_an_address(make_client: MakeClient, other_worker: Store) -> None:
    address = "https://example.org/story.php?id=7"
    other_worker.articles.upsert([story("seven", "A headline", "Text.", YESTERDAY, url=address)])
    answer = make_client().get("/api/v1/recommend", query_string={"url": f"{address}&_=1732960000"})
    assert answer.get_json()["article"]["id"] == "seven"


def test_cache_buster_leads_to_nothing_beside_an_article_under_hold(
    make_client: MakeClient, other_worker: Store
) -> None:
    address = "https://example.org/story.php?id=8"
    other_worker.articles.upsert([story("eight", "A headline", "Text.", YESTERDAY, url=address, flags=("legal_hold",))])
    question = {"url": f"{address}&_=17", "fallback": "latest"}
    assert make_client().get("/api/v1/recommend", query_string=question).status_code == 404
