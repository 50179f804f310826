"""API keys: what opens what, for how long, and what is kept of it."""

import re
from datetime import datetime, timedelta

import pytest

from recommender.desk.keys import ADD_KEY, ARTICLES, DRAFTS, END_KEY, EVENTS, ROTATE_KEY, SCOPES, Keys, Program
from recommender.errors import Forbidden, InvalidInput, NotFound, UnknownKey
from recommender.store.audit import AuditQuery
from recommender.store.base import Store
from tests.factories import NOW

HOUR = timedelta(hours=1)
FROM_SETTINGS = "a-key-of-the-settings"


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(store: Store, clock: Clock) -> Keys:
    return Keys(store, clock, [FROM_SETTINGS])


def opens(keys: Keys, key: str, scope: str = ARTICLES) -> bool:
    """Whether a key holds for a scope that it has."""
    try:
        keys.program(key, scope)
    except UnknownKey:
        return False
    return True


def test_key_opens_what_its_scopes_say(keys: Keys) -> None:
    key = keys.add("cms", [ARTICLES, DRAFTS], "awa")
    assert keys.program(key, ARTICLES) == Program("cms", (DRAFTS, ARTICLES))
    assert opens(keys, key, DRAFTS)
    with pytest.raises(Forbidden, match=r"'cms' may not report clicks: it has the scopes drafts, articles\."):
        keys.program(key, EVENTS)


def test_keys_of_the_settings_open_everything(keys: Keys) -> None:
    assert [keys.program(FROM_SETTINGS, scope).name for scope in SCOPES] == ["settings"] * 3


def test_key_can_be_found_by_scanners_and_is_new_each_time(keys: Keys) -> None:
    made = [keys.add(name, [ARTICLES], "awa") for name in ("a", "b")]
    assert all(re.fullmatch(r"rec_[0-9a-f]{12}_[0-9a-f]{64}", key) for key in made)
    assert made[0][-64:] != made[1][-64:]


def test_store_keeps_no_key(keys: Keys, store: Store) -> None:
    key = keys.add("cms", [ARTICLES], "awa")
    kept = repr(store.keys.listing()) + repr(store.audit.entries(AuditQuery(), 9))
    assert key not in kept
    assert key[-64:] not in kept


def test_altered_keys_open_nothing(keys: Keys) -> None:
    key, other = keys.add("cms", [ARTICLES], "awa"), keys.add("wire", [ARTICLES], "awa")
    mixed = key[:17] + other[17:]
    altered = [key[:-1], key + "0", key.upper(), key[:-1] + ("0" if key[-1] != "0" else "1"), mixed, "", "rec_", "é"]
    assert [text for text in altered if opens(keys, text)] == []


def test_key_ends_at_its_time(keys: Keys, clock: Clock) -> None:
    key = keys.add("cms", [ARTICLES], "awa", NOW + HOUR)
    clock.now = NOW + HOUR - timedelta(seconds=1)
    assert opens(keys, key)
    clock.now = NOW + HOUR
    assert not opens(keys, key)


def test_ended_key_is_refused_by_every_process_at_once(keys: Keys, store: Store, clock: Clock) -> None:
    key, elsewhere = keys.add("cms", [ARTICLES], "awa"), Keys(store, clock)
    assert opens(elsewhere, key)
    assert keys.end("cms", "awa") == 1
    assert not opens(elsewhere, key)
    with pytest.raises(NotFound):
        keys.end("cms", "awa")


def test_old_key_lives_on_beside_the_new_one(keys: Keys, clock: Clock) -> None:
    old = keys.add("cms", [DRAFTS], "awa")
    new = keys.rotate("cms", "awa", HOUR)
    assert opens(keys, old, DRAFTS)
    assert opens(keys, new, DRAFTS)
    clock.now = NOW + HOUR
    assert not opens(keys, old, DRAFTS)
    assert opens(keys, new, DRAFTS)


def test_rotated_at_once_the_old_key_is_over(keys: Keys) -> None:
    old = keys.add("cms", [DRAFTS], "awa")
    keys.rotate("cms", "awa", timedelta(0))
    assert not opens(keys, old, DRAFTS)


def test_rotation_lengthens_no_life_and_keeps_its_length(keys: Keys, clock: Clock, store: Store) -> None:
    old = keys.add("cms", [ARTICLES], "awa", NOW + 10 * HOUR)
    clock.now = NOW + 9 * HOUR
    keys.rotate("cms", "awa", 24 * HOUR)
    assert [key.until for key in store.keys.listing()] == [NOW + 10 * HOUR, NOW + 19 * HOUR]
    clock.now = NOW + 10 * HOUR
    assert not opens(keys, old)


def test_end_ends_the_old_key_too(keys: Keys) -> None:
    both = [keys.add("cms", [ARTICLES], "awa"), keys.rotate("cms", "awa", HOUR)]
    assert keys.end("cms", "awa") == 2
    assert not [key for key in both if opens(keys, key)]


def test_name_is_taken_while_its_key_holds(keys: Keys) -> None:
    keys.add("cms", [ARTICLES], "awa")
    with pytest.raises(InvalidInput, match="already"):
        keys.add("cms", [ARTICLES], "awa")
    keys.end("cms", "awa")
    keys.add("cms", [ARTICLES], "awa")


@pytest.mark.parametrize("name", ["", "CMS", "a b", "settings", "-a", "a" * 41, "é", "a)"])
def test_names_that_are_none(keys: Keys, name: str) -> None:
    with pytest.raises(InvalidInput, match="name for a key"):
        keys.add(name, [ARTICLES], "awa")


@pytest.mark.parametrize("scopes", [[], ["everything"]])
def test_scopes_are_known_ones(keys: Keys, scopes: list[str]) -> None:
    with pytest.raises(InvalidInput, match="drafts, articles, events"):
        keys.add("cms", scopes, "awa")


def test_end_lies_ahead(keys: Keys) -> None:
    with pytest.raises(InvalidInput, match="future"):
        keys.add("cms", [ARTICLES], "awa", NOW)


def test_use_is_written_down_once_an_hour(keys: Keys, clock: Clock, store: Store) -> None:
    key = keys.add("cms", [ARTICLES], "awa")
    assert store.keys.listing()[0].used is None
    for minutes, used in ((0, 0), (59, 0), (60, 60), (119, 60), (121, 121)):
        clock.now = NOW + timedelta(minutes=minutes)
        opens(keys, key)
        assert store.keys.listing()[0].used == NOW + timedelta(minutes=used)


def test_every_change_is_in_the_trail(keys: Keys, store: Store) -> None:
    keys.add("cms", [ARTICLES], "awa", NOW + HOUR)
    keys.rotate("cms", "binta", HOUR)
    keys.end("cms", "awa")
    entries = store.audit.entries(AuditQuery(), 9)[::-1]
    assert [(entry.by, entry.action, entry.subject) for entry in entries] == [
        ("awa", ADD_KEY, "cms"),
        ("binta", ROTATE_KEY, "cms"),
        ("awa", END_KEY, "cms"),
    ]
    assert entries[0].after == {"scopes": ["articles"], "until": "2026-06-01T13:00:00+00:00"}
