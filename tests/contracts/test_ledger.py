"""What the ledger of sidebars promises, on SQLite and on PostgreSQL."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.store.base import Store
from recommender.store.ledger import Outlook, Shown, Stay
from tests.factories import NOW


def hour(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


def shown(hours: float, *items: int, source: int = 1, **fields: Any) -> Shown:
    """A sidebar from an hour after NOW on; two with the same stories are the same to readers."""
    values: dict[str, Any] = {"revision": 1, "digest": repr(items), "document": "{}"}
    return Shown(source=source, at=hour(hours), items=items, **(values | fields))


def items_at(store: Store, hours: float, source: int = 1) -> tuple[int, ...] | None:
    sidebar = store.ledger.as_of(source, hour(hours))
    return None if sidebar is None else sidebar.items


def history(store: Store, source: int = 1, limit: int = 100) -> list[tuple[int, ...]]:
    return [sidebar.items for sidebar in store.ledger.history(source, limit)]


# -- adding ------------------------------------------------------------------------------------------------------------


FULL = Shown(
    source=1,
    at=NOW,
    revision=12,
    digest="d1",
    items=(9, 7, 8),
    document='{"items": ["Ménaka 🚁"]}',
    doubt=0.25,
    fallbacks=2,
    served=True,
)


@pytest.mark.parametrize("sidebar", [FULL, shown(0)], ids=["every field", "empty"])
def test_sidebars_come_back_unchanged(store: Store, sidebar: Shown) -> None:
    assert store.ledger.append([sidebar]) == 1
    (stored,) = store.ledger.history(1, 10)
    assert stored == Shown(**{**vars(sidebar), "number": stored.number})
    assert stored.number > 0


def test_equal_sidebars_are_kept_once(store: Store) -> None:
    assert store.ledger.append([shown(0, 7)]) == 1
    assert store.ledger.append([shown(1, 7), shown(2, 7), shown(2, 7, source=2)]) == 1
    assert [sidebar.at for sidebar in store.ledger.history(1, 10)] == [NOW]


def test_changes_of_one_batch_follow_each_other(store: Store) -> None:
    assert store.ledger.append([shown(0, 7), shown(1, 8), shown(2, 8), shown(3, 7)]) == 3
    assert history(store) == [(7,), (8,), (7,)]
    assert store.ledger.outlooks() == [Outlook(1, repr((7,)), 0.0, 0, 1)]


def test_nothing_is_added_to_nothing(store: Store) -> None:
    assert store.ledger.append([]) == 0
    assert store.ledger.append(iter([shown(0, 7)])) == 1


def test_equal_sidebars_become_served(store: Store) -> None:
    store.ledger.append([shown(0, 7)])
    assert store.ledger.append([shown(1, 7, served=True)]) == 0
    assert store.ledger.append([shown(2, 7, served=False)]) == 0
    assert [sidebar.served for sidebar in store.ledger.history(1, 10)] == [True]


def test_only_the_equal_sidebar_becomes_served(store: Store) -> None:
    store.ledger.append([shown(0, 7), shown(1, 8), shown(0, 7, source=2)])
    store.ledger.append([shown(2, 8, served=True)])
    assert [sidebar.served for sidebar in store.ledger.history(1, 10)] == [True, False]
    assert [sidebar.served for sidebar in store.ledger.history(2, 10)] == [False]


def test_late_rows_become_history(store: Store) -> None:
    """Another process has shown something in between, and says so later."""
    store.ledger.append([shown(0, 7), shown(4, 9)])
    assert store.ledger.append([shown(2, 8)]) == 1
    assert history(store) == [(9,), (8,), (7,)]
    assert [items_at(store, hours) for hours in (1, 3, 5)] == [(7,), (8,), (9,)]
    assert [outlook.digest for outlook in store.ledger.outlooks()] == [repr((9,))]
    assert store.ledger.counts() == {9: 1}


def test_late_rows_that_say_nothing_new_are_left_out(store: Store) -> None:
    store.ledger.append([shown(0, 7), shown(4, 9)])
    assert store.ledger.append([shown(2, 7, served=True)]) == 0
    assert [sidebar.served for sidebar in store.ledger.history(1, 10)] == [False, True]


def test_first_row_may_be_late(store: Store) -> None:
    store.ledger.append([shown(4, 9)])
    assert store.ledger.append([shown(2, 8)]) == 1
    assert (items_at(store, 3), items_at(store, 4)) == ((8,), (9,))


def test_of_one_moment_the_last_counts(store: Store) -> None:
    store.ledger.append([shown(0, 7)])
    store.ledger.append([shown(0, 8)])
    assert items_at(store, 0) == (8,)
    assert store.ledger.counts() == {8: 1}
    assert store.ledger.stays(7, 10) == []  # it stood there for no time at all


def test_large_batches_are_kept_whole(store: Store) -> None:
    rows = [shown(0, source + 1, source + 2, source=source) for source in range(1, 1_201)]
    assert store.ledger.append(rows) == 1_200
    assert store.ledger.append(rows) == 0
    assert store.ledger.append([shown(1, 5, source=source) for source in range(1, 1_201)]) == 1_200
    assert len(store.ledger.outlooks()) == 1_200
    assert store.ledger.counts() == {5: 1_200}


def test_undone_work_leaves_no_sidebar(store: Store) -> None:
    store.ledger.append([shown(0, 7)])

    def fail() -> None:
        with store.writing():
            store.ledger.append([shown(1, 8)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert history(store) == [(7,)]
    assert store.ledger.counts() == {7: 1}


def test_ledger_changes_no_sidebar(store: Store) -> None:
    before = store.state()
    store.ledger.append([shown(0, 7)])
    assert store.state() == before


# -- asking ------------------------------------------------------------------------------------------------------------


def test_sidebar_of_a_time(store: Store) -> None:
    store.ledger.append([shown(1, 7), shown(2, 8), shown(1, 9, source=2)])
    assert [items_at(store, hours) for hours in (0.9, 1, 1.9, 2, 99)] == [None, (7,), (7,), (8,), (8,)]
    assert (items_at(store, 2, source=2), items_at(store, 2, source=3)) == ((9,), None)


def test_history_starts_with_the_latest(store: Store) -> None:
    store.ledger.append([shown(hours, hours) for hours in range(5)])
    assert history(store, limit=2) == [(4,), (3,)]
    assert history(store, source=2) == []


def test_outlooks_tell_of_the_current_sidebars(store: Store) -> None:
    store.ledger.append([shown(0, 7, doubt=0.9), shown(0, source=2, doubt=1.0)])
    store.ledger.append([shown(1, 7, 8, 9, doubt=0.5, fallbacks=2)])
    expected = [Outlook(1, repr((7, 8, 9)), 0.5, 2, 3), Outlook(2, "()", 1.0, 0, 0)]
    assert sorted(store.ledger.outlooks()) == expected


def test_news_since_a_line_are_reported(store: Store) -> None:
    assert store.ledger.last() == 0
    store.ledger.append([shown(0, 7), shown(0, 7, source=2)])
    last = store.ledger.last()
    assert store.ledger.outlooks(after=last) == []
    store.ledger.append([shown(1, 8, source=2), shown(2, 7)])
    assert store.ledger.last() > last
    assert store.ledger.outlooks(after=last) == [Outlook(2, repr((8,)), 0.0, 0, 1)]


def test_counts_are_of_the_current_sidebars(store: Store) -> None:
    store.ledger.append([shown(0, 7, 8), shown(0, 7, source=2), shown(0, 9, source=3)])
    store.ledger.append([shown(1, 7, source=3)])
    assert store.ledger.counts() == {7: 3, 8: 1}
    assert store.ledger.counts([8, 9, 10]) == {8: 1}
    assert store.ledger.counts([]) == {}


# -- stays -------------------------------------------------------------------------------------------------------------


def test_stays_say_from_when_to_when(store: Store) -> None:
    store.ledger.append([shown(0, 5, 7), shown(2, 5, 6)])
    assert store.ledger.stays(7, 10) == [Stay(1, 2, hour(0), hour(2))]
    assert store.ledger.stays(6, 10) == [Stay(1, 2, hour(2), None)]
    assert store.ledger.stays(1, 10) == []


def test_stay_goes_on_while_others_change(store: Store) -> None:
    store.ledger.append([shown(0, 7, 5), shown(1, 7, 6), shown(2, 7), shown(3, 8)])
    assert store.ledger.stays(7, 10) == [Stay(1, 1, hour(0), hour(3))]


def test_another_slot_is_another_stay(store: Store) -> None:
    store.ledger.append([shown(0, 7, 5), shown(1, 5, 7), shown(2, 7, 5)])
    expected = [Stay(1, 1, hour(2), None), Stay(1, 2, hour(1), hour(2)), Stay(1, 1, hour(0), hour(1))]
    assert store.ledger.stays(7, 10) == expected


def test_gone_and_back_are_two_stays(store: Store) -> None:
    store.ledger.append([shown(0, 7), shown(1, 8), shown(2, 7)])
    assert store.ledger.stays(7, 10) == [Stay(1, 1, hour(2), None), Stay(1, 1, hour(0), hour(1))]


def test_standing_ones_come_first_then_the_latest(store: Store) -> None:
    store.ledger.append([shown(0, 7), shown(5, 7, source=2), shown(1, 7, source=3), shown(2, 7, source=4)])
    store.ledger.append([shown(9, 8, source=3), shown(8, 8, source=2)])
    order = [stay.source for stay in store.ledger.stays(7, 10)]
    assert order == [4, 1, 3, 2]
    assert [stay.source for stay in store.ledger.stays(7, 3)] == order[:3]


def test_late_rows_cut_a_stay(store: Store) -> None:
    store.ledger.append([shown(0, 7), shown(6, 9)])
    store.ledger.append([shown(2, 8)])
    store.ledger.append([shown(4, 7)])
    assert store.ledger.stays(7, 10) == [Stay(1, 1, hour(4), hour(6)), Stay(1, 1, hour(0), hour(2))]


# -- any history -------------------------------------------------------------------------------------------------------

# Of one moment the order counts, so all moments differ.
histories = st.dictionaries(st.integers(0, 9), st.lists(st.integers(1, 3), unique=True).map(tuple), min_size=1)
# Each example has an article of its own: the one after those that the ledger knows.
one_store = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)


def unknown(store: Store) -> int:
    return 1 + max((outlook.source for outlook in store.ledger.outlooks()), default=0)


@one_store
@given(rows=histories, data=st.data())
def test_order_of_arrival_does_not_matter(store: Store, rows: dict[int, tuple[int, ...]], data: st.DataObject) -> None:
    """As long as no two look the same: an equal one that comes too early is taken for no change."""
    source = unknown(store)
    for hours in data.draw(st.permutations(sorted(rows))):
        store.ledger.append([shown(hours, *rows[hours], source=source, digest=str(hours))])
    assert history(store, source) == [rows[hours] for hours in sorted(rows, reverse=True)]
    assert {outlook.source: outlook.digest for outlook in store.ledger.outlooks()}[source] == str(max(rows))


@one_store
@given(rows=histories)
def test_stays_agree_with_what_was_shown(store: Store, rows: dict[int, tuple[int, ...]]) -> None:
    source = unknown(store)
    store.ledger.append([shown(hours, *rows[hours], source=source) for hours in sorted(rows)])
    for target in (1, 2, 3):
        stays = [stay for stay in store.ledger.stays(target, 1_000) if stay.source == source]
        for hours, items in rows.items():
            now = hour(hours)
            slots = [stay.slot for stay in stays if stay.since <= now and (stay.until is None or now < stay.until)]
            assert slots == ([items.index(target) + 1] if target in items else [])
