"""The baselines and the service as systems of an evaluation."""

import numpy as np
import pytest

from recommender.curation.signals import REJECT
from recommender.desk.decisions import Decisions, Sent, Wish
from recommender.errors import NotBuilt
from recommender.evaluation.baselines import (
    BM25,
    DENSE,
    FUSION,
    LATEST,
    MOST_READ,
    RANK_FUSION,
    TAG_PLUGIN,
    TFIDF,
    TFIDF_TAGS,
    Archive,
    boxes,
    service_system,
    sidebars,
)
from recommender.evaluation.evaluation import SERVICE, DeliveredPlace
from recommender.serving.answers import Query
from recommender.store.base import Store
from recommender.wiring import make_systems
from tests.factories import NOW, built, days_ago, make_article, make_recommender

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


def test_fused_scores_weigh_alike() -> None:
    """Each is scaled to 0-1 among the others: neither its unit nor the article's similarity to itself counts."""
    system = ARCHIVE.fused(
        lambda _: np.array([0.0, 400.0, 9_999.0, 300.0, 200.0]), lambda _: np.array([0.3, 0.2, 1.0, 0.3, 0.1])
    )
    assert system("c") == [("e", pytest.approx(1.75)), ("b", pytest.approx(1.5)), ("a", 1.0), ("u", 0.5)]


def test_fusing_bears_a_scorer_without_opinion() -> None:
    system = ARCHIVE.fused(lambda _: np.zeros(5), lambda _: np.array([4.0, 0.0, 2.0, 3.0, 1.0]))
    assert system("b") == [("a", 1.0), ("e", pytest.approx(2 / 3)), ("c", pytest.approx(1 / 3)), ("u", 0.0)]


def test_fused_ranks_weigh_alike() -> None:
    """The source has no rank, nor what a scorer gives nothing."""
    system = ARCHIVE.rank_fused(
        lambda _: np.array([9.0, 400.0, 9_999.0, 0.0, 1.0]), lambda _: np.array([0.1, 0.2, 0.9, 0.3, 0.0])
    )
    assert system("c") == [
        ("b", pytest.approx(1 / 61 + 1 / 62)),
        ("a", pytest.approx(1 / 62 + 1 / 63)),
        ("e", pytest.approx(1 / 61)),
        ("u", pytest.approx(1 / 63)),
    ]


def test_tag_plugins_show_the_newest_of_most_tags() -> None:
    archive = Archive(
        [
            make_article("a", tags=("gold", "mali")),
            make_article("old", tags=("gold", "mali"), posted_on=days_ago(9)),
            make_article("one", tags=("gold",), posted_on=days_ago(1)),
            make_article("two", tags=("mali", "rain"), posted_on=days_ago(2)),
            make_article("none", posted_on=days_ago(0)),
        ]
    )
    assert ids(archive.ranked(archive.shared_tags)("a")) == ["old", "one", "two", "none"]


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
    assert set(evaluated.systems) == {
        LATEST,
        MOST_READ,
        TAG_PLUGIN,
        TFIDF,
        TFIDF_TAGS,
        BM25,
        DENSE,
        FUSION,
        RANK_FUSION,
        SERVICE,
    }
    assert evaluated.languages == dict.fromkeys("abcd", "en")
    for name, system in evaluated.systems.items():
        assert ids(system("a"))[0] == ("d" if name == MOST_READ else "b"), name


def test_systems_need_a_build(store: Store) -> None:
    with pytest.raises(NotBuilt):
        make_systems(store, make_recommender(store))


def test_service_is_asked_in_all_languages(store: Store) -> None:
    built(
        store,
        [
            make_article("a", title="junta niamey coup"),
            make_article("b", title="junta niamey vote", language="fr"),
            make_article("c", title="gold mine", posted_on=days_ago(900)),
        ],
    )
    ranked = service_system(make_recommender(store))("a")
    assert ranked[0][0] == "b"
    assert [rank for _, rank in ranked] == [float(len(ranked) - place) for place in range(len(ranked))]


def test_boxes_are_those_of_the_site(store: Store) -> None:
    """With fallbacks and other languages, each marked as such, but without what editors have decided."""
    built(
        store,
        [
            make_article("fr", body="junta coup", language="fr", tags=("coup",)),
            make_article("en", body="junta coup", tags=("coup",)),
            make_article("new", body="rain", language="fr", posted_on=NOW),
        ],
    )
    Decisions(store, lambda: NOW).decide("fr", [Wish(REJECT, "en")], Sent("awa", why="because"))
    assert boxes(make_recommender(store), ["fr"]) == {
        "fr": [DeliveredPlace("en", True, True), DeliveredPlace("new", False, False)]
    }


def test_sidebars_are_those_of_the_site(store: Store) -> None:
    built(store, [make_article("a", title="junta coup"), make_article("b", title="gold mine")])
    shown = sidebars(make_recommender(store), ["a", "b"], Query())
    assert shown == {"a": ["b"], "b": ["a"]}
