"""What the search for articles promises, on SQLite and on PostgreSQL."""

import re
from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from recommender.articles.article import HOLD_FLAG, MAX_BODY, Article
from recommender.store.base import Store
from tests.factories import days_ago, make_article, stored

# Each example searches in what the ones before it have left.
one_store = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
LATIN = st.text(st.characters(max_codepoint=0x24F, exclude_categories=["Cc"]))
ANY_TEXT = st.text(st.characters())  # lone surrogates too

COUP = make_article("coup", title="Junta seizes power", summary="In Niamey", body="Soldiers closed the border.")
GOLD = make_article("gold", title="Gold prices rise", summary="At the exchange", body="In Bamako and Niamey.")


def found(store: Store, text: str, limit: int = 10) -> list[str]:
    """Ids of what a search finds."""
    numbers = store.articles.search(text, limit)
    articles = store.articles.get(numbers, texts=False)
    return [articles[number].id for number in numbers]


# -- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["junta", "niamey soldiers", "border closed power", "Junta, (power)!"])
def test_words_of_every_text_are_found(store: Store, text: str) -> None:
    stored(store, [COUP, GOLD])
    assert found(store, text) == ["coup"]


@pytest.mark.parametrize("text", ["junta gold", "junta tanks", "soldiers bamako"])
def test_every_word_must_occur(store: Store, text: str) -> None:
    stored(store, [COUP, GOLD])
    assert found(store, text) == []


@pytest.mark.parametrize(("text", "hits"), [("sold", 1), ("s", 1), ("bord pow", 1), ("oldiers", 0), ("juntas", 0)])
def test_words_are_found_by_their_beginning(store: Store, text: str, hits: int) -> None:
    stored(store, [COUP])
    assert len(found(store, text)) == hits


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("Ménaka", "menaka"),
        ("Menaka", "Ménaka"),
        ("MÉNAKA", "mena"),
        ("Me\u0301naka", "ménaka"),
        ("L'ARMÉE à l’œuvre", "armee oeuvre"),  # noqa: RUF001  # a typographic apostrophe is meant
        ("La crise à Tombouctou", "L'A tombouctou"),
        ("Ouagadougou-Niamey", "niamey"),
        ("Straße", "STRASSE"),
        ("Сахель", "сахель"),
        ("السَّاحل", "الساحل"),
        ("2024/09: 1e5 dead", "1e5 09"),
        ("a_b", "b"),
        ("x@example.org/paths", "paths"),
        ("Ѐ ﬁle", "file"),
    ],
)
def test_case_accents_and_signs_do_not_matter(store: Store, title: str, text: str) -> None:
    stored(store, [make_article("a", title=title)])
    assert found(store, text) == ["a"]


@one_store
@given(title=LATIN, body=LATIN, data=st.data())
def test_every_word_finds_its_article(store: Store, title: str, body: str, data: st.DataObject) -> None:
    stored(store, [make_article("§", title=title, body=body)])
    for word in re.findall(r"[^\W_]+", f"{title} {body}")[:5]:
        beginning = word[: data.draw(st.integers(1, len(word)))]
        assert found(store, beginning) == ["§"]


def test_many_words_are_looked_for(store: Store) -> None:
    words = [f"word{number}" for number in range(40)]
    stored(store, [make_article("a", body=" ".join(words)), make_article("b", body=" ".join(words[:-1]))])
    assert found(store, " ".join(words)) == ["a"]


# -- order -------------------------------------------------------------------------------------------------------------


def test_titles_come_first_then_the_newest(store: Store) -> None:
    articles = [
        make_article("old title", title="A coup", posted_on=days_ago(30)),
        make_article("new text", title="x", body="The coup.", posted_on=days_ago(1)),
        make_article("new title", title="The coup", posted_on=days_ago(20)),
        make_article("undated text", title="x", summary="A coup", posted_on=None),
        make_article("old text", title="x", summary="Coup", posted_on=days_ago(40)),
        make_article("undated title", title="Coup", posted_on=None),
        make_article("ancient title", title="Coup", posted_on=days_ago(50_000)),
    ]
    stored(store, articles)
    order = ["new title", "old title", "ancient title", "undated title", "new text", "old text", "undated text"]
    assert found(store, "coup") == order
    assert [found(store, "coup", limit) for limit in range(8)] == [order[:limit] for limit in range(8)]


def test_titles_count_when_they_have_every_word(store: Store) -> None:
    part = make_article("part", title="Coup", body="In Niamey.", posted_on=days_ago(1))
    full_title = make_article("whole", title="Niamey coup", posted_on=days_ago(9))
    stored(store, [part, full_title])
    assert found(store, "coup niamey") == ["whole", "part"]


def test_of_one_date_the_last_added_leads(store: Store) -> None:
    stored(store, [make_article(name, title="Coup") for name in "abc"])
    assert found(store, "coup") == ["c", "b", "a"]


# -- ids and addresses -------------------------------------------------------------------------------------------------


def test_ids_find_their_article(store: Store) -> None:
    stored(store, [make_article("sahel/12 é", title="x", body=""), make_article("b", title="Sahel 12 é")])
    assert found(store, " sahel/12 é ") == ["sahel/12 é", "b"]
    assert found(store, "sahel/12 é", limit=1) == ["sahel/12 é"]
    assert found(store, "sahel/12") == ["b"]


def test_addresses_find_their_article(store: Store) -> None:
    stored(store, [replace(COUP, url="https://www.example.org/sahel/coup/"), GOLD])
    assert found(store, "http://example.org/sahel/coup?utm_source=x#top") == ["coup"]
    assert found(store, "https://example.org/sahel/other") == []


