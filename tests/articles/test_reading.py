"""Records of other systems: what cannot be read costs the field, and is said."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from recommender.articles.article import FLAGS, Article
from recommender.articles.reading import (
    DRAFTS,
    NOT_PUBLIC,
    PUBLISHED,
    SCHEDULED,
    Conventions,
    Reading,
    read_article,
)
from recommender.errors import InvalidArticle
from tests.articles.test_article import records

RECORD = {"id": "a", "title": "Rain", "body": "It rains."}
SITE = Conventions(site_url="https://journal.example/fr/")


def read(conventions: Conventions = SITE, **fields: Any) -> Reading:
    return read_article(RECORD | fields, conventions)


def kinds(reading: Reading) -> list[str]:
    return [f"{remark.field}: {remark.kind}" for remark in reading.remarks if "not given" not in remark.kind]


@given(records)
def test_records_are_read_or_refused(record: dict[str, object]) -> None:
    try:
        article = read_article(record, SITE).article
    except InvalidArticle:
        return
    assert article.id
    assert article.title


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        ("/img/a.jpg", "https://journal.example/img/a.jpg"),
        ("img/a.jpg", "https://journal.example/fr/img/a.jpg"),
        ("//cdn.example/a.jpg", "https://cdn.example/a.jpg"),
        ("https://cdn.example/Île 1.jpg", "https://cdn.example/Île%201.jpg"),
        ("https://cdn.example/a%20b.jpg?x=1&y=2", "https://cdn.example/a%20b.jpg?x=1&y=2"),
        ({"src": "https://cdn.example/a.jpg"}, "https://cdn.example/a.jpg"),
        (["https://cdn.example/a.jpg"], "https://cdn.example/a.jpg"),
    ],
)
def test_addresses_become_absolute(raw: object, address: str) -> None:
    assert read(image_url=raw).article.image_url == address


def test_further_addresses_become_absolute_too() -> None:
    assert read(aliases=["/old/rain", "https://b.example/1"]).article.aliases == (
        "https://journal.example/old/rain",
        "https://b.example/1",
    )
    assert kinds(read(Conventions(), aliases=["/old/rain"])) == ["aliases: dropped: is relative; set site_url"]


@pytest.mark.parametrize(
    ("field", "raw", "kind"),
    [
        ("image_url", "data:image/png;base64,AAAA", "image_url: dropped: holds the image itself, not its address"),
        ("url", "javascript:alert(1)", "url: dropped: is not an http or https address"),
        ("url", "https://me:secret@journal.example/", "url: dropped: holds a user name or password"),
        ("url", 7, "url: dropped: is not an address"),
        ("posted_on", "soon", "posted_on: dropped: is not a date"),
        ("posted_on", "03/04/2024", "posted_on: dropped: can be read in two ways; set date_order"),
        ("posted_on", "0000-00-00", "posted_on: stands for no date"),
        ("read_count", "many", "read_count: dropped: is not a whole number"),
        ("language", "12", "language: dropped: is not a language"),
        ("tags", [3, 5], "tags: dropped: are numbers of labels, not their names"),
        ("summary", "x" * 3_000, "summary: dropped: is longer than 2000 characters"),
    ],
)
def test_bad_field_costs_itself(field: str, raw: object, kind: str) -> None:
    reading = read(**{field: raw})
    assert kinds(reading) == [kind]
    assert getattr(reading.article, field) == getattr(Article(id="", title=""), field)


def test_relative_address_needs_the_site() -> None:
    reading = read(Conventions(), url="/rain")
    assert (reading.article.url, kinds(reading)) == (None, ["url: dropped: is relative; set site_url"])


def test_unknown_status_is_never_public() -> None:
    reading = read(status="gone")
    assert reading.article.status == "unpublished"
    assert kinds(reading) == ["status: stored as unpublished: 'gone' is not a known word"]


@pytest.mark.parametrize("raw", [["x"], {"a": 1}, 2.5, 7])
def test_status_of_no_kind_is_never_public(raw: object) -> None:
    assert read(status=raw).article.status == "unpublished"


def test_misspelt_flag_refuses_the_article() -> None:
    """It may be the one that holds an article back."""
    with pytest.raises(InvalidArticle, match="unknown flag 'legal_hol'"):
        read(flags=["legal_hol"])
    assert read(flags=list(FLAGS)).article.flags == FLAGS


@pytest.mark.parametrize(
    "fields", [{"tags": ["lamps", "Sponsored"]}, {"edition": "Publireportage"}, {"tags": "advertorial"}]
)
def test_sponsored_by_its_labels_is_sponsored(fields: dict[str, object]) -> None:
    reading = read(**fields)
    assert reading.article.flags == ("sponsored",)
    assert kinds(reading) == ["flags: sponsored added: a tag or the edition says so"]


def test_sponsored_by_flag_is_so_once() -> None:
    assert read(flags=["sponsored"], tags=["sponsored"]).article.flags == ("sponsored",)
    assert read(tags=["sponsor"]).article.flags == ()


def test_headline_alone_is_an_article() -> None:
    assert read_article({"id": "a", "title": "Rain"}, SITE).article.body == ""
    assert read(body='<img src="/rain.jpg">').article.body == ""


@pytest.mark.parametrize(
    ("body", "title"),
    [
        ("word " * 30, " ".join(["word"] * 14) + "…"),
        ("<p>Rain fell on Gao. It is the first this year.</p>", "Rain fell on Gao."),
        ("The river rose by 1.5 m! Boats wait.", "The river rose by 1.5 m!"),
        ("هل تعود الأمطار؟ ينتظر الرعاة.", "هل تعود الأمطار؟"),
        ("尼日尔下雨了。学校停课。", "尼日尔下雨了。"),
    ],
)
def test_first_sentence_stands_for_a_title(body: str, title: str) -> None:
    reading = read_article({"id": "a", "body": body}, SITE)
    assert reading.article.title == title
    assert kinds(reading) == ["title: is missing; the first sentence of the text stands for it"]


def test_record_without_text_is_refused() -> None:
    with pytest.raises(InvalidArticle, match="title: is required, as summary and body are empty as well"):
        read_article({"id": "a", "body": []}, SITE)


def test_lists_of_texts_are_joined() -> None:
    article = read(body=["It rains.", "It pours."], author=["A. Writer", "B. Writer"]).article
    assert (article.body, article.author) == ("It rains.\n\nIt pours.", "A. Writer, B. Writer")


def test_labels_may_be_objects() -> None:
    assert read(tags=[{"id": 1, "name": "rain"}, "Niger"]).article.tags == ("rain", "Niger")


def test_recognised_language_is_said() -> None:
    site = Conventions(recognise=lambda text: "fr" if "pluie" in text else None)
    assert read(site, body="La pluie.").article.language == "fr"
    assert str(read(site, body="La pluie.").remarks[0]) == "language: recognised as fr"
    unclear = read(site)
    assert (unclear.article.language, unclear.remarks[0].kind) == (
        "en",
        "not given, and not clear from the text; taken for en",
    )


PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "archive.md").read_text(encoding="utf-8")


def table(heading: str) -> dict[str, list[str]]:
    """Of a section's table in the docs: what stands in code in the second column, by the first."""
    rows = re.findall(
        r"^\| (.+?) \| (.+) \|$", PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0], re.MULTILINE
    )
    return {first: re.findall(r"`([^`]+)`", second) for first, second in rows}


