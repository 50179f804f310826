"""What the store of a shadow's sidebars promises, on SQLite and on PostgreSQL."""

from datetime import timedelta

from recommender.store.base import Store
from recommender.store.shadow import ShadowSidebar
from tests.factories import NOW

FIRST = ShadowSidebar(3, NOW, (1, 2), (2, 9, 4))
SECOND = ShadowSidebar(1, NOW, (), (3,))


def test_rows_come_back_by_article(store: Store) -> None:
    store.shadow.put(5, [FIRST, SECOND])
    assert store.shadow.rows(5) == [SECOND, FIRST]


def test_later_row_takes_the_place_of_the_earlier(store: Store) -> None:
    later = ShadowSidebar(3, NOW + timedelta(minutes=1), (2,), (2,))
    store.shadow.put(5, [FIRST, SECOND])
    store.shadow.put(5, [later])
    assert store.shadow.rows(5) == [SECOND, later]


def test_rows_belong_to_one_generation(store: Store) -> None:
    store.shadow.put(5, [FIRST])
    store.shadow.put(6, [SECOND])
    assert store.shadow.rows(5) == [FIRST]
    assert store.shadow.rows(7) == []


def test_rows_are_no_change_to_readers(store: Store) -> None:
    before = store.state()
    store.shadow.put(5, [FIRST])
    store.shadow.put(5, [])
    assert store.state() == before


def test_cleared_rows_are_gone(store: Store) -> None:
    store.shadow.put(5, [FIRST])
    store.shadow.put(6, [SECOND])
    store.shadow.clear()
    assert (store.shadow.rows(5), store.shadow.rows(6)) == ([], [])
