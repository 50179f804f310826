"""What is shown is written down: by whom it was asked for, why it stands there, and how much it needs eyes."""

import json
import logging
import time
from collections.abc import Iterable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from recommender.articles.article import Article
from recommender.errors import StoreUnavailable
from recommender.progress import quiet
from recommender.ranking.facts import PINNED, RELATED, RankedTeaser
from recommender.ranking.fallbacks import FALLBACK_ANY
from recommender.serving.answers import Item, Query, Recommendation
from recommender.serving.document import digest_of
from recommender.serving.prepared import find_prepared, prepare
from recommender.serving.recorder import Recorder, doubt_of, shown
from recommender.serving.write_behind import AT_ONCE, WAITING
from recommender.store.base import Store
from recommender.store.ledger import Shown
from tests.factories import GAZETTEER, NOW, built, days_ago, make_article, make_recommender

COUP = "coup niamey guard palace president"


def story(number: int, **fields: Any) -> Article:
    """One of several stories on a coup, days apart, so that none is a version of another."""
    words = f"{COUP} own{number}x own{number}y"
    return make_article(f"s{number}", title=words, body=words, **{"posted_on": days_ago(10 * number + 1)} | fields)


ARCHIVE = [story(number) for number in range(6)]
NOISE = [make_article(f"n{number}", title=f"lone{number} apart{number}", posted_on=None) for number in range(20)]


@pytest.fixture
def archive(store: Store) -> Store:
    built(store, [*ARCHIVE, *NOISE])
    return store


def recorder(store: Store) -> Recorder:
    return Recorder(store, GAZETTEER, lambda: NOW)


def sidebar(store: Store, article_id: str = "s0", **query: Any) -> Recommendation:
    return make_recommender(store).for_article(article_id, Query(**query))


def item(score: float, source: str = RELATED, **parts: float) -> Item:
    return Item(make_article("any"), RankedTeaser(1, score, source, parts), {})


def history(store: Store, recommendation: Recommendation) -> list[Shown]:
    return store.ledger.history(recommendation.basis.number, 10)


# -- doubt -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("items", "doubt"),
    [
        ([], 1.0),
        ([item(0.0, FALLBACK_ANY)], 1.0),
        ([item(0.0, PINNED)], 2 / 3),
        ([item(1.0, dense=0.5, lexical=0.5)], 2 / 3),
        ([item(1.0, dense=0.5, lexical=0.5)] * 3, 0.0),
        ([item(0.5, dense=0.25, lexical=0.25)] * 3, 0.35),
        ([item(1.0, dense=1.0)] * 3, 0.3),
        ([item(1.0, names=1.0)] * 3, 0.3),
        ([item(0.0)] * 3, 1.0),
    ],
    ids=[
        "empty",
        "fallback",
        "pin",
        "one sure",
        "sure",
        "half sure",
        "by embedding only",
        "by names only",
        "by nothing",
    ],
)
def test_doubt_is_the_mean_over_the_places(items: list[Item], doubt: float) -> None:
    assert doubt_of(items, 3) == pytest.approx(doubt)


def test_more_teasers_than_places_are_no_gain() -> None:
    assert doubt_of([item(1.0, dense=0.5, lexical=0.5)] * 4, 3) == 0.0


# -- a line ------------------------------------------------------------------------------------------------------------


def test_line_says_what_stood_there_and_why(archive: Store) -> None:
    recommendation = sidebar(archive)
    line = shown(recommendation, GAZETTEER, NOW)
    document = json.loads(line.document)
    assert (line.source, line.at, line.served, line.fallbacks) == (recommendation.basis.number, NOW, False, 0)
    assert line.items == tuple(item.teaser.number for item in recommendation.items)
    assert line.revision == archive.state().revision
    assert [item["id"] for item in document["items"]] == [item.article.id for item in recommendation.items]
    assert document["items"][0]["parts"] == recommendation.items[0].teaser.parts
    assert document["items"][0]["shared"]
    assert (document["model"], document["generation"]) == (recommendation.model, recommendation.state.generation)
    assert line.digest == digest_of(document["items"])
    assert line.doubt == pytest.approx(doubt_of(recommendation.items, 3), abs=1e-4)


