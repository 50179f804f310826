"""What many articles share, such as a footer, is left out of all that is read of them, and copies are no such thing."""

from dataclasses import replace

import pytest

from recommender.articles.article import Article
from recommender.articles.boilerplate import MIN_ARTICLES, Boilerplate, find_boilerplate
from recommender.build.builder import Builder
from recommender.embedding.pooling import Geometry
from recommender.ranking.facts import RELATED
from recommender.serving.answers import Query
from recommender.store.base import Store
from tests.embedder import RecordingEmbedder
from tests.factories import days_ago, make_article, make_builder, make_recommender, stored

FOOTER = (
    "Write to our editors when you find a mistake in this report, and tell friends about it. Our letter comes on each "
    "Friday morning with the best reports of the week. Members of our club read without advertisements."
)
SUBJECTS = ("gold", "fuel", "rain", "salt", "rice", "fish", "roads", "camels", "dams", "wells", "goats", "maize")


def report(subject: str, number: int = 0, footer: str = FOOTER) -> Article:
    """A report with words of its own, and the footer."""
    own = " ".join(f"{subject}{number}word{place}" for place in range(12))
    body = f"The {subject} of {own}.\n\n{footer}" if footer else f"The {subject} of {own}."
    return make_article(f"{subject}-{number}", title=f"{subject} {number}", body=body, posted_on=days_ago(2 + number))


ARCHIVE = [report(subject) for subject in SUBJECTS]
PLAIN = [report(subject, 1, footer="") for subject in SUBJECTS]


def test_paragraphs_and_sentences_that_many_share_are_found() -> None:
    found = find_boilerplate(lambda: ARCHIVE)
    assert found.cleaned(ARCHIVE[0]).body == report("gold", footer="").body
    lone = make_article("x", body=f"A story. {FOOTER.split('. ')[1]}. And more of it.")
    assert found.cleaned(lone).body == "A story. And more of it."


def test_fewer_articles_share_nothing() -> None:
    assert find_boilerplate(lambda: [*ARCHIVE[: MIN_ARTICLES - 1], *PLAIN]) == Boilerplate()


def test_text_without_boilerplate_stays_the_same_object() -> None:
    assert find_boilerplate(lambda: ARCHIVE).cleaned(PLAIN[0]) is PLAIN[0]


@pytest.mark.parametrize("titles", [["One headline"] * 40, [f"{name} {name}er {name}est" for name in SUBJECTS]])
@pytest.mark.parametrize("paragraphs", [1, 3])
def test_copies_of_one_text_are_no_boilerplate(titles: list[str], paragraphs: int) -> None:
    text = "\n\n".join([FOOTER, FOOTER[::-1], FOOTER.upper()[:100]][:paragraphs])
    copies = [make_article(f"c{place}", title=title, body=text) for place, title in enumerate(titles)]
    assert find_boilerplate(lambda: copies) == Boilerplate()


def test_stubs_are_boilerplate() -> None:
    """A body that says nothing but where to read on."""
    stubs = [
        make_article(
            f"c{place}", title=f"{name} {name}er", body="Read this report on our pages for members of the club."
        )
        for place, name in enumerate(SUBJECTS)
    ]
    assert find_boilerplate(lambda: stubs).cleaned(stubs[0]).body == ""


def opened(store: Store) -> tuple[Builder, RecordingEmbedder]:
    embedder = RecordingEmbedder()
    builder = make_builder(store, embedder)
    stored(store, [*ARCHIVE, *PLAIN])
    builder.build()
    return builder, embedder


def related(store: Store, article_id: str) -> list[str]:
    answer = make_recommender(store).for_article(article_id, Query(n=5))
    return [item.article.id for item in answer.items if item.teaser.source == RELATED]


def test_footer_relates_nothing(store: Store) -> None:
    opened(store)
    for subject in SUBJECTS[:4]:
        assert {article_id.partition("-")[0] for article_id in related(store, f"{subject}-0")} <= {subject}


def test_footer_is_never_embedded(store: Store) -> None:
    builder, embedder = opened(store)
    stored(store, [report("gold", 7)])
    assert builder.update().embedded == 1
    builder.draft_candidates(report("fuel", 8))
    assert len(embedder.seen) == len(ARCHIVE) + len(PLAIN) + 2
    assert not [text for text in embedder.seen if "mistake" in text or "Friday" in text]


def test_another_footer_embeds_nothing_anew(store: Store) -> None:
    """The key of a vector covers the text without what is left out."""
    builder, embedder = opened(store)
    before = len(embedder.seen)
    sentence = FOOTER.split(". ")[1] + "."
    stored(store, [replace(article, body=article.body.replace(f" {sentence}", "")) for article in ARCHIVE])
    builder.build()
    assert len(embedder.seen) == before


def test_footer_is_no_reason(store: Store) -> None:
    builder, _ = opened(store)
    answer = make_recommender(store).for_draft(
        report("gold", 8), builder.draft_candidates(report("gold", 8)), Query(n=9, min_score=0.0)
    )
    pairs = make_recommender(store).closest_sentences(answer)
    assert not [pair for pair in pairs.values() if pair.source in FOOTER or pair.other in FOOTER]


def test_what_was_found_lies_with_the_generation(store: Store) -> None:
    builder, _ = opened(store)
    live = store.generations.live()
    assert live is not None
    found = Geometry.from_bytes(live.geometry).boilerplate
    assert found == find_boilerplate(lambda: ARCHIVE) != Boilerplate()
    builder.build(full=True)
    again = store.generations.live()
    assert again is not None
    assert Geometry.from_bytes(again.geometry).boilerplate == found
