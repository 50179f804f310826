"""Finished answers: they are those that would be made now, or they are not given."""

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, example, given, settings

from recommender.articles.article import Article
from recommender.articles.gazetteer import Gazetteer
from recommender.build.model_version import ModelVersion
from recommender.curation.signals import EXCLUDE, PIN, REJECT
from recommender.desk.decisions import Decisions, Sent, Wish
from recommender.errors import NotBuilt
from recommender.progress import quiet
from recommender.ranking.facts import RELATED
from recommender.ranking.scoring import DEFAULT
from recommender.serving.answers import Query, RankingDefaults
from recommender.serving.document import make_document, to_json
from recommender.serving.prepared import Prepared, Sweep, find_prepared, prepare
from recommender.serving.recommender import Recommender
from recommender.serving.wording import Wording
from recommender.store.base import Store
from recommender.wiring import open_store
from tests.factories import GAZETTEER, NOW, built, days_ago, make_article, make_builder, make_recommender, stored

TOPICS = ("coup niamey guard palace president", "blockade bamako fuel convoys drivers", "gold mine permit royalties")


def story(number: int, topic: int = 0, **fields: object) -> Article:
    """One of several stories on a topic, each with a word of its own; days apart, so that none is a version."""
    words = f"{TOPICS[topic]} own{number}x own{number}y"
    return make_article(f"s{number}", title=words, body=words, **{"posted_on": days_ago(10 * number + 1)} | fields)  # type: ignore[arg-type]


ARCHIVE = [story(number, number % 2) for number in range(10)]
OTHER = ModelVersion("other/1", replace(DEFAULT, version="other", threshold=7.0))
# What similarities are measured against; related to nothing, and without a date in no fallback.
NOISE = [make_article(f"n{number}", title=f"lone{number} apart{number}", posted_on=None) for number in range(20)]


def computed(store: Store, article_id: str) -> bytes:
    """The answer as it is made now, by a recommender that knows nothing yet."""
    recommendation = make_recommender(store).for_article(article_id, Query())
    return to_json(make_document(recommendation, GAZETTEER, "en", wording=Wording()))


def test_prepared_answers_equal_computed_ones(store: Store) -> None:
    built(store, [*ARCHIVE, *NOISE])
    recommender = make_recommender(store)
    assert prepare(store, recommender, quiet) == len(ARCHIVE)
    for article in ARCHIVE:
        prepared = find_prepared(store, recommender, article.id, store.state())
        assert prepared is not None
        assert prepared.body == computed(store, article.id)
        assert prepared.sources == (RELATED, RELATED, RELATED)


def test_reasons_are_in_the_language_of_the_article(store: Store) -> None:
    """The plain question of a page is asked in its language."""
    french = [story(number, 0, language="fr", countries=("Mali",)) for number in range(4)]
    built(store, [*french, *NOISE])
    recommender = make_recommender(store)
    assert prepare(store, recommender, quiet) == 4
    prepared = find_prepared(store, recommender, "s0", store.state())
    assert prepared is not None
    assert "Également : Mali" in prepared.body.decode()
    assert "Also about" not in prepared.body.decode()


def test_preparing_needs_a_build(store: Store) -> None:
    with pytest.raises(NotBuilt):
        prepare(store, make_recommender(store), quiet)


def test_every_sidebar_is_counted(store: Store) -> None:
    """Those with fallbacks as well, though they are not prepared; a held article is shown in none."""
    built(store, [*ARCHIVE, *NOISE, story(10, 0, flags=("legal_hold",))])
    recommender = make_recommender(store)
    numbers = stored(store, [*ARCHIVE, *NOISE, story(10, 0, flags=("legal_hold",))])
    sidebars = [recommender.for_article(article.id, Query()).items for article in (*ARCHIVE, *NOISE)]
    shown = Counter(item.teaser.number for items in sidebars for item in items)
    assert sum(shown.values()) == 3 * len(sidebars)
    prepare(store, recommender, quiet)
    assert store.generations.exposure(store.state().generation or 0) == {number: shown[number] for number in numbers}
    assert shown[numbers[-1]] == 0


def test_fallbacks_are_not_prepared(store: Store) -> None:
    built(store, ARCHIVE[:2])
    assert prepare(store, make_recommender(store), quiet) == 0


