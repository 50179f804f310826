"""What an article is labelled with: which labels, how much each weighs, and which names an archive's table knows."""

from collections.abc import Mapping, Sequence
from math import log, sqrt

import numpy as np
import pytest

from recommender.articles.article import Article
from recommender.articles.gazetteer import Gazetteer, Name
from recommender.articles.labels import LABELS, LabelCounts, LabelWeights, Row, full_text, idf, name_counts, plain
from tests.factories import GAZETTEER


def article(title: str = "", summary: str = "", body: str = "", **labels: Sequence[str]) -> Article:
    """An article with texts and labels."""
    return Article("a", title, summary, body, **{name: tuple(values) for name, values in labels.items()})  # type: ignore[arg-type]


def learned(*archive: Article, gazetteer: Gazetteer = GAZETTEER) -> LabelWeights:
    """The weights of an archive."""
    counts = LabelCounts()
    for item in archive:
        counts.add(item, gazetteer)
    return LabelWeights.of(counts, gazetteer)


def named(*names: str) -> Article:
    """An article that names some once, in its text."""
    return article(body=", ".join(names))


def cosine(first: Row, second: Row) -> float:
    """The dot product of two rows."""
    left, right = (dict(zip(numbers.tolist(), weights.tolist(), strict=True)) for numbers, weights in (first, second))
    return sum(weight * right.get(number, 0.0) for number, weight in left.items())


def similarity(weights: LabelWeights, label: str, source: Article, other: Article) -> float:
    return cosine(weights.rows(source)[label], weights.rows(other)[label])


def sizes(rows: Mapping[str, Row]) -> dict[str, int]:
    """How many labels of each kind there are."""
    return {label: len(numbers) for label, (numbers, _) in rows.items()}


# -- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["MÉNAKA", "ménaka", "Me\u0301naka", "menaka"])
def test_plain_words_have_neither_case_nor_accents(text: str) -> None:
    assert plain(text) == "menaka"


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("Ƙungiyar Ɗantsoho", "kungiyar dantsoho"),  # Hausa
        ("ƴan Ɓauna", "yan bauna"),
        ("ŋaari ɲinaa", "naari nyinaa"),  # Fulfulde
        ("kɛlɛ dɔrɔn", "kele doron"),  # Bambara
        ("Łódź, Ødegård, Đorđe, Straße", "lodz, odegard, dorde, strasse"),
        ("sœur, Æther", "soeur, aether"),
    ],
)
def test_letters_without_their_hooks_are_the_same(written: str, typed: str) -> None:
    assert plain(written) == typed


def test_texts_end_before_next_begins() -> None:
    assert full_text(Article(id="a", title="T", summary="S", body="B")) == "T \nS \nB"


@pytest.mark.parametrize(("documents", "weight"), [(0, log(10) + 1), (4, log(2) + 1), (9, 1.0)])
def test_inverse_frequency_is_smoothed(documents: int, weight: float) -> None:
    assert idf(documents, 9) == pytest.approx(weight)


# -- names -------------------------------------------------------------------------------------------------------------


def test_title_summary_and_tags_count_once_more() -> None:
    named_article = article(
        "Bazoum in Niamey", "Bazoum speaks", "JNIM and JNIM; Mali", tags=["bazoum", "jnim", "other"]
    )
    assert dict(name_counts(GAZETTEER, named_article)) == {"bazoum": 4, "niamey": 2, "jnim": 3, "mali": 1}


OIL = Gazetteer(
    [
        Name("oil", "topic", "oil pipelines", "oléoducs", ("pipeline", "pipelines", "crude oil")),
        Name("niger", "country", "Niger", "Niger"),
    ]
)


@pytest.mark.parametrize(
    ("text", "tags", "counts"),
    [
        ("The pipeline tests our software; pipelines run at night", (), {}),
        ("The pipeline carries crude oil", (), {"oil": 2}),
        ("The pipeline leaves Niger", (), {"oil": 1, "niger": 1}),
        ("The pipeline is full", ("pipeline",), {"oil": 2}),
    ],
)
def test_subject_needs_a_second_word_or_a_name(text: str, tags: tuple[str, ...], counts: dict[str, int]) -> None:
    """One word may be a homonym."""
    assert name_counts(OIL, Article(id="a", title="", body=text, tags=tags)) == counts


def test_more_than_passing_names_are_kept() -> None:
    weights = learned(*[named("Mali")] * 9)
    assert weights.names(article("Bazoum", body="Niamey; JNIM, JNIM", tags=["putsch"])) == ("bazoum", "jnim")


def test_rarest_names_come_first() -> None:
    weights = learned(*[named("JNIM")] * 2, *[named("Bazoum")], *[named("Mali")] * 9)
    assert weights.names(article("JNIM, Niamey, Bazoum")) == ("niamey", "bazoum", "jnim")


def test_equally_rare_names_come_by_key() -> None:
    assert learned(named("Mali")).names(article("Niamey, Bazoum")) == ("bazoum", "niamey")


@pytest.mark.parametrize(("holders", "telling"), [(4, ("jnim",)), (5, ())])
def test_common_names_tell_nothing(holders: int, telling: tuple[str, ...]) -> None:
    # A third of nine, and one.
    weights = learned(*[named("JNIM")] * holders, *[named("Mali")] * (9 - holders))
    assert weights.names(article("JNIM")) == telling


def test_number_of_names_is_limited() -> None:
    many = [f"Town{chr(97 + number)}" for number in range(20)]
    gazetteer = Gazetteer(Name(town.lower(), "place", town, town) for town in many)
    keys = learned(named("x"), gazetteer=gazetteer).names(article(", ".join(many)))
    assert keys == tuple(town.lower() for town in many[:15])


