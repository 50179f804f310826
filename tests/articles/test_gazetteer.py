"""Which names a table finds in texts, and what is said of a table that is wrong."""

import re
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.articles.gazetteer import KINDS, PLACES, Gazetteer, Name, parse_gazetteer
from recommender.articles.labels import plain
from recommender.errors import InvalidInput
from recommender.sources.tables import read_gazetteer

LAKE = Gazetteer(
    [
        Name("chad", "country", "Chad", "Tchad", ("Chadian", "tchadien")),
        Name("lake-chad", "place", "Lake Chad", "lac Tchad", within=("chad",)),
        Name("ndjamena", "place", "N'Djamena", "N'Djamena", within=("chad",)),
        Name("united-states", "country", "the United States", "États-Unis", ("US",)),
        Name("idriss-deby", "person", "Idriss Déby", "Idriss Déby", within=("mps",)),
        Name("mps", "group", "the MPS", "MPS"),
        Name("desert", "topic", "desert", "désert"),
    ]
)


def found(text: str) -> dict[str, int]:
    return dict(LAKE.count_names(text))


# -- finding -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Chad and Tchad", {"chad": 2}),
        ("Chadians", {}),  # a form is whole words
        ("chad", {}),  # a capital in a form stands for one
        ("CHAD", {"chad": 1}),
        ("cHAD", {}),
        ("the tchadien, le Tchadien, UN TCHADIEN", {"chad": 3}),  # a word in lower case stands for any
        ("idriss déby", {}),
        ("Idriss Deby", {"idriss-deby": 1}),
        ("Idriss De\u0301by", {"idriss-deby": 1}),
        ("Idriss, Déby", {"idriss-deby": 1}),  # signs between words do not count
        ("Idriss", {}),
        ("in N\u2019Djamena", {"ndjamena": 1}),
        ("ETATS-UNIS", {"united-states": 1}),
        ("United States", {"united-states": 1}),  # "the" of a label is not part of its form
        ("THE US", {"united-states": 1}),
        ("tell us", {}),
        ("", {}),
    ],
)
def test_names_are_found_by_their_forms(text: str, names: dict[str, int]) -> None:
    assert found(text) == names


def test_longest_form_wins() -> None:
    assert found("Lake Chad lies in Chad; le lac Tchad aussi") == {"lake-chad": 2, "chad": 1}


def test_names_come_in_order_of_appearance() -> None:
    assert list(LAKE.count_names("MPS of Chad, the MPS, N'Djamena")) == ["mps", "chad", "ndjamena"]


@given(
    st.sets(st.lists(st.sampled_from("ab"), min_size=1, max_size=3).map(tuple), min_size=1, max_size=6),
    st.lists(st.sampled_from("abc"), max_size=12),
)
def test_text_is_read_from_the_left(forms: set[tuple[str, ...]], words: list[str]) -> None:
    """The longest form where one begins, then on behind it; the long way."""
    table = {"-".join(form): form for form in forms}
    gazetteer = Gazetteer(Name(key, "topic", " ".join(form), " ".join(form)) for key, form in table.items())
    expected: Counter[str] = Counter()
    place = 0
    while place < len(words):
        here = [key for key, form in table.items() if tuple(words[place : place + len(form)]) == form]
        best = max(here, key=lambda key: len(table[key]), default=None)
        expected.update([best] if best else [])
        place += len(table[best]) if best else 1
    assert gazetteer.count_names(" ".join(words)) == expected


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Chad", "chad"),
        ("chad", "chad"),  # tags are written in any case
        ("us", "united-states"),
        ("idriss deby", "idriss-deby"),
        ("lake chad", "lake-chad"),
        ("the United States", "united-states"),
        ("The United States", "united-states"),
        ("the MPS", "mps"),
        ("Chad war", None),
        ("war in Chad", None),
        ("the", None),
        ("", None),
        ("!", None),
    ],
)
def test_whole_labels_are_one_name(text: str, key: str | None) -> None:
    assert LAKE.key_of(text) == key


def test_words_are_those_of_every_form() -> None:
    assert LAKE.words("united-states") == {"the", "united", "states", "etats", "unis", "us"}


def test_own_table_may_lie_within_another() -> None:
    row = {"key": "taoussa", "kind": "place", "en": "Taoussa", "fr": "Taoussa", "within": "mali"}
    assert parse_gazetteer([row], "own.csv", other_keys=["mali"])[0].within == ("mali",)


def test_entries_are_known_by_key() -> None:
    assert "chad" in LAKE
    assert "Chad" not in LAKE
    assert len(LAKE) == 7
    assert LAKE["lake-chad"].within == ("chad",)


