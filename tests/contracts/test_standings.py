"""Where articles stand in a generation, and what has happened since it was built."""

from recommender.store.base import Store
from recommender.store.generations import Standing
from tests.contracts.content import begun, live_generation, row
from tests.factories import NOW, make_article, make_rows, stored

# -- where articles stand ----------------------------------------------------------------------------------------------


def test_standings_tell_stories_and_demand(store: Store) -> None:
    number = begun(store)
    store.generations.write(number, [row(1, story=1), row(2, story=2), row(3, story=3)])
    store.generations.put_standings(number, {1: 1, 2: 1, 3: 3}, {2: 7, 3: 1})
    written = store.state().revision
    assert store.generations.standings_since(number, -1) == {
        1: Standing(written, 1, 0),
        2: Standing(written, 1, 7),
        3: Standing(written, 3, 1),
    }


def test_standings_since_tell_only_news(store: Store) -> None:
    number = live_generation(store, [row(1, story=1), row(2, story=2), row(3, story=3)])
    before = store.state().revision
    assert store.generations.standings_since(number, before) == {}
    store.generations.write(number, [row(2, "new", story=1)])
    store.generations.write_candidates(number, {3: make_rows([4])})
    news = store.generations.standings_since(number, before)
    assert {key: standing.story for key, standing in news.items()} == {2: 1, 3: 3}
    assert all(before < standing.relisted <= store.state().revision for standing in news.values())


def test_generations_stand_apart(store: Store) -> None:
    first, second = live_generation(store, [row(1, story=1)]), begun(store)
    store.generations.write(second, [row(1, story=1)])
    store.generations.put_standings(second, {1: 5}, {1: 9})
    store.generations.put_exposure(second, {1: 4})
    standing = store.generations.standings_since(first, -1)[1]
    assert (standing.story, standing.demand, store.generations.exposure(first)) == (1, 0, {1: 0})


def test_rewritten_rows_keep_what_builds_count(store: Store) -> None:
    """An article whose text is corrected is not a newcomer that every sidebar makes room for."""
    number = live_generation(store, [row(1, story=1), row(2, story=2)])
    store.generations.put_standings(number, {1: 1, 2: 2}, {1: 7, 2: 5})
    store.generations.put_exposure(number, {1: 4, 2: 3})
    store.generations.write(number, [row(1, "mended", story=2), row(3, story=3)])
    standings = store.generations.standings_since(number, -1)
    assert {key: (standing.story, standing.demand) for key, standing in standings.items()} == {
        1: (2, 7),
        2: (2, 5),
        3: (3, 0),
    }
    assert store.generations.exposure(number) == {1: 4, 2: 3, 3: 0}


def test_names_keep_their_order(store: Store) -> None:
    number = live_generation(store, [row(1, names=("niger", "bazoum", "lake-chad")), row(2), row(3, names=("mali",))])
    names = store.generations.names(number, [2, 1, 99])
    assert names == {1: ("niger", "bazoum", "lake-chad"), 2: ()}
    assert [written.names for written in store.generations.rows_since(number, -1)] == [
        ("niger", "bazoum", "lake-chad"),
        (),
        ("mali",),
    ]


def test_prepared_answers_come_back_exactly(store: Store) -> None:
    first, second = stored(store, [make_article("a"), make_article("b")])
    number = live_generation(store, [row(first), row(second)])
    before = store.state()
    store.generations.put_prepared(number, {first: b"{}\n\x00\xff"})
    assert store.generations.prepared(number, "a", NOW) == b"{}\n\x00\xff"
    assert store.generations.prepared(number, "b", NOW) is None
    assert store.generations.prepared(number + 1, "a", NOW) is None
    assert store.state() == before
    store.articles.upsert([make_article("a", status="unpublished")])
    assert store.generations.prepared(number, "a", NOW) is None


def test_quick_reads_give_what_others_do(store: Store) -> None:
    """Of a database that is at hand; one over a network has none."""
    first, second = stored(store, [make_article("a"), make_article("b")])
    number = live_generation(store, [row(first), row(second)])
    store.generations.put_prepared(number, {first: b"{}\n\x00\xff"})
    quick = store.quick_reader()
    if quick is None:
        return
    assert quick.state() == store.state()
    assert [quick.prepared(number, key, NOW) for key in ("a", "b", "c")] == [b"{}\n\x00\xff", None, None]
    store.articles.upsert([make_article("a", status="unpublished")])
    assert quick.state() == store.state()
    assert quick.prepared(number, "a", NOW) is None


def test_stories_name_their_articles(store: Store) -> None:
    number = live_generation(store, [row(4, story=2), row(3, story=3), row(2, story=2), row(5, story=2)])
    store.generations.write(number, [row(5, "", story=2)])
    assert store.generations.story(number, 2) == [2, 4]
    assert store.generations.story(number, 3) == [3]
    assert store.generations.story(number, 99) == []
    assert store.generations.story(number + 1, 2) == []


def test_exposure_counts_every_article(store: Store) -> None:
    number = live_generation(store, [row(1), row(2), row(3)])
    before = store.state()
    store.generations.put_exposure(number, {1: 4, 2: 1})
    assert store.generations.exposure(number) == {1: 4, 2: 1, 3: 0}
    store.generations.put_exposure(number, {3: 2})
    assert store.generations.exposure(number) == {1: 0, 2: 0, 3: 2}
    store.generations.put_exposure(number, {})
    assert store.generations.exposure(number) == {1: 0, 2: 0, 3: 0}
    assert store.state() == before


def test_articles_that_left_are_not_exposed(store: Store) -> None:
    number = live_generation(store, [row(1), row(2)])
    store.generations.put_exposure(number, {1: 4, 2: 1})
    store.generations.write(number, [row(1, "")])
    assert store.generations.exposure(number) == {2: 1}


# -- what is behind ----------------------------------------------------------------------------------------------------


def test_stale_names_what_changed_and_left(store: Store) -> None:
    articles = [make_article(name) for name in "abcd"]
    numbers = stored(store, articles)
    number = live_generation(
        store, [row(key, article.text_hash) for key, article in zip(numbers[:3], articles, strict=False)]
    )
    store.generations.write(number, [row(numbers[3], "")])
    stored(store, [make_article("b", title="New")])
    store.articles.withdraw("c")
    (new,) = stored(store, [make_article("e")])
    stale = store.generations.stale(number)
    assert sorted(stale.changed) == [numbers[1], numbers[3], new]
    assert stale.left == [numbers[2]]


def test_stale_names_unpublished_as_left(store: Store) -> None:
    articles = [make_article("a"), make_article("b")]
    numbers = stored(store, articles)
    number = live_generation(
        store, [row(key, article.text_hash) for key, article in zip(numbers, articles, strict=True)]
    )
    assert store.generations.stale(number) == type(store.generations.stale(number))([], [])
    store.articles.upsert([make_article("a", status="unpublished"), make_article("b", read_count=3)])
    assert store.generations.stale(number).left == [numbers[0]]
    assert store.generations.stale(number).changed == []