def test_future_candidates_leave_nothing_prepared(store: Store) -> None:
    """In so small an archive it is a candidate of all others; its own answer waits for its date."""
    articles = [*ARCHIVE, *NOISE, story(10, 0, posted_on=NOW + timedelta(hours=1))]
    built(store, articles)
    recommender = make_recommender(store)
    assert prepare(store, recommender, quiet) == 1
    assert not [article.id for article in articles if find_prepared(store, recommender, article.id, store.state())]
    later = make_recommender(store, now=NOW + timedelta(hours=1))
    assert find_prepared(store, later, "s10", store.state())


def test_prepared_answer_of_a_held_article_is_not_found(store: Store) -> None:
    built(store, [*ARCHIVE, *NOISE, story(10, 0, flags=("legal_hold",))])
    recommender = make_recommender(store)
    prepare(store, recommender, quiet)
    assert find_prepared(store, recommender, "s10", store.state()) is None


def test_other_settings_use_none(store: Store) -> None:
    built(store, [*ARCHIVE, *NOISE])
    prepare(store, make_recommender(store), quiet)
    assert find_prepared(store, make_recommender(store), "s0", store.state()) is not None
    stricter = make_recommender(store, min_score=0.9)
    assert find_prepared(store, stricter, "s0", store.state()) is None
    unnamed = Recommender(store, RankingDefaults(min_score=0.12, diversity=0.0), Gazetteer([]), lambda: NOW)
    assert find_prepared(store, unnamed, "s0", store.state()) is None


def test_withdrawn_articles_have_none(store: Store) -> None:
    built(store, [*ARCHIVE, *NOISE])
    recommender = make_recommender(store)
    prepare(store, recommender, quiet)
    store.articles.withdraw("s0")
    assert find_prepared(store, recommender, "s0", store.state()) is None


def test_preparing_is_no_change(store: Store) -> None:
    built(store, [*ARCHIVE, *NOISE])
    before = store.state()
    prepare(store, make_recommender(store), quiet)
    assert store.state() == before


def test_stored_form_comes_back(store: Store) -> None:
    built(store, [*ARCHIVE, *NOISE])
    recommender = make_recommender(store)
    basis = recommender.for_article("s0", Query()).basis
    again = Prepared.from_bytes(Prepared(b"{\n}", "digest", ("related",), basis, "f").to_bytes())
    assert (again.body, again.seen, again.sources, again.fingerprint, again.basis.state) == (
        b"{\n}",
        "digest",
        ("related",),
        "f",
        basis.state,
    )
    assert basis.articles is not None
    assert again.basis.articles is not None
    assert again.basis.articles.tolist() == basis.articles.tolist()


CHANGES = st.one_of(
    st.tuples(st.just("reads"), st.integers(0, 11), st.integers(1, 9)),
    st.tuples(st.just("date"), st.integers(0, 11), st.integers(1, 400)),
    st.tuples(st.just("topic"), st.integers(0, 11), st.integers(0, 2)),
    st.tuples(st.just("hold"), st.integers(0, 11), st.integers(0, 1)),
    st.tuples(st.just("desk"), st.integers(0, 11), st.integers(0, 1)),
    st.tuples(st.just("explain"), st.integers(0, 11), st.integers(0, 1)),
    st.tuples(st.just("name"), st.integers(0, 11), st.integers(0, 1)),
    st.tuples(st.just("withdraw"), st.integers(0, 11), st.just(0)),
    st.tuples(st.just("update"), st.just(0), st.just(0)),
    st.tuples(st.just("build"), st.just(0), st.just(0)),
    st.tuples(st.just("prepare"), st.just(0), st.just(0)),
    st.tuples(st.just("promote"), st.just(0), st.just(0)),
    st.tuples(st.just("roll back"), st.just(0), st.just(0)),
)


