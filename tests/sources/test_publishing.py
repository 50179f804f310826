"""What happens to articles is written into the audit trail, and no text of theirs."""

from dataclasses import replace

import pytest

from recommender.errors import InvalidArticle
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
    publishing(store).put([replace(COUP, status="draft"), replace(COUP, url="https://example.org/elsewhere")])
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


# -- single fields and counts ------------------------------------------------------------------------------------------


def test_other_fields_stay_as_they_are(store: Store) -> None:
    """A text that is kept is plain: what looks like markup in it is text."""
    plain = make_article("a", title="1 < 2 &amp; 3", body="Write <b>bold</b> so.", read_count=3)
    (number,) = stored(store, [plain])
    patched = publishing(store).patch("a", {"tags": ["web"], "edition": None, "author": "<i>Ama</i>"})
    assert patched is not None
    assert patched.changed == 1
    assert store.articles.get([number])[number] == replace(plain, tags=("web",), edition="", author="Ama")
    assert changes(store) == [(None, {"changed": ["edition", "tags", "author"]})]


def test_field_that_cannot_go_is_refused(store: Store) -> None:
    stored(store, [COUP])
    with pytest.raises(InvalidArticle, match="title"):
        publishing(store).patch("coup", {"title": None})
    with pytest.raises(InvalidArticle, match="id"):
        publishing(store).patch("coup", {"id": "other"})
    assert publishing(store).patch("nowhere", {"title": "x"}) is None


def test_counts_change_nothing_else(store: Store) -> None:
    (number,) = stored(store, [COUP])
    counted = publishing(store).count({"coup": 9, "nowhere": 1})
    assert (counted.changed, counted.unchanged, counted.unknown) == (1, 0, ("nowhere",))
    assert store.articles.get([number])[number] == replace(COUP, read_count=9)
    assert publishing(store).count({"coup": 9}).unchanged == 1
    assert trail(store) == []
