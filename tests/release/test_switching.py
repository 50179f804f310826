"""Another version replaces the live one, and is taken back: what readers get, and what is kept for it."""

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest

from recommender.arrays import Vectors
from recommender.build.builder import Builder, LiveBuilder
from recommender.build.model_version import ModelVersion
from recommender.embedding.pooling import vector_version
from recommender.errors import Unavailable
from recommender.progress import quiet
from recommender.ranking.scoring import DEFAULT
from recommender.serving.answers import Query, RankingDefaults
from recommender.serving.prepared import Sweep, catch_up, find_prepared, prepare
from recommender.serving.recommender import Recommender
from recommender.store.base import Store
from recommender.store.generation_view import generation_view
from tests.embedder import BlindEmbedder, RecordingEmbedder, ToyEmbedder
from tests.factories import (
    GAZETTEER,
    NOW,
    RELEASE,
    built,
    days_ago,
    make_article,
    make_builder,
    make_recommender,
    stored,
)

TOPICS = ("coup niamey guard palace", "blockade bamako fuel convoys", "gold mine permit ore")
STORIES = [
    make_article(f"s{place}", title=f"{TOPICS[place % 3]} own{place}", posted_on=days_ago(10 * place + 1))
    for place in range(12)
]
NOISE = [make_article(f"n{place}", title=f"lone{place} apart{place}", posted_on=None) for place in range(20)]
EVERYONE = [*STORIES, *NOISE]
# Another embedding, and other weights: similarity by an embedding that sees nothing.
OTHER = ModelVersion(
    "other/1", replace(DEFAULT, version="o", weights={part: 3.0 * (part == "dense") for part in DEFAULT.weights})
)

Sidebars = Mapping[str, Sequence[tuple[str, float]]]


def sidebars(store: Store, recommender: Recommender | None = None) -> Sidebars:
    """What stands beside every article, with scores."""
    service = recommender or make_recommender(store)
    query = Query(fallback="none", min_score=0.0)
    return {
        article.id: [(item.article.id, item.teaser.score) for item in service.for_article(article.id, query).items]
        for article in EVERYONE
    }


def promoted(store: Store, model_version: ModelVersion = OTHER) -> int:
    """Another release made live, as a promotion does it; gives its generation."""
    number = make_builder(store, BlindEmbedder(), model_version=model_version).build_beside()
    store.generations.activate(number, keep=True)
    store.generations.drop_retired()
    store.generations.prune_vectors()
    return number


# -- what readers get --------------------------------------------------------------------------------------------------


def test_beside_is_not_seen(store: Store) -> None:
    built(store, EVERYONE)
    before, shown = store.state(), sidebars(store)
    number = make_builder(store, BlindEmbedder(), model_version=OTHER).build_beside()
    assert (store.state(), sidebars(store)) == (before, shown)
    assert sidebars(store, make_recommender(generation_view(store, number))) != shown


def test_rollback_restores_every_sidebar(store: Store) -> None:
    """Ids and scores of all articles; for a worker that was there all along, and for one that has just started."""
    built(store, EVERYONE)
    worker = make_recommender(store)
    first = sidebars(store, worker)
    promoted(store)
    second = sidebars(store, worker)
    assert second != first
    assert sidebars(store) == second
    store.generations.swap_back()
    assert sidebars(store, worker) == sidebars(store) == first
    store.generations.swap_back()
    assert sidebars(store, worker) == sidebars(store) == second


def test_rollback_is_quick(store: Store) -> None:
    built(store, EVERYONE)
    promoted(store)
    began = time.monotonic()
    store.generations.swap_back()
    assert time.monotonic() - began < 1


def test_weights_are_those_of_the_generation(store: Store) -> None:
    """The same embedding with other weights: a switch takes them along, and a switch back too."""
    built(store, EVERYONE)
    worker = make_recommender(store)
    first = sidebars(store, worker)
    number = make_builder(store, model_version=OTHER).build_beside()
    store.generations.activate(number, keep=True)
    other_service = Recommender(store, RankingDefaults(0.12, 0.0, OTHER.ranking), GAZETTEER, lambda: NOW)
    assert first != sidebars(store, worker) == sidebars(store, other_service)
    store.generations.swap_back()
    assert sidebars(store, worker) == first


def test_given_weights_hold_in_every_generation(store: Store) -> None:
    built(store, EVERYONE)
    other_service = Recommender(store, RankingDefaults(0.12, 0.0, OTHER.ranking), GAZETTEER, lambda: NOW)
    everything = Query(n=50, fallback="none", min_score=0.0)
    before = {item.article.id: item.teaser.score for item in other_service.for_article("s0", everything).items}
    store.generations.activate(make_builder(store, model_version=OTHER).build_beside())
    after = {item.article.id: item.teaser.score for item in other_service.for_article("s0", everything).items}
    assert {"s3", "s6", "s9"} <= before.keys() & after.keys()
    assert all(after[key] == before[key] for key in before.keys() & after.keys())