@pytest.mark.parametrize(("language", "label"), [("en", "Chad"), ("fr", "Tchad"), ("ha", "Chad")])
def test_labels_speak_french_or_english(language: str, label: str) -> None:
    assert LAKE["chad"].label(language) == label


def test_later_entries_replace_earlier() -> None:
    """A site's own table stands behind that of the release."""
    both = Gazetteer([Name("chad", "country", "Chad", "Tchad"), Name("chad", "country", "Republic", "République")])
    assert dict(both.count_names("Chad is a Republic")) == {"chad": 1}
    assert both["chad"].en == "Republic"


def test_digest_follows_every_entry() -> None:
    entries = [Name("chad", "country", "Chad", "Tchad"), Name("mps", "group", "MPS", "MPS")]
    changed = [entries[0], Name("mps", "group", "MPS", "MPS", within=("chad",))]
    digests = [Gazetteer(some).digest for some in (entries, list(entries), changed, entries[:1])]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


# -- tables ------------------------------------------------------------------------------------------------------------


ROW = {"key": "chad", "kind": "country", "en": "Chad", "fr": "Tchad", "forms": "", "within": ""}


def refusal(*rows: dict[str, str]) -> str:
    """What is said of a table that is wrong."""
    with pytest.raises(InvalidInput) as caught:
        parse_gazetteer(rows, "names.csv")
    return str(caught.value)


def test_rows_become_entries() -> None:
    lake = {"key": "lake-chad", "kind": "place", "en": "Lake Chad", "fr": "lac Tchad", "within": "chad;"}
    assert parse_gazetteer([ROW | {"forms": " Chadian; tchadien ;;"}, lake], "names.csv") == [
        Name("chad", "country", "Chad", "Tchad", ("Chadian", "tchadien")),
        Name("lake-chad", "place", "Lake Chad", "lac Tchad", within=("chad",)),
    ]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_known_kinds_are_accepted(kind: str) -> None:
    assert parse_gazetteer([ROW | {"kind": kind}], "names.csv")[0].kind == kind


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"key": "Lake Chad"}, "line 2: key 'Lake Chad' is not of the form lake-chad"),
        ({"key": ""}, "line 2: key '' is not of the form lake-chad"),
        ({"kind": "river"}, "line 2: kind 'river' is none of agreement, company, country, "),
        ({"en": " "}, "line 2: en is empty"),
        ({"fr": "-"}, "line 2: fr is empty"),
        ({"within": "africa"}, "line 2: within names 'africa', which is not a key"),
    ],
)
def test_wrong_fields_are_named(change: dict[str, str], problem: str) -> None:
    message = refusal(ROW | change)
    assert message.startswith("names.csv cannot be used: ")
    assert problem in message


def test_keys_stand_only_once() -> None:
    assert refusal(ROW, ROW | {"en": "Tchad"}) == "names.csv cannot be used: line 3: key chad stands there twice"


def test_every_problem_is_named() -> None:
    message = refusal(ROW | {"en": "", "kind": ""}, ROW | {"key": "x", "fr": ""})
    assert [part in message for part in ("line 2: kind", "line 2: en", "line 3: fr")] == [True] * 3


def test_many_problems_are_counted() -> None:
    message = refusal(*(ROW | {"key": f"k{number}", "fr": ""} for number in range(13)), ROW)
    assert message.endswith("line 11: fr is empty; and 3 more")


# -- the table of this release -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def entries() -> Sequence[Name]:
    return parse_gazetteer(read_gazetteer(files("recommender") / "articles" / "gazetteer.csv"), "gazetteer.csv")


def test_no_form_belongs_to_two_names(entries: Sequence[Name]) -> None:
    owners: dict[str, set[str]] = {}
    for entry in entries:
        for form in (entry.en.removeprefix("the "), entry.fr, *entry.forms):
            owners.setdefault(" ".join(re.findall(r"\w+", plain(form))), set()).add(entry.key)
    assert {form: keys for form, keys in owners.items() if len(keys) > 1} == {}


def test_every_name_is_found_as_itself(entries: Sequence[Name]) -> None:
    gazetteer = Gazetteer(entries)
    texts = [(entry.key, text) for entry in entries for text in (entry.en, entry.fr, *entry.forms)]
    assert [(key, text) for key, text in texts if gazetteer.count_names(text) != {key: 1}] == []
    assert [(key, text) for key, text in texts if gazetteer.key_of(text) != key] == []


def test_places_lie_in_countries(entries: Sequence[Name]) -> None:
    """Or in a place that lies in none, as Western Sahara: then one step up is enough."""
    table = {entry.key: entry for entry in entries}
    around = {key for entry in entries if entry.kind == "place" for key in entry.within}
    assert len(around) > 10
    assert [key for key in around if table[key].kind not in PLACES or table[key].within] == []
