"""Weights of words: which count, how much, and that they are learned once."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.articles.article import Article
from recommender.articles.gazetteer import Gazetteer, Name
from recommender.retrieval import terms as term_rows
from recommender.retrieval.terms import TERM_FIELDS, TermRow
from recommender.retrieval.tfidf import PlainTfidf, TfidfModel, terms, words
from tests.factories import GAZETTEER

ONLY_WORDS = 101  # articles from which on what is rare or common can be told


def article(text: str = "", **fields: Sequence[str]) -> Article:
    return Article(id="a", title=text, **{name: tuple(values) for name, values in fields.items()})  # type: ignore[arg-type]


def fitted(*articles: Article) -> TfidfModel:
    return TfidfModel.fit(lambda: articles, GAZETTEER)


def cosines(model: TfidfModel, first: Article, second: Article) -> Mapping[str, float]:
    """The similarity of two articles by each kind of term."""

    def dense(row: TermRow, field: str) -> Mapping[int, float]:
        return dict(zip(row[field][0].tolist(), row[field][1].tolist(), strict=True))

    left, right = model.rows([first, second])
    return {
        field: sum(weight * dense(right, field).get(term, 0.0) for term, weight in dense(left, field).items())
        for field in TERM_FIELDS
    }


def test_accents_and_case_do_not_count() -> None:
    assert words("Ménaka MENAKA menaka", "en") == ["menaka"] * 3


@pytest.mark.parametrize(
    ("text", "language", "kept"),
    [
        ("the junta of the civilians", "en", ["junta", "civilians"]),
        ("la junte et les civils", "fr", ["junte", "civils"]),
        ("her son went on, comment the dead", "en", ["son", "went", "comment", "dead"]),
        ("la mine de fer est un désastre", "fr", ["mine", "fer", "desastre"]),
        ("the UN and the US after the fire in the mine", "en", ["un", "us", "fire", "mine"]),
        ("da na ta", "ha", ["da", "na", "ta"]),
    ],
)
def test_stop_words_are_those_of_the_language(text: str, language: str, kept: list[str]) -> None:
    """ "Son" and "comment" are filling in French alone; what newspapers report on is filling nowhere."""
    assert words(text, language) == kept


def test_scripts_without_spaces_have_pairs_for_words() -> None:
    assert words("护士罢工 2024 盐", "zh") == ["护士", "士罢", "罢工", "2024", "盐"]


def test_texts_without_spaces_are_related_by_their_words() -> None:
    strikers = article("护士罢工三天 医院只收急诊病人")
    talks = article("部长会见护士工会 罢工延长一周")
    race = article("骆驼赛跑吸引了大批游客")
    model = fitted(strikers, talks, race)
    assert cosines(model, strikers, talks)["lexical"] > 0
    assert cosines(model, strikers, race)["lexical"] == 0


@pytest.mark.parametrize("text", ["Fire in the mine", "A bill of the interest", "Us and the UN"])
def test_what_news_are_about_counts(text: str) -> None:
    assert words(text, "en")


def test_acronyms_are_no_stop_words() -> None:
    assert words("IT and WHO leave it; who knows", "en") == ["leave", "knows", "it", "who"]
    assert words("WHO LEAVES IT TO MALI", "en") == ["leaves", "mali"]


def test_encodings_are_no_words() -> None:
    assert words(f"junta {'x' * 41} a 5 {'y' * 40}", "en") == ["junta", "y" * 40]


def test_terms_are_words_pairs_and_names() -> None:
    assert terms("The army left Kidal yesterday", "en") == [
        "army",
        "left",
        "kidal",
        "yesterday",
        "army left",
        "left kidal",
        "kidal yesterday",
        "kidal",
    ]


@pytest.mark.parametrize("field", TERM_FIELDS)
def test_rows_have_length_one(field: str) -> None:
    item = article("junta kidal accord; JNIM, Putsch", tags=["gold", "army"], countries=["Mali", "Niger"])
    (row,) = fitted(item, article("junta", tags=["gold"])).rows([item])
    length = np.linalg.norm(row[field][1])
    # Names and topics stay shorter: see `labels`.
    assert 0 < length < 1 if field in {"names", "topics"} else length == pytest.approx(1, abs=1e-6)
    assert (np.diff(row[field][0]) > 0).all()


def test_equal_articles_are_entirely_alike() -> None:
    item = article("junta kidal accord", tags=["gold"], countries=["Mali"])
    assert cosines(fitted(item, article("other")), item, item) == {
        "lexical": pytest.approx(1),
        "tags": pytest.approx(1),
        "places": pytest.approx(1),
        "names": 0,
        "topics": 0,
        "shingles": pytest.approx(1),
    }


def test_copies_share_their_shingles() -> None:
    """Thirty words have 26 rows of five; another last word leaves 25 of them."""
    text = " ".join(f"word{number}" for number in range(29))
    first, second = article(f"{text} last"), article(f"{text} end")
    assert cosines(fitted(first, second), first, second)["shingles"] == pytest.approx(25 / 26)


def test_similarity_is_that_of_tfidf() -> None:
    model = fitted(article("junta accord"), article("junta kidal"))
    # Two documents: "junta" in both weighs 1; the other word and the pair, in one each, weigh ln(3/2) + 1.
    rare = np.log(3 / 2) + 1
    assert cosines(model, article("junta accord"), article("junta kidal"))["lexical"] == pytest.approx(
        1 / (1 + 2 * rare**2), abs=1e-6
    )


def test_repeated_words_count_by_logarithm() -> None:
    model = fitted(article("junta"), article("kidal"))
    (row,) = model.rows([article("junta junta junta kidal")])
    ratio = row["lexical"][1].max() / row["lexical"][1].min()
    assert ratio == pytest.approx(1 + np.log(3), abs=1e-5)


@pytest.mark.parametrize(("size", "remaining"), [(ONLY_WORDS, 1), (ONLY_WORDS - 1, 3)])
def test_words_of_one_article_are_dropped(size: int, remaining: int) -> None:
    """Not in a small archive, where a word of one story today is one of two tomorrow."""
    archive = [article(f"common{number % 6} rare{number}") for number in range(size)]
    (row,) = fitted(*archive).rows([article("common1 rare1")])
    assert len(row["lexical"][0]) == remaining


@pytest.mark.parametrize(("size", "remaining"), [(ONLY_WORDS, 1), (ONLY_WORDS - 1, 2)])
def test_words_of_most_articles_are_dropped(size: int, remaining: int) -> None:
    archive = [article(f"present pair{number % 6}") for number in range(size)]
    (row,) = fitted(*archive).rows([article("pair1 present")])
    assert len(row["lexical"][0]) == remaining


def test_words_common_in_their_language_weigh_little() -> None:
    """`junte` stands in every French article: in the archive it is as rare as `gold`, but it tells nothing."""
    english = [article(f"army day{number}" + (" gold" if number < 5 else "")) for number in range(45)]
    french = [article(f"junte jour{number}", language="fr") for number in range(5)]
    (row,) = fitted(*english, *french).rows([article("gold junte")])
    (_, (gold, junte)) = row["lexical"]
    # Mixed with ten articles' worth of the archive's share of a tenth.
    shares = (5 + 10 * 0.1) / (45 + 10), (5 + 10 * 0.1) / (5 + 10)
    idfs = [np.log(51 / (1 + 50 * share)) + 1 for share in shares]
    assert gold / junte == pytest.approx(idfs[0] / idfs[1], rel=1e-5)


def test_labels_of_the_archive_weigh_names() -> None:
    archive = [Article(id="a", title="", body=body) for body in ("JNIM", "Mali", "Mali")]
    model = fitted(*archive)
    assert model.covers_names
    rare, unseen = np.log(4 / 2) ** 2, 0.5 * np.log(4) ** 2
    assert cosines(model, archive[0], archive[0])["names"] == pytest.approx(rare / (rare + unseen))


def test_tables_that_know_no_name_cover_nothing() -> None:
    other = Gazetteer([Name("fiji", "country", "Fiji", "Fidji")])
    archive = [article("so Bazoum met JNIM")]
    assert not TfidfModel.fit(lambda: archive, other).covers_names
    assert TfidfModel.fit(lambda: archive, GAZETTEER).covers_names


def test_names_are_what_an_article_is_about() -> None:
    model = fitted(article("Mali"), article("Mali"), article("Mali"))
    assert model.names(article("JNIM in Mali")) == ("jnim",)


def test_language_new_to_the_archive_has_its_words() -> None:
    """The one word that an English archive knows by chance is not all that two texts say."""
    model = fitted(*(article(f"the sun over lake{number} market{number}") for number in range(ONLY_WORDS)))
    strike = article("Malamai sun fara yajin aiki saboda albashi a makarantar gari")
    again = article("Yajin aiki: malamai sun ce albashi bai zo makarantar ba")
    rice = article("Farashin shinkafa: sun ce kasuwa bude take yau")
    assert cosines(model, strike, again)["lexical"] > 0.3
    assert cosines(model, strike, rice)["lexical"] < 0.1


def test_unknown_words_are_left_out() -> None:
    (row,) = fitted(article("junta")).rows([article("something else")])
    assert [len(row[field][0]) for field in TERM_FIELDS if field != "shingles"] == [0] * (len(TERM_FIELDS) - 1)


@pytest.mark.parametrize(
    "archive",
    [
        [article("the")],
        [article("the")] * 3,
        [article("gold prices")] * ONLY_WORDS,
        [article(f"alone{number}") for number in range(ONLY_WORDS)],
    ],
)
def test_archives_without_usable_words_work(archive: list[Article]) -> None:
    model = fitted(*archive)
    assert cosines(model, archive[0], article("junta"))["lexical"] == 0
    assert not model.themes(model.rows(archive)).any()
    assert len(TfidfModel.from_bytes(model.to_bytes(), GAZETTEER).rows(archive)) == len(archive)


def test_equal_articles_have_one_theme() -> None:
    archive = [article("gold prices")] * 11
    model = fitted(*archive)
    vectors = model.themes(model.rows(archive))
    np.testing.assert_allclose(vectors @ vectors.T, 1, atol=1e-3)


def test_labels_new_since_the_build_match() -> None:
    model = fitted(article("x", tags=["army"]))
    item = article("x", tags=["Élection"], countries=["Togo"])
    similarities = cosines(model, item, article("x", tags=["election"], countries=["togo"]))
    assert (similarities["tags"], similarities["places"]) == (pytest.approx(1), pytest.approx(1))


# -- themes ------------------------------------------------------------------------------------------------------------


# Five themes of four words. Every article has two words of one theme, but never its first and its last.
PAIRS = [(0, 1), (1, 3), (2, 3), (0, 2), (1, 2)] * 2
THEMES = [article(f"{theme}{first} {theme}{second}") for theme in "vwxyz" for first, second in PAIRS[:8]]


def test_words_of_one_theme_are_alike() -> None:
    model = fitted(*THEMES)
    first, last, other = model.themes(model.rows([article("v0"), article("v3"), article("w0")]))
    assert cosines(model, article("v0"), article("v3"))["lexical"] == 0
    assert first @ last > 0.95
    assert abs(first @ other) < 0.05


def test_themes_are_unit_vectors() -> None:
    model = fitted(*THEMES)
    vectors = model.themes(model.rows([*THEMES, article("nothing known"), article("")]))
    assert vectors.shape == (42, 5)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1] * 40 + [0] * 2, atol=1e-6)


@pytest.mark.parametrize(("size", "themes"), [(1, 0), (2, 1), (5, 4), (40, 5), (48, 6), (80, 10)])
def test_larger_archives_have_more_themes(size: int, themes: int) -> None:
    archive = [article(f"word{number} word{number % 7} word{number % 11}") for number in range(size)]
    model = fitted(*archive)
    assert model.themes(model.rows(archive)).shape == (size, themes)


def test_no_articles_have_no_themes() -> None:
    assert fitted(*THEMES).themes([]).shape == (0, 5)


def test_themes_of_one_archive_are_alike() -> None:
    assert fitted(*THEMES).to_bytes() == fitted(*THEMES).to_bytes()


# -- the stored form ---------------------------------------------------------------------------------------------------


@given(st.lists(st.text("abc é", max_size=30), min_size=1, max_size=6))
def test_models_survive_their_bytes(texts: list[str]) -> None:
    archive = [article(text, tags=text.split()) for text in texts]
    model = fitted(*archive)
    again = TfidfModel.from_bytes(model.to_bytes(), GAZETTEER)
    rows = model.rows(archive)
    assert list(map(term_rows.to_bytes, again.rows(archive))) == list(map(term_rows.to_bytes, rows))
    assert again.themes(rows).tolist() == model.themes(rows).tolist()
    assert again.covers_names is model.covers_names


def test_order_of_the_archive_changes_nothing() -> None:
    archive = [article(f"junta kidal word{number % 4}", tags=[f"t{number % 3}"]) for number in range(12)]
    forward, backward = (fitted(*order).rows(archive) for order in (archive, archive[::-1]))
    assert list(map(term_rows.to_bytes, forward)) == list(map(term_rows.to_bytes, backward))


def test_plain_tfidf_equals_hand_values() -> None:
    scores = PlainTfidf(["junta accord", "junta kidal", "gold"]).scores(0)
    # Three documents: "junta" in two weighs ln(4/3) + 1, the others ln(4/2) + 1.
    shared, rare = np.log(4 / 3) + 1, np.log(2) + 1
    np.testing.assert_allclose(scores, [1, shared**2 / (shared**2 + rare**2), 0], atol=1e-6)
