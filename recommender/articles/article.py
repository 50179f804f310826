"""The article: its fields, what a valid record looks like, and when two versions are the same."""

import hashlib
import json
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from recommender.articles.text import one_line, plain_text
from recommender.errors import FieldProblem, InvalidArticle

STATUSES = ("published", "draft", "unpublished")
FLAGS = (
    "legal_hold",
    "live_trial",
    "hostage",
    "victims_named",
    "minor",
    "communal_violence",
    "sponsored",
    "opinion",
)
HOLD_FLAG = "legal_hold"  # has no sidebar, and stands in none
UPDATE_TAG = "update"  # marks a new version of an earlier report
# Mark an article that explains what others report.
EXPLAINER_TAGS = frozenset(
    {"explainer", "analysis", "background", "profile", "chronology", "analyse", "décryptage", "portrait", "chronologie"}
)
MAX_ID = 200
MAX_LINE = 2_000
MAX_BODY = 1_000_000
MAX_LABELS = 100
MAX_ALIASES = 50
MAX_READS = 2**53  # the largest integer that every JSON reader keeps exactly
FALLBACK_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class Article:
    """One story as the service knows it; every text is plain, every date in UTC.

    `posted_on` may be None: such an article is never "latest" and gets no credit for freshness.
    `countries`, `tags` and `flags` keep the order given, without repeats.

    Attributes
    ----------
    id : str
        The publisher's own name of the article, up to 200 characters; two articles never share one.
    title : str
        The headline, one line.
    summary : str
        The teaser text, one line. An article has a summary or a body.
    body : str
        The text, without markup.
    url : str or None
        Where the article stands: absolute, http or https. Teasers lead there.
    posted_on : datetime or None
        When it was published, aware and in UTC, to the second. Before that moment it stands in no sidebar.
    edition : str
        The editorial section, such as "Sahel"; empty if it has none. Fallbacks come from it.
    language : str
        ISO 639, such as "en" (the default) or "fr".
    countries, tags : tuple of str
        Labels, in the order given, without repeats. They count in the score.
    author : str
        The byline; empty if there is none.
    read_count : int or None
        How often it has been read, 0 or more; None where that is not known. Stored without one, it keeps its count.
    image_url : str or None
        Passed on to the teaser.
    status : str
        "published" (the default), "draft" or "unpublished"; only published articles are shown.
    flags : tuple of str
        What makes it sensitive: of `FLAGS`, such as "legal_hold" or "minor".
    aliases : tuple of str
        Further addresses at which it stands or stood, such as old permalinks, AMP pages and other domains.

    Examples
    --------
    >>> Article(id="a1", title="Gold prices rise", body="Traders in Bamako expect more.", language="en").status
    'published'
    """

    id: str
    title: str
    summary: str = ""
    body: str = ""
    url: str | None = None
    posted_on: datetime | None = None
    edition: str = ""
    language: str = FALLBACK_LANGUAGE
    countries: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    author: str = ""
    read_count: int | None = None
    image_url: str | None = None
    status: str = "published"
    flags: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def content_hash(self) -> str:
        """SHA-256 of every field: articles of equal hashes and counts are the same.

        An unknown count hashes as 0 and no further addresses as nothing, as before there were such: what is stored
        has not changed.
        """
        values = asdict(self) | {"read_count": self.read_count or 0}
        return _sha256({name: value for name, value in values.items() if value or name != "aliases"})

    @property
    def text_key(self) -> str:
        """SHA-256 of what is embedded: title, summary and body. Equal keys have equal vectors."""
        return _sha256([self.title, self.summary, self.body])

    @property
    def text_hash(self) -> str:
        """What decides the neighbours: the text key, then 16 digits of the SHA-256 of language and labels.

        Neither reads nor status, address or date are in it.
        """
        return self.text_key + _sha256([self.language, self.countries, self.tags])[:16]


def is_public(article: Article, at: datetime) -> bool:
    """Whether readers may see an article at a time: published, without a hold, and not dated later."""
    due = article.posted_on is None or article.posted_on <= at
    return article.status == "published" and HOLD_FLAG not in article.flags and due


