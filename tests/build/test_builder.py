"""When a build embeds, updates or starts anew, and what an interrupted or overtaken one leaves behind."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from recommender.articles.gazetteer import Gazetteer, Name
from recommender.build import builder as build_module
from recommender.build.builder import EMBED_AT_ONCE, REBUILD_MIN, BuildReport
from recommender.build.model_version import ModelVersion
from recommender.embedding.pooling import Geometry, vector_version
from recommender.errors import InvalidInput, NotBuilt, Unavailable
from recommender.ranking.scoring import DEFAULT
from recommender.store.base import Store
from tests.embedder import RecordingEmbedder, SpellingEmbedder, ToyEmbedder
from tests.factories import GAZETTEER, RELEASE, built, make_article, make_builder, stored


def archive(size: int, *, start: int = 0) -> list[Any]:
    """Articles with some words in common; the number is in the text, so that no two are equal."""
    return [
        make_article(f"a{number}", title=f"Story {number}", body=f"junta word{number % 7} number{number}")
        for number in range(start, start + size)
    ]


def texts_of(embedder: RecordingEmbedder) -> list[str]:
    """The titles of the texts that were embedded, sorted."""
    return sorted(text.split(".")[0] for text in embedder.seen)


# -- which build it is -------------------------------------------------------------------------------------------------


def test_build_without_articles_is_refused(store: Store) -> None:
    with pytest.raises(InvalidInput, match="no published article"):
        make_builder(store).build()
    assert store.state().generation is None


def test_update_before_first_build_is_refused(store: Store) -> None:
    stored(store, archive(1))
    with pytest.raises(NotBuilt, match="recommender build"):
        make_builder(store).update()


def test_drafts_before_first_build_refused(store: Store) -> None:
    with pytest.raises(NotBuilt):
        make_builder(store).draft_candidates(make_article("draft"))


@pytest.mark.parametrize("size", [1, 2, 30])
def test_first_build_holds_every_article(store: Store, size: int) -> None:
    stored(store, archive(size))
    report = make_builder(store).build()
    assert report == BuildReport("rebuilt", store.state().generation or 0, size, size, 0)
    assert store.generations.size(report.generation) == size


def test_drafts_and_unpublished_stay_outside(store: Store) -> None:
    stored(store, [*archive(3), make_article("d", status="draft"), make_article("u", status="unpublished")])
    assert make_builder(store).build().indexed == 3


def test_nothing_new_changes_nothing(store: Store) -> None:
    built(store, archive(5))
    before = store.state()
    report = make_builder(store).build()
    assert (report.kind, report.embedded, report.indexed) == ("unchanged", 0, 0)
    assert make_builder(store).update().kind == "unchanged"
    assert store.state() == before


def test_few_changes_stay_in_the_generation(store: Store) -> None:
    builder = built(store, archive(30))
    first = store.state().generation
    stored(store, archive(REBUILD_MIN, start=30))
    assert builder.build() == BuildReport("updated", first or 0, REBUILD_MIN, REBUILD_MIN, 0)
    assert store.state().generation == first


def test_many_changes_make_a_new_generation(store: Store) -> None:
    builder = built(store, archive(30))
    first = store.state().generation
    stored(store, archive(REBUILD_MIN + 1, start=30))
    report = builder.build()
    assert report.kind == "rebuilt"
    assert report.generation == store.state().generation != first
    assert store.generations.size(report.generation) == 30 + REBUILD_MIN + 1


def test_another_model_makes_a_new_generation(store: Store) -> None:
    built(store, archive(5))
    report = make_builder(store, ToyEmbedder("toy@2")).build()
    assert (report.kind, report.embedded) == ("rebuilt", 5)
    assert store.generations.live_model() == vector_version(ToyEmbedder("toy@2"))


@pytest.mark.parametrize(
    ("gazetteer", "model"),
    [
        (Gazetteer([Name("chad", "country", "Chad", "Tchad")]), DEFAULT),
        (GAZETTEER, replace(DEFAULT, version="ours-1")),
    ],
    ids=["gazetteer", "ranking"],
)
def test_another_recipe_makes_a_new_generation(store: Store, gazetteer: Gazetteer, model: Any) -> None:
    """Names and stories are kept in the generation: they must be those of the settings. Vectors stay right."""
    first = built(store, archive(5)).build().generation
    builder = make_builder(store, model_version=ModelVersion(RELEASE.name, model), gazetteer=gazetteer)
    report = builder.build()
    assert (report.kind, report.embedded) == ("rebuilt", 0)
    assert report.generation > first
    assert builder.build().kind == "unchanged"


def test_full_build_embeds_everything_anew(store: Store) -> None:
    built(store, archive(5))
    embedder = RecordingEmbedder()
    report = make_builder(store, embedder).build(full=True)
    assert (report.kind, report.embedded) == ("rebuilt", 5)
    assert len(embedder.seen) == 5


@pytest.mark.parametrize("ask", ["update", "draft_candidates"])
def test_settings_and_generation_must_agree(store: Store, ask: str) -> None:
    built(store, archive(3))
    stored(store, archive(1, start=3))
    other = make_builder(store, ToyEmbedder("toy@2"))
    with pytest.raises(Unavailable, match=r"computed with toy@1/.*, not with toy@2/"):
        other.draft_candidates(make_article("x")) if ask == "draft_candidates" else other.update()


def test_withdrawn_articles_are_counted(store: Store) -> None:
    builder = built(store, archive(5))
    store.articles.withdraw("a0")
    report = builder.update()
    assert (report.kind, report.indexed, report.left) == ("updated", 0, 1)
    assert store.generations.size(report.generation) == 4


def test_reads_alone_change_no_neighbours(store: Store) -> None:
    builder = built(store, archive(3))
    store.articles.upsert([make_article("a0", title="Story 0", body="junta word0 number0", read_count=99)])
    assert builder.update().kind == "unchanged"


def test_only_one_generation_is_kept(store: Store) -> None:
    builder = built(store, archive(5))
    first = store.state().generation or 0
    builder.build(full=True)
    assert store.generations.size(first) == 0


def test_last_article_can_leave(store: Store) -> None:
    builder = built(store, archive(1))
    store.articles.withdraw("a0")
    assert builder.update().left == 1
    stored(store, archive(2, start=1))
    assert builder.update().indexed == 2


def test_progress_counts_every_article(store: Store) -> None:
    stored(store, archive(3))
    labels: list[str] = []

    def progress(items: Iterable[Any], total: int, label: str) -> Iterable[Any]:
        labels.append(label)
        return items

    make_builder(store).build(progress=progress)
    assert labels == ["Embedding 3 articles", "Finding neighbours of 3 articles"]


# -- what a build learns of the archive --------------------------------------------------------------------------------


def test_trust_is_measured_by_language(store: Store) -> None:
    """By the texts of each language alone: the model of this test spells words that begin with x."""
    articles = [
        make_article("a", body="known words"),
        make_article("b", body="xa xb", language="fr"),
        make_article("c", summary="xa", body="known", language="fr"),
    ]
    stored(store, articles)
    make_builder(store, SpellingEmbedder()).build()
    live = store.generations.live()
    assert live is not None
    assert Geometry.from_bytes(live.geometry).trust == {"en": 1.0, "fr": pytest.approx((1.4 / 1.75) ** 2)}


def test_demand_counts_the_sidebars_an_article_could_stand_in(store: Store) -> None:
    """Four English articles are the best three of each other; one that is like none of them is in no list, nor is the
    French one.
    """
    alike = [make_article(f"a{number}", body=f"junta coup word{number}", tags=("coup",)) for number in range(4)]
    other = make_article("other", title="rain", body="rain harvest", tags=("rain",), posted_on=None)
    french = make_article("fr", body="junta word1", language="fr", tags=("coup",))
    *english, _, _ = numbers = stored(store, [*alike, other, french])
    generation = make_builder(store).build().generation
    demand = {number: standing.demand for number, standing in store.generations.standings_since(generation, -1).items()}
    assert demand == dict.fromkeys(numbers, 0) | dict.fromkeys(english, 3)


def test_names_stay_with_their_articles(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_module, "WRITE_AT_ONCE", 2)
    named = {"Niamey": "niamey", "Bazoum": "bazoum", "JNIM": "jnim", "Bamako": "bamako", "Mali": "mali"}
    articles = [make_article(name, title=f"Of {name}", body=f"This is about {name}.") for name in named]
    numbers = stored(store, articles)
    generation = make_builder(store).build().generation
    assert store.generations.names(generation, numbers) == {
        number: (key,) for number, key in zip(numbers, named.values(), strict=True)
    }


# -- nothing is embedded twice -----------------------------------------------------------------------------------------


def test_only_new_texts_are_embedded(store: Store) -> None:
    embedder = RecordingEmbedder()
    builder = make_builder(store, embedder)
    stored(store, archive(4))
    builder.build()
    stored(store, archive(2, start=4))
    builder.update()
    builder.build()
    assert texts_of(embedder) == [f"Story {number}" for number in range(6)]


def test_equal_texts_are_embedded_once(store: Store) -> None:
    embedder = RecordingEmbedder()
    stored(store, [make_article(name, title="Same", body="text") for name in ("a", "b", "c")])
    report = make_builder(store, embedder).build()
    assert len(embedder.seen) == 1
    assert report.indexed == 3


def test_returning_texts_are_not_embedded_again(store: Store) -> None:
    builder = built(store, archive(3))
    store.articles.withdraw("a1")
    builder.update()
    embedder = RecordingEmbedder()
    stored(store, archive(3))
    assert make_builder(store, embedder).update().indexed == 1
    assert embedder.seen == []


def test_interrupted_embedding_keeps_its_work(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_module, "EMBED_AT_ONCE", 2)
    stored(store, archive(6))
    broken = RecordingEmbedder(fails_at="number4")
    with pytest.raises(RuntimeError, match="switched off"):
        make_builder(store, broken).build()
    assert store.state().generation is None
    mended = RecordingEmbedder()
    assert make_builder(store, mended).build().indexed == 6
    assert len(broken.seen) == 4
    assert texts_of(mended) == ["Story 4", "Story 5"]


def test_failed_update_leaves_the_builder_usable(store: Store) -> None:
    embedder = RecordingEmbedder(fails_at="number5")
    builder = make_builder(store, embedder)
    stored(store, archive(5))
    builder.build()
    stored(store, archive(2, start=5))
    with pytest.raises(RuntimeError):
        builder.update()
    embedder.fails_at = ""
    assert builder.update().indexed == 2


def test_archives_larger_than_one_batch(store: Store) -> None:
    stored(store, archive(EMBED_AT_ONCE + 10))
    report = make_builder(store).build()
    assert report.embedded == report.indexed == EMBED_AT_ONCE + 10


def test_large_updates_are_taken_in_parts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    builder = built(store, archive(3))
    monkeypatch.setattr(build_module, "UPDATE_AT_ONCE", 4)
    stored(store, archive(10, start=3))
    assert [builder.update().indexed for _ in range(4)] == [4, 4, 2, 0]


def test_large_catch_up_takes_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    builder = built(store, archive(3))
    monkeypatch.setattr(build_module, "UPDATE_AT_ONCE", 4)
    stored(store, archive(10, start=3))
    assert builder.build() == BuildReport("updated", store.state().generation or 0, 10, 10, 0)


# -- what happens meanwhile --------------------------------------------------------------------------------------------


class Meanwhile:
    """Does something once while a build computes neighbours: between the opening and the switch of its generation."""

    def __init__(self, what: Any) -> None:
        self._what = what

    def __call__(self, items: Iterable[Any], total: int, label: str) -> Iterable[Any]:
        if label.startswith("Finding"):
            self._what()
        return items


def test_articles_published_meanwhile_are_taken_in(store: Store) -> None:
    stored(store, archive(5))
    report = make_builder(store).build(progress=Meanwhile(lambda: stored(store, archive(2, start=5))))
    assert (report.kind, report.indexed) == ("rebuilt", 7)
    assert store.generations.size(report.generation) == 7


def test_articles_withdrawn_meanwhile_leave(store: Store) -> None:
    stored(store, archive(5))
    report = make_builder(store).build(progress=Meanwhile(lambda: store.articles.withdraw("a0")))
    assert (report.indexed, report.left) == (5, 1)
    assert store.generations.size(report.generation) == 4


def test_readers_keep_their_generation_meanwhile(store: Store) -> None:
    built(store, archive(5))
    before = store.state()

    def look() -> None:
        assert store.state().generation == before.generation
        assert sorted(store.generations.candidates(before.generation or 0, range(1, 6))) == [1, 2, 3, 4, 5]

    make_builder(store).build(full=True, progress=Meanwhile(look))
    assert store.state().generation != before.generation


def test_overtaken_build_says_so(store: Store) -> None:
    stored(store, archive(5))
    newer: list[BuildReport] = []
    with pytest.raises(Unavailable, match="Another build started meanwhile"):
        make_builder(store).build(progress=Meanwhile(lambda: newer.append(make_builder(store).build(full=True))))
    assert store.state().generation == newer[0].generation
    assert store.generations.size(newer[0].generation) == 5


def test_release_put_live_meanwhile_stays(store: Store) -> None:
    """A build that began before a promotion or a rollback must not undo it."""
    built(store, archive(5))
    other = make_builder(store, model_version=ModelVersion("other/1", RELEASE.ranking))
    late = make_builder(store, prepare=lambda _number, _progress: other.build())
    with pytest.raises(Unavailable, match=r"While this build ran other/1 was put live, and readers keep it"):
        late.build(full=True)
    live = store.generations.live()
    assert live is not None
    assert live.model_version == "other/1"


def test_interrupted_build_leaves_the_old_one(store: Store) -> None:
    builder = built(store, archive(5))
    before = store.state()

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        builder.build(full=True, progress=Meanwhile(stop))
    assert store.state() == before
    assert make_builder(store).build(full=True).indexed == 5
