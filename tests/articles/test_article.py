"""What a valid record looks like, and what the answer to an invalid one says."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.articles.article import (
    FLAGS,
    MAX_BODY,
    MAX_ID,
    MAX_LABELS,
    MAX_LINE,
    MAX_READS,
    STATUSES,
    Article,
    parse_article,
)
from recommender.errors import InvalidArticle

RECORD = {"id": "a1", "title": "Junta revokes accord", "body": "The junta has revoked the accord."}
FIELDS = tuple(Article.__dataclass_fields__)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
strange_texts = st.sampled_from(
    ["<![if x]>", "<!", "&#0;", "&#x110000;", "\ud800", "http://[::1", "http://a:b/", "0001-01-01T00:00+14:00", "\0"]
)
records = st.dictionaries(st.sampled_from(FIELDS), json_values | strange_texts)


def problem(field: str, value: object) -> str:
    """What is said of one wrong field of an otherwise valid record."""
    with pytest.raises(InvalidArticle) as caught:
        parse_article(RECORD | {field: value})
    (refusal,) = caught.value.problems
    assert refusal.field == field
    return refusal.problem


def parsed(record: dict[str, object]) -> Article | None:
    """The article of a record, or None for a refused one; every other exception passes."""
    try:
        return parse_article(record)
    except InvalidArticle:
        return None


@given(records)
def test_records_are_articles_or_refused(record: dict[str, object]) -> None:
    article = parsed(record)
    assert article is None or (article.id and article.title and (article.body or article.summary))


@given(records.filter(lambda record: parsed(record) is None))
def test_refusals_name_known_fields(record: dict[str, object]) -> None:
    with pytest.raises(InvalidArticle) as caught:
        parse_article(record)
    named = [problem.field for problem in caught.value.problems]
    assert named
    assert set(named) <= set(FIELDS)


plain = st.text(st.characters(exclude_characters="<&,;|"), max_size=40)


@given(
    st.fixed_dictionaries(
        {"id": st.just("a"), "title": st.just("t"), "body": st.just("b"), "summary": plain, "author": plain},
        optional={"tags": st.lists(plain, max_size=4), "posted_on": st.datetimes(), "read_count": st.integers(0, 99)},
    )
)
def test_stored_form_parses_to_itself(record: dict[str, object]) -> None:
    article = parse_article(record)
    assert parse_article({name: getattr(article, name) for name in FIELDS}) == article


def test_defaults_fill_missing_fields() -> None:
    article = parse_article({"id": "a1", "title": "T", "summary": "S"})
    assert article == Article(id="a1", title="T", summary="S", body="", language="en", status="published")


def test_unknown_keys_are_ignored() -> None:
    assert parse_article(RECORD | {"mood": "grim"}) == parse_article(RECORD)


@pytest.mark.parametrize("field", ["id", "title"])
@pytest.mark.parametrize("value", ["", "  ", None, "<p></p>"])
def test_required_fields_are_asked_for(field: str, value: str | None) -> None:
    if (field, value) == ("id", "<p></p>"):
        assert parse_article(RECORD | {field: value}).id == value  # an id is not HTML
    else:
        assert problem(field, value) == "is required"


def test_every_wrong_field_is_named() -> None:
    with pytest.raises(InvalidArticle) as caught:
        parse_article({"title": ["x"], "url": "ftp://a", "posted_on": "soon", "read_count": -1})
    assert [problem.field for problem in caught.value.problems] == [
        "title",
        "url",
        "posted_on",
        "read_count",
        "id",
        "body",
    ]


def test_message_holds_value_and_advice() -> None:
    with pytest.raises(InvalidArticle, match=r"posted_on: is not a date \(got 'soon'\); use ISO 8601"):
        parse_article(RECORD | {"posted_on": "soon"})


def test_long_values_are_cut_in_messages() -> None:
    with pytest.raises(InvalidArticle) as caught:
        parse_article(RECORD | {"posted_on": "x" * 500})
    assert len(caught.value.problems[0].value) == 80


def test_text_or_summary_is_required() -> None:
    with pytest.raises(InvalidArticle, match="body or summary is required"):
        parse_article({"id": "a", "title": "t", "body": "<script>x</script>"})


@pytest.mark.parametrize(("field", "longest"), [("id", MAX_ID), ("title", MAX_LINE), ("author", MAX_LINE)])
def test_lengths_are_limited(field: str, longest: int) -> None:
    assert getattr(parse_article(RECORD | {field: "x" * longest}), field) == "x" * longest
    assert "is longer than" in problem(field, "x" * (longest + 1))


def test_bodies_are_limited() -> None:
    assert "is longer than 1,000,000" in problem("body", "x" * (MAX_BODY + 1))


def test_labels_are_limited() -> None:
    assert problem("tags", [str(number) for number in range(MAX_LABELS + 1)]) == "has more than 100 entries"


def test_control_characters_in_ids_refused() -> None:
    assert problem("id", "a\x07b") == "contains control characters"


def test_lone_surrogates_become_question_marks() -> None:
    title = parse_article(RECORD | {"title": "Mali \ud800"}).title
    assert title == "Mali ?"
    assert title.encode()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-09-17", datetime(2024, 9, 17, tzinfo=UTC)),
        ("2024-09-17T08:30:00", datetime(2024, 9, 17, 8, 30, tzinfo=UTC)),
        ("2024-09-17T08:30:00+02:00", datetime(2024, 9, 17, 6, 30, tzinfo=UTC)),
        ("2024-09-17T08:30:00Z", datetime(2024, 9, 17, 8, 30, tzinfo=UTC)),
        (datetime(2024, 9, 17, 8, 30, 1, 999, tzinfo=UTC), datetime(2024, 9, 17, 8, 30, 1, tzinfo=UTC)),
    ],
)
def test_dates_become_utc_seconds(value: object, expected: datetime) -> None:
    posted = parse_article(RECORD | {"posted_on": value}).posted_on
    assert posted == expected
    assert posted.utcoffset() == timedelta(0)


def test_dates_outside_calendar_refused() -> None:
    assert problem("posted_on", "0001-01-01T00:00:00+14:00") == "is not a date this calendar holds"


@pytest.mark.parametrize(("value", "count"), [(7, 7), ("7", 7), (7.0, 7), (MAX_READS, MAX_READS)])
def test_whole_read_counts_accepted(value: object, count: int) -> None:
    assert parse_article(RECORD | {"read_count": value}).read_count == count


@pytest.mark.parametrize("value", [-1, 1.5, "many", True, MAX_READS + 1, float("inf"), float("nan")])
def test_other_read_counts_refused(value: object) -> None:
    assert problem("read_count", value) in {
        "is not text",
        "is not a whole number",
        "is not a whole number from 0 on",
    }


@pytest.mark.parametrize(("value", "code"), [("FR", "fr"), ("en_GB", "en"), ("pt-BR", "pt"), ("haw", "haw")])
def test_languages_become_primary_codes(value: str, code: str) -> None:
    assert parse_article(RECORD | {"language": value}).language == code


@pytest.mark.parametrize("value", ["f", "french", "12", "日本"])
def test_other_languages_refused(value: str) -> None:
    assert problem("language", value) == "is not a language code"


@pytest.mark.parametrize("value", ["Mali; Niger;; Mali", "Mali|Niger", "Mali, Niger", ["Mali", " Niger ", "Mali", ""]])
def test_labels_keep_order_without_repeats(value: object) -> None:
    assert parse_article(RECORD | {"countries": value}).countries == ("Mali", "Niger")


@pytest.mark.parametrize("value", [{"a": 1}, 5, [["x"]]])
def test_labels_must_be_strings(value: object) -> None:
    assert problem("tags", value) in {"is not a list", "is not text"}


@pytest.mark.parametrize("flag", FLAGS)
def test_known_flags_are_kept(flag: str) -> None:
    assert parse_article(RECORD | {"flags": [flag]}).flags == (flag,)


def test_unknown_flags_are_refused() -> None:
    assert problem("flags", ["legal_hold", "secret"]) == "holds the unknown flag 'secret'"


@pytest.mark.parametrize("status", STATUSES)
def test_known_statuses_in_any_case(status: str) -> None:
    assert parse_article(RECORD | {"status": status.upper()}).status == status


def test_unknown_statuses_are_refused() -> None:
    assert problem("status", "deleted") == "is not a known status"


@pytest.mark.parametrize("field", ["url", "image_url"])
@pytest.mark.parametrize(
    "value",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//example.org/a",
        "/a",
        "http://",
        "http://a b/",
        "http://a:99999/",
        "http://[::1",
        "https://exa\nmple.org/",
    ],
)
def test_only_web_addresses_are_accepted(field: str, value: str) -> None:
    assert problem(field, value) == "is not an http or https address"


def test_addresses_with_passwords_refused() -> None:
    assert problem("url", "https://me:secret@example.org/") == "holds a user name or password"


def test_content_hash_covers_every_field() -> None:
    changes: dict[str, object] = {
        "id": "b",
        "title": "t2",
        "summary": "s",
        "body": "b2",
        "url": "https://a.b/",
        "aliases": ("https://a.b/old",),
        "image_url": "https://a.b/i",
        "posted_on": datetime(2024, 1, 1, tzinfo=UTC),
        "edition": "e",
        "language": "fr",
        "countries": ("Mali",),
        "tags": ("coup",),
        "author": "x",
        "read_count": 1,
        "status": "draft",
        "flags": ("minor",),
    }
    assert set(changes) == set(FIELDS)
    base = {"id": "a", "title": "t", "body": "b"}
    hashes = {Article(**(base | {name: value})).content_hash for name, value in changes.items()}  # type: ignore[arg-type]
    assert len(hashes | {Article(**base).content_hash}) == len(FIELDS) + 1


@pytest.mark.parametrize(
    ("field", "value", "differs"),
    [
        ("title", "T2", True),
        ("summary", "S2", True),
        ("body", "B2", True),
        ("language", "fr", True),
        ("tags", ("x",), True),
        ("countries", ("Mali",), True),
        ("read_count", 9, False),
        ("status", "draft", False),
        ("edition", "Europe", False),
        ("author", "x", False),
    ],
)
def test_text_hash_follows_the_neighbours(field: str, value: object, differs: bool) -> None:
    base = {"id": "a", "title": "t", "body": "b"}
    changed = Article(**(base | {field: value}))  # type: ignore[arg-type]
    assert (changed.text_hash != Article(**base).text_hash) is differs


@pytest.mark.parametrize(
    ("field", "value", "differs"),
    [
        ("title", "T2", True),
        ("summary", "S2", True),
        ("body", "B2", True),
        ("language", "fr", False),
        ("tags", ("x",), False),
        ("countries", ("Mali",), False),
        ("edition", "Europe", False),
        ("url", "https://journal.example/a", False),
        ("read_count", 9, False),
    ],
)
def test_text_key_follows_what_is_embedded(field: str, value: object, differs: bool) -> None:
    base = {"id": "a", "title": "t", "body": "b"}
    changed = Article(**(base | {field: value}))  # type: ignore[arg-type]
    assert (changed.text_key != Article(**base).text_key) is differs
    assert changed.text_hash.startswith(changed.text_key)


def test_records_survive_json() -> None:
    article = parse_article(json.loads(json.dumps(RECORD | {"tags": ["coup"], "posted_on": "2024-09-17"})))
    assert article.tags == ("coup",)