def test_what_is_found_twice_is_given_once(store: Store) -> None:
    stored(store, [make_article("coup", title="Coup", body="Coup")])
    assert found(store, "coup") == ["coup"]


# -- what is to be found -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["draft", "unpublished"])
def test_only_published_articles_are_found(store: Store, status: str) -> None:
    hidden = replace(COUP, status=status, url="https://example.org/coup")
    stored(store, [hidden])
    assert [found(store, text) for text in ("junta", "coup", "https://example.org/coup")] == [[], [], []]
    stored(store, [replace(hidden, status="published")])
    assert [found(store, text) for text in ("junta", "coup", "https://example.org/coup")] == [["coup"]] * 3
    stored(store, [hidden])
    assert found(store, "junta") == []


def test_articles_under_legal_hold_are_found(store: Store) -> None:
    """Editors have to see them."""
    stored(store, [replace(COUP, flags=(HOLD_FLAG,))])
    assert found(store, "junta") == ["coup"]


def test_changed_texts_are_found_by_their_new_words(store: Store) -> None:
    stored(store, [COUP])
    stored(store, [replace(COUP, title="Tanks roll in", body="Planes.")])
    assert [found(store, text) for text in ("tanks planes", "junta", "soldiers")] == [["coup"], [], []]


def test_changed_dates_change_the_order(store: Store) -> None:
    first, second = (make_article(name, title="Coup", posted_on=days_ago(days)) for name, days in (("a", 1), ("b", 2)))
    stored(store, [first, second])
    stored(store, [replace(first, posted_on=days_ago(3))])
    assert found(store, "coup") == ["b", "a"]
    stored(store, [replace(first, posted_on=None)])
    assert found(store, "coup") == ["b", "a"]


def test_other_changes_leave_an_article_found_once(store: Store) -> None:
    stored(store, [COUP])
    stored(store, [replace(COUP, read_count=5), replace(COUP, read_count=6)])
    stored(store, [replace(COUP, edition="Maghreb", language="fr")])
    assert found(store, "junta") == ["coup"]


def test_withdrawn_articles_are_forgotten(store: Store, url: str) -> None:
    stored(store, [COUP, GOLD])
    store.articles.withdraw("coup")
    assert [found(store, text) for text in ("junta", "niamey", "coup")] == [[], ["gold"], []]
    assert "junta" not in kept(url)
    stored(store, [COUP])
    assert found(store, "junta") == ["coup"]


def test_changed_words_are_forgotten(store: Store, url: str) -> None:
    stored(store, [COUP])
    stored(store, [replace(COUP, title="Tanks", status="draft")])
    assert kept(url) == ""


def kept(url: str) -> str:
    """Every word that the search holds."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return "".join(map(str, connection.execute(sa.text("SELECT title, text FROM article_search"))))


def test_undone_changes_are_not_found(store: Store) -> None:
    def fail() -> None:
        with store.writing():
            stored(store, [COUP])
            assert found(store, "junta") == ["coup"]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert found(store, "junta") == []


def test_large_batches_are_found_whole(store: Store) -> None:
    stored(store, [make_article(f"a{number}", title="Coup") for number in range(1_201)])
    assert len(found(store, "coup", limit=2_000)) == 1_201


def test_longest_articles_are_found(store: Store) -> None:
    """PostgreSQL takes a megabyte of words; of more than a hundred pages the last are not looked at."""
    body = " ".join(f"ÿ{number:x}" for number in range(0x10000, 0x10000 + MAX_BODY // 7))
    stored(store, [make_article("a", title="Coup", body=body)])
    assert found(store, "coup ÿ10000 ÿ12345") == ["a"]


# -- strange texts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "*",
        '"',
        "'",
        "🚁 ☃",
        "\0",
        "\ud800",
        "junta\0",
        'junta" OR title:"gold',
        "junta' | 'gold",
        "junta:*B & gold",
        "junta -gold",
        "junta NOT gold",
        "junta AND gold",
        "NEAR(junta gold)",
        "title:junta gold",
        "^junta + gold",
        "{title text} : gold junta",
        "junta & !gold",
        "junta <-> gold",
        "junta\\",
        "'; DROP TABLE article_search; --",
        "http://[::1",
        "%junta%gold",
        "((((junta",
        "x" * 5_000,
        "x " * 2_500,
        " ".join(map(str, range(1_200))),
    ],
)
def test_no_text_is_a_language_of_its_own(store: Store, text: str) -> None:
    """Only words count, and no article has these: operators find neither the one nor the other."""
    stored(store, [COUP, GOLD])
    assert found(store, text) == (["coup"] if text.strip("\0\\(") == "junta" else [])


@one_store
@given(text=ANY_TEXT | st.from_regex(r"""[ab"'*:&|!<>()^+{}\\\0-]{1,40}"""))
@example("a" * 5_000)
@example('" ' * 2_500)
def test_no_text_breaks_the_search(store: Store, text: str) -> None:
    stored(store, [make_article("a b", title="a b")])
    assert found(store, text) in ([], ["a b"])


# -- by id, whatever the status ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["published", "draft", "unpublished"])
def test_articles_of_any_status_are_found_by_id(store: Store, status: str) -> None:
    article: Article = replace(COUP, status=status, flags=(HOLD_FLAG,))
    stored(store, [article])
    assert store.articles.find("coup") == (1, replace(article, body=""))


def test_no_id_finds_what_is_not_there(store: Store) -> None:
    stored(store, [COUP])
    store.articles.withdraw("coup")
    assert store.articles.find("coup") is None
    assert store.articles.find("never there") is None
