"""Facts in memory: as columns, with every change, and only the changes."""

import numpy as np

from recommender.catalogue import UNKNOWN_CODE, Catalogue
from recommender.interfaces import Store
from tests.factories import days_ago, make_article, stored


def test_columns_hold_facts_by_number(store: Store) -> None:
    articles = [
        make_article("a", read_count=5, language="fr", posted_on=days_ago(3)),
        make_article("b", edition="Europe", posted_on=None, tags=("update",)),
    ]
    first, second = stored(store, articles)
    catalogue = Catalogue(store)
    columns = catalogue.columns(store.state()).take(np.array([first, second]))
    assert columns.number.tolist() == [first, second]
    assert columns.reads.tolist() == [5, 0]
    assert columns.posted[0] == days_ago(3).timestamp()
    assert np.isnan(columns.posted[1])
    assert columns.edition.tolist() == [catalogue.code("Sahel"), catalogue.code("Europe")]
    assert columns.language.tolist() == [catalogue.code("fr"), catalogue.code("en")]
    assert columns.update.tolist() == [False, True]


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
    assert Catalogue(store).columns(store.state()).shown.tolist() == [False, True, False, False, True, False]


def test_numbers_without_article_are_hidden(store: Store) -> None:
    stored(store, [make_article("a")])
    columns = Catalogue(store).columns(store.state())
    assert (columns.shown[0], columns.edition[0], columns.language[0]) == (False, UNKNOWN_CODE, UNKNOWN_CODE)


def test_changes_show_at_the_next_state(store: Store) -> None:
    (number,) = stored(store, [make_article("a")])
    catalogue = Catalogue(store)
    old = catalogue.columns(store.state())
    stored(store, [make_article("a", read_count=9), make_article("b")])
    new = catalogue.columns(store.state())
    assert (old.reads[number], new.reads[number]) == (0, 9)
    assert len(new.number) == len(old.number) + 1


def test_withdrawn_articles_are_hidden_at_once(store: Store) -> None:
    (number,) = stored(store, [make_article("a")])
    catalogue = Catalogue(store)
    assert catalogue.columns(store.state()).shown[number]
    store.articles.withdraw("a")
    assert not catalogue.columns(store.state()).shown[number]


def test_same_state_gives_same_columns(store: Store) -> None:
    stored(store, [make_article("a")])
    catalogue = Catalogue(store)
    assert catalogue.columns(store.state()) is catalogue.columns(store.state())


def test_empty_store_has_no_columns(store: Store) -> None:
    assert len(Catalogue(store).columns(store.state()).number) == 0


def test_codes_ignore_case(store: Store) -> None:
    stored(store, [make_article("a", edition="Sahel")])
    catalogue = Catalogue(store)
    catalogue.columns(store.state())
    assert catalogue.code("SAHEL") == catalogue.code("Sahel") != UNKNOWN_CODE
    assert catalogue.code("Europe") == UNKNOWN_CODE
    assert catalogue.codes(["sahel", "Europe"]) == {catalogue.code("Sahel"), UNKNOWN_CODE}


def test_codes_survive_changes(store: Store) -> None:
    stored(store, [make_article("a", edition="Sahel")])
    catalogue = Catalogue(store)
    catalogue.columns(store.state())
    before = catalogue.code("Sahel")
    stored(store, [make_article("a", edition="Europe"), make_article("b", edition="Asia")])
    catalogue.columns(store.state())
    assert catalogue.code("Sahel") == before
    assert len({catalogue.code(name) for name in ("Sahel", "Europe", "Asia", "en")}) == 4
