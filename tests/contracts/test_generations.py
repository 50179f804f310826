"""Vectors and generations, as builds write and readers read them."""

from dataclasses import replace

import numpy as np
import pytest

from recommender.articles.keys import indexed_hash, vector_key
from recommender.errors import Unavailable
from recommender.ranking.candidates import grade_rows
from recommender.ranking.scoring import USUAL
from recommender.store.base import Store
from recommender.store.generations import Generation, Published, Stale
from tests.contracts.content import NEW, RANKING, SCALES, begun, in_thread, live_generation, row, vector
from tests.factories import NOW, make_article, make_rows, stored

# -- vectors -----------------------------------------------------------------------------------------------------------


def test_vectors_come_back_exactly(store: Store) -> None:
    written = {"h1": vector(0.1, -1, 1e-30), "h2": vector(1, 2, 3)}
    store.generations.put_vectors("m", written)
    vectors = store.generations.vectors("m", ["h2", "h1", "unknown"])
    assert {key: value.tolist() for key, value in vectors.items()} == {
        key: value.tolist() for key, value in written.items()
    }


def test_new_vectors_replace_old(store: Store) -> None:
    store.generations.put_vectors("m", {"h": vector(1)})
    store.generations.put_vectors("m", {"h": vector(2), "i": vector(3)})
    vectors = store.generations.vectors("m", ["h", "i"])
    assert (vectors["h"].tolist(), vectors["i"].tolist()) == ([2], [3])


def test_models_keep_their_vectors_apart(store: Store) -> None:
    store.generations.put_vectors("m1", {"h": vector(1)})
    store.generations.put_vectors("m2", {"h": vector(2)})
    assert store.generations.vectors("m1", ["h"])["h"].tolist() == [1]
    assert store.generations.vectors("m2", ["h"])["h"].tolist() == [2]


def test_published_articles_are_listed_by_number(store: Store) -> None:
    articles = [make_article("a"), make_article("b")]
    numbers = stored(store, articles)
    stored(store, [make_article("d", status="draft")])
    published = [Published(number, article.text_hash) for number, article in zip(numbers, articles, strict=True)]
    assert store.generations.published() == published
    assert store.generations.published(numbers[1:]) == published[1:]
    assert store.generations.published([]) == []


def test_members_are_published_and_embedded(store: Store) -> None:
    articles = [make_article("a"), make_article("b", language="fr"), make_article("c")]
    numbers = stored(store, articles)
    draft = make_article("d", status="draft")
    stored(store, [draft])
    store.generations.put_vectors("m", {article.text_key: vector(1) for article in (*articles[:2], draft)})
    members = store.generations.members("m", 1)
    assert [(member.number, member.language) for member in members] == [(numbers[0], "en"), (numbers[1], "fr")]


def test_members_have_the_vectors_of_their_generation(store: Store) -> None:
    """A generation leaves boilerplate out of texts; of an article changed since then it has none."""
    kept, changed = make_article("a"), make_article("b")
    stored(store, [kept, changed])
    indexed = {article.id: indexed_hash(f"{article.id:0>64}", "", article.text_hash) for article in (kept, changed)}
    number = live_generation(store, [row(1, indexed["a"]), row(2, indexed["b"])])
    stored(store, [replace(changed, title="Other")])
    store.generations.put_vectors("m", {vector_key(key): vector(1) for key in indexed.values()})
    assert [member.text_hash for member in store.generations.members("m", number)] == [indexed["a"]]
    assert store.generations.stale(number) == Stale([2], [])


def test_pruning_spares_what_is_in_use(store: Store) -> None:
    used, gone = make_article("a"), make_article("b")
    stored(store, [used, gone])
    store.generations.put_vectors("m", {used.text_key: vector(1), gone.text_key: vector(2), "old": vector(3)})
    live_generation(store, [row(1, gone.text_hash)])
    store.articles.withdraw("b")
    assert store.generations.prune_vectors() == 1
    assert set(store.generations.vectors("m", [used.text_key, gone.text_key, "old"])) == {used.text_key, gone.text_key}


