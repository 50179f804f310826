"""One text is one article: its copies never stand beside it, nor twice in one box, and leave room for other stories."""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from recommender.articles.article import Article
from recommender.ranking.candidates import DEPTH
from recommender.serving.answers import Query
from recommender.store.base import Store
from tests.embedder import RecordingEmbedder
from tests.factories import built, days_ago, make_article, make_builder, make_recommender, stored

SUBJECTS = ("gold", "fuel", "rain", "salt", "rice", "fish")
# What the stories of a subject share; the rest of each is its own.
WORDS = {subject: [f"{subject}{number}" for number in range(20)] for subject in SUBJECTS}
ENGLISH = (
    "Fishermen on the lower bank have counted their boats since the water fell and found two hundred of them gone. The "
    "council of the town promises nets before winter and has asked three traders to pay for them."
)
ARABIC = (
    "أحصى الصيادون على الضفة السفلى قواربهم بعد انحسار المياه فوجدوا أن مئتين منها قد ضاعت ووعد مجلس البلدة بتوفير "
    "الشباك قبل الشتاء وطلب من ثلاثة تجار أن يدفعوا ثمنها"
)
CHINESE = (
    "洪水退去以后下游的渔民清点船只发现有两百条已经丢失镇政府答应在冬天之前提"
    "供渔网并且请三位商人支付费用学校的操场仍然泡在水里孩子们改在教堂上课"
)
SHORT = "Boats lost in the flood: the council of the town promises nets before winter."


def story(number: int, **fields: object) -> Article:
    """One of the archive's stories: half of its words are those of its subject."""
    draw = random.Random(number)
    subject = SUBJECTS[number % len(SUBJECTS)]
    words = [*draw.sample(WORDS[subject], 15), *(f"own{number}x{place}" for place in range(25))]
    draw.shuffle(words)
    values = {"title": f"{subject} {number}", "body": " ".join(words), "posted_on": days_ago(2 + number)}
    return make_article(f"s{number}", **(values | fields))


ARCHIVE = [story(number) for number in range(60)]


def ids(store: Store, article_id: str, n: int = 9, **wishes: object) -> list[str]:
    """The box of an article, with fallbacks."""
    query = Query(n=n, languages=("any",), **wishes)  # type: ignore[arg-type]
    return [item.article.id for item in make_recommender(store).for_article(article_id, query).items]


def copies_in(box: Sequence[str]) -> list[str]:
    return [article_id for article_id in box if article_id.startswith("copy")]


@pytest.mark.parametrize("posted", [None, days_ago(1), days_ago(400)], ids=["undated", "yesterday", "a-year-ago"])
@pytest.mark.parametrize(
    ("body", "language"),
    [(ENGLISH, "en"), (ARABIC, "ar"), (CHINESE, "zh"), (SHORT, "en")],
    ids=["en", "ar", "zh", "short"],
)
def test_equal_texts_never_stand_beside_themselves(store: Store, body: str, language: str, posted: object) -> None:
    first = make_article("copy-1", title="Boats lost", body=body, language=language)
    other = replace(first, id="copy-2", title="Nets before winter", url="https://journal.example/b", posted_on=posted)  # type: ignore[arg-type]
    built(store, [*ARCHIVE, first, other, replace(other, id="copy-3", language="xx")])
    assert copies_in(ids(store, "copy-1")) == []
    assert len(copies_in(ids(store, "s0", n=30))) <= 1


def test_headlines_alone_are_texts_too(store: Store) -> None:
    post = make_article("copy-1", title="Boats lost in the flood", body="", summary="Pictures.")
    built(store, [*ARCHIVE, post, replace(post, id="copy-2", posted_on=None), replace(post, id="copy-3")])
    assert copies_in(ids(store, "copy-1")) == []


