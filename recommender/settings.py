"""Settings: RECOMMENDER_… variables, then a TOML file, then defaults; typed, checked, and nothing unknown."""

import os
import re
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from recommender.errors import SettingsError

PREFIX = "RECOMMENDER_"
FILE_VARIABLE = "RECOMMENDER_CONFIG"
DEFAULT_FILE = Path("recommender.toml")
MIN_KEY_LENGTH = 16
ROLES = ("background", "latest", "angle")  # as the ranking knows them; settings know no part

# A variable may hold several values, separated by commas; a TOML file holds a list.
Several = Annotated[tuple[str, ...], NoDecode]


class SidebarTexts(BaseModel):
    """A site's own words for a box; what is left out is as it is for everybody."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    heading: str | None = Field(None, min_length=1)
    fallback_heading: str | None = Field(None, min_length=1)
    reads: str | None = Field(None, pattern=r"\{count\}")


class Settings(BaseSettings):
    """Every setting, with its default. The variable of `port` is RECOMMENDER_PORT, its name in the file `port`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, validate_default=True)

    database_url: SecretStr = Field(
        SecretStr("sqlite:///var/recommender.db"),
        description="Where everything is kept: sqlite:///FILE or postgresql+psycopg://user:password@host/name.",
    )
    database_connect_seconds: int = Field(
        5,
        ge=2,
        le=60,
        description="How long a connection to PostgreSQL may take to be made. A server that says nothing for so long "
        "to a small question counts as silent: requests for it are refused at once until it answers again.",
    )
    database_statement_seconds: int = Field(
        10,
        ge=1,
        le=600,
        description="How long one statement of the web service may take. Builds and other commands have an hour for "
        "each.",
    )
    database_lock_seconds: int = Field(
        30,
        ge=1,
        le=600,
        description="How long a writer of the web service waits while another one writes, such as a build. Commands "
        "wait a minute.",
    )
    stale_seconds: int = Field(
        600,
        ge=0,
        le=86_400,
        description="While the database does not answer: for how long after it last did the sidebars that are in "
        "memory are given, marked with `X-Recommender-Stale`. 0: requests are answered with 503.",
    )
    models: Path = Field(
        Path("models"), description="The folder of model versions; `live` in it names the one that is built."
    )
    models_from: str | None = Field(
        None,
        description="A folder or https address that `recommender models fetch` gets the large files of versions from.",
    )
    model: str | None = Field(
        None,
        min_length=1,
        description="An embedding model to try instead of the live version's: all-MiniLM-L6-v2, "
        "universal-sentence-encoder-multilingual, a folder, or a name on the model hub; several joined by `+`.",
    )
    model_download: bool = Field(
        False, description="Whether a model named on the hub may be fetched. Off: its files must be on this machine."
    )
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (),
        description="Keys without names that may do everything, separated by commas, each of 16 characters or more. "
        "`recommender keys` makes better ones: with a name, scopes and an end.",
    )
    cors_origins: Several = Field(
        (), description="Origins whose pages may call the API from a browser, such as https://news.example. * for all."
    )
    cache_seconds: int = Field(
        0,
        ge=0,
        le=3600,
        description="How long browsers and caches may keep a sidebar without asking. 0: a change shows at once.",
    )
    min_score: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Below this score a story is not shown as related.",
    )
    diversity: float = Field(
        0.0, ge=0, le=1, description="How much it counts that the teasers differ: 0 not at all, 1 as much as it can."
    )
    roles: Several = Field(
        ("background", "latest", "angle"),
        description="The reasons to read on in which the teasers of one sidebar should differ, of background, latest "
        "and angle. None: teasers have no roles.",
    )
    other_languages: bool = Field(
        True,
        description="Whether related stories of other languages may stand in a sidebar, marked with their language. "
        "Those of the article's own come first unless others are clearly better.",
    )
    reranker: str = Field(
        "",
        description="A reader of both texts, asked by builds and updates to grade the best candidates of each article, "
        "never by a page view: `endpoint`, the language model that the settings below name; `cross-encoder:FOLDER`, "
        "one of sentence-transformers; `recorded:FILE`, which replays boxes that were read before. Empty: there is "
        "none.",
    )
    reranker_candidates: int = Field(
        10, ge=1, le=50, description="How many of an article's best candidates the reader is given."
    )
    reranker_url: str | None = Field(
        None,
        description="Where a language model that reads both texts is asked: the address before `/chat/completions`, "
        "such as http://127.0.0.1:11434/v1 of Ollama. Nothing is sent anywhere else.",
    )
    reranker_model: str = Field(
        "", max_length=200, description="The name by which the endpoint of `reranker_url` knows the model."
    )
    reranker_key: SecretStr | None = Field(None, description="The key of the endpoint, where it wants one.")
    reranker_format: Literal["json_schema", "json_object"] = Field(
        "json_schema",
        description="How the endpoint is told the form of its answer: by a schema, or only that it is JSON, for "
        "endpoints that know no schemas. Answers are checked alike.",
    )
    reranker_parallel: int = Field(2, ge=1, le=64, description="How many requests to the endpoint may be on their way.")
    reranker_seconds: float = Field(
        120.0, ge=1, le=3600, description="How long the endpoint may take for one answer. It may be asked once again."
    )
    reranker_requests: int | None = Field(
        1_000,
        ge=0,
        description="How many requests may be made by one build, by the updates until the next one, or by one call of "
        "`recommender teach`. What is left unread is ranked as without a reader until the next build.",
    )
    reranker_price_input: float = Field(
        0.0, ge=0, le=10_000, description="What a million tokens cost that are sent to the endpoint, in your currency."
    )
    reranker_price_output: float = Field(
        0.0, ge=0, le=10_000, description="What a million tokens cost that the endpoint answers."
    )
    reranker_budget: float | None = Field(
        None,
        ge=0,
        description="How much the same may cost by the two prices above. None: only `reranker_requests` holds.",
    )
    site_url: str | None = Field(
        None,
        description="Where your articles stand, such as https://www.example.org: relative addresses of articles and "
        "images are taken to begin with it. None: they are dropped.",
    )
    time_zone: str = Field(
        "UTC",
        description="The zone of dates in your articles that name none, such as Africa/Niamey or Europe/Paris.",
    )
    date_order: Literal["", "dmy", "mdy"] = Field(
        "",
        description="Which number of a date such as 03/04/2024 is the day: dmy, the first, or mdy, the second. Empty: "
        "such dates are dropped.",
    )
    field_map: Several = Field(
        (),
        description="Where the fields of your articles are found: wordpress, ghost, drupal, jsonfeed, jekyll or hugo, "
        "and FIELD=KEY such as title=headline. For `recommender ingest`, as its option `--map`, and for many articles "
        "sent to the API at once.",
    )
    gazetteer: Path | None = Field(
        None, description="A table of names of your own (CSV), besides the one of this release."
    )
    demonstration: bool = Field(
        False,
        description="Whether the service shows its archive as a small journal, at `/`, to everybody who reaches it. "
        "`make serve` turns it on for the sample.",
    )
    site_name: str = Field("Sahel Journal", min_length=1, description="The masthead of the demonstration pages.")
    sidebar_heading: str = Field(
        "More on the Sahel",
        min_length=1,
        description="The heading above the teasers where `sidebar_texts` has none. The default one comes in the "
        "language of the article where this release has a translation; one of your own comes as it is.",
    )
    sidebar_texts: dict[str, SidebarTexts] = Field(
        {},
        description="The box's words by language (`fr`), or by language and edition (`fr/Maghreb`), which counts "
        "first: `heading`, `fallback_heading` for stories that are not related, `reads` with `{count}` for the number. "
        "In the file a table `[sidebar_texts.fr]`, in a variable JSON.",
    )
    public_url: str | None = Field(
        None,
        description="Where people reach the service, such as https://related.example. One-time links begin with it, "
        "and with https the editors' cookie is sent over TLS only.",
    )
    second_factor: Literal["optional", "administrators", "all"] = Field(
        "optional",
        description="Which accounts of the desk must have a second factor, a code of six digits from a device. Who "
        "lacks it sets it up at the next sign-in, before anything else.",
    )
    proxies: Several = Field(
        ("127.0.0.1", "::1"),
        description="Addresses or networks of the proxies in front, such as 192.0.2.7 or 10.0.0.0/8. What they send as "
        "X-Forwarded-For says where somebody who signs in comes from; of others it is not read.",
    )
    host: str = Field("127.0.0.1", min_length=1, description="The address the service listens on.")
    port: int = Field(8000, ge=1, le=65535, description="The port the service listens on.")
    workers: int = Field(2, ge=1, le=64, description="How many processes answer requests.")
    log_format: Literal["text", "json"] = Field(
        "text",
        description="text: warnings and errors, with their time. json: one object in each line, a line for each "
        "request among them.",
    )
    traces_to: str | None = Field(
        None,
        description="Where an OpenTelemetry collector takes traces over HTTP, such as http://127.0.0.1:4318/v1/traces. "
        "Needs `pip install 'recommender[tracing]'`.",
    )

    @field_validator("api_keys", "cors_origins", "roles", "proxies", "field_map", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("api_keys")
    @classmethod
    def _long_enough(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(key.get_secret_value()) < MIN_KEY_LENGTH for key in keys):
            raise ValueError(
                f"each key needs {MIN_KEY_LENGTH} characters or more; make one with "
                "`python -c 'import secrets; print(secrets.token_urlsafe(32))'`"
            )
        return keys

    @field_validator("sidebar_texts")
    @classmethod
    def _are_languages(cls, texts: dict[str, SidebarTexts]) -> dict[str, SidebarTexts]:
        for key in texts:
            if not re.fullmatch(r"[a-z]{2,3}(/.+)?", key):
                raise ValueError(f"{key!r} is not a language, or language and edition; write fr, or fr/Maghreb")
        return texts

    @field_validator("roles")
    @classmethod
    def _are_roles(cls, roles: tuple[str, ...]) -> tuple[str, ...]:
        for role in roles:
            if role not in ROLES:
                raise ValueError(f"{role!r} is none of {', '.join(ROLES)}")
        return roles

    @field_validator("proxies")
    @classmethod
    def _are_networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in proxies:
            try:
                ip_network(proxy)
            except ValueError as error:
                raise ValueError(f"{proxy!r} is not an address or a network ({error})") from error
        return proxies

    @field_validator("models_from")
    @classmethod
    def _is_a_place(cls, place: str | None) -> str | None:
        if place is not None and "://" in place and not place.startswith("https://"):
            raise ValueError(f"{place!r} is not a folder and not an https address")
        return place

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if origin != "*" and not _is_origin(origin):
                raise ValueError(f"{origin!r} is not an origin; write https://news.example, without a path")
        return origins

    @field_validator("traces_to")
    @classmethod
    def _is_a_collector(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("https://", "http://")):
            raise ValueError(f"{url!r} is not an address; write http://127.0.0.1:4318/v1/traces")
        return url

    @field_validator("reranker_url")
    @classmethod
    def _is_an_endpoint(cls, url: str | None) -> str | None:
        if url is None:
            return None
        try:
            parts = urlsplit(url)
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            parts, usable = urlsplit(""), False
        if not usable or parts.username is not None or parts.query or parts.fragment or not url.isprintable():
            raise ValueError("it is not an address of an endpoint; write http://127.0.0.1:11434/v1, without a key")
        return url.rstrip("/")

    @field_validator("reranker_key")
    @classmethod
    def _fits_a_header(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not re.fullmatch(r"[!-~]+", key.get_secret_value()):
            raise ValueError("it holds spaces or other characters that no key has")
        return key

    @field_validator("reranker_budget")
    @classmethod
    def _has_prices(cls, budget: float | None, info: ValidationInfo) -> float | None:
        prices = info.data.get("reranker_price_input", 0.0) + info.data.get("reranker_price_output", 0.0)
        if budget is not None and not prices:
            raise ValueError("it needs reranker_price_input and reranker_price_output; without them nothing costs")
        return budget

    @field_validator("site_url")
    @classmethod
    def _is_a_site(cls, url: str | None) -> str | None:
        if url is not None and not (url.startswith(("https://", "http://")) and urlsplit(url).hostname):
            raise ValueError(f"{url!r} is not the address of a site; write https://www.example.org")
        return url

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{name!r} is not a time zone; write one such as Africa/Niamey") from None
        return name

    @field_validator("public_url")
    @classmethod
    def _is_reachable(cls, url: str | None) -> str | None:
        if url is not None and not _is_origin(url):
            raise ValueError(f"{url!r} is not the address of a service; write https://related.example, without a path")
        return url

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before what `load_settings` has read from the file."""
        return env_settings, init_settings


def _is_origin(text: str) -> bool:
    return text.startswith(("https://", "http://")) and text.count("/") == 2


@dataclass(frozen=True)
class Origin:
    """One setting as it is in force: its value as text (secrets masked) and where it comes from."""

    name: str
    value: str
    origin: str


def load_settings(file: Path | None = None) -> Settings:
    """The settings in force.

    Parameters
    ----------
    file : Path or None
        A TOML file; if left out, the one that RECOMMENDER_CONFIG names, else recommender.toml of the current folder if
        it is there. Variables such as RECOMMENDER_PORT come before the file.

    Returns
    -------
    Settings
        Checked and frozen.

    Raises
    ------
    SettingsError
        A name is unknown, a value is wrong, or the file cannot be read.
    """
    _refuse_unknown(
        {name.removeprefix(PREFIX).lower(): name for name in os.environ if name.startswith(PREFIX)}, FILE_VARIABLE
    )
    values, path = _read_file(file)
    _refuse_unknown({name: f"{name} in {path}" for name in values}, "")
    try:
        return Settings(**values)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, problem['loc'][:1]))}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_input=False, include_url=False)
        ]
        raise SettingsError("The settings cannot be used. " + "; ".join(problems)) from None


def origins(settings: Settings, file: Path | None = None) -> list[Origin]:
    """Every setting with its value and origin, for people; a password or key is never part of it."""
    values, path = _read_file(file)
    listing = []
    for name in Settings.model_fields:
        variable = PREFIX + name.upper()
        origin = variable if variable in os.environ else str(path) if name in values else "default"
        listing.append(Origin(name, _masked(name, getattr(settings, name)), origin))
    return listing


def _masked(name: str, value: Any) -> str:
    if name == "database_url":
        return masked_url(value.get_secret_value())
    if name == "api_keys":
        return f"{len(value)} set" if value else "none"
    if name == "reranker_key":
        return "set" if value else "none"
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def masked_url(url: str) -> str:
    """A database address without its password."""
    scheme, separator, rest = url.partition("://")
    credentials, at, place = rest.rpartition("@")
    user, colon, _ = credentials.partition(":")
    # PostgreSQL's addresses may hold the password as a parameter as well.
    place = re.sub(r"(?<=password=)[^&]*", "***", place)
    return f"{scheme}{separator}{user}{':***' if colon else ''}{at}{place}"


def settings_file(file: Path | None = None) -> Path | None:
    """The file that settings are read from: one that is named, or the default one where it is there."""
    named = file or (Path(os.environ[FILE_VARIABLE]) if FILE_VARIABLE in os.environ else None)
    return named or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)


def _read_file(file: Path | None) -> tuple[dict[str, Any], Path]:
    path = settings_file(file)
    if path is None:
        return {}, DEFAULT_FILE
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")), path
    except OSError as error:
        raise SettingsError(f"The settings file {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings file {path} is not valid TOML: {error}") from error


def _refuse_unknown(names: dict[str, str], allowed: str) -> None:
    settings = list(Settings.model_fields)
    for name, shown in names.items():
        if name not in settings and shown != allowed:
            close = get_close_matches(name, settings, n=1)
            hint = f"did you mean {close[0]}?" if close else f"the settings are {', '.join(settings)}"
            raise SettingsError(f"Unknown setting {shown}: {hint}")