# -- generations -------------------------------------------------------------------------------------------------------


def test_active_generations_are_live(store: Store) -> None:
    number = begun(store)
    assert store.state().generation is None
    store.generations.activate(number)
    assert store.state().generation == number
    expected = Generation(number, "m", b"geometry", b"lexical", SCALES, NOW, "ours/1", RANKING)
    assert store.generations.live() == store.generations.generation(number) == expected
    assert store.generations.live_model() == "m"


def test_generations_know_what_they_were_made_with(store: Store) -> None:
    number = begun(store)
    assert store.generations.scales(number) == SCALES
    assert store.generations.recipe(number) == "recipe"
    assert store.generations.built_on(number) == NOW
    assert store.generations.model(number) == "m"
    assert store.generations.model_version(number) == "ours/1"
    assert store.generations.ranking(number) == RANKING


def test_swept_generations_have_usual_scales(store: Store) -> None:
    """A reader whose generation has just been removed is answered all the same."""
    assert store.generations.scales(99) == USUAL
    assert store.generations.recipe(99) is None
    assert store.generations.built_on(99) is None
    assert store.generations.model(99) is None
    assert store.generations.model_version(99) is None
    assert store.generations.ranking(99) is None
    assert store.generations.generation(99) is None


def test_candidates_come_back_exactly(store: Store) -> None:
    rows = make_rows([3, 7], same=[True, False], dense=[0.5, 0.25], lexical=0.1, tags=[np.nan, 1])
    number = live_generation(store, [row(1, candidates=rows), row(2, candidates=rows[:0])])
    lists = store.generations.candidates(number, [2, 1, 5])
    assert {key: value.tobytes() for key, value in lists.items()} == {1: rows.tobytes(), 2: b""}


def test_rows_take_the_place_of_older(store: Store) -> None:
    number = live_generation(store, [row(1, "h1"), row(2, "h2")])
    store.generations.write(number, [row(1, "h3")])
    assert [(read.number, read.text_hash) for read in store.generations.rows_since(number, 0)] == [
        (1, "h3"),
        (2, "h2"),
    ]
    assert store.generations.size(number) == 2


def test_rows_that_left_are_not_counted(store: Store) -> None:
    number = live_generation(store, [row(1), row(2)])
    store.generations.write(number, [row(1, "")])
    assert store.generations.size(number) == 1
    assert list(store.generations.candidates(number, [1, 2])) == [2]


def test_lists_are_replaced_alone(store: Store) -> None:
    number = live_generation(store, [row(1, "h1"), row(2, "h2")])
    store.generations.write_candidates(number, {2: make_rows([5, 6])})
    first, second = store.generations.rows_since(number, 0)
    assert (second.text_hash, second.terms, second.candidates["number"].tolist()) == ("h2", b"terms", [5, 6])
    assert first.candidates["number"].tolist() == [99]


def test_rows_since_tell_only_news(store: Store) -> None:
    number = live_generation(store, [row(1), row(2), row(3)])
    before = store.state().revision
    assert list(store.generations.rows_since(number, before)) == []
    store.generations.write(number, [row(2, "new")])
    store.generations.write_candidates(number, {3: make_rows([4])})
    assert [changed.number for changed in store.generations.rows_since(number, before)] == [2, 3]
    assert store.state().revision > before


def test_unfinished_generations_change_nothing(store: Store) -> None:
    live = live_generation(store, [row(1)])
    before = store.state()
    number = begun(store, "m2")
    store.generations.write(number, [row(1), row(2)])
    store.generations.put_standings(number, {1: 1, 2: 1}, {1: 3})
    assert store.state() == before
    assert list(store.generations.candidates(live, [1, 2])) == [1]