def test_reader_in_an_older_snapshot_gets_its_own(store: Store) -> None:
    """During a read a switch comes, and another thread of the same worker has followed it."""
    built(store, EVERYONE)
    worker = make_recommender(store)
    first = sidebars(store)
    number = make_builder(store, BlindEmbedder(), model_version=OTHER).build_beside()
    second = sidebars(store, make_recommender(generation_view(store, number)))

    def switched() -> Sidebars:
        store.generations.activate(number, keep=True)
        return sidebars(store, worker)

    with store.reading(), ThreadPoolExecutor(1) as pool:
        store.state()  # the snapshot begins with the first look
        assert pool.submit(switched).result(timeout=20) == second
        assert sidebars(store, worker) == first
    assert sidebars(store, worker) == second


def test_cached_answer_outlives_switch_and_rollback(store: Store) -> None:
    """It is wrong while another generation is live, and right again after."""
    built(store, EVERYONE)
    worker = make_recommender(store)
    basis = worker.for_article("s0", Query()).basis
    assert basis.lasting
    promoted(store)
    assert not worker.still_right(basis, store.state())
    store.generations.swap_back()
    assert worker.still_right(basis, store.state())
    make_builder(store).update()
    store.articles.withdraw("s3")
    assert not worker.still_right(basis, store.state())


def test_draft_is_ranked_where_it_was_compared(store: Store) -> None:
    """Its similarities come from one generation; the weights and scales of another do not fit them."""
    builder = built(store, EVERYONE)
    first = store.state().generation
    draft = make_article("draft", title=TOPICS[0])
    query = Query(fallback="none")
    candidates = builder.draft_candidates(draft)
    worker = make_recommender(store)
    before = worker.for_draft(draft, candidates, query)
    promoted(store)
    after = worker.for_draft(draft, candidates, query)
    assert candidates.generation == after.state.generation == first
    assert [(item.article.id, item.teaser) for item in after.items] == [
        (item.article.id, item.teaser) for item in before.items
    ]
    assert after.model == before.model


def test_draft_of_a_removed_generation_is_answered(store: Store) -> None:
    builder = built(store, EVERYONE)
    draft = make_article("draft", title=TOPICS[0])
    candidates = builder.draft_candidates(draft)
    report = builder.build(full=True)
    answer = make_recommender(store).for_draft(draft, candidates, Query(fallback="none"))
    assert answer.state.generation == report.generation
    assert len(answer.items) == 3


# -- what is kept ------------------------------------------------------------------------------------------------------


def test_build_of_another_release_keeps_the_one_before(store: Store) -> None:
    """`models/live` was changed by hand, or a promotion died before its switch."""
    built(store, EVERYONE)
    first, shown = store.state().generation, sidebars(store)
    assert make_builder(store, BlindEmbedder(), model_version=OTHER).build().kind == "rebuilt"
    assert store.generations.previous() == first
    store.generations.swap_back()
    assert sidebars(store) == shown


def test_nightly_build_keeps_the_previous_release(store: Store) -> None:
    built(store, EVERYONE)
    first, shown = store.state().generation, sidebars(store)
    promoted(store)
    nightly = make_builder(store, BlindEmbedder(), model_version=OTHER)
    for _ in range(2):
        assert nightly.build(full=True).kind == "rebuilt"
        assert store.generations.previous() == first
    store.generations.swap_back()
    assert sidebars(store) == shown


def test_first_build_has_nothing_before_it(store: Store) -> None:
    built(store, EVERYONE)
    assert store.generations.previous() is None
    make_builder(store).build(full=True)
    assert store.generations.previous() is None


def test_release_is_built_again_for_other_weights(store: Store) -> None:
    """Tried out under the same name: there is no other version to go back to."""
    first = built(store, EVERYONE).build().generation
    tried = make_builder(store, model_version=ModelVersion(RELEASE.name, replace(DEFAULT, threshold=8.0)))
    report = tried.build()
    assert (report.kind, report.embedded) == ("rebuilt", 0)
    assert report.generation > first
    assert store.generations.ranking(report.generation) == replace(DEFAULT, threshold=8.0)
    assert store.generations.previous() is None
    assert tried.build().kind == "unchanged"


@pytest.fixture
def unnamed(store: Store, database_url: str) -> int:
    """The live generation, as a version of this software left it that knew no releases."""
    number = built(store, EVERYONE).build().generation
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection:
        connection.execute("UPDATE generation SET release = NULL, ranking = NULL")
        connection.commit()
    return number


