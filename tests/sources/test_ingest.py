"""Records into the store: the good ones go in, the bad ones are named."""

import io
import json
from collections.abc import Iterable
from typing import Any

import pytest

from recommender.sources import ingest as ingest_module
from recommender.sources.base import Record
from recommender.sources.files import open_source
from recommender.sources.ingest import Findings, IngestReport, Refusal, ingest
from recommender.store.base import Store


def records(*articles: dict[str, Any] | str) -> io.BytesIO:
    lines = [line if isinstance(line, str) else json.dumps(line) for line in articles]
    return io.BytesIO("\n".join(lines).encode())


def good(article_id: str, **fields: Any) -> dict[str, Any]:
    return {"id": article_id, "title": f"Title of {article_id}", "body": "Body."} | fields


def read(store: Store, *articles: dict[str, Any] | str) -> tuple[IngestReport, list[Refusal]]:
    refusals: list[Refusal] = []
    return ingest(store.articles.upsert, open_source(records(*articles), "news.jsonl"), refusals.append), refusals


def test_valid_records_are_stored(store: Store) -> None:
    report, refusals = read(store, good("a"), good("b"))
    assert report == IngestReport(added=2)
    assert refusals == []
    assert store.articles.by_id("b")[1].title == "Title of b"  # type: ignore[index]


def test_bad_records_cost_only_themselves(store: Store) -> None:
    report, refusals = read(store, good("a"), "{broken", good("b", flags="secret"), '["list"]', good("c"))
    assert report == IngestReport(added=2, refused=3)
    assert [refusal.line for refusal in refusals] == [2, 3, 4]
    assert str(refusals[1]).startswith("news.jsonl, line 3: flags: holds the unknown flag 'secret'")


@pytest.mark.parametrize("record", [{}, {"content": []}, {"id": "", "title": None, "tags": [" "]}, {"a": {"b": ""}}])
def test_records_that_hold_nothing_are_skipped(store: Store, record: dict[str, Any]) -> None:
    """An empty row of a table, a page that a crawler got no text of: nothing is lost with it."""
    findings = Findings()
    source = open_source(records(good("a"), record), "news.jsonl")
    refusals: list[Refusal] = []
    assert ingest(store.articles.upsert, source, refusals.append, findings=findings) == IngestReport(added=1)
    assert (refusals, findings.lines()[-1]) == ([], "skipped: 1 that hold nothing")


def test_record_that_says_something_is_never_skipped(store: Store) -> None:
    report, _ = read(store, {"id": "a"}, {"read_count": 0}, {"published": False})
    assert report == IngestReport(refused=3)


def test_second_reading_changes_nothing(store: Store) -> None:
    read(store, good("a"), good("b"))
    before = store.state()
    assert read(store, good("a"), good("b"))[0] == IngestReport(unchanged=2)
    assert store.state() == before


def test_changes_are_counted_apart(store: Store) -> None:
    read(store, good("a"), good("b"))
    assert read(store, good("a", title="New"), good("b"), good("c"))[0] == IngestReport(added=1, changed=1, unchanged=1)


def test_last_record_of_an_id_counts(store: Store) -> None:
    report, _ = read(store, good("a", title="first"), good("a", title="last"))
    assert (report.added, report.refused) == (1, 0)
    assert store.articles.by_id("a")[1].title == "last"  # type: ignore[index]


class Interrupted:
    """A source whose connection breaks after some records."""

    name = "feed"

    def __init__(self, articles: Iterable[dict[str, Any]]) -> None:
        self._articles = articles

    def __iter__(self) -> Any:
        for line, fields in enumerate(self._articles, start=1):
            yield Record(line, fields)
        raise ConnectionError


def test_interrupted_reading_keeps_whole_batches(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_module, "BATCH", 2)
    articles = [good(str(number)) for number in range(5)]
    with pytest.raises(ConnectionError):
        ingest(store.articles.upsert, Interrupted(articles), pytest.fail)
    assert store.articles.counts() == {"published": 4}
    assert read(store, *articles)[0] == IngestReport(added=1, unchanged=4)
