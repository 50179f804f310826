"""What is particular to JSONL and to CSV."""

import io
import json
from collections import Counter
from csv import field_size_limit
from importlib.resources import files as package_files

import pytest

from recommender.articles.article import parse_article
from recommender.errors import InvalidInput
from recommender.evaluation.trec import read_qrels
from recommender.sources import files
from recommender.sources.base import Record
from recommender.sources.files import CsvFile, JsonFile, JsonLines, open_source
from recommender.sources.wordpress import WordPressExport

SAMPLE = package_files("recommender") / "sample"


def jsonl(text: str) -> list[Record]:
    return list(JsonLines(io.BytesIO(text.encode()), "news.jsonl"))


def csv(text: str) -> list[Record]:
    return list(CsvFile(io.BytesIO(text.encode()), "news.csv"))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jsonl", JsonLines),
        ("a.NDJSON", JsonLines),
        ("a.json", JsonFile),
        ("a.TSV", CsvFile),
        ("a.csv", CsvFile),
        ("news.2024.csv", CsvFile),
    ],
)
def test_endings_choose_the_format(name: str, kind: type) -> None:
    assert isinstance(open_source(io.BytesIO(), name), kind)


def test_export_of_wordpress_is_told_from_a_feed() -> None:
    head = b'<rss xmlns:wp="http://wordpress.org/export/1.2/">'
    assert isinstance(open_source(io.BytesIO(head), "journal.WordPress.2024-09-17.xml"), WordPressExport)


def test_named_format_beats_the_ending() -> None:
    assert isinstance(open_source(io.BytesIO(), "a.jsonl", "csv"), CsvFile)


@pytest.mark.parametrize("name", ["a.docx", "a", "-"])
def test_unclear_formats_ask_back(name: str) -> None:
    with pytest.raises(InvalidInput, match="give --format"):
        open_source(io.BytesIO(), name)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[1, 2]", "is a JSON list, not an object"),
        ('"text"', "is a JSON str, not an object"),
        ("null", "is a JSON NoneType, not an object"),
        ('{"id": NaN}', "NaN is not a JSON number"),
        ('{"id": "a"} {"id": "b"}', "is not valid JSON"),
        ("[" * 100_000, "is nested too deeply"),
        ('{"id": ' + "9" * 5_000 + "}", "is not valid JSON"),
    ],
)
def test_lines_that_are_no_object(line: str, reason: str) -> None:
    (record,) = jsonl(line)
    assert reason in record.unreadable
    assert record.fields == {}


def test_giant_lines_are_skipped_to_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_LINE_BYTES", 20)
    monkeypatch.setattr(files, "_SKIP_BYTES", 7)
    records = jsonl("x" * 100 + '\n{"id": "a"}\n' + "y" * 21 + '\n{"id": "b"}')
    assert [(record.line, bool(record.unreadable)) for record in records] == [
        (1, True),
        (2, False),
        (3, True),
        (4, False),
    ]


def test_quoted_fields_hold_lines_and_commas() -> None:
    records = csv('id,title,body\na,"Coup, again","one\n\ntwo"\nb,T,B\n')
    assert records[0].fields == {"id": "a", "title": "Coup, again", "body": "one\n\ntwo"}
    assert [record.line for record in records] == [4, 5]


def test_rows_with_too_many_fields() -> None:
    first, second = csv("id,title\na,b,c\nd,e\n")
    assert "has more fields than the header" in first.unreadable
    assert second.fields == {"id": "d", "title": "e"}


def test_short_rows_lack_their_last_fields() -> None:
    (record,) = csv("id,title,body\na,b\n")
    assert record.fields == {"id": "a", "title": "b", "body": None}


@pytest.mark.parametrize(
    ("text", "missing"), [("", "id and title"), ("name;text\n", "id and title"), ("id,text\n", "title")]
)
def test_headers_must_name_id_and_title(text: str, missing: str) -> None:
    with pytest.raises(InvalidInput, match=f"{missing} not found"):
        csv(text)


def test_sample_articles_parse_completely() -> None:
    with (SAMPLE / "articles.jsonl").open("rb") as stream:
        articles = [parse_article(record.fields) for record in JsonLines(stream, "articles.jsonl")]
    assert len({article.id for article in articles}) == len(articles) == 300
    assert set(Counter(article.language for article in articles)) == {"en", "fr"}


def test_sample_judgments_fit_the_articles() -> None:
    with (SAMPLE / "articles.jsonl").open("rb") as stream:
        ids = {record.fields["id"] for record in JsonLines(stream, "articles.jsonl")}
    qrels = read_qrels(SAMPLE / "qrels.txt")  # type: ignore[arg-type]
    assert len(qrels) == 62
    assert sum(map(len, qrels.values())) == 1_657
    assert set(qrels) <= ids
    assert {article for grades in qrels.values() for article in grades} <= ids
    assert {grade for grades in qrels.values() for grade in grades.values()} <= {-1, 0, 1, 2, 3, 4}


def test_sample_groups_name_known_articles() -> None:
    with (SAMPLE / "articles.jsonl").open("rb") as stream:
        ids = {record.fields["id"] for record in JsonLines(stream, "articles.jsonl")}
    groups = json.loads((SAMPLE / "event_groups.json").read_text(encoding="utf-8"))
    assert {article for group in groups for article in group["ids"]} <= ids


def test_limit_of_fields_is_restored() -> None:
    """It holds for the whole process, and others read tables too."""
    usual = field_size_limit()
    assert len(csv("id,title\na,b\n")) == 1
    assert field_size_limit() == usual