def test_generation_without_release_is_answered_and_updated(store: Store, unnamed: int) -> None:
    live = store.generations.live()
    assert live is not None
    assert (live.model_version, live.ranking) == (None, None)
    default_service = Recommender(store, RankingDefaults(0.12, 0.0, DEFAULT), GAZETTEER, lambda: NOW)
    assert sidebars(store) == sidebars(store, default_service)
    (number,) = stored(store, [make_article("new", title=TOPICS[0])])
    assert make_builder(store).update().indexed == 1
    assert number in store.generations.numbers(unnamed)


def test_generation_without_release_is_built_again(store: Store, unnamed: int) -> None:
    """And is not gone back to: its version is unknown."""
    report = make_builder(store).build()
    assert (report.kind, report.embedded) == ("rebuilt", 0)
    assert store.generations.model_version(report.generation) == RELEASE.name
    assert store.generations.previous() is None


# -- who takes articles in ---------------------------------------------------------------------------------------------


class Makers:
    """Makes builders of two releases with different models, and remembers which were asked for."""

    def __init__(self, store: Store) -> None:
        self.asked: list[str | None] = []
        self.embedders = {RELEASE.name: RecordingEmbedder(), OTHER.name: BlindRecorder()}
        self._store = store

    def __call__(self, name: str | None) -> Builder:
        self.asked.append(name)
        model_version = {version.name: version for version in (RELEASE, OTHER)}[name or RELEASE.name]
        return make_builder(self._store, self.embedders[model_version.name], model_version=model_version)

    def seen(self, name: str) -> list[str]:
        """The titles that a model was given."""
        return [text.split(".")[0] for text in self.embedders[name].seen]


class BlindRecorder(RecordingEmbedder):
    """Sees nothing and remembers every text."""

    def __init__(self) -> None:
        super().__init__(BlindEmbedder().version)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """As BlindEmbedder."""
        super().embed(texts)
        return BlindEmbedder().embed(texts)


def test_update_goes_by_the_live_model(store: Store) -> None:
    built(store, EVERYONE)
    makers = Makers(store)
    desk = LiveBuilder(store, makers)
    stored(store, [make_article("a", title="new a")])
    assert desk.update().indexed == 1
    promoted(store)
    stored(store, [make_article("b", title="new b")])
    assert desk.update().indexed == 1
    store.generations.swap_back()
    stored(store, [make_article("c", title="new c")])
    assert desk.update().indexed == 2  # the one that came while the other was live, too
    assert sorted(makers.seen(RELEASE.name)) == ["new a", "new b", "new c"]
    assert makers.seen(OTHER.name) == ["new b"]
    assert makers.asked == [None, OTHER.name, RELEASE.name]


def test_sidebars_after_a_rollback_are_those_of_a_build(store: Store) -> None:
    """An article that came in between stands where the release would have put it."""
    built(store, EVERYONE)
    promoted(store)
    stored(store, [make_article("late", title=f"{TOPICS[0]} late")])
    make_builder(store, BlindEmbedder(), model_version=OTHER).update()
    store.generations.swap_back()
    make_builder(store).update()
    late = make_recommender(store).for_article("late", Query(fallback="none"))
    assert {item.article.id for item in late.items} <= {article.id for article in STORIES[::3]}
    assert late.model == vector_version(ToyEmbedder())


def test_other_weights_need_no_other_model(store: Store) -> None:
    """Weights are those of the generation, whichever builder takes an article in."""
    built(store, EVERYONE)
    makers = Makers(store)
    desk = LiveBuilder(store, makers)
    number = make_builder(store, model_version=OTHER).build_beside()
    store.generations.activate(number, keep=True)
    stored(store, [make_article("a", title="new a")])
    assert desk.update().indexed == 1
    assert makers.asked == [None]


def test_drafts_go_by_the_live_model(store: Store) -> None:
    built(store, EVERYONE)
    desk = LiveBuilder(store, Makers(store))
    draft = make_article("draft", title=TOPICS[0])
    assert desk.draft_candidates(draft).generation == store.state().generation
    number = promoted(store)
    assert desk.draft_candidates(draft).generation == number


def test_switch_in_the_middle_of_an_update_is_followed(store: Store) -> None:
    """Between the look at the live release and the work the other one became live."""
    built(store, EVERYONE)
    promoted(store)
    stored(store, [make_article("a", title="new a")])
    makers = Makers(store)

    def make(name: str | None) -> Builder:
        builder = makers(name)
        if name == OTHER.name and makers.asked.count(OTHER.name) == 1:
            store.generations.swap_back()
        return builder

    report = LiveBuilder(store, make).update()
    assert (report.generation, report.indexed) == (store.state().generation, 1)


def test_model_that_fits_no_release_is_said(store: Store) -> None:
    built(store, EVERYONE)
    stored(store, [make_article("a")])
    desk = LiveBuilder(store, lambda _: make_builder(store, ToyEmbedder("toy@2")))
    with pytest.raises(Unavailable, match="computed with toy@1"):
        desk.update()


