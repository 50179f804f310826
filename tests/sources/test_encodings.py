"""Which encoding a file is taken for."""

# ruff: noqa: RUF001  # typographic quotes and dashes are meant

import io
import re
from pathlib import Path

import pytest

from recommender.errors import InvalidInput
from recommender.sources.encodings import as_utf8

FRENCH = "Les éleveurs « attendent » la pluie à Ménaka, dit l’Aïr – encore.\n" * 200
RUSSIAN = "Скотоводы ждут дождя.\n" * 200
ARABIC = "ينتظر الرعاة المطر.\n" * 200


def taken_for(content: bytes) -> str:
    decoded = as_utf8(io.BytesIO(content), "a.csv")
    decoded.stream.read()
    return decoded.encoding


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (FRENCH.encode(), ""),
        (FRENCH.encode("utf-8-sig"), ""),
        (FRENCH.encode("utf-16"), "utf-16"),
        (FRENCH.encode("utf-16-le"), "utf-16-le"),
        (FRENCH.encode("utf-16-be"), "utf-16-be"),
        (FRENCH.encode("cp1252"), "cp1252"),
        (b"plain\n", ""),
        (b"", ""),
        (RUSSIAN.encode("cp1251"), ""),  # would be read wrong in every word: its records are refused instead
        (ARABIC.encode("cp1256"), ""),
        (FRENCH.encode("mac-roman"), ""),
        (FRENCH.encode() + "é".encode("cp1252"), ""),  # one broken place costs its record
    ],
)
def test_encodings_are_told_apart(content: bytes, encoding: str) -> None:
    assert taken_for(content) == encoding


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "cp1252", "utf-8"])
def test_text_comes_out_as_utf8(encoding: str) -> None:
    assert as_utf8(io.BytesIO(FRENCH.encode(encoding)), "a.csv").stream.read().decode() == FRENCH


def test_named_encoding_counts() -> None:
    assert as_utf8(io.BytesIO(RUSSIAN.encode("cp1251")), "a.csv", "cp1251").stream.read().decode() == RUSSIAN


def test_wrongly_named_encoding_is_told() -> None:
    stream = as_utf8(io.BytesIO(FRENCH.encode("cp1252")), "a.csv", "ascii").stream
    with pytest.raises(InvalidInput, match=r"a\.csv is not ascii .*; name another with --encoding"):
        stream.read()


PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "archive.md").read_text(encoding="utf-8")
# Of each row of the page's table a file, and what it is read as without being told.
TABLE = {
    "UTF-8, with or without a mark": [(FRENCH.encode(), ""), (FRENCH.encode("utf-8-sig"), "")],
    "UTF-16": [(FRENCH.encode("utf-16"), "utf-16"), (FRENCH.encode("utf-16-le"), "utf-16-le")],
    "not UTF-8, and nearly all letters beyond ASCII are those of French, Portuguese, Spanish or German": [
        (FRENCH.encode("cp1252"), "cp1252"),
        ("O governo anunciou que a chuva não chegou a São Tomé esta semana.\n".encode("cp1252") * 200, "cp1252"),
        ("El niño cruzó el río\n".encode("cp1252") * 200, "cp1252"),
        ("Für die Dörfer gibt es Straßen\n".encode("cp1252") * 200, "cp1252"),
    ],
    "anything else": [(RUSSIAN.encode("cp1251"), ""), (ARABIC.encode("cp1256"), "")],
}


def test_table_of_the_docs_is_true() -> None:
    rows = PAGE.partition("## Encodings")[2].partition("\n## ")[0]
    assert re.findall(r"^\| (?!file |---)(.+?) \|", rows, flags=re.MULTILINE) == list(TABLE)
    for row, files in TABLE.items():
        for content, encoding in files:
            assert taken_for(content) == encoding, row


class Pipe(io.BytesIO):
    """What cannot be read twice."""

    def seekable(self) -> bool:
        return False


def test_pipes_are_read_once() -> None:
    content = FRENCH.encode("utf-16")
    assert as_utf8(io.BufferedReader(Pipe(content)), "standard input").stream.read().decode() == FRENCH
    assert as_utf8(io.BufferedReader(Pipe(FRENCH.encode())), "standard input").encoding == ""
