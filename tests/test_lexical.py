"""Weights of words: which count, how much, and that they are learned once."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender import terms as term_rows
from recommender.article import Article
from recommender.lexical import PlainTfidf, TfidfModel, full_text, terms, words
from recommender.terms import TERM_FIELDS, TermRow


def article(text: str = "", **fields: Sequence[str]) -> Article:
    return Article(id="a", title=text, **{name: tuple(values) for name, values in fields.items()})  # type: ignore[arg-type]


def fitted(*articles: Article) -> TfidfModel:
    return TfidfModel.fit(lambda: articles)


def cosines(model: TfidfModel, first: Article, second: Article) -> Mapping[str, float]:
    """The similarity of two articles by each kind of term."""

    def dense(row: TermRow, field: str) -> Mapping[int, float]:
        return dict(zip(row[field][0].tolist(), row[field][1].tolist(), strict=True))

    one, other = model.rows([first, second])
    return {
        field: sum(weight * dense(other, field).get(term, 0.0) for term, weight in dense(one, field).items())
        for field in TERM_FIELDS
    }


def test_accents_and_case_do_not_count() -> None:
    assert words("Ménaka MENAKA menaka") == ["menaka"] * 3


def test_stop_words_of_both_languages_go() -> None:
    assert words("the junta of la junte et les civils") == ["junta", "junte", "civils"]


def test_encodings_are_no_words() -> None:
    assert words(f"junta {'x' * 41} a 5 {'y' * 40}") == ["junta", "y" * 40]


def test_terms_are_words_pairs_and_names() -> None:
    assert terms("The army left Kidal yesterday") == [
        "army",
        "left",
        "kidal",
        "yesterday",
        "army left",
        "left kidal",
        "kidal yesterday",
        "kidal",
    ]


def test_texts_end_before_next_begins() -> None:
    assert full_text(Article(id="a", title="T", summary="S", body="B")) == "T \nS \nB"


@pytest.mark.parametrize("field", TERM_FIELDS)
def test_rows_have_length_one(field: str) -> None:
    one = article("junta kidal accord", tags=["coup", "army"], countries=["Mali", "Niger"])
    (row,) = fitted(one, article("junta", tags=["coup"])).rows([one])
    assert np.linalg.norm(row[field][1]) == pytest.approx(1, abs=1e-6)
    assert (np.diff(row[field][0]) > 0).all()


def test_equal_articles_are_entirely_alike() -> None:
    one = article("junta kidal accord", tags=["coup"], countries=["Mali"])
    assert cosines(fitted(one, article("other")), one, one) == {field: pytest.approx(1) for field in TERM_FIELDS}


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


def test_words_of_one_article_are_dropped() -> None:
    archive = [article(f"common{number % 6} rare{number}") for number in range(12)]
    (row,) = fitted(*archive).rows([article("common1 rare1")])
    assert len(row["lexical"][0]) == 1


def test_words_of_most_articles_are_dropped() -> None:
    archive = [article(f"everywhere pair{number % 6}") for number in range(12)]
    (row,) = fitted(*archive).rows([article("everywhere, always pair1")])
    assert len(row["lexical"][0]) == 1


def test_unknown_words_are_left_out() -> None:
    (row,) = fitted(article("junta")).rows([article("something else")])
    assert [len(row[field][0]) for field in TERM_FIELDS] == [0, 0, 0]


@pytest.mark.parametrize(
    "archive", [[article("the")], [article("same words")] * 11, [article(f"alone{number}") for number in range(11)]]
)
def test_archives_without_usable_words_work(archive: list[Article]) -> None:
    model = fitted(*archive)
    assert cosines(model, archive[0], article("junta"))["lexical"] == 0
    assert len(TfidfModel.from_bytes(model.to_bytes()).rows(archive)) == len(archive)


def test_rare_tags_weigh_more() -> None:
    archive = [article("x", tags=["army"])] * 3 + [article("x", tags=["gold"])]
    model = fitted(*archive)
    both = article("x", tags=["army", "gold"])
    assert (
        cosines(model, both, article("x", tags=["gold"]))["tags"]
        > cosines(model, both, article("x", tags=["army"]))["tags"]
    )


def test_countries_weigh_the_same() -> None:
    model = fitted(article("x", countries=["Mali"]))
    both = article("x", countries=["Mali", "Niger"])
    assert cosines(model, both, article("x", countries=["Mali"]))["places"] == pytest.approx(2**-0.5)
    assert cosines(model, both, article("x", countries=["Niger"]))["places"] == pytest.approx(2**-0.5)


def test_labels_new_since_the_build_match() -> None:
    model = fitted(article("x", tags=["army"]))
    new = article("x", tags=["Élection"], countries=["Chad"])
    assert cosines(model, new, article("x", tags=["election"], countries=["chad"]))["tags"] == pytest.approx(1)


def test_update_tag_joins_nothing() -> None:
    model = fitted(article("x", tags=["update"]))
    assert len(model.rows([article("x", tags=["update"])])[0]["tags"][0]) == 0


@given(st.lists(st.text("abc é", max_size=30), min_size=1, max_size=6))
def test_models_survive_their_bytes(texts: list[str]) -> None:
    archive = [article(text, tags=text.split()) for text in texts]
    model = fitted(*archive)
    again = TfidfModel.from_bytes(model.to_bytes())
    assert list(map(term_rows.to_bytes, again.rows(archive))) == list(map(term_rows.to_bytes, model.rows(archive)))


def test_order_of_the_archive_changes_nothing() -> None:
    archive = [article(f"junta kidal word{number % 4}", tags=[f"t{number % 3}"]) for number in range(12)]
    forward, backward = (fitted(*order).rows(archive) for order in (archive, archive[::-1]))
    assert list(map(term_rows.to_bytes, forward)) == list(map(term_rows.to_bytes, backward))


def test_plain_tfidf_equals_hand_values() -> None:
    scores = PlainTfidf(["junta accord", "junta kidal", "gold"]).scores(0)
    # Three documents: "junta" in two weighs ln(4/3) + 1, the others ln(4/2) + 1.
    shared, rare = np.log(4 / 3) + 1, np.log(2) + 1
    np.testing.assert_allclose(scores, [1, shared**2 / (shared**2 + rare**2), 0], atol=1e-6)
