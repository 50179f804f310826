"""The queue: which sidebars need eyes, in which order, and how far the editors are."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.articles.article import Article
from recommender.desk.queue import (
    APPROVED,
    CHANGED,
    EMPTY,
    EVERY,
    FALLBACK,
    MUCH_READ,
    NEW,
    OPEN,
    SENSITIVE,
    UNSURE,
    QueueFilter,
    QueueLine,
    Worklist,
)
from recommender.desk.review import Reviewing
from recommender.store.base import Store
from recommender.store.reviews import Review
from tests.factories import NOW, built, days_ago, make_article, make_recommender

COUP = "junta seized power niamey president bazoum guard palace"
ALL = QueueFilter(state=EVERY)


def coup(number: int) -> Article:
    """A report of one subject, old and never read."""
    text = f"{COUP} own{number}"
    return make_article(f"coup-{number}", title=text, body=text, posted_on=days_ago(60 + 10 * number))


ARCHIVE = [
    *(coup(number) for number in range(4)),
    make_article("lone", title="chess festival", body="chess", posted_on=days_ago(200)),
    make_article("fresh", title="wrestling final", body="drums", posted_on=days_ago(1), edition="Maghreb"),
    make_article("read", title="rains arrive", body="millet", posted_on=days_ago(190), read_count=5_000),
    make_article("trial", title="court case", body="judge", posted_on=days_ago(180), flags=("live_trial",)),
    make_article("held", title="a held story", posted_on=days_ago(1), flags=("legal_hold",)),
    make_article("coming", title="a story of tomorrow", posted_on=NOW + timedelta(days=1)),
    make_article("gone", title="a story taken down", status="unpublished"),
]


@pytest.fixture
def archive(store: Store) -> Store:
    """The archive, built, with every sidebar in the ledger."""
    built(store, ARCHIVE)
    for line in worklist(store).listing(ALL, 100).lines:
        Reviewing(store, make_recommender(store)).note(line.article.id)
    return store


def worklist(store: Store) -> Worklist:
    return Worklist(store, make_recommender(store))


def ids(lines: list[QueueLine]) -> list[str]:
    return [line.article.id for line in lines]


def lines_of(store: Store, wanted: QueueFilter = ALL) -> dict[str, QueueLine]:
    return {line.article.id: line for line in worklist(store).listing(wanted, 100).lines}


def approve(store: Store, article_id: str, digest: str | None = None) -> None:
    row = store.articles.by_id(article_id)
    assert row
    approved = digest or Reviewing(store, make_recommender(store)).digest(article_id)
    store.reviews.put(Review(row[0], "awa", NOW, approved))


def test_only_published_sidebars_are_listed(archive: Store) -> None:
    assert {"held", "coming", "gone"}.isdisjoint(lines_of(archive))
    assert len(lines_of(archive)) == 8


def test_most_urgent_comes_first(archive: Store) -> None:
    """A new article without a related story; then what is much read or flagged; sure sidebars come last."""
    order = list(lines_of(archive))
    assert order[0] == "fresh"
    assert set(order[1:3]) == {"trial", "read"}
    assert {article_id for article_id in order if article_id.startswith("coup")} == set(order[-4:])


def test_unknown_sidebars_come_before_sure_ones(store: Store) -> None:
    built(store, ARCHIVE)
    Reviewing(store, make_recommender(store)).note("coup-1")
    assert list(lines_of(store))[-1] == "coup-1"


@pytest.mark.parametrize(
    ("article_id", "reasons"),
    [
        ("fresh", {NEW, FALLBACK, UNSURE}),
        ("read", {MUCH_READ, FALLBACK, UNSURE}),
        ("trial", {SENSITIVE, FALLBACK, UNSURE}),
        ("lone", {FALLBACK, UNSURE}),
        ("coup-1", set()),
    ],
)
def test_reasons_are_told(archive: Store, article_id: str, reasons: set[str]) -> None:
    assert set(lines_of(archive)[article_id].reasons) == reasons


def test_empty_sidebar_is_a_reason(store: Store) -> None:
    built(store, [make_article("alone")])
    (line,) = worklist(store).listing(QueueFilter(), 20).lines
    assert EMPTY in line.reasons
    assert line.teasers == ()


def test_line_shows_the_sidebar_of_this_moment(archive: Store) -> None:
    """Also where the ledger has not noticed the change yet."""
    queue = worklist(archive)
    before = next(line for line in queue.listing(ALL, 100).lines if line.article.id == "coup-1")
    archive.articles.withdraw(before.teasers[0].article.id)
    after = next(line for line in queue.listing(ALL, 100).lines if line.article.id == "coup-1")
    assert after.digest == Reviewing(archive, make_recommender(archive)).digest("coup-1") != before.digest
    assert before.teasers[0].article.id not in [item.article.id for item in after.teasers]


def test_edition_is_filtered(archive: Store) -> None:
    assert list(lines_of(archive, QueueFilter("Maghreb"))) == ["fresh"]
    assert lines_of(archive, QueueFilter("Nowhere")) == {}


def test_days_are_filtered(archive: Store) -> None:
    lines = lines_of(archive, QueueFilter(since=days_ago(190), until=days_ago(180)))
    assert list(lines) == ["read"]  # the first moment is in, the last is not


def test_approved_sidebar_leaves_the_queue(archive: Store) -> None:
    approve(archive, "lone")
    assert "lone" not in lines_of(archive, QueueFilter())
    assert list(lines_of(archive, QueueFilter(state=APPROVED))) == ["lone"]
    assert lines_of(archive)["lone"].state == APPROVED


def test_changed_sidebar_comes_back(archive: Store) -> None:
    approve(archive, "coup-1", "of another sidebar")
    line = lines_of(archive, QueueFilter())["coup-1"]
    assert (line.state, line.reasons) == (OPEN, (CHANGED,))
    assert list(lines_of(archive)).index("coup-1") < list(lines_of(archive)).index("coup-2")


def test_progress_is_counted_whatever_is_shown(archive: Store) -> None:
    approve(archive, "lone")
    for state in (OPEN, APPROVED, EVERY):
        listing = worklist(archive).listing(QueueFilter(state=state), 1)
        assert (listing.open, listing.approved) == (7, 1)
    assert worklist(archive).listing(QueueFilter(), 1).total == 7


def test_pages_follow_each_other(archive: Store) -> None:
    queue = worklist(archive)
    whole = queue.listing(QueueFilter(), 100)
    first, second = queue.listing(QueueFilter(), 5), queue.listing(QueueFilter(), 5, 5)
    assert ids(first.lines) + ids(second.lines) == ids(whole.lines)
    assert first.after == second.lines[0].number
    assert second.after is None
    assert queue.listing(QueueFilter(), 5, 50).lines == []


def test_news_of_the_ledger_are_noticed(archive: Store) -> None:
    queue = worklist(archive)
    approve(archive, "coup-1")
    assert "coup-1" not in ids(queue.listing(QueueFilter(), 100).lines)
    archive.articles.withdraw("coup-2")
    Reviewing(archive, make_recommender(archive)).note("coup-1")
    assert "coup-1" in ids(queue.listing(QueueFilter(), 100).lines)


def test_next_comes_after_the_last(archive: Store) -> None:
    queue = worklist(archive)
    order = ids(queue.listing(QueueFilter(), 100).lines)
    assert [queue.following(article_id, QueueFilter()) for article_id in order] == [*order[1:], order[0]]


def test_next_is_found_from_what_has_left(archive: Store) -> None:
    queue = worklist(archive)
    order = ids(queue.listing(QueueFilter(), 100).lines)
    approve(archive, order[2])
    assert queue.following(order[2], QueueFilter()) == order[3]


def test_next_of_an_unknown_article_is_the_first(archive: Store) -> None:
    queue = worklist(archive)
    assert queue.following("nothing", QueueFilter()) == ids(queue.listing(QueueFilter(), 1).lines)[0]


def test_nothing_follows_the_only_one(archive: Store) -> None:
    assert worklist(archive).following("fresh", QueueFilter("Maghreb")) is None
    assert worklist(archive).following("fresh", QueueFilter("Nowhere")) is None


def test_line_tells_the_latest_decision(archive: Store) -> None:
    assert {line.seen for line in lines_of(archive).values()} == {0}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(done=st.sets(st.sampled_from(["lone", "fresh", "read", "trial", "coup-0", "coup-1", "coup-2", "coup-3"])))
def test_walking_meets_every_open_sidebar_once(archive: Store, done: set[str]) -> None:
    for number in archive.articles.numbers(
        ["lone", "fresh", "read", "trial", *(f"coup-{n}" for n in range(4))]
    ).values():
        archive.reviews.remove(number)
    for article_id in done:
        approve(archive, article_id)
    queue = worklist(archive)
    open_ids = ids(queue.listing(QueueFilter(), 100).lines)
    met: list[str] = open_ids[:1]
    while met and (after := queue.following(met[-1], QueueFilter())) and after not in met:
        met.append(after)
    assert met == open_ids


def test_editions_follow_the_archive(archive: Store) -> None:
    queue = worklist(archive)
    assert queue.editions() == ["Sahel", "Maghreb"]
    archive.articles.upsert([make_article("new", edition="Europe")])
    assert queue.editions() == ["Sahel", "Europe", "Maghreb"]
