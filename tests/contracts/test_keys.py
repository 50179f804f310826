"""API keys as a store keeps them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from recommender.store.base import Store
from recommender.store.keys import ApiKey
from tests.factories import NOW

KEY = ApiKey("0123456789ab", "cms", "digest", ("drafts", "articles"), NOW)
LATER = NOW + timedelta(hours=1)


@pytest.mark.parametrize("key", [KEY, replace(KEY, until=LATER, ended=LATER, used=NOW)], ids=["least", "every field"])
def test_keys_come_back_unchanged(store: Store, key: ApiKey) -> None:
    store.keys.add(key)
    assert store.keys.get(key.id) == key
    assert store.keys.listing() == [key]


def test_unknown_key_is_not_there(store: Store) -> None:
    assert store.keys.get("0123456789ab") is None
    assert store.keys.get("\ud800\x00") is None


def test_id_is_taken_once(store: Store) -> None:
    store.keys.add(KEY)
    with pytest.raises(ValueError, match="0123456789ab"):
        store.keys.add(replace(KEY, name="other"))


def test_keys_are_listed_by_name_and_age(store: Store) -> None:
    keys = [replace(KEY, id="c", name="wire"), replace(KEY, id="b", created=LATER), replace(KEY, id="a")]
    for key in keys:
        store.keys.add(key)
    assert [key.id for key in store.keys.listing()] == ["a", "b", "c"]


def test_changes_concern_one_key(store: Store) -> None:
    store.keys.add(KEY)
    store.keys.add(replace(KEY, id="other"))
    store.keys.limit(KEY.id, LATER)
    store.keys.note_use(KEY.id, NOW)
    assert store.keys.get(KEY.id) == replace(KEY, until=LATER, used=NOW)
    store.keys.end(KEY.id, NOW)
    assert store.keys.get(KEY.id) == replace(KEY, until=LATER, used=NOW, ended=NOW)
    assert store.keys.get("other") == replace(KEY, id="other")


def test_keys_are_no_change_for_readers(store: Store) -> None:
    before = store.state()
    store.keys.add(KEY)
    store.keys.note_use(KEY.id, NOW)
    assert store.state() == before