def test_new_builds_sweep_interrupted_ones_away(store: Store) -> None:
    interrupted = begun(store)
    store.generations.write(interrupted, [row(1)])
    newer = begun(store)
    assert newer != interrupted
    assert store.generations.size(interrupted) == 0
    with pytest.raises(Unavailable):
        store.generations.activate(interrupted)
    store.generations.activate(newer)
    assert store.state().generation == newer


def test_swept_builds_cannot_write(store: Store) -> None:
    interrupted, newer = begun(store), begun(store)
    with pytest.raises(Unavailable):
        store.generations.write(interrupted, [row(1)])
    assert store.generations.size(newer) == 0


def test_retired_generations_are_removed(store: Store) -> None:
    first, second = live_generation(store, [row(1)]), live_generation(store, [row(1)])
    assert store.generations.size(first) == 1
    store.generations.drop_retired()
    assert (store.generations.size(first), store.generations.size(second)) == (0, 1)


def test_readers_keep_a_generation_while_it_retires(store: Store) -> None:
    first = live_generation(store, [row(1)])

    def switch() -> None:
        live_generation(store, [row(1), row(2)])
        store.generations.drop_retired()

    with store.reading():
        assert store.state().generation == first
        in_thread(switch)
        assert store.state().generation == first
        assert list(store.generations.candidates(first, [1, 2])) == [1]
        assert store.generations.live().number == first  # type: ignore[union-attr]
    assert store.state().generation != first
    assert store.generations.candidates(first, [1]) == {}


# -- grades of a reader ------------------------------------------------------------------------------------------------


def grades_of(store: Store, generation: int) -> dict[int, dict[int, float]]:
    return {
        number: dict(zip(rows["number"].tolist(), rows["grade"].tolist(), strict=True))
        for number, rows in store.generations.grades(generation, [1, 2, 3]).items()
    }


def test_grades_come_back_and_lists_stay(store: Store) -> None:
    number = live_generation(store, [row(1), row(2)])
    store.generations.put_grades(number, {1: grade_rows({99: 3.5, 7: 0.0}), 2: grade_rows({})})
    assert grades_of(store, number) == {1: {7: 0.0, 99: 3.5}}
    assert store.generations.graded(number) == 1
    assert store.generations.candidates(number, [1])[1]["number"].tolist() == [99]


def test_graded_list_has_changed_for_readers(store: Store) -> None:
    number = live_generation(store, [row(1), row(2)])
    before = store.state().revision
    store.generations.put_grades(number, {1: grade_rows({99: 1.0})})
    assert list(store.generations.standings_since(number, before)) == [1]


def test_new_row_of_an_article_has_no_grades(store: Store) -> None:
    """Its text is another one; a list that only grew keeps what was said of the others."""
    number = live_generation(store, [row(1), row(2)])
    store.generations.put_grades(number, {1: grade_rows({99: 1.0}), 2: grade_rows({99: 2.0})})
    store.generations.write(number, [row(1, "h2")])
    store.generations.write_candidates(number, {2: make_rows([98, 99])})
    assert grades_of(store, number) == {2: {99: 2.0}}


def test_grades_of_changed_candidates_are_forgotten(store: Store) -> None:
    number = live_generation(store, [row(1), row(2), row(3)])
    store.generations.put_grades(number, {key: grade_rows({98: 1.0, 99: 2.0}) for key in (1, 2, 3)})
    store.generations.forget_grades(number, [1, 2], [99, 5])
    store.generations.forget_grades(number, [2], [98])
    assert grades_of(store, number) == {1: {98: 1.0}, 3: {98: 1.0, 99: 2.0}}


def test_generation_names_its_reader(store: Store) -> None:
    stored(store, [make_article("any")])
    read = store.generations.begin(replace(NEW, reranker="r@1"))
    store.generations.activate(read)
    live = store.generations.live()
    assert live is not None
    assert live.reranker == store.generations.reranker(read) == "r@1"
    assert store.generations.reranker(begun(store)) is None
