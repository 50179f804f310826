"""Finished answers: they are those that would be made now, or they are not given."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from recommender.article import Article
from recommender.document import make_document, to_json
from recommender.interfaces import Store, quiet
from recommender.prepared import Prepared, find_prepared, prepare
from recommender.ranking import RELATED
from recommender.service import Query
from recommender.wiring import open_store
from tests.factories import NOW, built, days_ago, make_article, make_builder, make_recommender, stored

TOPICS = ("coup niamey guard palace president", "blockade bamako fuel convoys drivers", "gold mine permit royalties")


def story(number: int, topic: int = 0, **fields: object) -> Article:
    """One of several stories on a topic, each with a word of its own; days apart, so that none is a version."""
    words = f"{TOPICS[topic]} own{number}x own{number}y"
    return make_article(f"s{number}", title=words, body=words, **{"posted_on": days_ago(10 * number + 1)} | fields)  # type: ignore[arg-type]


ARCHIVE = [story(number, number % 2) for number in range(10)]


def computed(store: Store, article_id: str) -> bytes:
    """The answer as it is made now, by a recommender that knows nothing yet."""
    found = make_recommender(store).for_article(article_id, Query())
    return to_json(make_document(found, "en"))


def test_prepared_answers_equal_computed_ones(store: Store) -> None:
    built(store, ARCHIVE)
    recommender = make_recommender(store)
    assert prepare(store, recommender, quiet) == len(ARCHIVE)
    for article in ARCHIVE:
        found = find_prepared(store, recommender, article.id, store.state())
        assert found is not None
        assert found.body == computed(store, article.id)
        assert found.sources == (RELATED, RELATED, RELATED)


def test_fallbacks_are_not_prepared(store: Store) -> None:
    built(store, ARCHIVE[:2])
    assert prepare(store, make_recommender(store), quiet) == 0


def test_future_candidates_leave_nothing_prepared(store: Store) -> None:
    built(store, [*ARCHIVE, story(10, 0, posted_on=NOW + timedelta(hours=1))])
    assert prepare(store, make_recommender(store), quiet) < len(ARCHIVE)


def test_other_settings_use_none(store: Store) -> None:
    built(store, ARCHIVE)
    prepare(store, make_recommender(store), quiet)
    stricter = make_recommender(store, min_score=0.9)
    assert find_prepared(store, stricter, "s0", store.state()) is None


def test_withdrawn_articles_have_none(store: Store) -> None:
    built(store, ARCHIVE)
    recommender = make_recommender(store)
    prepare(store, recommender, quiet)
    store.articles.withdraw("s0")
    assert find_prepared(store, recommender, "s0", store.state()) is None


def test_preparing_is_no_change(store: Store) -> None:
    built(store, ARCHIVE)
    before = store.state()
    prepare(store, make_recommender(store), quiet)
    assert store.state() == before


def test_stored_form_comes_back(store: Store) -> None:
    built(store, ARCHIVE)
    recommender = make_recommender(store)
    basis = recommender.for_article("s0", Query()).basis
    again = Prepared.from_bytes(Prepared(b"{\n}", ("related",), basis, "f").to_bytes())
    assert (again.body, again.sources, again.fingerprint, again.basis.state) == (
        b"{\n}",
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
    st.tuples(st.just("withdraw"), st.integers(0, 11), st.just(0)),
    st.tuples(st.just("update"), st.just(0), st.just(0)),
    st.tuples(st.just("prepare"), st.just(0), st.just(0)),
)


@contextmanager
def new_store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        opened = open_store(f"sqlite:///{Path(folder) / 'test.db'}")
        try:
            yield opened
        finally:
            opened.close()


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(CHANGES, max_size=8))
def test_no_history_makes_a_prepared_answer_wrong(history: list[tuple[str, int, int]]) -> None:
    with new_store() as store:
        built(store, ARCHIVE)
        recommender = make_recommender(store)
        prepare(store, recommender, quiet)
        for change in history:
            apply(store, *change)
            for number in range(12):
                found = find_prepared(store, recommender, f"s{number}", store.state())
                assert found is None or found.body == computed(store, f"s{number}")


def apply(store: Store, kind: str, number: int, value: int) -> None:
    """One change, as a publishing system, the desk or a build would make it."""
    if kind == "update":
        make_builder(store).update()
    elif kind == "prepare":
        prepare(store, make_recommender(store), quiet)
    elif kind == "withdraw":
        store.articles.withdraw(f"s{number}")
    else:
        fields = {
            "reads": {"read_count": value},
            "date": {"posted_on": days_ago(value)},
            "hold": {"flags": ("legal_hold",) * value},
        }.get(kind, {})
        stored(store, [story(number, value if kind == "topic" else number % 2, **fields)])
