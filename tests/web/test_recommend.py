"""GET /api/v1/recommend as a website uses it: what is in the answer, and what each parameter does."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient

from recommender.settings import Settings
from tests.web.conftest import MakeClient, Publish
from tests.web.toy import YESTERDAY, story

URL = "/api/v1/recommend"
PARTS = ("dense", "lexical", "themes", "names", "topics", "tags", "places", "nearness")
LADDER = ["fallback_edition_read", "fallback_edition_read", "fallback_edition_latest"]


def answer(client: FlaskClient, article_id: str, **wishes: object) -> dict[str, Any]:
    response = client.get(URL, query_string={"article_id": article_id, **wishes})
    assert response.status_code == 200, response.text
    document: dict[str, Any] = response.get_json()
    return document


def ids(client: FlaskClient, article_id: str, **wishes: object) -> list[str]:
    return [item["id"] for item in answer(client, article_id, **wishes)["items"]]


def test_answer_has_every_field(client: FlaskClient) -> None:
    document = answer(client, "blockade-1", n=1)
    request_id = document.pop("request_id")
    score = document["items"][0].pop("score")
    assert document == {
        "article": {
            "id": "blockade-1",
            "url": "https://example.org/sahel/blockade-1",
            "title": "Fighters blockade fuel convoys near Bamako",
            "language": "en",
        },
        "language": "en",
        "heading": "More on the Sahel",
        "heading_language": "en",
        "fallback_heading": None,
        "items": [
            {
                "id": "blockade-3",
                "url": "https://example.org/sahel/blockade-3",
                "title": "Army escorts fuel convoys through the jihadist blockade",
                "summary": "Soldiers open the road to Bamako for a hundred tankers.",
                "posted_on": "2025-10-01T00:00:00Z",
                "read_count": 300,
                "edition": "Sahel",
                "language": "en",
                "image_url": None,
                "source": "related",
                "role": "latest",
                "in_language": None,
                "reason": "Also about jihadist groups",
                "date_text": "1 October 2025",
                "reads_text": "300 reads",
            }
        ],
        "model": "toy@1/passages180-mean",
        "generation": 1,
    }
    assert Settings().min_score < score < 1
    assert len(request_id) == 16


def test_reason_follows_the_articles_language(client: FlaskClient) -> None:
    reasons = {item["language"]: item["reason"] for item in answer(client, "fr-1", n=6, lang="any")["items"]}
    assert reasons["fr"] == "Également : Mali"
    assert reasons["en"].startswith("Également : ")


def test_nothing_in_common_is_no_reason(client: FlaskClient) -> None:
    items = answer(client, "blockade-1", min_score=0, n=50, fallback="none")["items"]
    assert {item["id"]: item["reason"] for item in items}["lone"] is None


@pytest.mark.parametrize(
    ("source", "teaser", "role"),
    [
        ("blockade-1", "blockade-4", "latest"),
        ("blockade-4", "blockade-1", "background"),
        ("blockade-1", "lone", "angle"),
        ("blockade-1", "recent-new", None),
    ],
)
def test_role_says_why_to_read_on(client: FlaskClient, source: str, teaser: str, role: str | None) -> None:
    items = answer(client, source, min_score=0, n=50, fallback="none")["items"]
    assert {item["id"]: item["role"] for item in items}[teaser] == role


def test_fallbacks_have_no_role(client: FlaskClient) -> None:
    assert {item["role"] for item in answer(client, "lone")["items"]} == {None}


def test_site_may_do_without_roles(make_client: MakeClient) -> None:
    items = answer(make_client(roles=()), "blockade-1")["items"]
    assert [item["role"] for item in items] == [None] * 3


def test_site_may_choose_its_roles(make_client: MakeClient) -> None:
    items = answer(make_client(roles=("background",)), "blockade-4", n=4, fallback="none")["items"]
    assert {item["role"] for item in items} == {"background", None}


def test_equal_answers_have_one_request_id(client: FlaskClient) -> None:
    first = answer(client, "blockade-1", n=1, lang="same")
    assert answer(client, "blockade-1", n=1)["request_id"] == first["request_id"]
    assert answer(client, "blockade-1", n=2)["request_id"] != first["request_id"]


def test_three_teasers_unless_asked(client: FlaskClient) -> None:
    shown = ids(client, "blockade-1")
    assert shown[0] == "blockade-3"
    assert len(shown) == len(set(shown) & {"blockade-2", "blockade-3", "blockade-4", "blockade-maghreb"}) == 3


@pytest.mark.parametrize("n", [1, 2, 5])
def test_n_teasers_when_asked(client: FlaskClient, n: int) -> None:
    assert len(ids(client, "blockade-1", n=n)) == n


def test_excluded_stories_do_not_appear(client: FlaskClient) -> None:
    assert ids(client, "blockade-1", exclude="blockade-3, blockade-4,no-such", n=2) == [
        "blockade-maghreb",
        "blockade-2",
    ]


def test_id_with_a_comma_is_excluded(make_client: MakeClient, publish: Publish) -> None:
    publish(
        story("recent,again", "Newest of all", "News.", YESTERDAY + timedelta(hours=1), edition="Alone", reads=10**6)
    )
    client = make_client()
    (shown,) = ids(client, "lone", n=1, lang="any", edition="Alone")
    assert shown == "recent,again"
    assert "recent,again" not in ids(client, "lone", n=1, lang="any", edition="Alone", exclude=r"a, recent\,again")


def test_excluded_stories_are_no_fallbacks(client: FlaskClient) -> None:
    assert ids(client, "lone", exclude="recent-read", n=1) == ["recent-new"]


def test_edition_limits_related_and_fallbacks(client: FlaskClient) -> None:
    assert ids(client, "blockade-1", edition="maghreb", n=3) == ["blockade-maghreb"]


def test_several_editions_are_allowed(client: FlaskClient) -> None:
    items = answer(client, "blockade-1", edition="Maghreb,Sahel", n=4, fallback="none")["items"]
    assert {item["edition"] for item in items} == {"Maghreb", "Sahel"}


def test_related_stories_of_other_languages_are_marked(client: FlaskClient) -> None:
    """Before any fallback, and after what is as good in the article's own language."""
    items = answer(client, "fr-1")["items"]
    assert {item["source"] for item in items} == {"related"}
    assert [item["in_language"] for item in items] == [None, "en anglais", "en anglais"]
    assert items[0]["id"] == "fr-2"


