"""What the API takes and gives, as pydantic models: they check requests and are the source of the OpenAPI file."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from recommender.articles.article import (
    FLAGS,
    MAX_ALIASES,
    MAX_BODY,
    MAX_ID,
    MAX_LABELS,
    MAX_LINE,
    MAX_READS,
    STATUSES,
    shown,
)
from recommender.ranking.facts import SIDEBAR_PLACES
from recommender.serving.answers import ANY_LANGUAGE, SAME_LANGUAGE, Query
from recommender.web.context import context

MAX_TEASERS = 50
MAX_DRAFT = 200_000
MAX_COUNTS = 5_000  # half of what a body of JSON may hold
MAX_LISTED = 500


def _moment(value: object) -> object:
    """A date without time is its midnight; a number is not a date here."""
    if not isinstance(value, str):
        raise ValueError("is not a date; use text in ISO 8601, such as 2024-09-17")
    try:
        moment = datetime.fromisoformat(value.replace(" ", "+"))  # an unescaped + in a query arrives as a space
    except ValueError as error:
        raise ValueError("is not a date; use ISO 8601, such as 2024-09-17 or 2024-09-17T08:30:00Z") from error
    return moment


def _as_utc(value: datetime) -> datetime:
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is outside the calendar") from error


def _no_boolean(value: object) -> object:
    """In JSON, true and false are not numbers; pydantic takes them for 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("is not a number")
    return value


def _number(value: object) -> object:
    """A number of JSON, and no text that holds one."""
    if isinstance(value, str):
        raise ValueError("is not a number")
    return _no_boolean(value)


Whole = Annotated[int, BeforeValidator(_no_boolean)]
ReadCount = Annotated[int, Field(ge=0, le=MAX_READS), BeforeValidator(_no_boolean)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), BeforeValidator(_no_boolean)]
Moment = Annotated[datetime, BeforeValidator(_moment), AfterValidator(_as_utc)]
Fallback = Literal["ladder", "latest", "none"]
# Those of article.FLAGS: OpenAPI needs them spelt out, and a test holds the two to each other.
Flag = Literal[
    "legal_hold", "live_trial", "hostage", "victims_named", "minor", "communal_violence", "sponsored", "opinion"
]


# What the article's own checks ask for, which say more than a pattern could; here for the OpenAPI file alone.
_VISIBLE = r"[^\s\x00-\x1f\x7f-\x9f]"
_UNSEEN = r"[\s\x00-\x1f\x7f-\x9f]*"
_FLAG = f"{_UNSEEN}({'|'.join(FLAGS)})?{_UNSEEN}"
_LANGUAGE = r"^([A-Za-z]{2,3}([-_][A-Za-z0-9_-]*)?)?$"
_CODE = r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*"
_CODES = rf"^({_CODE}(,{_CODE})*)?$"  # `same` and `any` are of the same form


_COMMA = re.compile(r"(?<!\\),")
_ADDRESS = r"^https?://[A-Za-z0-9].*$"
_READ_COUNT: dict[str, Any] = {
    "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": MAX_READS},
        {"type": "string", "pattern": "^[0-9]{1,15}$"},  # as a spreadsheet may send it
        {"type": "null"},
    ]
}


