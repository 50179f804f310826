"""Facts in memory: as columns, with every change, and only the changes."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from recommender.ranking.scoring import DEFAULT, USUAL
from recommender.serving.catalogue import UNKNOWN_CODE, Catalogue
from recommender.store.base import Store
from recommender.store.generations import NeighbourRow, NewGeneration
from tests.factories import NOW, days_ago, make_article, make_rows, stored


def live_generation(store: Store, stories: Mapping[int, int], demand: Mapping[int, int]) -> int:
    """A live generation of articles that stand so."""
    number = store.generations.begin(NewGeneration("m", "", b"", b"", USUAL, NOW, "toy/1", DEFAULT))
    store.generations.write(number, [NeighbourRow(key, "h", "en", b"", make_rows([])) for key in stories])
    store.generations.put_standings(number, stories, demand)
    store.generations.activate(number)
    return number


def test_columns_hold_facts_by_number(store: Store) -> None:
    articles = [
        make_article("a", read_count=5, language="fr", posted_on=days_ago(3)),
        make_article("b", edition="Europe", posted_on=None, tags=("update", "analysis"), author="Fact desk"),
    ]
    first, second = stored(store, articles)
    catalogue = Catalogue(store)
    columns = catalogue.as_of(store.state()).columns.take(np.array([first, second]))
    assert columns.number.tolist() == [first, second]
    assert columns.reads.tolist() == [5, 0]
    assert columns.posted[0] == days_ago(3).timestamp()
    assert np.isnan(columns.posted[1])
    assert columns.edition.tolist() == [catalogue.code("Sahel"), catalogue.code("Europe")]
    assert columns.language.tolist() == [catalogue.code("fr"), catalogue.code("en")]
    assert columns.update.tolist() == [False, True]
    assert columns.explains.tolist() == [False, True]
    assert columns.byline.tolist() == [catalogue.code(""), catalogue.code("Fact desk")]
    assert len(set(columns.byline.tolist())) == 2


def test_only_published_and_free_are_shown(store: Store) -> None:
    articles = [
        make_article("a"),
        make_article("b", status="draft"),
        make_article("c", flags=("legal_hold",)),
        make_article("d", flags=("minor",)),
        make_article("e"),
    ]
    stored(store, articles)
    store.articles.withdraw("e")
    assert Catalogue(store).as_of(store.state()).columns.shown.tolist() == [False, True, False, False, True, False]


def test_numbers_without_article_are_hidden(store: Store) -> None:
    stored(store, [make_article("a")])
    columns = Catalogue(store).as_of(store.state()).columns
    assert (columns.shown[0], columns.edition[0], columns.language[0]) == (False, UNKNOWN_CODE, UNKNOWN_CODE)


def test_changes_show_at_the_next_state(store: Store) -> None:
    (number,) = stored(store, [make_article("a")])
    catalogue = Catalogue(store)
    old = catalogue.as_of(store.state()).columns
    stored(store, [make_article("a", read_count=9), make_article("b")])
    new = catalogue.as_of(store.state()).columns
    assert (old.reads[number], new.reads[number]) == (0, 9)
    assert len(new.number) == len(old.number) + 1


def test_withdrawn_articles_are_hidden_at_once(store: Store) -> None:
    (number,) = stored(store, [make_article("a")])
    catalogue = Catalogue(store)
    assert catalogue.as_of(store.state()).columns.shown[number]
    store.articles.withdraw("a")
    assert not catalogue.as_of(store.state()).columns.shown[number]


def test_same_state_gives_same_columns(store: Store) -> None:
    stored(store, [make_article("a")])
    catalogue = Catalogue(store)
    assert catalogue.as_of(store.state()).columns is catalogue.as_of(store.state()).columns


def test_empty_store_has_no_columns(store: Store) -> None:
    assert len(Catalogue(store).as_of(store.state()).columns.number) == 0


# -- where articles stand ----------------------------------------------------------------------------------------------


def test_articles_stand_alone_before_a_build(store: Store) -> None:
    stored(store, [make_article("a"), make_article("b")])
    columns = Catalogue(store).as_of(store.state()).columns
    assert columns.story.tolist() == [0, 1, 2]
    assert columns.demand.tolist() == [0, 0, 0]
    assert columns.relisted.tolist() == [-1, -1, -1]


def test_standings_show_at_the_next_state(store: Store) -> None:
    first, second, third = stored(store, [make_article(name) for name in "abc"])
    catalogue = Catalogue(store)
    catalogue.as_of(store.state())
    live_generation(store, {first: first, second: first, third: third}, {second: 7})
    columns = catalogue.as_of(store.state()).columns
    assert columns.story.tolist() == [0, first, first, third]
    assert columns.demand.tolist() == [0, 0, 7, 0]
    assert (columns.relisted[[first, second, third]] >= 0).all()


def test_updates_change_single_standings(store: Store) -> None:
    first, second = stored(store, [make_article("a"), make_article("b")])
    number = live_generation(store, {first: first, second: second}, {first: 3, second: 4})
    catalogue = Catalogue(store)
    old = catalogue.as_of(store.state()).columns
    store.generations.write(number, [NeighbourRow(second, "h2", "en", b"", make_rows([]), (), first)])
    new = catalogue.as_of(store.state()).columns
    assert (old.story.tolist(), new.story.tolist()) == ([0, first, second], [0, first, first])
    assert new.relisted[second] > new.relisted[first] == old.relisted[first]


@pytest.mark.parametrize("watched", [True, False])
def test_new_generation_forgets_old_standings(store: Store, watched: bool) -> None:
    """A worker that has been there all along knows the same as one that has just started."""
    first, second, third = stored(store, [make_article(name) for name in "abc"])
    live_generation(store, {first: first, second: first, third: first}, {first: 3, second: 4, third: 5})
    catalogue = Catalogue(store)
    if watched:
        catalogue.as_of(store.state())
    live_generation(store, {second: second, third: second}, {third: 2})
    columns = catalogue.as_of(store.state()).columns
    assert columns.story.tolist() == [0, first, second, second]
    assert columns.demand.tolist() == [0, 0, 0, 2]
    assert columns.relisted[first] == -1


def test_two_generations_are_known_side_by_side(store: Store) -> None:
    """A reader that began before the switch gets the standings of its own generation."""
    first, second = stored(store, [make_article("a"), make_article("b")])
    old = live_generation(store, {first: first, second: first}, {second: 7})
    catalogue = Catalogue(store)
    before = store.state()
    catalogue.as_of(before)
    live_generation(store, {first: second, second: second}, {first: 3})
    assert catalogue.as_of(store.state()).columns.demand.tolist() == [0, 3, 0]
    columns = catalogue.as_of(before).columns
    assert (columns.demand.tolist(), columns.story.tolist()) == ([0, 0, 7], [0, first, first])
    store.generations.activate(old)
    stored(store, [make_article("a", read_count=9)])
    again = catalogue.as_of(store.state()).columns
    assert (again.demand.tolist(), again.reads[first]) == ([0, 0, 7], 9)


def test_older_snapshot_takes_nothing_from_a_newer_one(store: Store) -> None:
    """It has not been read before, and what is known is of a later time: it is read anew."""
    first, second = stored(store, [make_article("a"), make_article("b")])
    live_generation(store, {first: first, second: first}, {second: 7})
    catalogue = Catalogue(store)

    def switched() -> None:
        live_generation(store, {first: first, second: second}, {first: 3})
        stored(store, [make_article("a", read_count=9)])
        catalogue.as_of(store.state())

    with store.reading():
        state = store.state()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(switched).result(timeout=20)
        columns = catalogue.as_of(state).columns
    assert (columns.demand.tolist(), columns.reads[first]) == ([0, 0, 7], 0)


# -- codes -------------------------------------------------------------------------------------------------------------


def test_codes_ignore_case(store: Store) -> None:
    stored(store, [make_article("a", edition="Sahel")])
    catalogue = Catalogue(store)
    catalogue.as_of(store.state())
    assert catalogue.code("SAHEL") == catalogue.code("Sahel") != UNKNOWN_CODE
    assert catalogue.code("Europe") == UNKNOWN_CODE
    assert catalogue.codes(["sahel", "Europe"]) == {catalogue.code("Sahel"), UNKNOWN_CODE}


def test_codes_survive_changes(store: Store) -> None:
    stored(store, [make_article("a", edition="Sahel")])
    catalogue = Catalogue(store)
    catalogue.as_of(store.state())
    before = catalogue.code("Sahel")
    stored(store, [make_article("a", edition="Europe"), make_article("b", edition="Asia")])
    catalogue.as_of(store.state())
    assert catalogue.code("Sahel") == before
    assert len({catalogue.code(name) for name in ("Sahel", "Europe", "Asia", "en")}) == 4
