"""Reading the tables that editors keep."""

import csv
from pathlib import Path

import pytest

from recommender.articles.gazetteer import parse_gazetteer
from recommender.errors import InvalidInput
from recommender.sources.tables import read_gazetteer

HEAD = "key,kind,en,fr,forms,within\n"


def table(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    file = folder / "names.csv"
    file.write_bytes(text.encode(encoding))
    return file


def test_rows_are_read_by_column(tmp_path: Path) -> None:
    file = table(tmp_path, f'{HEAD}chad,country,Chad,Tchad,"a;b",\n')
    assert read_gazetteer(file) == [
        {"key": "chad", "kind": "country", "en": "Chad", "fr": "Tchad", "forms": "a;b", "within": ""}
    ]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (f"{HEAD}dire,place,Diré,Diré,,", "utf-8-sig"),  # what spreadsheets write
        (f"{HEAD}dire,place,Diré,Diré,,".replace("\n", "\r\n"), "utf-8"),
        (f'{HEAD}dire,place,"Diré","Diré",,', "utf-8"),
        ("within,forms,fr,en,kind,key,note\n,,Diré,Diré,place,dire,mine", "utf-8"),
    ],
)
def test_spreadsheets_of_all_kinds_are_read(tmp_path: Path, text: str, encoding: str) -> None:
    (row,) = read_gazetteer(table(tmp_path, text, encoding))
    assert (row["key"], row["kind"], row["en"], row["fr"]) == ("dire", "place", "Diré", "Diré")


@pytest.mark.parametrize("separator", ["\u2028", "\x0b", "\x85"])
def test_odd_line_separators_end_no_row(tmp_path: Path, separator: str) -> None:
    (row,) = read_gazetteer(table(tmp_path, f"{HEAD}chad,country,Chad{separator},Tchad,,"))
    assert row["fr"] == "Tchad"


def test_short_rows_lack_their_last_fields(tmp_path: Path) -> None:
    (row,) = read_gazetteer(table(tmp_path, f"{HEAD}chad,country,Chad,Tchad"))
    assert parse_gazetteer([row], "names.csv")[0].within == ()


@pytest.mark.parametrize(
    ("text", "missing"), [("key,kind,en\n", "fr, forms, within"), ("", "key, kind, en, fr, forms, within")]
)
def test_missing_columns_are_named(tmp_path: Path, text: str, missing: str) -> None:
    with pytest.raises(InvalidInput, match=f"names.csv lacks the columns {missing}$"):
        read_gazetteer(table(tmp_path, text))


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"The gazetteer .*none.csv cannot be read: .*No such file"):
        read_gazetteer(tmp_path / "none.csv")


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read: 'utf-8' codec"):
        read_gazetteer(table(tmp_path, f"{HEAD}dire,place,Diré,Diré,,", "latin-1"))


def test_unclosed_quotation_is_refused(tmp_path: Path) -> None:
    text = f'{HEAD}chad,country,Chad,Tchad,,\nmali,country,"Mali,Mali,,\n' + "x" * csv.field_size_limit()
    with pytest.raises(InvalidInput, match="cannot be read after line 2: field larger"):
        read_gazetteer(table(tmp_path, text))