def test_more_copies_than_neighbours_leave_room(store: Store) -> None:
    """Of a story of the subject that runs in more copies than a list is long, others have their places still."""
    source, original = ARCHIVE[0], ARCHIVE[6]
    copies = [replace(original, id=f"copy-{place}", title=f"gold {place}") for place in range(DEPTH + 20)]
    built(store, [*ARCHIVE, *copies])
    box = ids(store, source.id, min_score=0.0, fallback="none")
    assert len([*copies_in(box), *(article_id for article_id in box if article_id == original.id)]) <= 1
    assert len(box) == 9


def test_more_copies_than_neighbours_of_the_source(store: Store) -> None:
    source = ARCHIVE[0]
    copies = [replace(source, id=f"copy-{place}", title=f"gold {place}") for place in range(DEPTH + 20)]
    built(store, [*ARCHIVE, *copies])
    box = ids(store, "copy-3")
    assert (copies_in(box), source.id in box, len(box)) == ([], False, 9)


def test_latest_list_holds_a_text_once(store: Store) -> None:
    new = [
        replace(story(99), id=f"copy-{place}", title=f"Headline {place}", posted_on=days_ago(0.5))
        for place in range(40)
    ]
    built(store, [*ARCHIVE, *new])
    query = Query(n=9, languages=("any",), fallback="latest")
    box = [item.article.id for item in make_recommender(store).for_url("https://journal.example/none", query).items]
    assert (len(copies_in(box)), len(box)) == (1, 9)


def test_updates_know_copies_as_builds_do(store: Store) -> None:
    builder = built(store, ARCHIVE)
    stored(store, [replace(ARCHIVE[0], id=f"copy-{place}", title=f"gold {place}") for place in range(DEPTH)])
    builder.update()
    assert copies_in(ids(store, "s0")) == []
    assert len(copies_in(ids(store, "s6"))) <= 1


def test_draft_of_a_text_that_is_out(store: Store) -> None:
    """It stands beside none of its copies, and the editor is told of them."""
    builder = built(store, [*ARCHIVE, make_article("copy-1", title="Boats lost", body=SHORT, posted_on=days_ago(400))])
    draft = make_article("draft", title="Nets before winter", body=SHORT)
    candidates = builder.draft_candidates(draft)
    recommender = make_recommender(store)
    answer = recommender.for_draft(draft, candidates, Query(n=9, min_score=0.0))
    assert copies_in([item.article.id for item in answer.items]) == []
    assert [article.id for article in recommender.coverage(draft, candidates)] == ["copy-1"]


@pytest.mark.parametrize("share", [0.05, 0.1])
def test_near_copies_stand_beside_no_other(store: Store, share: float) -> None:
    draw = random.Random(7)
    words = [f"word{draw.randrange(300)}" for _ in range(200)]
    near = [
        make_article(f"copy-{place}", title=f"Head {place}", body=" ".join(edited(words, share, draw)), posted_on=None)
        for place in range(10)
    ]
    built(store, [*ARCHIVE, *near])
    assert copies_in(ids(store, "copy-0", fallback="none")) == []


def edited(words: Sequence[str], share: float, draw: random.Random) -> list[str]:
    """The text with other words here and there, `share` of all."""
    changed = set(draw.sample(range(len(words)), round(share * len(words))))
    return [f"new{draw.randrange(10**6)}" if place in changed else word for place, word in enumerate(words)]


def test_tag_embeds_nothing_anew(store: Store) -> None:
    embedder = RecordingEmbedder()
    builder = make_builder(store, embedder)
    stored(store, ARCHIVE)
    builder.build()
    before = len(embedder.seen)
    changed = replace(
        ARCHIVE[0],
        tags=("gold",),
        countries=("Mali",),
        url="https://journal.example/moved",
        edition="World",
        read_count=9,
        posted_on=days_ago(1),
        language="fr",
    )
    stored(store, [changed])
    report = builder.build()
    assert (report.kind, report.embedded, report.indexed, len(embedder.seen)) == ("updated", 0, 1, before)
