"""What a site's archive gives for training, and that nothing of the test or of later gets into it."""

from datetime import UTC, datetime, timedelta

import pytest

from recommender.articles.article import Article
from recommender.curation.signals import APART, PIN, REJECT, Signal
from recommender.errors import InvalidInput, NotBuilt
from recommender.store.base import Store
from recommender.store.grading import Grade, Panel, PanelSidebar
from recommender.store.ledger import Shown
from recommender.store.reviews import Review
from recommender.training.clicks import Clicks
from recommender.training.dataset import Request, TrainingData, collect
from recommender.training.pairs import (
    APPROVAL,
    CLICK,
    GRADE,
    LEAD_LATER,
    LINK,
    REJECTION,
    TEST,
    TITLE_BODY,
    TRAIN,
    leaks,
)
from tests.factories import NOW, built, days_ago, make_article

Labels = dict[tuple[str, str, str], float]


def text(start: int, count: int = 60) -> str:
    return " ".join(f"word{number}x" for number in range(start, start + count))


def story(article_id: str, number: int, days: float = 10, **fields: object) -> Article:
    """An article like no other."""
    return make_article(
        article_id, title=f"Title {article_id}", body=text(1_000 * number), posted_on=days_ago(days), **fields
    )


@pytest.fixture
def archive(store: Store) -> Store:
    """Eight articles of eight stories, the last without a date."""
    articles = [story(f"a{number}", number, days=10 * number) for number in range(1, 8)]
    built(store, [*articles, make_article("undated", title="Undated", body=text(9_000), posted_on=None)])
    return store


def labels(data: TrainingData) -> Labels:
    """The labels of pairs of two articles, whatever their side."""
    return {(pair.kind, pair.source, pair.target): pair.label for pair in data.pairs if pair.source != pair.target}


def number(store: Store, article_id: str) -> int:
    return store.articles.numbers([article_id])[article_id]


def one_side(store: Store, request: Request | None = None) -> TrainingData:
    """Nearly everything for training: pairs of two articles stay whole."""
    return collect(store, request or Request(share=0.0))


def test_building_comes_first(store: Store) -> None:
    with pytest.raises(NotBuilt):
        collect(store, Request())


def test_title_and_body_belong_together(archive: Store) -> None:
    pairs = [pair for pair in one_side(archive).pairs if pair.kind == TITLE_BODY]
    assert {pair.source for pair in pairs} == {*(f"a{place}" for place in range(1, 8)), "undated"}
    assert (pairs[0].anchor, pairs[0].text, pairs[0].label) == ("Title a1", text(1_000), 1.0)


def test_lead_and_later_passages_belong_together(store: Store) -> None:
    built(
        store, [story("short", 1), make_article("long", body="\n\n".join(text(9_000 + 200 * n, 150) for n in range(6)))]
    )
    pairs = [pair for pair in one_side(store).pairs if pair.kind == LEAD_LATER]
    assert [(pair.source, pair.anchor.split()[0], pair.text.split()[0]) for pair in pairs] == [
        ("long", "word9000x", "word9200x"),
        ("long", "word9000x", "word9400x"),
        ("long", "word9000x", "word9600x"),
    ]


def test_addresses_in_texts_are_links(store: Store) -> None:
    body = f"{text(1)} (https://www.example.org/a2/?utm_source=x). http://example.org/gone https://example.org/a1"
    built(
        store,
        [
            make_article("a1", body=body, url="https://example.org/a1"),
            make_article("a2", body=text(5_000), url="http://example.org/a2"),
            story("a3", 7),
        ],
    )
    assert labels(one_side(store)) == {(LINK, "a1", "a2"): 1.0}


def test_approved_sidebar_is_read_from_what_was_shown(archive: Store) -> None:
    source, *others = (number(archive, f"a{place}") for place in (1, 2, 3, 4))
    archive.ledger.append([Shown(source, NOW - timedelta(days=2), 1, "approved", tuple(others[:2]), "{}")])
    archive.ledger.append([Shown(source, NOW - timedelta(days=1), 2, "later", tuple(others), "{}")])
    archive.reviews.put(Review(source, "someone", NOW, "approved"))
    assert labels(one_side(archive)) == {(APPROVAL, "a1", "a2"): 1.0, (APPROVAL, "a1", "a3"): 1.0}


def signal(store: Store, kind: str, source: str, target: str, since: datetime = NOW) -> int:
    slot = 1 if kind == PIN else None
    decision = Signal(kind, number(store, source), number(store, target), "someone", since, slot=slot)
    return store.signals.add([decision])[0]


def test_decisions_are_pairs(archive: Store) -> None:
    signal(archive, PIN, "a1", "a2")
    signal(archive, REJECT, "a1", "a3")
    signal(archive, APART, "a1", "a4")
    assert labels(one_side(archive)) == {
        (APPROVAL, "a1", "a2"): 1.0,
        (REJECTION, "a1", "a3"): 0.0,
        (REJECTION, "a1", "a4"): 0.0,
    }


def test_what_was_taken_back_is_no_pair(archive: Store) -> None:
    archive.signals.end([signal(archive, REJECT, "a1", "a3")], NOW, "someone")
    assert labels(one_side(archive)) == {}


def grade(store: Store, source: str, target: str, *values: int, at: datetime = NOW) -> None:
    source_number, target_number = number(store, source), number(store, target)
    panel = store.grading.add_panel(
        Panel(f"{source} {target}", "x", NOW, "m", 1, (PanelSidebar(source_number, (target_number,), ()),))
    )
    store.grading.put_grades(
        [Grade(panel, source_number, target_number, value, f"g{place}", at) for place, value in enumerate(values)]
    )