def test_one_language_can_be_asked_for(client: FlaskClient) -> None:
    assert ids(client, "fr-1", lang="fr") == ["fr-2"]


@pytest.mark.parametrize("lang", ["FR", "fra", "fre", "fr-BF", "fr_FR", "French", "fra, fr"])
def test_languages_are_asked_for_in_any_form(client: FlaskClient, lang: str) -> None:
    assert ids(client, "fr-1", lang=lang) == ["fr-2"]


@pytest.mark.parametrize("lang", ["12", "french1", "fr,,en", "not a language"])
def test_bad_codes_of_languages_are_told(client: FlaskClient, lang: str) -> None:
    response = client.get("/api/v1/recommend", query_string={"article_id": "fr-1", "lang": lang})
    assert response.status_code == 422
    assert "is not a language; give a code such as fr" in response.text


def test_site_may_want_no_other_language(make_client: MakeClient) -> None:
    strict = make_client(other_languages=False)
    assert ids(strict, "fr-1") == ["fr-2"]
    assert {item["language"] for item in answer(strict, "blockade-1", n=50)["items"]} == {"en"}


def test_any_language_mixes_languages(client: FlaskClient) -> None:
    languages = {item["language"] for item in answer(client, "fr-1", lang="any", n=6)["items"]}
    assert languages == {"en", "fr"}


def test_language_codes_choose_languages(client: FlaskClient) -> None:
    items = answer(client, "blockade-1", lang="FR", n=5)["items"]
    assert {item["id"] for item in items} == {"fr-1", "fr-2"}


