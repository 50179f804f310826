"""RSS, Atom and RDF feeds as sources: what a site publishes of itself for everybody."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO
from time import struct_time
from typing import IO, Any

import feedparser

from recommender.errors import InvalidInput
from recommender.sources.base import Record

MAX_BYTES = 32 * 1024 * 1024  # feeds hold the newest stories, mostly some hundred kilobytes
# The parser reads a document as a whole; what is nested deeper or has more tags than a feed of any site takes it long.
MAX_TAGS = 500_000
_ITEM = re.compile(rb"<(?:\w+:)?(?:item|entry)[\s>/]")
_DATES = ("published_parsed", "updated_parsed")
_PICTURES = re.compile(r"image/(?:jpeg|png|webp|gif|avif)")


class FeedFile:
    """The entries of a feed, in their order.

    An entry's id is the feed's own (guid, id), which stays where an address changes; else its address. Its text is the
    whole one where the feed has it, else nothing beside the summary.
    """

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self.name = name
        self._stream = stream

    def __iter__(self) -> Iterator[Record]:
        """Every entry, numbered by the line that it begins in. Raises InvalidInput for what is not a feed."""
        data = self._stream.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise InvalidInput(f"{self.name} is longer than {MAX_BYTES:,} bytes; a feed is shorter.")
        if data.count(b"<") > MAX_TAGS:
            raise InvalidInput(f"{self.name} has more than {MAX_TAGS:,} tags; a feed has fewer.")
        # By itself it would take a name for a file or an address to fetch; it gets the bytes alone.
        feed: Any = feedparser.parse(BytesIO(data), sanitize_html=True, resolve_relative_uris=True)
        if not feed.get("version") and not feed.entries:
            raise InvalidInput(f"{self.name} is not a feed: RSS, Atom and RDF are read, and exports of WordPress.")
        lines = [data.count(b"\n", 0, match.start()) + 1 for match in _ITEM.finditer(data)]
        language = str(feed.feed.get("language") or "")
        for place, entry in enumerate(feed.entries):
            line = lines[place] if len(lines) == len(feed.entries) else place + 1
            yield Record(line, _fields(entry, language))


def _fields(entry: Mapping[str, Any], language: str) -> dict[str, Any]:
    texts: Sequence[Mapping[str, Any]] = entry.get("content") or ()
    body = max((str(text.get("value") or "") for text in texts), key=len, default="")
    own = next((str(text["language"]) for text in texts if text.get("language")), "")
    link = str(entry.get("link") or "")
    fields = {
        "id": str(entry.get("id") or link),
        "title": str(entry.get("title") or ""),
        "summary": str(entry.get("summary") or "") if entry.get("summary") != body else "",
        "body": body,
        "url": link,
        "posted_on": _date(next((entry[name] for name in _DATES if name in entry), None)),
        "language": own or language,
        "tags": [str(tag.get("label") or tag.get("term") or "") for tag in entry.get("tags") or ()],
        "author": [str(author.get("name") or "") for author in entry.get("authors") or () if author.get("name")],
        "image_url": _picture(entry),
    }
    return {name: value for name, value in fields.items() if value}


def _date(parsed: struct_time | None) -> str:
    """A date that the parser has brought to UTC; empty where it made nothing of it, or where no calendar has it."""
    if parsed is None:
        return ""
    try:
        return datetime(*parsed[:6], tzinfo=UTC).isoformat()
    except ValueError:
        return ""


def _picture(entry: Mapping[str, Any]) -> str:
    for item in (*(entry.get("media_content") or ()), *(entry.get("enclosures") or ())):
        address = str(item.get("url") or item.get("href") or "")
        if address and (_PICTURES.match(str(item.get("type") or "")) or item.get("medium") == "image"):
            return address
    thumbnails = entry.get("media_thumbnail") or ()
    return str(thumbnails[0].get("url") or "") if thumbnails else ""