def _list(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _ids(value: str) -> tuple[str, ...]:
    """As `_list`; in an id a comma stands behind a backslash."""
    return tuple(part.replace("\\,", ",").strip() for part in _COMMA.split(value) if part.strip())


def _language(text: str) -> str:
    """The code that articles carry for a code or name in any form; `same` and `any` as they are."""
    word = text.strip().lower()
    code = word if word in (SAME_LANGUAGE, ANY_LANGUAGE) else context().reader.conventions.language_code(word)
    if code is None:
        raise ValueError(f"{shown(text, 20)} is not a language; give a code such as fr")
    return code


class Wishes(BaseModel):
    """What may be asked of a sidebar, for an article and for a draft."""

    model_config = ConfigDict(extra="forbid")

    n: Whole = Field(SIDEBAR_PLACES, ge=1, le=MAX_TEASERS, description="How many teasers.")
    exclude: str = Field(
        "",
        max_length=10_000,
        description="Ids that stand on the page already, separated by commas; a comma of an id is written `\\,`.",
    )
    edition: str = Field("", max_length=MAX_LINE, description="Only articles of these editions, separated by commas.")
    lang: str = Field(
        SAME_LANGUAGE,
        max_length=200,
        description=f"`{SAME_LANGUAGE}` as the article, `{ANY_LANGUAGE}`, or language codes separated by commas, in "
        "any form: `fr`, `fra`, `fr-BF`.",
        json_schema_extra={"pattern": _CODES},
    )
    since: Moment | None = Field(None, description="Only articles posted at this time or later (ISO 8601).")
    until: Moment | None = Field(None, description="Only articles posted at this time or earlier (ISO 8601).")
    diversity: Share | None = Field(
        None,
        description="How much it counts that the teasers differ; the site's setting if left out.",
    )
    min_score: Share | None = Field(
        None,
        description="Stories below this score are not shown as related; the site's setting if left out.",
    )
    fallback: Fallback = Field(
        "ladder",
        description="What fills places that no related story fills: `ladder` (most read of the edition in the last 30 "
        "days, then its latest, then the latest of any edition), `latest` (without the most read; also for an article "
        "that is not known), or `none`.",
    )
    unlinked: bool = Field(
        False,
        description="Also articles without an address, for pages that link by id. Where no article has an address they "
        "may stand there anyway.",
    )
    explain: bool = Field(
        False,
        description="Also give the parts of each score, what the two stories share, and their closest sentences.",
    )

    @field_validator("lang")
    @classmethod
    def _are_languages(cls, value: str) -> str:
        return ",".join(_language(part) for part in value.split(",")) if value else value

    def query(self) -> Query:
        """The same as the use case takes it."""
        return Query(
            n=self.n,
            exclude=_ids(self.exclude),
            editions=_list(self.edition),
            languages=_list(self.lang) or (SAME_LANGUAGE,),
            since=self.since,
            until=self.until,
            diversity=self.diversity,
            min_score=self.min_score,
            fallback=self.fallback,
            unlinked=self.unlinked,
        )


class SidebarQuery(Wishes):
    """The parameters of GET /api/v1/recommend: `article_id` or `url`, and wishes."""

    # What caches, campaigns and page builders append to an address must not empty a box: the answer says what it left.
    model_config = ConfigDict(extra="ignore")

    article_id: str | None = Field(
        None, min_length=1, max_length=MAX_ID, description="The id of the article being read."
    )
    url: str | None = Field(
        None,
        min_length=1,
        max_length=MAX_LINE,
        description="Its address instead, or a further one of it. `www.`, a closing slash, campaign parameters, AMP "
        "and more do not matter; at an address that several articles have, none is found.",
    )

    @model_validator(mode="after")
    def _one_source(self) -> "SidebarQuery":
        if (self.article_id is None) == (self.url is None):
            raise ValueError("give article_id or url, and not both")
        return self


class Draft(Wishes):
    """The body of POST /api/v1/recommend: a text that is not in the archive, and wishes."""

    title: str = Field(
        min_length=1, max_length=MAX_LINE, description="The headline.", json_schema_extra={"pattern": _VISIBLE}
    )
    summary: str = Field("", max_length=MAX_LINE, description="The teaser text.")
    body: str = Field("", max_length=MAX_DRAFT, description="The text, plain or HTML.")
    language: str = Field(
        "en", max_length=20, description="The draft's language, ISO 639.", json_schema_extra={"pattern": _LANGUAGE}
    )
    countries: list[str] = Field([], max_length=MAX_LABELS, description="Countries it is about.")
    tags: list[str] = Field([], max_length=MAX_LABELS, description="Its tags.")
    flags: list[Flag] = Field(
        [], max_length=MAX_LABELS, description="What makes it sensitive: decides what may stand beside it."
    )
    draft_edition: str = Field("", max_length=MAX_LINE, description="The edition it will stand in, for fallbacks.")
    fallback: Fallback = Field("none", description="As for an article; a draft gets none unless it is asked for.")

    @field_validator("language")
    @classmethod
    def _has_one_code(cls, value: str) -> str:
        return (
            context().reader.conventions.language_code(value) or value
        )  # what is no code, its article's own check refuses

    @field_validator("n", "diversity", "min_score", mode="before")
    @classmethod
    def _is_number(cls, value: object) -> object:
        if isinstance(value, str):  # a query has nothing but text, JSON has numbers
            raise ValueError("is not a number")
        return value

    @field_validator("explain", "unlinked", mode="before")
    @classmethod
    def _is_boolean(cls, value: object) -> object:
        if not isinstance(value, bool):
            raise ValueError("is not true or false")
        return value


class Shared(BaseModel):
    """Labels that source and teaser have in common."""

    countries: list[str]
    tags: list[str]
    names: list[str] = Field(description="Names of the gazetteer that both mention, in the article's language.")


class Sentences(BaseModel):
    """The sentences in which a teaser is most similar to the article."""

    source: str
    teaser: str


class ReaderVerdict(BaseModel):
    """What a reader of both texts says of a teaser beside its article."""

    grade: float = Field(description="From 0 (nothing in common) to 4 (essential); 2 is related.")
    reason: str | None = Field(description="The reader's own line, for editors: plain text, not checked by anybody.")


class Card(BaseModel):
    """An article as it is listed."""

    id: str
    url: str | None
    title: str
    summary: str
    posted_on: datetime | None = Field(description="In UTC.")
    read_count: int | None = Field(description="Null where it is not known.")
    edition: str
    language: str
    image_url: str | None


class Teaser(Card):
    """One place in the sidebar, ready to be shown."""

    score: float = Field(
        description="How closely it is related, from 0 to 1; 0 for a fallback. It is a probability only where it was "
        "measured as one, which the card of the model version says."
    )
    source: str = Field(
        description="`related`, or the fallback it comes from: `fallback_edition_read`, `fallback_edition_latest`, "
        "`fallback_any_latest`, `fallback_any_undated`."
    )
    role: str | None = Field(
        description="Which reason to read on it is: `latest` (newer, of the same running story), `background` "
        "(explains, or came before), `angle` (another place or desk)."
    )
    in_language: str | None = Field(
        description="For readers, where the teaser is of another language than the article: `in English`, `en "
        "français`. In the article's language."
    )
    reason: str | None = Field(
        description="One line for readers, in the article's language; null where names have no form in it."
    )
    date_text: str | None = Field(None, description="The date for readers, in the language of the box.")
    reads_text: str | None = Field(
        None, description="How often it has been read, for readers; null where there are no words for it."
    )
    parts: dict[str, float] | None = Field(None, description="With `explain`: the parts, which add up to the score.")
    shared: Shared | None = Field(None, description="With `explain`.")
    sentences: Sentences | None = Field(None, description="With `explain`.")
    reader: ReaderVerdict | None = Field(
        None, description="With `explain`, where a reader of both texts has graded the pair: see `reranker`."
    )


class SidebarArticle(BaseModel):
    """The article the sidebar stands beside."""

    id: str
    url: str | None
    title: str
    language: str


class Sidebar(BaseModel):
    """The answer of the recommend endpoint."""

    article: SidebarArticle | None = Field(description="None for an unknown article, which gets fallbacks, and drafts.")
    language: str = Field(description="The language that the box speaks: its article's, where the service knows it.")
    heading: str = Field(description="The heading above the teasers.")
    heading_language: str | None = Field(description="Its language; null where the site does not say.")
    fallback_heading: str | None = Field(
        description="The heading above fallbacks, in `language`; null where the site has none of its own."
    )
    items: list[Teaser]
    request_id: str = Field(description="Names this answer; equal answers have equal ids.")
    model: str | None
    generation: int | None
    trial: bool | None = Field(
        None, description="True where two model versions share the sidebar: report clicks to `/api/v1/events`."
    )
    warnings: list[str] | None = Field(
        None, description="Parameters of the request that are not known and were ignored, such as mistyped ones."
    )


class Click(BaseModel):
    """The body of POST /api/v1/events: a click on a teaser."""

    model_config = ConfigDict(extra="forbid")

    request_id: str = Field(pattern="^[0-9a-f]{16}$", description="The `request_id` of the answer it stood in.")
    article_id: str = Field(min_length=1, max_length=MAX_ID, description="The id of the story clicked on.")


class DraftTeaser(Teaser):
    """A teaser beside a draft."""

    linked: bool = Field(description="Whether the draft links to it already.")


class Coverage(Card):
    """An article that reports nearly what a draft does."""

    note: str = Field(description='When, in the draft\'s language: "reported on 12 March 2024".')


class DraftSidebar(Sidebar):
    """The answer for a draft."""

    items: list[DraftTeaser]  # type: ignore[assignment]  # narrower than the sidebar's, and never changed
    links: list[Card] = Field(description="The published articles that the draft links to.")
    coverage: list[Coverage] = Field(description="What has been published in much the same words, newest first.")


class Story(BaseModel):
    """A running story."""

    id: str = Field(description="The id of its first article.")
    title: str = Field(description="The title of its first article.")
    articles: list[Card] = Field(description="In the order of time.")


class FieldError(BaseModel):
    """One thing that is wrong with one field."""

    field: str
    problem: str
    value: str | None = None
    advice: str | None = None


class Problem(BaseModel):
    """RFC 9457 problem details: the body of every error."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] | None = None


Labels = list[str] | str


class ArticleBody(BaseModel):
    """An article as a publishing system sends it. Bodies may be HTML; they are kept as plain text."""

    model_config = ConfigDict(extra="ignore")

    id: str | None = Field(None, max_length=MAX_ID, description="May be left out; if given, it is the id in the path.")
    title: str = Field(min_length=1, max_length=MAX_LINE, json_schema_extra={"pattern": _VISIBLE})
    summary: str | None = Field(None, max_length=MAX_LINE)
    body: str | None = Field(None, max_length=MAX_BODY)
    url: str | None = Field(
        None, max_length=MAX_LINE, description="http or https; a relative one begins with the setting `site_url`."
    )
    posted_on: Annotated[str | int | float | None, BeforeValidator(_no_boolean)] = Field(
        None,
        description="ISO 8601, with or without time and zone; RFC 822; or seconds or milliseconds since 1970.",
        examples=["2024-09-17T08:30:00+02:00"],
    )
    edition: str | None = Field(None, max_length=MAX_LINE)
    language: str | None = Field(
        None, description="A code of ISO 639, or a name. Recognised by the text if left out.", examples=["en"]
    )
    countries: Labels | None = None
    tags: Labels | None = None
    author: str | None = Field(None, max_length=MAX_LINE)
    read_count: ReadCount | None = Field(
        None,
        description="The count stays as it is where this is left out or null.",
        json_schema_extra=_READ_COUNT,
    )
    image_url: str | None = Field(None, max_length=MAX_LINE)
    status: str | None = Field(
        None,
        description=f"One of {', '.join(STATUSES)}, or what a publishing system calls them. An article with a word "
        "that is not known is not shown.",
    )
    flags: Labels | None = Field(
        None,
        description=f"Of {', '.join(FLAGS)}.",
        json_schema_extra={
            "anyOf": [
                {"type": "array", "items": {"type": "string", "enum": [*FLAGS, ""]}},
                {"type": "string", "pattern": f"^{_FLAG}([,;|]{_FLAG})*$"},
                {"type": "null"},
            ]
        },
    )
    aliases: list[str] | None = Field(
        None,
        max_length=MAX_ALIASES,
        description="Further addresses at which it stands or stood: old permalinks, AMP pages, other domains.",
        examples=[["https://old.example.org/?p=101"]],
    )


class ArticlePatch(ArticleBody):
    """Some fields of an article, as a JSON merge patch (RFC 7396): null takes a field away."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={})

    title: str | None = Field(  # type: ignore[assignment]  # may be left out
        None,
        max_length=MAX_LINE,
        json_schema_extra={"anyOf": [{"type": "string", "pattern": _VISIBLE, "maxLength": MAX_LINE}, {"type": "null"}]},
    )
    aliases: list[str] | None = Field(
        None,
        max_length=MAX_ALIASES,
        description="All of its further addresses.",
        json_schema_extra={
            "anyOf": [
                {
                    "type": "array",
                    "items": {"type": "string", "format": "uri", "pattern": _ADDRESS, "maxLength": MAX_LINE},
                    "maxItems": MAX_ALIASES,
                },
                {"type": "null"},
            ]
        },
    )
    read_count: ReadCount | None = Field(None, description="Null: it is not known.", json_schema_extra=_READ_COUNT)


class ArticleRecord(Card):
    """An article as it is kept. Only a program with the scope `articles` gets what follows `author`."""

    countries: list[str]
    tags: list[str]
    author: str
    aliases: list[str] | None = Field(None, description="Its further addresses.")
    status: str | None = Field(None, description=f"One of {', '.join(STATUSES)}.")
    flags: list[str] | None = None
    body: str | None = Field(None, description="Not in lists.")
    updated_on: datetime | None = Field(None, description="When it last changed here, counts of reads included.")


class ArticleFilter(BaseModel):
    """Which articles a list holds."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["published", "draft", "unpublished"] | None = Field(None, description="Only those of this status.")
    updated_since: Moment | None = Field(
        None, description="Only articles that have changed here at this time or later (ISO 8601)."
    )
    language: str = Field(
        "",
        max_length=20,
        description="Only articles in this language, ISO 639.",
        json_schema_extra={"pattern": rf"^({_CODE})?$"},
    )
    edition: str | None = Field(None, max_length=MAX_LINE, description="Only articles of this edition.")
    limit: Whole = Field(100, ge=1, le=MAX_LISTED, description="How many at once.")
    cursor: str = Field("", pattern="^([1-9][0-9]{0,8})?$", description="`next` of the answer before.")

    @field_validator("language")
    @classmethod
    def _is_language(cls, value: str) -> str:
        return _language(value) if value else value


class ArticleList(BaseModel):
    """One page of a list."""

    items: list[ArticleRecord]
    next: str | None = Field(description="The `cursor` of the next page; null on the last one.")


class ReadCounts(BaseModel):
    """How often articles have been read, by id."""

    model_config = ConfigDict(extra="forbid")

    reads: dict[str, Annotated[int, Field(ge=0, le=MAX_READS), BeforeValidator(_number)]] = Field(
        min_length=1, max_length=MAX_COUNTS, examples=[{"gao-market-reopens": 1204}]
    )


class ReadsKept(BaseModel):
    """What became of the counts."""

    changed: int
    unchanged: int
    unknown: int = Field(description="How many of the ids no article has.")
    unknown_ids: list[str] = Field(description="The first 100 of them.")


class SharedAddresses(BaseModel):
    """An address at which several articles stand."""

    url: str
    count: int
    ids: list[str] = Field(description="The first ones.")


class Stored(BaseModel):
    """What became of one article."""

    id: str
    outcome: Literal["added", "changed", "unchanged"]
    indexed: bool = Field(description="False while its neighbours are still being computed.")
    warnings: list[str] = Field(description="What is stored and yet not right: an address that another article has.")
    notes: list[str] = Field(description="What was made of fields otherwise than they say, such as dropped dates.")


class Refused(BaseModel):
    """Why one line was refused."""

    line: int
    reason: str


class Imported(BaseModel):
    """What became of many articles."""

    added: int
    changed: int
    unchanged: int
    refused: int
    problems: list[Refused] = Field(description="The first 100 refusals.")
    shared: int = Field(description="How many addresses several articles have; `url=` finds none of them there.")
    shared_addresses: list[SharedAddresses] = Field(description="The first 100 of them.")
    indexed: bool = Field(description="False while neighbours are still being computed.")
    notes: list[str] = Field(description="What was made of fields otherwise than they say, each kind once.")


class Health(BaseModel):
    """A sign of life."""

    status: str


class Readiness(BaseModel):
    """Whether sidebars can be answered, and from what."""

    status: str
    generation: int
    revision: int
    model: str | None