def test_since_and_until_include_their_moment(client: FlaskClient) -> None:
    teasers = ids(client, "blockade-1", since="2025-09-20", until="2025-10-01T00:00:00Z", n=9)
    assert sorted(teasers) == ["blockade-2", "blockade-3"]


def test_dates_may_carry_an_offset(client: FlaskClient) -> None:
    assert "blockade-3" not in ids(client, "blockade-1", since="2025-10-01T00:00:00-01:00", n=9)


def test_min_score_leaves_weak_stories_out(client: FlaskClient) -> None:
    scores = {item["id"]: item["score"] for item in answer(client, "blockade-1", n=9, fallback="none")["items"]}
    least = sorted(scores.values())[1]
    strong = ids(client, "blockade-1", n=9, min_score=least, fallback="none")
    assert set(strong) == {key for key, score in scores.items() if score >= least}
    assert len(strong) == len(scores) - 1


def test_min_score_of_one_relates_nothing(client: FlaskClient) -> None:
    assert ids(client, "blockade-1", min_score=1, fallback="none") == []


def test_diversity_keeps_the_best_first(client: FlaskClient) -> None:
    plain = ids(client, "blockade-1", diversity=0, n=4, fallback="none", lang="en")
    diverse = ids(client, "blockade-1", diversity=1, n=4, fallback="none", lang="en")
    assert diverse[0] == plain[0]
    assert sorted(diverse) == sorted(plain)


def test_ladder_fills_and_labels_places(client: FlaskClient) -> None:
    items = answer(client, "lone")["items"]
    assert [(item["id"], item["source"]) for item in items] == list(
        zip(["recent-read", "recent-new", "gold-3"], LADDER, strict=True)
    )


def test_latest_leaves_the_most_read_out(client: FlaskClient) -> None:
    items = answer(client, "lone", fallback="latest")["items"]
    assert [item["id"] for item in items] == ["recent-new", "recent-read", "gold-3"]
    assert {item["source"] for item in items} == {"fallback_edition_latest"}


def test_last_rung_is_any_edition(client: FlaskClient) -> None:
    items = answer(client, "blockade-maghreb", n=6, lang="en")["items"]
    assert [item["source"] for item in items[4:]] == ["fallback_any_latest", "fallback_any_latest"]


def test_no_fallback_leaves_places_empty(client: FlaskClient) -> None:
    assert ids(client, "lone", fallback="none") == []


def test_fallbacks_claim_no_relation(client: FlaskClient) -> None:
    items = answer(client, "lone")["items"]
    assert [(item["score"], item["reason"]) for item in items] == [(0.0, None)] * 3


def test_unknown_article_gets_latest_on_request(client: FlaskClient) -> None:
    document = answer(client, "no-such-story", fallback="latest")
    assert document["article"] is None
    assert [item["id"] for item in document["items"]] == ["recent-new", "recent-read", "gold-3"]


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/sahel/blockade-1",
        "http://example.org/sahel/blockade-1",
        "https://www.example.org/sahel/blockade-1",
        "https://EXAMPLE.org/sahel/blockade-1/",
        "https://example.org/sahel/blockade-1?utm_source=mail&utm_campaign=autumn",
        "https://example.org/sahel/blockade-1#comments",
    ],
)
def test_address_variants_find_one_article(client: FlaskClient, url: str) -> None:
    response = client.get(URL, query_string={"url": url})
    assert response.get_json()["article"]["id"] == "blockade-1"


def test_unknown_address_is_no_article(client: FlaskClient) -> None:
    assert client.get(URL, query_string={"url": "https://example.org/sahel/blockade"}).status_code == 404


