"""What the store of verdicts promises, on SQLite and on PostgreSQL."""

from datetime import timedelta

from recommender.reranking.base import Verdict
from recommender.store.base import Store
from recommender.store.verdicts import Failure
from tests.factories import NOW

CLOSE, APART = Verdict(3.5, "Les deux parlent de « Ménaka » 🚁."), Verdict(0.0)


def test_verdicts_come_back(store: Store) -> None:
    store.verdicts.put("r@1", "a", {"b": CLOSE, "c": APART})
    assert store.verdicts.verdicts("r@1", "a", ["c", "b", "x"]) == {"b": CLOSE, "c": APART}
    assert store.verdicts.grades("r@1", ["a", "x"]) == {"a": {"b": 3.5, "c": 0.0}}
    assert store.verdicts.count("r@1") == 2


def test_pair_without_a_verdict_is_known_to_have_none(store: Store) -> None:
    """So that it is not asked about again."""
    store.verdicts.put("r@1", "a", {"b": None})
    assert store.verdicts.grades("r@1", ["a"]) == {"a": {"b": None}}
    assert store.verdicts.verdicts("r@1", "a", ["b"]) == {}


def test_later_verdict_replaces_the_earlier(store: Store) -> None:
    store.verdicts.put("r@1", "a", {"b": CLOSE, "c": CLOSE})
    store.verdicts.put("r@1", "a", {"b": APART})
    store.verdicts.put("r@1", "a", {})
    assert store.verdicts.grades("r@1", ["a"]) == {"a": {"b": 0.0, "c": 3.5}}


def test_versions_and_directions_are_kept_apart(store: Store) -> None:
    """A story may explain another one, and not be explained by it."""
    store.verdicts.put("r@1", "a", {"b": CLOSE})
    store.verdicts.put("r@2", "a", {"b": APART})
    store.verdicts.put("r@1", "b", {"a": APART})
    assert store.verdicts.grades("r@1", ["a", "b"]) == {"a": {"b": 3.5}, "b": {"a": 0.0}}
    assert store.verdicts.grades("r@2", ["a", "b"]) == {"a": {"b": 0.0}}
    assert store.verdicts.versions() == ["r@1", "r@2"]


def test_more_texts_than_fit_into_a_statement(store: Store) -> None:
    store.verdicts.put("r@1", "a", {f"t{number}": CLOSE for number in range(1_200)})
    keys = [f"t{number}" for number in range(1_200)]
    assert len(store.verdicts.verdicts("r@1", "a", keys)) == 1_200


def test_verdicts_are_no_change_to_readers(store: Store) -> None:
    before = store.state()
    store.verdicts.put("r@1", "a", {"b": CLOSE})
    store.verdicts.note_failure("r@1", Failure(NOW, "away"))
    assert store.state() == before


def test_pruning_spares_versions_and_texts_in_use(store: Store) -> None:
    for reranker in ("r@1", "old@1"):
        store.verdicts.put(reranker, "a", {"b": CLOSE, "gone": CLOSE})
        store.verdicts.put(reranker, "gone", {"b": CLOSE})
    assert store.verdicts.prune(["r@1"], ["a", "b"]) == 5
    assert store.verdicts.grades("r@1", ["a", "gone"]) == {"a": {"b": 3.5}}
    assert store.verdicts.versions() == ["r@1"]


def test_last_failure_of_a_version_is_kept(store: Store) -> None:
    later = Failure(NOW + timedelta(hours=1), "out of money")
    store.verdicts.note_failure("r@1", Failure(NOW, "away"))
    store.verdicts.note_failure("r@1", later)
    assert store.verdicts.last_failure("r@1") == later
    assert store.verdicts.last_failure("r@2") is None


def test_everything_a_version_has_said_comes_text_by_text(store: Store) -> None:
    store.verdicts.put("r@1", "b", {"a": CLOSE})
    store.verdicts.put("r@1", "a", {"b": None, "c": APART})
    store.verdicts.put("r@2", "a", {"b": APART})
    assert list(store.verdicts.of("r@1")) == [("a", {"b": None, "c": APART}), ("b", {"a": CLOSE})]
