"""Which key of a record is which field of an article: for one site, and ready for usual publishing systems."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from dataclasses import fields as fields_of
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from recommender.articles.article import Article
from recommender.errors import InvalidInput

FIELDS = tuple(field.name for field in fields_of(Article))
# Say whether a record is public, besides its status.
HASH = "@hash"  # in place of a key: an id made of the texts, for records that have none
KEPT_BACK = ("visibility", "password", "post_password", "protected", "draft", "published")

# For each field the places to look in, the first that holds something counts: keys, inside each other by dots, of
# lists by number, and `*` for each part of a list.
_FRONT_MATTER = {
    "id": "id|_path",
    "summary": "summary|excerpt|description",
    "body": "body|_text",
    "url": "url|permalink|canonical_url",
    "posted_on": "posted_on|date|publishDate|_date",
    "author": "author|authors",
    "edition": "edition|category|categories.0|section",
    "language": "language|lang",
    "aliases": "aliases|redirect_from",
    "image_url": "image_url|image|images.0|cover.image|featured_image",
}
READY: Mapping[str, Mapping[str, str]] = {
    # The REST API, with _embed for labels, bylines and pictures. The export as XML has fields under their own names.
    "wordpress": {
        "title": "title.rendered|title",
        "summary": "excerpt.rendered|excerpt|summary",
        "body": "content.rendered|content|body",
        "url": "link|url",
        "posted_on": "date_gmt|date|posted_on",
        "author": "_embedded.author.0.name|author.0",
        "tags": "_embedded.wp:term.1.*.name|tags",
        "edition": "_embedded.wp:term.0.0.name|edition",
        "image_url": "_embedded.wp:featuredmedia.0.source_url|jetpack_featured_media_url|image_url",
        "language": "lang|language",
        "protected": "content.protected",
    },
    "ghost": {
        "summary": "custom_excerpt|excerpt",
        "body": "html|plaintext",
        "posted_on": "published_at",
        "author": "primary_author.name|authors.0.name",
        "edition": "primary_tag.name",
        "tags": "tags.*.name|tags",
        "image_url": "feature_image",
    },
    "drupal": {  # JSON:API, or a node as JSON
        "title": "attributes.title|title",
        "summary": "attributes.body.summary|body.summary",
        "body": "attributes.body.processed|attributes.body.value|body.processed|body.value",
        "url": "attributes.path.alias|path.alias|path",
        "posted_on": "attributes.created|created",
        "status": "attributes.status|status",
        "language": "attributes.langcode|langcode",
    },
    "jsonfeed": {
        "body": "content_html|content_text",
        "posted_on": "date_published",
        "image_url": "image|banner_image",
        "author": "authors.0.name|author.name",
    },
    "jekyll": _FRONT_MATTER,
    "hugo": {**_FRONT_MATTER, "posted_on": "publishDate|date|posted_on|_date"},
}

# Under which other names records usually hold a field: for a hint, never taken without being asked for.
_ALSO_CALLED = {
    "id": "_id guid uuid nid post_id article_id articleid slug",
    "title": "headline name heading titre headline_text post_title",
    "summary": "excerpt description teaser standfirst lead lede chapo dek abstract post_excerpt",
    "body": "text content html article content_html articlebody post_content fulltext contenu texte",
    "url": "link permalink href canonical_url source_url lien",
    "posted_on": "date published_at datepublished date_published published pubdate pub_date created created_at "
    "publication_date post_date published_on timestamp date_gmt",
    "edition": "section category rubrique desk channel",
    "language": "lang langcode locale inlanguage langue",
    "tags": "keywords labels topics mots_cles",
    "countries": "country locations pays",
    "author": "byline authors creator auteur",
    "image_url": "image thumbnail picture feature_image featured_image cover",
    "read_count": "views reads hits pageviews",
    "status": "state post_status",
}


@dataclass(frozen=True)
class Mapped:
    """A record by the names of fields; from which key each comes, and the keys that nothing was taken from."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]
    ignored: tuple[str, ...]