def test_docs_show_every_word_for_a_status() -> None:
    shown = table("Statuses")
    published, scheduled, draft = (
        shown[name] for name in ("`published`", "`published`, and shown from its date on", "`draft`")
    )
    assert {*published} == PUBLISHED
    assert {*scheduled} == SCHEDULED | {"draft"}  # where the date cannot be read
    assert {*draft} == DRAFTS - {"needs_review"}
    assert {*shown["`unpublished`"]} <= NOT_PUBLIC
    for status, words in (("published", published), ("draft", draft), ("unpublished", shown["`unpublished`"])):
        assert {read(status=word).article.status for word in words} == {status}


def test_docs_show_dates_that_are_read() -> None:
    shown = table("Dates")
    none = shown.pop("none")
    dates = [text.strip('"') for texts in shown.values() for text in texts if text != "date_order"]
    site = Conventions(date_order="dmy")
    posted = {text: read(site, posted_on=text.replace("…", "2024-09-17T08:30:00")).article.posted_on for text in dates}
    assert [text for text, moment in posted.items() if moment is None or moment.year != 2024] == []
    assert {read(posted_on=text).article.posted_on for text in none} == {None}


def test_strict_records_read_the_same() -> None:
    """What was valid before is stored as before."""
    article = read(
        url="https://journal.example/a",
        posted_on="2024-09-17T08:30:00+02:00",
        language="en_GB",
        tags="rain; Niger",
        status="draft",
        read_count="7",
    ).article
    assert article == Article(
        id="a",
        title="Rain",
        body="It rains.",
        url="https://journal.example/a",
        posted_on=datetime(2024, 9, 17, 6, 30, tzinfo=UTC),
        tags=("rain", "Niger"),
        status="draft",
        read_count=7,
    )
