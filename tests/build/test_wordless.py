"""Pictures without words are sources like all others, and related to nothing."""

from recommender.store.base import Store
from tests.build.test_copies import ARCHIVE, ids
from tests.factories import built, make_article

PICTURES = [
    make_article(f"picture-{number}", title=title, summary="", body="")
    for number, title in enumerate(("…", "???", "📷", "Untitled", "12345"))
]


def test_pictures_are_not_each_others_nearest(store: Store) -> None:
    built(store, [*ARCHIVE, *PICTURES])
    assert [ids(store, picture.id, fallback="none") for picture in PICTURES] == [[]] * len(PICTURES)
    assert ids(store, "s5", fallback="none") != []


def test_they_have_a_full_box_all_the_same(store: Store) -> None:
    built(store, [*ARCHIVE, *PICTURES])
    assert len(ids(store, "picture-0", n=3)) == 3