def test_grades_are_labels(archive: Store) -> None:
    grade(archive, "a1", "a2", 2, 2)
    grade(archive, "a1", "a3", 0)
    assert labels(one_side(archive)) == {(GRADE, "a1", "a2"): 0.5, (GRADE, "a1", "a3"): 0.0}


def test_copies_are_no_pairs_but_stay_on_one_side(archive: Store) -> None:
    """What reports the same once more is not to be shown, and not to be kept far away either."""
    grade(archive, "a1", "a3", -1)
    data = collect(archive, Request(judgments={"a2": {"a4": -1}}))
    assert labels(data) == {}
    assert data.stories["a1"] == data.stories["a3"]
    assert data.stories["a2"] == data.stories["a4"]


def test_judgments_come_beside_grades(archive: Store) -> None:
    request = Request(share=0.0, judgments={"a1": {"a2": 1, "a1": 4, "elsewhere": 3}})
    assert labels(one_side(archive, request)) == {(GRADE, "a1", "a2"): 0.25}


def test_grades_of_the_site_come_before_judgments_of_a_file(archive: Store) -> None:
    grade(archive, "a1", "a2", 2)
    assert labels(one_side(archive, Request(share=0.0, judgments={"a1": {"a2": 4}}))) == {(GRADE, "a1", "a2"): 0.5}


def test_clicks_are_labels(archive: Store) -> None:
    events = [
        Clicks("a1", "a2", 1, 1_000, 100),
        Clicks("a1", "a3", 1, 1_000, 50),
        Clicks("a1", "elsewhere", 1, 1_000, 50),
    ]
    clicks = labels(one_side(archive, Request(share=0.0, events=events)))
    assert clicks.keys() == {(CLICK, "a1", "a2"), (CLICK, "a1", "a3")}
    assert clicks[CLICK, "a1", "a2"] == pytest.approx(2 * clicks[CLICK, "a1", "a3"], rel=0.1)


# -- the split ---------------------------------------------------------------------------------------------------------


def test_stories_and_judgments_and_copies_stay_together(store: Store) -> None:
    """a1 and a2 are one running story, a3 and a4 are judged so, a5 is a5b with another title."""
    blockade = {"title": "Blockade of Kayes fuel convoys", "body": text(1_000) + " jihadists blockade kayes tankers"}
    built(
        store,
        [
            make_article("a1", **blockade),
            make_article("a2", **blockade | {"title": "Blockade of Kayes fuel convoys again"}),
            story("a3", 3),
            story("a4", 4),
            story("a5", 5),
            make_article("a5b", title="Something else", body=f"{text(5_000)} and more"),
            *(story(f"b{place}", 20 + place) for place in range(6)),
        ],
    )
    for seed in range(5):
        data = collect(store, Request(share=0.5, seed=seed, judgments={"a3": {"a4": 3, "b1": 2}}))
        sides = {pair.source: pair.side for pair in data.pairs if pair.kind == TITLE_BODY}
        assert set(sides.values()) == {TRAIN, TEST}
        assert sides["a1"] == sides["a2"]
        assert sides["a3"] == sides["a4"]
        assert sides["a5"] == sides["a5b"]
        assert leaks(data.pairs, data.stories, data.posted, None) == []


def test_pairs_on_both_sides_are_left_out_and_counted(archive: Store) -> None:
    judgments = {f"a{number}": {f"a{other}": 2 for other in range(1, 8) if other != number} for number in range(1, 8)}
    data = collect(archive, Request(share=0.5, judgments=judgments))
    assert data.crossing > 0
    assert len(labels(data)) + data.crossing == 42
    assert leaks(data.pairs, data.stories, data.posted, None) == []


def test_paragraph_of_the_test_does_not_train(store: Store) -> None:
    """A paragraph of background that two stories repeat makes them no copies of each other, but it would leak."""
    background = text(50_000, 150)
    built(
        store,
        [
            make_article(f"a{place}", title=f"Title {place}", body=f"{text(1_000 * place, 300)}\n\n{background}")
            for place in range(1, 9)
        ],
    )
    data = collect(store, Request(share=0.5))
    trained = [pair for pair in data.pairs if pair.side == TRAIN]
    assert trained
    assert not any(background in pair.text for pair in trained)
    assert data.copied > 0
    assert leaks(data.pairs, data.stories, data.posted, None) == []


# -- the cut-off date --------------------------------------------------------------------------------------------------


def test_later_and_undated_articles_are_left_out(archive: Store) -> None:
    data = collect(archive, Request(until=days_ago(35), share=0.0))
    assert {pair.source for pair in data.pairs} == {"a4", "a5", "a6", "a7"}
    assert (data.window.first, data.window.last, data.window.articles) == ("2026-03-23", "2026-04-22", 4)
    assert leaks(data.pairs, data.stories, data.posted, days_ago(35)) == []


def test_later_decisions_are_left_out(archive: Store) -> None:
    until = days_ago(35)
    signal(archive, PIN, "a4", "a5", since=until)
    signal(archive, PIN, "a4", "a6", since=until + timedelta(seconds=1))
    grade(archive, "a5", "a6", 2, at=until + timedelta(seconds=1))
    assert labels(one_side(archive, Request(until=until, share=0.0))) == {(APPROVAL, "a4", "a5"): 1.0}


def test_nothing_before_the_cut_off_is_reported(archive: Store) -> None:
    with pytest.raises(InvalidInput, match="cut-off"):
        collect(archive, Request(until=datetime(1990, 1, 1, tzinfo=UTC)))


def test_archive_of_one_story_is_reported(store: Store) -> None:
    built(store, [story("only", 1)])
    with pytest.raises(InvalidInput, match="one story"):
        collect(store, Request())
