"""The baselines and the service as systems of an evaluation."""

import numpy as np
import pytest

from recommender.errors import NotBuilt
from recommender.evaluation import SERVICE
from recommender.interfaces import Store
from recommender.service import Query
from recommender.systems import BM25, DENSE, LATEST, MOST_READ, TFIDF, Archive, service_system, sidebars
from recommender.wiring import make_systems
from tests.factories import built, days_ago, make_article, make_recommender

ARTICLES = [
    make_article("a", posted_on=days_ago(1), read_count=5),
    make_article("b", posted_on=days_ago(3), read_count=9),
    make_article("c", posted_on=days_ago(2), read_count=1),
    make_article("e", posted_on=days_ago(0), read_count=99, edition="Europe"),
    make_article("u", posted_on=None),
]
ARCHIVE = Archive(ARTICLES)


def ids(ranking: object) -> list[str]:
    return [item for item, _ in ranking]  # type: ignore[attr-defined]


def test_latest_of_the_edition_first() -> None:
    assert ids(ARCHIVE.ranked(ARCHIVE.latest)("a")) == ["c", "b", "u", "e"]


def test_most_read_of_the_edition_first() -> None:
    assert ids(ARCHIVE.ranked(ARCHIVE.most_read)("c")) == ["b", "a", "u", "e"]


def test_scorers_rank_all_but_the_source() -> None:
    system = ARCHIVE.ranked(lambda _: np.array([0.1, 0.5, 0.9, 0.5, 0.2]))
    assert system("c") == [("b", 0.5), ("e", 0.5), ("u", pytest.approx(0.2)), ("a", pytest.approx(0.1))]


def test_rankings_are_cut_at_their_depth() -> None:
    assert len(ARCHIVE.ranked(ARCHIVE.latest, depth=2)("a")) == 2


def test_every_system_finds_the_twin(store: Store) -> None:
    words = {"a": "junta niamey coup", "b": "junta niamey coup", "c": "gold mine permit", "d": "drought harvest"}
    built(
        store,
        [
            make_article(name, title=text, body=f"{text} own{name}", posted_on=days_ago(10 * place))
            for place, (name, text) in enumerate(words.items())
        ],
    )
    evaluated = make_systems(store, make_recommender(store))
    assert set(evaluated.systems) == {LATEST, MOST_READ, TFIDF, BM25, DENSE, SERVICE}
    assert evaluated.languages == dict.fromkeys("abcd", "en")
    for name, system in evaluated.systems.items():
        assert ids(system("a"))[0] == ("d" if name == MOST_READ else "b"), name


def test_systems_need_a_build(store: Store) -> None:
    with pytest.raises(NotBuilt):
        make_systems(store, make_recommender(store))


def test_service_is_asked_without_fallbacks(store: Store) -> None:
    built(
        store,
        [
            make_article("a", title="junta niamey coup"),
            make_article("b", title="junta niamey vote", language="fr"),
            make_article("c", title="gold mine", posted_on=days_ago(900)),
        ],
    )
    assert service_system(make_recommender(store))("a") == [("b", 1.0)]


def test_sidebars_are_those_of_the_site(store: Store) -> None:
    built(store, [make_article("a", title="junta coup"), make_article("b", title="gold mine")])
    found = sidebars(make_recommender(store), ["a", "b"], Query())
    assert found == {"a": ["b"], "b": ["a"]}
