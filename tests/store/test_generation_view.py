"""A store pinned to a generation: that one seems to be live, and nothing can be written."""

import inspect
from dataclasses import replace

import pytest

from recommender.build.model_version import ModelVersion
from recommender.errors import InvalidInput
from recommender.progress import quiet
from recommender.ranking.scoring import DEFAULT
from recommender.serving.answers import Query
from recommender.serving.prepared import find_prepared, prepare
from recommender.store.base import Store
from recommender.store.generation_view import READS, generation_view
from recommender.store.generations import GenerationStore
from tests.factories import built, days_ago, make_article, make_builder, make_recommender, stored

TOPICS = ("coup niamey guard palace", "blockade bamako fuel convoys")
STORIES = [
    make_article(f"s{place}", title=f"{TOPICS[place % 2]} own{place}", posted_on=days_ago(10 * place + 1))
    for place in range(10)
]
NOISE = [make_article(f"n{place}", title=f"lone{place} apart{place}", posted_on=None) for place in range(20)]
# By tags alone, which no story has.
OTHER = ModelVersion(
    "other/1", replace(DEFAULT, version="o", weights={part: 1.0 * (part == "tags") for part in DEFAULT.weights})
)

WRITES = frozenset(
    {
        "put_vectors",
        "prune_vectors",
        "begin",
        "write",
        "write_candidates",
        "put_grades",
        "forget_grades",
        "finish",
        "activate",
        "swap_back",
        "put_shadow",
        "drop_retired",
        "put_standings",
        "put_exposure",
        "put_prepared",
    }
)


@pytest.fixture
def shadow(store: Store) -> int:
    """A generation of another release beside the live one."""
    built(store, [*STORIES, *NOISE])
    return make_builder(store, model_version=OTHER).build_beside()


def test_pinned_generation_seems_live(store: Store, shadow: int) -> None:
    view = generation_view(store, shadow)
    assert view.state() == replace(store.state(), generation=shadow)
    live = view.generations.live()
    assert live == store.generations.generation(shadow)
    assert live is not None
    assert (live.model_version, live.ranking) == ("other/1", OTHER.ranking)
    assert view.generations.live_model() == live.model
    assert store.state().generation != shadow


def test_live_generation_can_be_pinned(store: Store, shadow: int) -> None:
    live = store.state().generation
    assert live is not None
    assert generation_view(store, live).state() == store.state()


def test_answers_come_from_the_pinned_generation(store: Store, shadow: int) -> None:
    """No story has a tag, so the weights of this release find nothing related."""
    query = Query(fallback="none")
    there = make_recommender(generation_view(store, shadow)).for_article("s0", query)
    assert (there.state.generation, there.items) == (shadow, [])
    assert len(make_recommender(store).for_article("s0", query).items) == 3


def test_changes_of_the_site_are_seen(store: Store, shadow: int) -> None:
    recommender = make_recommender(generation_view(store, shadow))
    (number,) = stored(store, [make_article("s0", title=STORIES[0].title, read_count=7)])
    assert recommender.columns().reads[number] == 7


@pytest.mark.parametrize("which", ["missing", "incomplete"])
def test_only_whole_generations_are_pinned(store: Store, shadow: int, which: str) -> None:
    complete = store.generations.generation(shadow)
    assert complete is not None
    number = 99
    if which == "incomplete":
        interrupted = make_builder(store, model_version=OTHER)

        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted.build_beside(lambda items, _total, label: items if label.startswith("Embedding") else stop())  # type: ignore[return-value]
        number = shadow + 1
        assert store.generations.model(number) is not None
    with pytest.raises(InvalidInput, match=f"no complete generation {number}"):
        generation_view(store, number)


def test_removed_generation_is_no_longer_live(store: Store, shadow: int) -> None:
    view = generation_view(store, shadow)
    store.generations.drop_retired()
    assert view.generations.live() is None
    assert make_recommender(view).for_article("s0", Query(fallback="none")).items == []


# -- nothing is written ------------------------------------------------------------------------------------------------


def test_every_method_is_a_read_or_a_write() -> None:
    """A new method of the promise has to be put into one of the two."""
    methods = {name for name, _ in inspect.getmembers(GenerationStore, inspect.isfunction) if not name.startswith("_")}
    assert methods == READS | WRITES | {"live", "live_model"}
    assert not READS & WRITES


@pytest.mark.parametrize("name", sorted(WRITES))
def test_generations_cannot_be_changed(store: Store, shadow: int, name: str) -> None:
    with pytest.raises(RuntimeError, match=f"`{name}` would change"):
        getattr(generation_view(store, shadow).generations, name)


@pytest.mark.parametrize("name", ["writing", "close"])
def test_store_cannot_be_changed(store: Store, shadow: int, name: str) -> None:
    with pytest.raises(RuntimeError, match=f"`{name}` would change"):
        getattr(generation_view(store, shadow), name)()


# -- answers that are ready before the switch --------------------------------------------------------------------------


def test_answers_are_ready_at_the_switch(store: Store) -> None:
    """Prepared while another generation was live, and written into no ledger."""
    built(store, [*STORIES, *NOISE])
    live = make_recommender(store)
    prepare(store, live, quiet)
    lines = store.ledger.last()
    number = make_builder(
        store,
        model_version=ModelVersion("other/1", DEFAULT),
        prepare=lambda number, progress: prepare(store, make_recommender(generation_view(store, number)), progress),
    ).build_beside()
    assert store.ledger.last() == lines
    store.generations.activate(number, keep=True)
    for article in STORIES:
        ready = find_prepared(store, live, article.id, store.state())
        assert ready is not None
        assert ready.basis.state.generation == number
    assert sum(store.generations.exposure(number).values()) == 3 * len([*STORIES, *NOISE])
