"""Which generation readers get: switching, switching back, and the shadow."""

import pytest

from recommender.errors import InvalidInput, Unavailable
from recommender.store.base import State, Store
from recommender.store.generations import NeighbourRow
from tests.contracts.content import begun, kept, live_generation, row, vector
from tests.factories import make_article, stored


def finished(store: Store, rows: list[NeighbourRow] | None = None) -> int:
    """A complete generation beside the live one."""
    number = begun(store, "beside")
    store.generations.write(number, rows or [])
    store.generations.finish(number)
    return number


def test_finished_generations_are_not_live(store: Store) -> None:
    live = live_generation(store)
    before = store.state()
    number = begun(store)
    assert store.generations.generation(number) is None
    store.generations.finish(number)
    assert store.state() == before
    assert kept(store) == (live, None, None)
    assert store.generations.generation(number) is not None
    begun(store)  # sweeps what is not complete
    assert store.generations.generation(number) is not None


def test_swept_generations_cannot_be_finished(store: Store) -> None:
    interrupted, _ = begun(store), begun(store)
    with pytest.raises(Unavailable, match="Another build"):
        store.generations.finish(interrupted)


def test_promotion_keeps_the_one_before(store: Store) -> None:
    first = live_generation(store)
    second = live_generation(store, keep=True)
    assert kept(store) == (second, first, None)
    third = live_generation(store, keep=True)
    assert kept(store) == (third, second, None)


def test_ordinary_builds_leave_the_previous_alone(store: Store) -> None:
    first = live_generation(store)
    live_generation(store, keep=True)
    third = live_generation(store)
    assert kept(store) == (third, first, None)


def test_first_generation_has_none_before_it(store: Store) -> None:
    first = live_generation(store, keep=True)
    assert kept(store) == (first, None, None)


@pytest.mark.parametrize("keep", [True, False])
def test_live_generation_may_be_activated_again(store: Store, keep: bool) -> None:
    first = live_generation(store)
    second = live_generation(store, keep=True)
    store.generations.activate(second, keep=keep)
    assert kept(store) == (second, first, None)


@pytest.mark.parametrize(("keep", "before"), [(True, "second"), (False, None)])
def test_previous_generation_may_be_activated(store: Store, keep: bool, before: str | None) -> None:
    """What is live is never its own previous one."""
    first = live_generation(store)
    second = live_generation(store, keep=True)
    store.generations.activate(first, keep=keep)
    assert kept(store) == (first, second if before else None, None)


def test_swapping_back_goes_both_ways(store: Store) -> None:
    first = live_generation(store, [row(1)])
    second = live_generation(store, [row(1), row(2)], keep=True)
    before = store.state().revision
    assert store.generations.swap_back() == first
    assert kept(store) == (first, second, None)
    assert store.state().revision > before
    assert list(store.generations.candidates(first, [1, 2])) == [1]
    assert store.generations.swap_back() == second
    assert kept(store) == (second, first, None)


def test_nothing_to_go_back_to_is_said(store: Store) -> None:
    live_generation(store)
    number = live_generation(store)
    before = store.state()
    with pytest.raises(InvalidInput, match="no generation to go back to"):
        store.generations.swap_back()
    assert store.state() == before == State(before.revision, number)


def test_failed_switch_changes_nothing(store: Store) -> None:
    live_generation(store)
    live_generation(store, keep=True)
    before = kept(store)

    def fail() -> None:
        with store.writing():
            store.generations.swap_back()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert kept(store) == before


def test_kept_generations_are_not_removed(store: Store) -> None:
    gone = live_generation(store, [row(1)])
    previous = live_generation(store, [row(1)])
    live = live_generation(store, [row(1)], keep=True)
    shadow, unused = finished(store, [row(1)]), finished(store, [row(1)])
    store.generations.put_shadow(shadow)
    store.generations.drop_retired()
    sizes = {number: store.generations.size(number) for number in (gone, previous, live, shadow, unused)}
    assert sizes == {gone: 0, previous: 1, live: 1, shadow: 1, unused: 0}
    store.generations.put_shadow(None)
    store.generations.drop_retired()
    assert (kept(store), store.generations.size(shadow)) == ((live, previous, None), 0)


def test_shadow_that_becomes_live_is_no_shadow(store: Store) -> None:
    live = live_generation(store)
    shadow = finished(store)
    store.generations.put_shadow(shadow)
    assert kept(store) == (live, None, shadow)
    store.generations.activate(shadow, keep=True)
    assert kept(store) == (shadow, live, None)


def test_copies_in_memory_notice_another_shadow(store: Store) -> None:
    live_generation(store)
    shadow, before = finished(store), store.state().revision
    store.generations.put_shadow(shadow)
    assert store.state().revision > before


@pytest.mark.parametrize("which", ["live", "incomplete", "missing"])
def test_only_whole_generations_are_tried(store: Store, which: str) -> None:
    number = {"live": lambda: live_generation(store), "incomplete": lambda: begun(store), "missing": lambda: 99}[
        which
    ]()
    with pytest.raises(InvalidInput, match=f"Generation {number} cannot be tried"):
        store.generations.put_shadow(number)
    assert store.generations.shadow() is None


def test_writes_into_a_kept_generation_are_news(store: Store) -> None:
    """Who looks at the shadow or at the previous one has a copy as well."""
    live_generation(store, [row(1)])
    number = finished(store, [row(1), row(2)])
    before = store.state().revision
    store.generations.write(number, [row(2, "new")])
    assert [changed.number for changed in store.generations.rows_since(number, before)] == [2]


def test_vectors_of_kept_generations_are_not_pruned(store: Store) -> None:
    """A rollback may not have to embed the archive again."""
    article = make_article("a")
    stored(store, [article])
    store.generations.put_vectors("m", {article.text_key: vector(1)})
    live_generation(store, [row(1, article.text_hash)])
    stored(store, [make_article("a", title="New")])
    live_generation(store, [row(1, make_article("a", title="New").text_hash)], keep=True)
    store.generations.drop_retired()
    assert store.generations.prune_vectors() == 0
    live_generation(store, [row(1, "other")], keep=True)
    store.generations.drop_retired()
    assert store.generations.prune_vectors() == 1