def test_name_alone_is_no_proof() -> None:
    """Half of the rarest name's weight is added, as if each named something else: cosines stay well below 1."""
    weights = learned(named("JNIM"), named("Mali"), named("Mali"))
    rare, unseen = log(4 / 2) ** 2, 0.5 * log(4) ** 2
    assert similarity(weights, "names", named("JNIM"), named("JNIM")) == pytest.approx(rare / (rare + unseen))


def test_names_weigh_by_rarity_and_count() -> None:
    weights = learned(named("JNIM"), named("Mali"), named("Mali"))
    (_, values) = weights.rows(article(body="JNIM, JNIM, Mali"))["names"]
    ratio = (1 + log(2)) * log(4 / 2) / log(4 / 3)
    assert max(values) / min(values) == pytest.approx(ratio)


def test_name_in_every_article_weighs_nothing() -> None:
    weights = learned(named("Mali"), named("Mali"))
    assert similarity(weights, "names", named("Mali"), named("Mali")) == 0


def test_names_are_alike_across_languages() -> None:
    english, french = named("the Nigerien Putsch"), named("un coups d'État nigérien")
    weights = learned(english, named("Mali"))
    assert similarity(weights, "names", english, french) > 0
    assert similarity(weights, "topics", english, french) > 0


def test_subjects_are_topics_and_no_names() -> None:
    assert sizes(learned(named("Mali")).rows(named("Putsch, JNIM, Niamey"))) == {
        "tags": 0,
        "places": 0,
        "names": 2,
        "topics": 1,
    }


def test_subjects_without_a_name_are_homonyms() -> None:
    """A web team has pipelines too."""
    weights = learned(named("Mali"), named("Niamey, Putsch"))
    alone = named("Putsch", "Putsch")
    assert sizes(weights.rows(alone))["topics"] == 0
    assert weights.names(alone) == ()
    assert len(weights.names(named("Putsch", "Putsch", "Niamey", "Niamey"))) == 2
    assert sizes(weights.rows(article(body="Putsch", countries=["Niger"])))["topics"] == 1


# -- coverage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ("so Niamey and JNIM met Gao", True),
        ("so Niamey met Gao", False),  # just half is not enough
        ("so Mohamed Bazoum", True),  # every word of a known name is known
        ("so Putsch", False),  # a subject is not a name
        ("nobody", False),
    ],
)
def test_table_covers_archives_it_knows(text: str, covered: bool) -> None:
    assert learned(article(body=text)).covered is covered


def test_uncovered_archives_have_no_names_or_topics() -> None:
    """A gazetteer of another subject finds homonyms."""
    weights = learned(article(body="so Gao met Kidal and Menaka"))
    assert sizes(weights.rows(named("JNIM, Putsch"))) == {"tags": 0, "places": 0, "names": 0, "topics": 0}


# -- tags and places ---------------------------------------------------------------------------------------------------


def test_rare_tags_weigh_more() -> None:
    weights = learned(*[article(tags=["army"])] * 3, article(tags=["gold"]))
    army, gold = idf(3, 4), idf(1, 4)
    both = article(tags=["army", "gold"])
    assert similarity(weights, "tags", both, article(tags=["gold"])) == pytest.approx(gold / sqrt(army**2 + gold**2))
    assert similarity(weights, "tags", both, article(tags=["army"])) == pytest.approx(army / sqrt(army**2 + gold**2))


def test_countries_weigh_the_same() -> None:
    weights = learned(*[article(countries=["Mali"])] * 3)
    both = article(countries=["Mali", "Ghana"])
    assert similarity(weights, "places", both, article(countries=["Mali"])) == pytest.approx(2**-0.5)
    assert similarity(weights, "places", both, article(countries=["Ghana"])) == pytest.approx(2**-0.5)


@pytest.mark.parametrize(
    ("form", "other_form"),
    [("Élection", "election"), ("Niger", "nigérien"), ("coups d'état", "Putsch"), ("mali", "Mali")],
)
def test_forms_of_one_label_are_alike(form: str, other_form: str) -> None:
    weights = learned(article(tags=["gold"]))
    assert similarity(weights, "tags", article(tags=[form]), article(tags=[other_form])) == pytest.approx(1)


@pytest.mark.parametrize("tag", ["update", "Update", "UPDATE"])
def test_update_tag_joins_nothing(tag: str) -> None:
    assert sizes(learned(article(tags=["gold"])).rows(article(tags=[tag])))["tags"] == 0


def test_two_forms_are_one_label() -> None:
    assert sizes(learned(named("Mali")).rows(article(tags=["Niger", "nigérien"])))["tags"] == 1


# -- rows --------------------------------------------------------------------------------------------------------------


FULL = article("Bazoum, JNIM, Putsch", body="Mali", tags=["gold", "army"], countries=["Mali", "Niger"])


def test_rows_rise_and_are_no_longer_than_one() -> None:
    rows = learned(FULL, named("Mali")).rows(FULL)
    assert set(rows) == set(LABELS)
    for label, (numbers, weights) in rows.items():
        assert (np.diff(numbers) > 0).all()
        length = float(np.linalg.norm(weights))
        assert length == pytest.approx(1) if label in {"tags", "places"} else 0 < length < 1
        assert (numbers.dtype, weights.dtype) == (np.int32, np.float32)


def test_weights_survive_as_data() -> None:
    weights = learned(FULL, named("Mali"), article(tags=["gold"]))
    again = LabelWeights.from_data(weights.to_data(), GAZETTEER)
    assert again.names(FULL) == weights.names(FULL)
    assert again.covered is weights.covered is True
    for label in LABELS:
        for read, written in zip(again.rows(FULL)[label], weights.rows(FULL)[label], strict=True):
            assert read.tolist() == written.tolist()