def test_fallbacks_are_counted(archive: Store) -> None:
    line = shown(sidebar(archive, "n0"), GAZETTEER, NOW)
    assert (line.fallbacks, line.doubt) == (3, 1.0)


def test_numbers_of_reads_make_no_new_line(archive: Store) -> None:
    before = shown(sidebar(archive), GAZETTEER, NOW)
    archive.articles.upsert([story(number, read_count=number + 7) for number in range(6)])
    assert shown(sidebar(archive), GAZETTEER, NOW).digest == before.digest


# -- the recorder ------------------------------------------------------------------------------------------------------


def test_answer_for_a_page_is_written_down(archive: Store) -> None:
    recommendation, writer = sidebar(archive), recorder(archive)
    writer.note(recommendation)
    writer.close()
    (line,) = history(archive, recommendation)
    assert (line.at, line.served) == (NOW, True)
    assert line.items == recommendation.basis.teasers


def test_prepared_answer_becomes_served(archive: Store) -> None:
    """What was computed stays as it was written down, with its reasons."""
    recommender, writer = make_recommender(archive), recorder(archive)
    prepare(archive, recommender, quiet)
    ready = find_prepared(archive, recommender, "s0", archive.state())
    assert ready is not None
    before = archive.ledger.history(ready.basis.number, 10)
    assert [line.served for line in before] == [False]
    writer.note_prepared(ready.basis, ready.body, ready.seen)
    writer.close()
    (line,) = archive.ledger.history(ready.basis.number, 10)
    assert line.served
    assert line.document == before[0].document


def test_line_has_the_time_of_the_answer(archive: Store) -> None:
    """However long it waits to be written down."""
    times = [NOW + timedelta(seconds=3), NOW]
    writer = Recorder(archive, GAZETTEER, times.pop)
    recommendation = sidebar(archive)
    writer.note(recommendation)
    writer.close()
    assert [line.at for line in history(archive, recommendation)] == [NOW]


def test_thread_writes_by_itself(archive: Store) -> None:
    recommendation, writer = sidebar(archive), recorder(archive)
    writer.note(recommendation)
    for _ in range(100):
        if history(archive, recommendation):
            break
        time.sleep(0.05)
    assert history(archive, recommendation)
    writer.close()


class Ledger:
    """A ledger whose database does not answer the first `failures` times."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.rows: list[Shown] = []
        self.sizes: list[int] = []

    def append(self, rows: Iterable[Shown]) -> int:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("away")
        new = list(rows)
        self.rows += new
        self.sizes.append(len(new))
        return len(new)


class Still(Recorder):
    """A recorder that writes only when a test calls `flush`."""

    def _start(self) -> None:
        """No thread."""


def still(ledger: Ledger) -> Still:
    return Still(SimpleNamespace(ledger=ledger), GAZETTEER, lambda: NOW)


def test_nothing_is_lost_while_the_database_is_away(archive: Store, caplog: pytest.LogCaptureFixture) -> None:
    ledger, recommendation = Ledger(failures=2), sidebar(archive)
    writer = still(ledger)
    for _ in range(3):
        writer.note(recommendation)
    with caplog.at_level(logging.WARNING):
        writer.flush()
        writer.flush()
    assert ledger.rows == []
    assert "away" in caplog.text
    writer.flush()
    assert len(ledger.rows) == 3


def test_lines_are_written_in_portions(archive: Store) -> None:
    ledger, recommendation = Ledger(failures=0), sidebar(archive)
    writer = still(ledger)
    for _ in range(AT_ONCE + 1):
        writer.note(recommendation)
    writer.flush()
    writer.flush()
    assert ledger.sizes == [AT_ONCE, 1]


def test_nothing_to_write_asks_for_nothing() -> None:
    ledger = Ledger(failures=1)
    still(ledger).flush()
    assert ledger.failures == 1


def test_answers_do_not_wait_for_a_full_queue(archive: Store, caplog: pytest.LogCaptureFixture) -> None:
    writer, recommendation = still(Ledger(failures=0)), sidebar(archive)
    for _ in range(WAITING):
        writer.note(recommendation)
    assert caplog.text == ""
    writer.note(recommendation)
    assert "not written down" in caplog.text
