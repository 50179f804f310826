"""What happens to articles is written into the audit trail, and no text of theirs."""

from dataclasses import replace

import pytest

from recommender.sources.publishing import Publishing
from recommender.store.audit import CHANGE_ARTICLE, WITHDRAW, AuditEntry, AuditQuery
from recommender.store.base import Store
from tests.factories import NOW, make_article, stored

COUP = make_article("coup", title="Junta seizes power")


def publishing(store: Store) -> Publishing:
    return Publishing(store, "API", lambda: NOW)


def trail(store: Store) -> list[AuditEntry]:
    """Entries, the oldest first."""
    return store.audit.entries(AuditQuery(), 100)[::-1]


def changes(store: Store) -> list[tuple[object, object]]:
    return [(entry.before, entry.after) for entry in trail(store)]


def test_new_articles_leave_no_entry(store: Store) -> None:
    assert publishing(store).put([COUP, make_article("gold")]).added == 2
    assert trail(store) == []


def test_change_is_recorded_by_its_fields(store: Store) -> None:
    (number,) = stored(store, [COUP])
    assert publishing(store).put([replace(COUP, title="Soldiers seize power", tags=("coup",))]).changed == 1
    (entry,) = trail(store)
    assert (entry.at, entry.by, entry.action, entry.subject) == (NOW, "API", CHANGE_ARTICLE, "coup")
    assert (entry.article, entry.before, entry.after) == (number, None, {"changed": ["title", "tags"]})


def test_status_and_flags_are_recorded_before_and_after(store: Store) -> None:
    stored(store, [COUP])
    publishing(store).put([replace(COUP, flags=("legal_hold",))])
    publishing(store).put([replace(COUP, status="unpublished", flags=())])
    assert changes(store) == [
        ({"flags": []}, {"flags": ["legal_hold"]}),
        ({"status": "published", "flags": ["legal_hold"]}, {"status": "unpublished", "flags": []}),
    ]


@pytest.mark.parametrize("again", [COUP, replace(COUP, read_count=900)], ids=["equal", "read more"])
def test_nothing_new_leaves_no_entry(store: Store, again: object) -> None:
    stored(store, [COUP])
    publishing(store).put([again])  # type: ignore[list-item]  # both are articles
    assert trail(store) == []


def test_last_of_two_with_one_id_is_recorded(store: Store) -> None:
    stored(store, [COUP])
    publishing(store).put([replace(COUP, status="draft"), replace(COUP, url="https://example.org/coup")])
    assert changes(store) == [(None, {"changed": ["url"]})]


def test_withdrawal_and_return_are_recorded(store: Store) -> None:
    stored(store, [COUP])
    assert publishing(store).withdraw("coup") is True
    publishing(store).put([COUP])
    assert [entry.action for entry in trail(store)] == [WITHDRAW, CHANGE_ARTICLE]
    assert changes(store) == [
        ({"status": "published"}, {"status": "deleted"}),
        ({"status": "deleted"}, {"status": "published"}),
    ]
    assert "Junta" not in repr(trail(store))


def test_what_is_not_there_cannot_be_withdrawn(store: Store) -> None:
    assert publishing(store).withdraw("coup") is False
    assert trail(store) == []


def test_changes_are_no_decisions(store: Store) -> None:
    """They keep no editor from deciding, and count as no editor's work."""
    (number,) = stored(store, [COUP])
    publishing(store).put([replace(COUP, title="Soldiers seize power")])
    assert store.audit.latest(number) == 0
    assert store.audit.effort(NOW) == []
