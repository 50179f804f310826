"""Names that mean the same: people, places, groups, institutions and subjects, with their English and French forms.

A gazetteer is a plain table that editors extend (`gazetteer.csv`); this module says how it is read. Texts and forms are
cut into words and accents are ignored. A form's word with a capital stands for that spelling or for one wholly in
capitals, a word in lower case for any; the longest form wins wherever several begin, so that "Lake Chad" is not Chad.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from recommender.articles.text import without_marks
from recommender.errors import InvalidInput

COLUMNS = ("key", "kind", "en", "fr", "forms", "within")
PLACES = frozenset({"country", "place"})
SUBJECT = "topic"
REGION = "region"  # of many countries, and so too wide to tell two stories apart
KINDS = PLACES | {
    SUBJECT,
    REGION,
    "group",
    "person",
    "institution",
    "operation",
    "agreement",
    "company",
    "people",
    "project",
}

SHOWN_PROBLEMS = 10
_STEM = 5  # letters by which words of one stem are told in English and French

_WORD = re.compile(r"\w+")
_THE = {("the",), ("The",)}
_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

Form = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Name:
    """One entry: what it is called in both languages, every other form, and the keys of what it lies in."""

    key: str
    kind: str
    en: str
    fr: str
    forms: tuple[str, ...] = ()
    within: tuple[str, ...] = ()

    def label(self, language: str) -> str:
        """The display name in a language: French, or English for all others."""
        return self.fr if language == "fr" else self.en


class Gazetteer:
    """Finds the names of a table in texts."""

    def __init__(self, entries: Iterable[Name]) -> None:
        self._entries = {entry.key: entry for entry in entries}
        self._words = {
            entry.key: frozenset(word.lower() for form in (entry.en, entry.fr, *entry.forms) for word in _words(form))
            for entry in self._entries.values()
        }
        self._forms: dict[str, list[tuple[Form, str]]] = {}
        for entry in self._entries.values():
            for form in {
                _words(text) for text in (_without_article(entry.en), _without_article(entry.fr), *entry.forms)
            } - {()}:
                self._forms.setdefault(form[0].lower(), []).append((form, entry.key))
        for forms in self._forms.values():
            forms.sort(key=lambda form: (-len(form[0]), form))

    @cached_property
    def digest(self) -> str:
        """A digest of everything the table holds."""
        return hashlib.blake2b(repr(list(self._entries.values())).encode(), digest_size=8).hexdigest()

    def __getitem__(self, key: str) -> Name:
        return self._entries[key]

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def count_names(self, text: str) -> Counter[str]:
        """How often each name stands in a text, by key, in the order of first appearance."""
        return Counter(key for key, _ in self._names_in(text))

    def homonyms(self, text: str) -> frozenset[str]:
        """Keys of subjects that a text may mean by chance: it has one word of each, and no name of the table at all.

        A pipeline that tests software is not one for oil, and servers are "cattle" to those who run them.
        """
        forms: dict[str, set[Form]] = {}
        for key, form in self._names_in(text):
            if self._entries[key].kind != SUBJECT:
                return frozenset()
            forms.setdefault(key, set()).add(form)
        return frozenset(key for key, found in forms.items() if not _agree(found))

    def _names_in(self, text: str) -> Iterator[tuple[str, Form]]:
        words = _words(text)
        place = 0
        while place < len(words):
            form, key = self._longest(words, place)
            if key is not None:
                yield key, form
            place += max(1, len(form))

    def _longest(self, words: Form, place: int) -> tuple[Form, str | None]:
        for form, key in self._forms.get(words[place].lower(), ()):
            here = words[place : place + len(form)]
            if len(here) == len(form) and (here == form or all(map(_matches, form, here))):
                return form, key
        return (), None

    def key_of(self, text: str) -> str | None:
        """The key of the name that a text, such as a tag, consists of; None where it is not exactly one name."""
        words = _words(text)
        for phrase in filter(None, (words, words[1:] if words[:1] in _THE else ())):
            for candidate in (phrase, tuple(word.upper() for word in phrase), tuple(word.title() for word in phrase)):
                form, key = self._longest(candidate, 0)
                if len(form) == len(candidate):
                    return key
        return None

    def words(self, key: str) -> frozenset[str]:
        """The words of all forms of a name, in lower case and without accents."""
        return self._words[key]


def parse_gazetteer(
    rows: Sequence[Mapping[str, str | None]], source: str, other_keys: Iterable[str] = ()
) -> list[Name]:
    """The entries of a table with COLUMNS; `within` may also name the keys in `known`, of another table.

    Raises InvalidInput that names the line of everything that is wrong.
    """
    entries: list[Name] = []
    problems: list[str] = []
    keys = {(row.get("key") or "").strip() for row in rows} | set(other_keys)
    keys_so_far: set[str] = set()
    for line, row in enumerate(rows, start=2):
        value = {column: (row.get(column) or "").strip() for column in COLUMNS}
        within = _split(value["within"])
        wrong = [
            *([] if _KEY.fullmatch(value["key"]) else [f"key {value['key']!r} is not of the form lake-chad"]),
            *([f"key {value['key']} stands there twice"] if value["key"] in keys_so_far else []),
            *([] if value["kind"] in KINDS else [f"kind {value['kind']!r} is none of {', '.join(sorted(KINDS))}"]),
            *(f"{column} is empty" for column in ("en", "fr") if not _words(value[column])),
            *(f"within names {key!r}, which is not a key" for key in within if key not in keys),
        ]
        problems += [f"line {line}: {problem}" for problem in wrong]
        keys_so_far.add(value["key"])
        entries.append(Name(value["key"], value["kind"], value["en"], value["fr"], _split(value["forms"]), within))
    if problems:
        more = f"; and {len(problems) - SHOWN_PROBLEMS} more" if len(problems) > SHOWN_PROBLEMS else ""
        raise InvalidInput(f"{source} cannot be used: {'; '.join(problems[:SHOWN_PROBLEMS])}{more}")
    return entries


def _split(text: str) -> tuple[str, ...]:
    return tuple(part for part in (piece.strip() for piece in text.split(";")) if part)


def _without_article(label: str) -> str:
    return label.removeprefix("the ")


def _words(text: str) -> Form:
    return tuple(_WORD.findall(without_marks(text)))


def _agree(forms: set[Form]) -> bool:
    """Whether several words of a text speak of one subject; the plural of a word is not another one."""
    stems = {word.lower()[:_STEM] for form in forms for word in form}
    return len(stems) > 1


def _matches(form: str, word: str) -> bool:
    return word.lower() == form if form.islower() else word in (form, form.upper())