def test_rollback_is_caught_up_with(store: Store) -> None:
    built(store, EVERYONE)
    desk = LiveBuilder(store, Makers(store))
    promoted(store)
    assert desk.step() is False
    stored(store, [make_article("late", title=f"{TOPICS[0]} late")])
    store.articles.withdraw("s0")
    make_builder(store, BlindEmbedder(), model_version=OTHER).update()
    store.generations.swap_back()
    assert desk.step() is True
    assert desk.step() is False
    live = store.state().generation
    assert live is not None
    assert store.generations.size(live) == len(EVERYONE)
    shown = make_recommender(store).for_article("late", Query(fallback="none"))
    assert {item.article.id for item in shown.items} == {"s3", "s6", "s9"}


def test_switch_and_rollback_between_two_looks_are_caught_up_with(store: Store) -> None:
    """An article was published in between, and so taken into the other generation."""
    built(store, EVERYONE)
    desk = LiveBuilder(store, Makers(store))
    promoted(store)
    (number,) = stored(store, [make_article("late", title=f"{TOPICS[0]} late")])
    desk.update()
    store.generations.swap_back()
    assert desk.step() is True
    assert number in store.generations.numbers(store.state().generation or 0)


def test_archive_that_waits_for_a_build_is_left_alone(store: Store) -> None:
    """Articles read from a file are for the next build; only a switch is followed."""
    built(store, EVERYONE)
    makers = Makers(store)
    desk = LiveBuilder(store, makers)
    stored(store, [make_article("waiting")])
    assert desk.step() is False
    assert makers.asked == []


def test_switch_that_lacks_nothing_loads_nothing(store: Store) -> None:
    built(store, EVERYONE)
    makers = Makers(store)
    desk = LiveBuilder(store, makers)
    promoted(store)
    assert desk.step() is False
    assert makers.asked == []


# -- answers and the ledger --------------------------------------------------------------------------------------------


def in_ledger(store: Store) -> dict[str, list[str]]:
    """The ids of the teasers that the ledger has beside every article now."""
    titles = {}
    for article in EVERYONE:
        trace = store.articles.trace(article.id)
        assert trace is not None
        (now, *_) = store.ledger.history(trace.number, 1)
        titles[article.id] = [store.articles.traces([number])[number].id for number in now.items]
    return titles


def shown_now(store: Store) -> dict[str, list[str]]:
    recommender = make_recommender(store)
    return {
        article.id: [item.article.id for item in recommender.for_article(article.id, Query()).items]
        for article in EVERYONE
    }


@pytest.fixture
def ready(store: Store) -> Store:
    """Two generations with their answers prepared; the release of `other/1` was live, and has been rolled back."""
    built(store, EVERYONE)
    prepare(store, make_recommender(store), quiet)
    number = make_builder(
        store,
        BlindEmbedder(),
        model_version=OTHER,
        prepare=lambda number, progress: prepare(store, make_recommender(generation_view(store, number)), progress),
    ).build_beside()
    store.generations.activate(number, keep=True)
    return store


def swept(store: Store) -> Callable[[], None]:
    sweep = Sweep(store, make_recommender(store))

    def work() -> None:
        while sweep.step():
            pass

    return work


def test_ledger_tells_of_switch_and_rollback(ready: Store) -> None:
    work = swept(ready)
    work()
    second = in_ledger(ready)
    assert second == shown_now(ready)
    ready.generations.swap_back()
    work()
    assert second != in_ledger(ready) == shown_now(ready)


def test_ledger_is_right_after_a_switch_without_requests(ready: Store) -> None:
    """The desk was not running."""
    ready.generations.swap_back()
    ready.generations.swap_back()
    swept(ready)()
    assert in_ledger(ready) == shown_now(ready)


def test_build_writes_down_what_is_new_and_no_more(ready: Store) -> None:
    before = ready.ledger.last()
    changed = {key for key, items in shown_now(ready).items() if items != in_ledger(ready)[key]}
    labels: list[str] = []
    catch_up(ready, make_recommender(ready), lambda items, _total, label: labels.append(label) or items)  # type: ignore[func-returns-value]
    assert in_ledger(ready) == shown_now(ready)
    assert ready.ledger.last() - before == len(changed)
    lines = ready.ledger.last()
    catch_up(ready, make_recommender(ready), quiet)
    assert ready.ledger.last() == lines


def test_answers_of_both_generations_stay_ready(ready: Store) -> None:
    worker = make_recommender(ready)
    for _ in range(2):
        ready.generations.swap_back()
        live = ready.state().generation
        answers = [find_prepared(ready, worker, article.id, ready.state()) for article in STORIES]
        assert {answer.basis.state.generation for answer in answers if answer} == {live}