class FieldMap:
    """Where the fields of an article are found in a record; without entries each under its own name.

    Names are compared without regard to case and surrounding spaces, as spreadsheets write them.
    """

    def __init__(self, places: Mapping[str, str] = MappingProxyType({})) -> None:
        """`places` holds for each field the places to look in, as READY has them."""
        self._places = {
            name: tuple(tuple(place.split(".")) for place in places.get(name, name).split("|"))
            for name in (*FIELDS, *KEPT_BACK)
        }
        self._first_keys = {place[0].casefold() for group in self._places.values() for place in group}

    @classmethod
    def of(cls, entries: Iterable[str]) -> "FieldMap":
        """The map of entries such as `wordpress` and `title=headline`; the later of two counts.

        Raises InvalidInput for what is neither.
        """
        places: dict[str, str] = {}
        for entry in entries:
            field, equals, place = (part.strip() for part in entry.partition("="))
            if not equals and field in READY:
                places |= READY[field]
            elif equals and place and field in FIELDS:
                places[field] = place
            else:
                raise InvalidInput(
                    f"{entry!r} is not a map of fields; write FIELD=KEY, with a field of {', '.join(FIELDS)}, "
                    f"or one of {', '.join(READY)}."
                )
        return cls(places)

    def apply(self, record: Mapping[str, Any]) -> Mapped:
        """A record by the names of fields."""
        keys = {key.strip().casefold(): key for key in reversed(list(record))}
        values, origins, used = {}, {}, set()
        for field, places in self._places.items():
            for place in places:
                whole = _key(record, keys, ".".join(place))  # also in a table of flattened objects
                key = whole or _key(record, keys, place[0])
                if key is None:
                    continue
                value = record[key] if whole else _inside(record[key], place[1:])
                if value not in (None, "", [], {}):
                    values[field] = _with_zone(value, place)
                    origins[field] = key if whole else ".".join((key, *place[1:]))
                    used.add(key)
                    break
        if self._places["id"] == ((HASH,),):
            values["id"], origins["id"] = _hash(values), HASH
        ignored = [key for key in record if key not in used and key.strip().casefold() not in self._first_keys]
        return Mapped(values, origins, tuple(ignored))

    def columns(self, field: str, header: Iterable[str]) -> list[str]:
        """The columns of a table that a field may come from."""
        wanted = {place[0].casefold() for place in self._places[field]}
        return [column for column in header if column.strip().casefold() in wanted]

    def found_in(self, field: str, header: Collection[str]) -> bool:
        """Whether a table can have a field."""
        return self._places[field] == ((HASH,),) or bool(self.columns(field, header))


def _hash(values: Mapping[str, Any]) -> str:
    """Sixteen digits that are the same for the same texts."""
    texts = [values.get(name) for name in ("title", "summary", "body")]
    return hashlib.sha256(json.dumps(texts, ensure_ascii=True, default=str).encode()).hexdigest()[:16]


def _key(record: Mapping[str, Any], keys: Mapping[str, str], name: str) -> str | None:
    return name if name in record else keys.get(name.casefold())


def _inside(value: Any, place: tuple[str, ...]) -> Any:
    for position, name in enumerate(place):
        if name == "*":
            parts = value if isinstance(value, list) else []
            return [part for part in (_inside(part, place[position + 1 :]) for part in parts) if part is not None]
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _with_zone(value: Any, place: tuple[str, ...]) -> Any:
    """WordPress writes date_gmt without saying that it is GMT in its value."""
    if place[-1].endswith("_gmt") and isinstance(value, str) and "T" in value and not value.endswith("Z"):
        return f"{value}Z"
    return value


def suggested(key: str) -> str | None:
    """The field that a key of another name probably holds; None where that is not clear."""
    name = key.strip().casefold()
    if name in FIELDS:  # the map in use takes the field from elsewhere
        return None
    for field, others in _ALSO_CALLED.items():
        if name in others.split():
            return field
    close = get_close_matches(name, FIELDS, n=1, cutoff=0.75)
    return close[0] if close else None