def test_pages_told_apart_by_their_query_have_their_own_sidebars(make_client: MakeClient, publish: Publish) -> None:
    """Also in the answers that are kept, and with whatever a newsletter appends."""
    publish(
        story("p-7", "Rain floods the market of Gao", "Traders move.", "2025-10-01", url="https://a.example/?p=7"),
        story("p-8", "Teachers strike in Kayes", "Schools close.", "2025-10-02", url="https://a.example/?p=8"),
    )
    client = make_client()
    teasers = [
        client.get(URL, query_string={"url": f"https://a.example/{query}"}).get_json()["article"]["id"]
        for query in ("?p=7", "?p=8", "?p=7", "?utm_source=mail&p=8", "?p=7&fbclid=x#top")
    ]
    assert teasers == ["p-7", "p-8", "p-7", "p-8", "p-7"]
    assert client.get(URL, query_string={"url": "https://a.example/?p=9"}).status_code == 404


def test_shared_address_is_not_found(make_client: MakeClient, publish: Publish) -> None:
    publish(
        story("gao-1", "Rain floods the market of Gao", "Traders move.", "2025-10-01", url="https://a.example/gao"),
        story("gao-2", "Gao after the rain", "Traders return.", "2025-10-02", url="https://a.example/gao/"),
    )
    client = make_client()
    assert client.get(URL, query_string={"url": "https://a.example/gao"}).status_code == 404
    assert answer(client, "gao-1")["article"]["id"] == "gao-1"


def test_parts_add_up_exactly(client: FlaskClient) -> None:
    items = answer(client, "blockade-1", explain="true", n=4)["items"]
    assert [sum(Decimal(str(part)) for part in item["parts"].values()) for item in items] == [
        Decimal(str(item["score"])) for item in items
    ]
    assert all(tuple(item["parts"]) == PARTS for item in items)


def test_fallbacks_explain_nothing(client: FlaskClient) -> None:
    item = answer(client, "lone", explain="true", n=1)["items"][0]
    assert (item["parts"], item["sentences"]) == ({}, None)


def test_explain_names_what_is_shared(client: FlaskClient) -> None:
    item = answer(client, "blockade-1", explain="true", n=1)["items"][0]
    assert item["shared"] == {"countries": ["Mali"], "tags": ["blockade"], "names": ["jihadist groups"]}


def test_shared_names_follow_the_articles_language(make_client: MakeClient, publish: Publish) -> None:
    title, summary = "Le Niger reprend la mine d'Arlit", "La junte nationalise la mine d'uranium et d'or."
    publish(story("fr-gold", title, summary, "2025-06-25", language="fr", countries=("Niger",), tags=("mining",)))
    items = answer(make_client(), "fr-gold", explain="true", lang="any", fallback="none")["items"]
    names = {item["id"]: item["shared"]["names"] for item in items}
    assert "régimes militaires" in names["gold-2"]
    assert "military rule" not in names["gold-2"]


def test_explain_quotes_the_closest_sentences(client: FlaskClient) -> None:
    item = answer(client, "blockade-1", explain="true", n=1)["items"][0]
    assert item["sentences"] == {
        "source": "Tankers burn on the road as jihadist fighters blockade the Malian capital.",
        "teaser": "Army escorts fuel convoys through the jihadist blockade",
    }


def test_nothing_in_common_quotes_nothing(client: FlaskClient) -> None:
    items = answer(client, "blockade-1", explain="true", min_score=0, n=50, fallback="none")["items"]
    assert {item["id"]: item["sentences"] for item in items}["recent-read"] is None


def test_explanations_are_given_on_request_only(client: FlaskClient) -> None:
    assert {"parts", "shared", "sentences"}.isdisjoint(answer(client, "blockade-1", n=1)["items"][0])


def test_best_score_comes_first(client: FlaskClient) -> None:
    scores = [item["score"] for item in answer(client, "blockade-1", n=4, fallback="none")["items"]]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 4


def test_head_gives_headers_alone(client: FlaskClient) -> None:
    got = client.get(URL, query_string={"article_id": "blockade-1"})
    head = client.head(URL, query_string={"article_id": "blockade-1"})
    assert (head.status_code, head.data) == (200, b"")
    assert (head.headers["ETag"], head.headers["Content-Length"]) == (got.headers["ETag"], str(len(got.data)))
