"""Records of other systems as articles: what cannot be read of a field costs the field, not the article, and is said.

`parse_article` holds a record to its letter; this reads what publishing systems really send.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, tzinfo
from typing import Any
from urllib.parse import urljoin, urlsplit

from recommender.articles.article import (
    FALLBACK_LANGUAGE,
    MAX_LABELS,
    MAX_LINE,
    PARSERS,
    Article,
    RefusedField,
    shown,
)
from recommender.articles.dates import DateOrder, moment
from recommender.articles.text import one_line
from recommender.errors import FieldProblem, InvalidArticle

# What a publishing system calls the state of a post: WordPress, Drupal, Ghost, Hugo, Jekyll, Strapi, Contentful.
PUBLISHED = frozenset("published publish public live active visible online 1 true yes".split())
DRAFTS = frozenset("draft auto-draft pending in-review review needs-review needs_review submitted".split())
SCHEDULED = frozenset("future scheduled schedule".split())
NOT_PUBLIC = frozenset(
    "unpublished private trash trashed inherit archived archive hidden deleted withdrawn spam password protected "
    "internal inactive disabled offline expired 0 false no".split()
)
# How newsrooms label what others have paid for.
SPONSORED = frozenset(
    {"sponsored", "sponsored content", "sponsored post", "advertorial", "advertorials", "advertisement", "paid content"}
    | {"paid post", "partner content", "partner-content", "branded content", "brand content", "native advertising"}
    | {"sponsorisé", "contenu sponsorisé", "article sponsorisé", "contenu partenaire", "publireportage", "publicité"}
    | {"publi-reportage", "publirédactionnel", "publi-rédactionnel", "publicidad", "patrocinado", "anzeige", "إعلان"}
)
TITLE_WORDS = 14  # of the text at most, where an article has no title
# Up to the first end of a sentence, also of Arabic, Hindi and Chinese, that stands before a space or at the very end.
_SENTENCE = re.compile(r".+?(?:[.!?…؟।](?=\s)|[。！？]|$)", re.DOTALL)  # noqa: RUF001  # wide marks are meant
_REQUIRED = ("id", "title", "body", "flags")  # a flag that is misspelt may be the one that holds an article back
_INSIDE = tuple("rendered processed value $oid $date $numberLong name label title src url href uri".split())
_READ_AS_IS = ("id", "flags")


def no_language(_text: str) -> None:
    """Knows no language: for callers who need none recognised."""


@dataclass(frozen=True)
class Conventions:
    """How a site writes what its records leave open.

    Attributes
    ----------
    site_url : str or None
        What relative addresses begin with.
    zone : tzinfo
        The zone of dates without one.
    date_order : str
        Which of the first two numbers of 03/04/2024 is the day: "dmy", "mdy", or "" where that is not known.
    language_code : callable
        The ISO 639 code of a language's code or name; None for what is neither.
    recognise : callable
        The code of the language a text is written in; None where that is not sure.
    """

    site_url: str | None = None
    zone: tzinfo = UTC
    date_order: DateOrder = ""
    language_code: Callable[[str], str | None] = no_language
    recognise: Callable[[str], str | None] = no_language


@dataclass(frozen=True)
class Remark:
    """What was made of a field otherwise than it says; `kind` is the same for all records of which it is true."""

    field: str
    kind: str
    value: str = ""

    def __str__(self) -> str:
        return f"{self.field}: {self.kind}" + (f" (got {self.value})" if self.value else "")


@dataclass(frozen=True)
class Reading:
    """An article, and what was made of its record otherwise than it says."""

    article: Article
    remarks: tuple[Remark, ...] = ()


def read_article(record: Mapping[str, Any], conventions: Conventions) -> Reading:
    """The article a record describes, with remarks on what was dropped or made up.

    Dropped are optional fields that cannot be read. A status that is not known to be public is stored as one that is
    not. Raises InvalidArticle where the id or every text is missing, and for unknown flags.
    """
    reader = _Reader(record, conventions)
    values = {field.name: value for field in fields(Article) if (value := reader.value(field.name)) not in (None, "")}
    if not values.get("title") and values.get("summary", values.get("body")):
        values["title"] = _first_sentence(values.get("summary") or values["body"])
        reader.remark("title", "is missing; the first sentence of the text stands for it")
    refused = {problem.field for problem in reader.problems}
    if not values.get("id") and "id" not in refused:
        reader.problems.append(FieldProblem("id", shown(record.get("id")), "is required", "give the article one"))
    if not values.get("title") and not refused & {"title", "body"}:
        problem, advice = "is required, as summary and body are empty as well", "give the article a text"
        reader.problems.append(FieldProblem("title", shown(record.get("title")), problem, advice))
    if reader.problems:
        raise InvalidArticle(reader.problems)
    values["status"] = reader.status(values)
    values["flags"] = reader.flags(values)
    if "language" not in values:
        values["language"] = reader.recognised(values)
    return Reading(Article(**values), tuple(reader.remarks))


class _Reader:
    """Reads one record, and gathers what there is to say of it."""

    def __init__(self, record: Mapping[str, Any], conventions: Conventions) -> None:
        self._record = record
        self._site = conventions
        self.problems: list[FieldProblem] = []
        self.remarks: list[Remark] = []
        self._readers: Mapping[str, Callable[[Any], Any]] = {
            "url": self._address,
            "image_url": self._address,
            "aliases": self._addresses,
            "posted_on": self._date,
            "language": self._language,
            "countries": self._labels,
            "tags": self._labels,
            "status": lambda _raw: None,  # which needs the date as well
        }

    def remark(self, field: str, kind: str, raw: object = None) -> None:
        """Notes what was made of a field."""
        self.remarks.append(Remark(field, kind, "" if raw is None else shown(raw)))

    def value(self, field: str) -> Any:
        """What a field says, None where that is nothing or cannot be read."""
        raw = self._record.get(field)
        if field not in ("countries", "tags", "aliases", *_READ_AS_IS) or isinstance(raw, Mapping):
            raw = unwrapped(raw)
        if raw is None or raw == "":
            return None
        if field not in ("countries", "tags", "aliases", *_READ_AS_IS) and _is_texts(raw):
            raw = ("\n\n" if field == "body" else ", ").join(raw)
        try:
            return self._readers.get(field, PARSERS[field])(raw)
        except RefusedField as refused:
            if field in _REQUIRED:
                self.problems.append(FieldProblem(field, shown(raw), refused.problem, refused.advice))
            else:
                self.remark(field, f"dropped: {refused.problem}", raw)
            return None

    def _address(self, raw: Any) -> str | None:
        if not isinstance(raw, str):
            raise RefusedField("is not an address", "")
        text = raw.strip()
        if text.startswith("//"):
            text = f"https:{text}"
        elif not urlsplit_scheme(text) and text:
            if self._site.site_url is None:
                raise RefusedField("is relative; set site_url", "")
            text = urljoin(self._site.site_url.rstrip("/") + "/", text)
        elif text.startswith("data:"):
            raise RefusedField("holds the image itself, not its address", "")
        address: str = PARSERS["url"](text.replace(" ", "%20"))  # as browsers do
        return address

    def _addresses(self, raw: Any) -> tuple[str, ...]:
        """Further addresses, which Hugo and Jekyll write as paths."""
        parts = raw.split() if isinstance(raw, str) else raw
        if isinstance(parts, list | tuple):
            parts = [self._address(part) for part in parts if part != ""]
        addresses: tuple[str, ...] = PARSERS["aliases"](parts)
        return addresses

    def _date(self, raw: Any) -> Any:
        try:
            found = moment(raw, self._site.zone, self._site.date_order)
        except ValueError as error:
            two_ways = "two ways" in str(error)
            raise RefusedField(
                "can be read in two ways; set date_order" if two_ways else "is not a date", ""
            ) from error
        if found is None:
            self.remark("posted_on", "stands for no date", raw)
        return found

    def _language(self, raw: Any) -> str | None:
        if isinstance(raw, str) and (code := self._site.language_code(raw)):
            return code
        try:
            language: str = PARSERS["language"](raw)
        except RefusedField:
            raise RefusedField("is not a language", "") from None
        return language

    def _labels(self, raw: Any) -> tuple[str, ...] | None:
        if isinstance(raw, list | tuple):
            raw = [unwrapped(label) for label in raw]
            if raw and all(isinstance(label, int) for label in raw):
                raise RefusedField("are numbers of labels, not their names", "")
            raw = [label for label in raw if isinstance(label, str) and len(label) <= MAX_LINE]
            if len(raw) > MAX_LABELS:
                raise RefusedField(f"has more than {MAX_LABELS} entries", "")
        labels: tuple[str, ...] = PARSERS["tags"](raw)
        return labels

    def status(self, values: Mapping[str, Any]) -> str:
        """The status that is stored: published only where the record says so, or says nothing at all."""
        given = self._record.get("status")
        raw = unwrapped(given)
        word = str(raw).strip().lower() if isinstance(raw, str | bool | int) else "?"
        if reason := self._kept_back():
            status, why = "unpublished", reason
        elif given is None or given == "" or word in PUBLISHED:
            status, why = "published", ""
        elif word in SCHEDULED and values.get("posted_on"):
            status, why = "published", ""  # and shown from that moment on
        elif word in SCHEDULED:
            status, why = "draft", "scheduled, but its date cannot be read"
        elif word in DRAFTS:
            status, why = "draft", ""
        else:
            status = "unpublished"
            why = f"{word} is not public" if word in NOT_PUBLIC else f"{shown(raw, 30)} is not a known word"
        if why and word != status:
            self.remark("status", f"stored as {status}: {why}")
        return status

    def flags(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """The flags, with that of sponsored texts where a tag or the edition calls the article one."""
        given: tuple[str, ...] = values.get("flags", ())
        labels = (*values.get("tags", ()), values.get("edition", ""))
        if "sponsored" in given or SPONSORED.isdisjoint(label.casefold() for label in labels):
            return given
        self.remark("flags", "sponsored added: a tag or the edition says so")
        return (*given, "sponsored")

    def _kept_back(self) -> str:
        """Why a record is not public, whatever its status; empty where nothing says so."""
        says = self._record.get
        if str(says("visibility") or "").strip().lower() in NOT_PUBLIC:
            return f"its visibility is {says('visibility')}"
        if says("password") or says("post_password") or says("protected") is True:
            return "it has a password"
        if says("draft") is True or says("published") is False:
            return "it is marked as not published"
        return ""

    def recognised(self, values: Mapping[str, Any]) -> str:
        """The language of the texts; the usual one where it cannot be told."""
        text = "\n".join(values[name] for name in ("title", "summary", "body") if values.get(name))
        code = self._site.recognise(text)
        told = (
            f"recognised as {code}"
            if code
            else f"not given, and not clear from the text; taken for {FALLBACK_LANGUAGE}"
        )
        self.remark("language", told)
        return code or FALLBACK_LANGUAGE


def urlsplit_scheme(text: str) -> str:
    """The scheme of an address; empty for one without, and for what is no address."""
    try:
        return urlsplit(text).scheme
    except ValueError:
        return "?"


def unwrapped(raw: Any) -> Any:
    """The value inside an object or a list of one that only holds it, such as {"rendered": "…"} or {"$oid": "…"}."""
    for _ in range(3):
        if isinstance(raw, Mapping):
            raw = next((raw[name] for name in _INSIDE if raw.get(name) not in (None, "")), None)
        elif isinstance(raw, list | tuple) and len(raw) == 1:
            (raw,) = raw
        elif raw == []:
            return None
        else:
            break
    return raw


def _is_texts(raw: Any) -> bool:
    return isinstance(raw, list | tuple) and all(isinstance(part, str) for part in raw)


def _first_sentence(text: str) -> str:
    """The first sentence, with its end; of a long one the first words."""
    sentence = _SENTENCE.match(one_line(text))
    words = (sentence[0] if sentence else text).split()
    return " ".join(words[:TITLE_WORDS])[: MAX_LINE - 1] + ("…" if len(words) > TITLE_WORDS else "")