def _sha256(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def parse_article(record: Mapping[str, Any]) -> Article:
    """The article a record describes. Keys that are not fields of an article are ignored.

    Raises InvalidArticle with every field that is wrong, not only the first.
    """
    values: dict[str, Any] = {}
    problems: list[FieldProblem] = []
    for field in fields(Article):
        raw = record.get(field.name)
        if raw is None or raw == "":
            continue
        try:
            values[field.name] = PARSERS[field.name](raw)
        except RefusedField as refused:
            problems.append(FieldProblem(field.name, shown(raw), refused.problem, refused.advice))
    refused_fields = {problem.field for problem in problems}
    problems += [
        FieldProblem(name, shown(record.get(name)), "is required", f"give the article a non-empty {name}")
        for name in ("id", "title")
        if not values.get(name) and name not in refused_fields
    ]
    if not (values.get("body") or values.get("summary")) and not refused_fields & {"body", "summary"}:
        problems.append(
            FieldProblem(
                "body", shown(record.get("body")), "body or summary is required", "give at least one of the two"
            )
        )
    if problems:
        raise InvalidArticle(problems)
    return Article(**values)


def shown(value: object, limit: int = 80) -> str:
    """A value as it is quoted in an error message: escaped, and cut to a readable length."""
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


class RefusedField(Exception):
    """A value that a field cannot have: what is wrong with it, and what to do."""

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.advice = advice


def _string(raw: Any) -> str:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise RefusedField("is not text", "send a string")
    # A lone surrogate can be written in JSON, but neither stored nor sent as UTF-8.
    return str(raw).encode("utf-8", "replace").decode()


def _identifier(raw: Any) -> str:
    # 124.0 is what a data frame makes of 124; beyond MAX_READS a float may be another number than was meant.
    whole = isinstance(raw, float) and raw.is_integer() and abs(raw) <= MAX_READS
    text = str(int(raw)) if whole else _string(raw).strip()
    if len(text) > MAX_ID:
        raise RefusedField(f"is longer than {MAX_ID} characters", "use a shorter id")
    if any(unicodedata.category(character).startswith("C") for character in text):
        raise RefusedField("contains control characters", "remove them")
    return text


def _line(raw: Any) -> str:
    text = one_line(_string(raw))
    if len(text) > MAX_LINE:
        raise RefusedField(f"is longer than {MAX_LINE} characters", "shorten it; long text belongs into the body")
    return text


def _body(raw: Any) -> str:
    text = _string(raw)
    if len(text) > MAX_BODY:
        raise RefusedField(
            f"is longer than {MAX_BODY:,} characters", "split the article, or send its text without markup"
        )
    return plain_text(text)


def web_url(raw: Any) -> str:
    """An absolute http or https address without user name or password; anything else is refused."""
    text = _string(raw).strip()
    if len(text) > MAX_LINE:
        raise RefusedField(f"is longer than {MAX_LINE} characters", "use a shorter address")
    try:
        parts = urlsplit(text)
        usable = parts.scheme.lower() in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # such as a port that is not a number, or half an IPv6 address
        parts, usable = urlsplit(""), False
    if not usable or any(character.isspace() or not character.isprintable() for character in text):
        raise RefusedField("is not an http or https address", "give an absolute URL such as https://example.org/story")
    if parts.username or parts.password:
        raise RefusedField("holds a user name or password", "remove the part before the @")
    return text


def utc(raw: Any) -> datetime:
    """A date in UTC to the second. A date without time is its midnight; one without zone is taken as UTC."""
    if isinstance(raw, datetime):
        moment = raw
    else:
        try:
            moment = datetime.fromisoformat(_string(raw).strip())
        except ValueError as error:
            raise RefusedField(
                "is not a date", "use ISO 8601, such as 2024-09-17 or 2024-09-17T08:30:00+02:00"
            ) from error
    try:
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return moment.replace(microsecond=0)
    except OverflowError as error:
        raise RefusedField("is not a date this calendar holds", "use a year between 1 and 9999") from error


def _language(raw: Any) -> str:
    code = _string(raw).strip().lower().replace("_", "-")
    primary = code.split("-")[0]
    if not (2 <= len(primary) <= 3 and primary.isascii() and primary.isalpha()):
        raise RefusedField("is not a language code", "use ISO 639, such as en or fr")
    return primary


def _labels(raw: Any) -> tuple[str, ...]:
    """A list of strings, or one string with the labels separated by `;`, `|` or `,` (the form CSV has)."""
    if isinstance(raw, str):
        raw = raw.replace("|", ";").replace(",", ";").split(";")
    if not isinstance(raw, list | tuple):
        raise RefusedField("is not a list", 'send a list of strings, or one string such as "Mali; Niger"')
    labels = tuple(dict.fromkeys(label for label in map(_line, raw) if label))
    if len(labels) > MAX_LABELS:
        raise RefusedField(f"has more than {MAX_LABELS} entries", "keep the most important ones")
    return labels


def _flags(raw: Any) -> tuple[str, ...]:
    flags = _labels(raw)
    for flag in flags:
        if flag not in FLAGS:
            raise RefusedField(f"holds the unknown flag {shown(flag)}", f"use one of {', '.join(FLAGS)}")
    return flags


def _addresses(raw: Any) -> tuple[str, ...]:
    """A list of addresses, or one string with the addresses separated by white space (the form CSV has)."""
    if isinstance(raw, str):
        raw = raw.split()
    if not isinstance(raw, list | tuple):
        raise RefusedField("is not a list", "send a list of addresses, or one string with spaces between them")
    addresses = tuple(dict.fromkeys(map(web_url, raw)))
    if len(addresses) > MAX_ALIASES:
        raise RefusedField(f"has more than {MAX_ALIASES} entries", "keep those that readers may still come by")
    return addresses


def _reads(raw: Any) -> int:
    try:
        # 7.0 is what a spreadsheet or a data frame makes of 7.
        count = int(raw) if isinstance(raw, float) and raw.is_integer() else int(_string(raw))
    except ValueError as error:
        raise RefusedField("is not a whole number", "send the number of reads") from error
    if not 0 <= count <= MAX_READS:
        raise RefusedField("is not a whole number from 0 on", "send the number of reads")
    return count


def _status(raw: Any) -> str:
    status = _string(raw).strip().lower()
    if status not in STATUSES:
        raise RefusedField("is not a known status", f"use one of {', '.join(STATUSES)}")
    return status


PARSERS: dict[str, Callable[[Any], Any]] = {
    "id": _identifier,
    "title": _line,
    "summary": _line,
    "body": _body,
    "url": web_url,
    "posted_on": utc,
    "edition": _line,
    "language": _language,
    "countries": _labels,
    "tags": _labels,
    "author": _line,
    "read_count": _reads,
    "image_url": web_url,
    "status": _status,
    "flags": _flags,
    "aliases": _addresses,
}