@pytest.fixture(scope="module")
def prepared_database(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the archive, built."""
    file = Path(shutil.copy(empty_database, tmp_path_factory.mktemp("prepared") / "test.db"))
    store = open_store(f"sqlite:///{file}")
    built(store, [*ARCHIVE, *NOISE])
    store.close()
    return file


@contextmanager
def copy_of(database: Path, folder: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{shutil.copy(database, folder / 'test.db')}")
    try:
        yield opened
    finally:
        opened.close()


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(CHANGES, max_size=8))
@example([("topic", 10, 0), ("update", 0, 0)])  # a newcomer to lists whose articles have not changed
@example([("topic", 11, 1), ("update", 0, 0), ("prepare", 0, 0), ("name", 3, 1), ("update", 0, 0)])
@example([("withdraw", 2, 0), ("update", 0, 0), ("prepare", 0, 0), ("build", 0, 0)])
@example([("promote", 0, 0), ("topic", 10, 0), ("prepare", 0, 0), ("roll back", 0, 0), ("roll back", 0, 0)])
@example([("promote", 0, 0), ("topic", 10, 0), ("roll back", 0, 0), ("update", 0, 0), ("prepare", 0, 0)])
def test_no_history_makes_a_prepared_answer_wrong(
    prepared_database: Path, tmp_path_factory: pytest.TempPathFactory, history: list[tuple[str, int, int]]
) -> None:
    """Whatever changes: facts, lists, names, running stories, the demand that a build counts, the release."""
    with copy_of(prepared_database, tmp_path_factory.mktemp("history")) as store:
        recommender = make_recommender(store)
        prepare(store, recommender, quiet)
        for change in history:
            apply(store, *change)
            for number in range(12):
                prepared = find_prepared(store, recommender, f"s{number}", store.state())
                assert prepared is None or prepared.body == computed(store, f"s{number}")


def apply(store: Store, kind: str, number: int, value: int) -> None:
    """One change, as a publishing system, the desk or a build would make it."""
    if kind == "update":
        make_builder(store).update()
    elif kind == "prepare":
        prepare(store, make_recommender(store), quiet)
    elif kind == "build":
        make_builder(store).build(full=True)
    elif kind == "promote":
        store.generations.activate(make_builder(store, model_version=OTHER).build_beside(), keep=True)
    elif kind == "roll back":
        if store.generations.previous() is not None:
            store.generations.swap_back()
    elif kind == "withdraw":
        store.articles.withdraw(f"s{number}")
    else:
        fields = {
            "reads": {"read_count": value},
            "date": {"posted_on": days_ago(value)},
            "hold": {"flags": ("legal_hold",) * value},
            "desk": {"author": f"Desk {value}"},
            "explain": {"tags": ("explainer",) * value},
            "name": {"summary": "Bazoum of Niamey. " * value},
        }.get(kind, {})
        stored(store, [story(number, value if kind == "topic" else number % 2, **fields)])


# -- the sweep ---------------------------------------------------------------------------------------------------------

EVERYONE = [*ARCHIVE, *NOISE]
AWA = Sent("awa")


@pytest.fixture
def archive(store: Store) -> Store:
    """The archive, built, with its answers prepared."""
    built(store, EVERYONE)
    prepare(store, make_recommender(store), quiet)
    return store


def moving(store: Store, clock: list[datetime]) -> Recommender:
    """A service whose clock stands where the test puts it."""
    return Recommender(store, RankingDefaults(min_score=0.12, diversity=0.0), GAZETTEER, lambda: clock[0])


def swept(sweep: Sweep) -> int:
    """Takes all the steps that are due; how many."""
    steps = 1
    while sweep.step():
        steps += 1
    return steps


def number_of(store: Store, article_id: str) -> int:
    trace = store.articles.trace(article_id)
    assert trace is not None
    return trace.number


def in_ledger(store: Store, article_id: str) -> list[str]:
    """Ids of the teasers that the ledger has beside an article now."""
    (now, *_) = store.ledger.history(number_of(store, article_id), 1)
    return [store.articles.traces([number])[number].id for number in now.items]


def shown_now(store: Store, article_id: str, now: datetime = NOW) -> list[str]:
    return [item.article.id for item in make_recommender(store, now=now).for_article(article_id, Query()).items]


def complete(store: Store) -> bool:
    """Whether the ledger says of every article what a page would get now."""
    return all(in_ledger(store, article.id) == shown_now(store, article.id) for article in EVERYONE)


def test_sweep_needs_a_build(store: Store) -> None:
    store.articles.upsert(ARCHIVE)
    assert Sweep(store, make_recommender(store)).step() is False


def test_sweep_fills_an_empty_ledger(store: Store) -> None:
    built(store, EVERYONE)
    swept(Sweep(store, make_recommender(store)))
    assert complete(store)
    assert find_prepared(store, make_recommender(store), "s0", store.state()) is not None


def test_sweep_leaves_what_is_right_alone(archive: Store) -> None:
    last = archive.ledger.last()
    swept(Sweep(archive, make_recommender(archive)))
    assert archive.ledger.last() == last


def test_decision_enters_ledger_and_prepared_answers(archive: Store) -> None:
    recommender = make_recommender(archive)
    sweep = Sweep(archive, recommender)
    swept(sweep)
    first = shown_now(archive, "s0")[0]
    Decisions(archive, lambda: NOW).decide("s0", [Wish(REJECT, first)], AWA)
    assert find_prepared(archive, recommender, "s0", archive.state()) is None
    swept(sweep)
    ready = find_prepared(archive, recommender, "s0", archive.state())
    assert ready is not None
    assert ready.body == computed(archive, "s0")
    assert first not in in_ledger(archive, "s0")
    assert complete(archive)


def test_sweep_goes_in_steps(archive: Store) -> None:
    """So that drafts and updates find the processor free."""
    sweep = Sweep(archive, make_recommender(archive))
    swept(sweep)
    Decisions(archive, lambda: NOW).decide("s0", [Wish(EXCLUDE, "s2")], AWA)
    assert sweep.step(1) is True
    steps = 1
    while sweep.step(1):
        steps += 1
    assert steps > 2
    assert complete(archive)


def test_withdrawn_article_leaves_the_ledger(archive: Store) -> None:
    clock = [NOW]
    sweep = Sweep(archive, moving(archive, clock))
    swept(sweep)
    archive.articles.withdraw("s2")
    clock[0] += timedelta(seconds=2)
    swept(sweep)
    assert in_ledger(archive, "s2") == []
    assert {stay.until for stay in archive.ledger.stays(number_of(archive, "s2"), 100)} == {clock[0]}


def test_article_that_left_the_generation_leaves_the_ledger(archive: Store) -> None:
    sweep = Sweep(archive, make_recommender(archive))
    swept(sweep)
    archive.articles.withdraw("s2")
    make_builder(archive).update()
    swept(sweep)
    assert in_ledger(archive, "s2") == []


def test_article_withdrawn_without_a_sweep_leaves_the_ledger(archive: Store) -> None:
    archive.articles.withdraw("s2")
    make_builder(archive).update()
    swept(Sweep(archive, make_recommender(archive)))
    assert in_ledger(archive, "s2") == []


def test_new_article_enters_the_ledger(archive: Store) -> None:
    sweep = Sweep(archive, make_recommender(archive))
    swept(sweep)
    stored(archive, [story(11, 1)])
    make_builder(archive).update()
    swept(sweep)
    assert in_ledger(archive, "s11") == shown_now(archive, "s11")
    assert complete(archive)


def test_new_generation_is_swept(archive: Store) -> None:
    sweep = Sweep(archive, make_recommender(archive))
    swept(sweep)
    make_builder(archive).build(full=True)
    swept(sweep)
    assert find_prepared(archive, make_recommender(archive), "s0", archive.state()) is not None


def test_other_settings_are_swept(archive: Store) -> None:
    """What was prepared under the old ones is given to no reader, so it does not count as recorded either."""
    stricter = make_recommender(archive, min_score=0.9999)
    assert [item.article.id for item in stricter.for_article("s0", Query()).items] != in_ledger(archive, "s0")
    swept(Sweep(archive, stricter))
    recommendation = stricter.for_article("s0", Query())
    assert in_ledger(archive, "s0") == [item.article.id for item in recommendation.items]


def test_pin_that_ends_by_itself_is_swept(archive: Store) -> None:
    """Nothing changes in the store then, so the clock has to tell."""
    clock = [NOW]
    sweep = Sweep(archive, moving(archive, clock))
    wish = Wish(PIN, "s1", 1, until=NOW + timedelta(hours=1))
    Decisions(archive, lambda: NOW).decide("s0", [wish], AWA)
    swept(sweep)
    assert in_ledger(archive, "s0")[0] == "s1"
    clock[0] = NOW + timedelta(hours=1)
    swept(sweep)
    assert in_ledger(archive, "s0") == shown_now(archive, "s0", clock[0])
    assert in_ledger(archive, "s0")[0] != "s1"
