"""WordPress' own export (WXR: Tools, Export), read post by post in the memory of one.

The file is cut at its items before anything is parsed, so a broken post costs only itself, and what stands above the
items, a document type with entities for one, is never parsed at all.
"""

import codecs
import re
from collections.abc import Iterator
from typing import IO, Any
from urllib.parse import parse_qs, urlsplit
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from recommender.errors import InvalidInput
from recommender.sources.base import MAX_LINE_BYTES, Record

POST = "post"  # of the kinds of items the one that is an article; others are pictures, pages, menus, revisions
MAX_TAGS = 200_000  # of one item: a post with thousands of comments
NO_DATE = "0000-00-00"
_DEFAULT_CATEGORIES = frozenset({"uncategorized", "non-classe", "uncategorised"})  # of posts that were given none

_CHUNK = 256 * 1024
_LONGEST_MARK = 16
_MARK = re.compile(r"<!\[CDATA\[|<!--|<item(?=[\s/>])|</item\s*>")
_ENDS = {"<![CDATA[": re.compile(r"\]\]>"), "<!--": re.compile("-->")}
_PREFIX = re.compile(r"(?<=[</\s])([A-Za-z_][\w.-]*):[A-Za-z_]")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
# WordPress writes them as they stand in the database; no version of XML allows them.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_AUTHOR = re.compile(r"<wp:author>.*?</wp:author>", re.DOTALL)
_BLOG = re.compile(r"<wp:base_blog_url>(?:<!\[CDATA\[)?\s*(https?://[^\s<\]]+)")
_LANGUAGE = re.compile(r"<language>(?:<!\[CDATA\[)?\s*([A-Za-z]{2,3})")
_ATTACHMENT = re.compile(r"<wp:post_type>(?:<!\[CDATA\[)?attachment\b")
# Posts of the classic editor have empty lines between paragraphs, and no tags; WordPress sets these when it shows them.
_EMPTY_LINES = re.compile(r"\n[ \t\r]*\n")


class WordPressExport:
    """The posts of an export; items of other kinds are skipped, and say of which.

    A picture is the address of the post's attachment. In a file that can be read only once, such as a pipe, only
    attachments that stand before their post are known.
    """

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self.name = name
        self._stream = stream
        self._pictures: dict[str, str] = {}
        self._authors: dict[str, str] = {}
        self._blog = self._language = ""

    def __iter__(self) -> Iterator[Record]:
        """Every item in order. Raises InvalidInput for a file that is not such an export."""
        if self._stream.seekable():
            place = self._stream.tell()
            for _, text in _items(self._stream):
                self._note_picture(text)
            self._stream.seek(place)
        for line, text in _items(self._stream):
            if line == 0:
                self._read_head(text)
            else:
                self._note_picture(text)
                yield self._record(line, text)

    def _read_head(self, text: str) -> None:
        if "wordpress.org/export" not in text:
            raise InvalidInput(
                f"{self.name} is not an export of WordPress, as its menu Tools, Export makes it; other XML is not read."
            )
        blog, language = _BLOG.search(text), _LANGUAGE.search(text)
        self._blog = blog[1].rstrip("/") if blog else ""
        # English is what WordPress has where nobody has chosen a language; then the texts say it.
        self._language = language[1] if language and language[1].lower() != "en" else ""
        for author in _AUTHOR.findall(text):
            try:
                names = _parsed(author)
            except ValueError:
                continue  # the posts keep the name to sign in with
            self._authors[_text(names, "wp:author_login")] = _text(names, "wp:author_display_name")

    def _note_picture(self, text: str) -> None:
        if _ATTACHMENT.search(text):
            try:
                item = _parsed(text)
            except ValueError:
                return  # reported where it stands
            self._pictures[_text(item, "wp:post_id")] = _text(item, "wp:attachment_url")

    def _record(self, line: int, text: str) -> Record:
        try:
            item = _parsed(text)
        except ValueError as error:
            return Record(line, {}, f"{error}; the posts around it are read", str(error).partition(" (")[0])
        kind = _text(item, "wp:post_type")
        return Record(line, self._fields(item)) if kind == POST else Record(line, {}, skipped=f"of the type {kind}")

    def _fields(self, item: Element) -> dict[str, Any]:
        number = _text(item, "wp:post_id")
        terms = [(term.get("domain"), term.get("nicename"), _inner(term)) for term in item.iterfind("category")]
        categories = [name for domain, nice, name in terms if domain == "category" and nice not in _DEFAULT_CATEGORIES]
        languages = [nice for domain, nice, _ in terms if domain == "language"]  # Polylang's
        meta = {_text(pair, "wp:meta_key"): _text(pair, "wp:meta_value") for pair in item.iterfind("{wp}postmeta")}
        author = _text(item, "dc:creator")
        fields = {
            "id": number,
            "title": _text(item, "title"),
            "summary": _text(item, "excerpt:encoded"),
            "body": _EMPTY_LINES.sub("\n<p>", _text(item, "content:encoded")),
            "url": _text(item, "link"),
            "aliases": self._aliases(number, _text(item, "link"), _text(item, "guid")),
            "posted_on": _date(item),
            "edition": categories[0] if categories else "",
            "language": languages[0] if languages else self._language,
            "tags": [name for domain, _, name in terms if domain == "post_tag"] + categories[1:],
            "author": [self._authors.get(author) or author] if author else [],
            "image_url": self._pictures.get(meta.get("_thumbnail_id", ""), ""),
            "status": _text(item, "wp:status"),
            "post_password": _text(item, "wp:post_password"),
        }
        return {name: value for name, value in fields.items() if value}

    def _aliases(self, number: str, link: str, guid: str) -> list[str]:
        """The short addresses, which WordPress goes on to answer: today's, and the one the post was written at."""
        try:
            is_short = parse_qs(urlsplit(guid).query).get("p") == [number]
        except ValueError:
            is_short = False
        today = f"{self._blog}/?p={number}" if self._blog else ""
        return [address for address in dict.fromkeys((today, guid if is_short else "")) if address not in ("", link)]


def _date(item: Element) -> str:
    """The date in UTC; of a draft, which has none, and of old posts that of the site's own clock; empty for none."""
    universal, local = _text(item, "wp:post_date_gmt"), _text(item, "wp:post_date")
    if universal and not universal.startswith(NO_DATE):
        return f"{universal} UTC"
    return "" if local.startswith(NO_DATE) else local


def _text(element: Element, name: str) -> str:
    prefix, colon, rest = name.partition(":")
    found = element.find(f"{{{prefix}}}{rest}" if colon else name)
    return "" if found is None else _inner(found)


def _inner(element: Element) -> str:
    return (element.text or "").strip()


def _parsed(text: str) -> Element:
    """An element by itself. Raises ValueError where it cannot be read."""
    if len(text) > MAX_LINE_BYTES:
        raise ValueError(f"is longer than {MAX_LINE_BYTES:,} characters; a post is shorter")
    if _NOT_UTF8.search(text):
        raise ValueError("is not UTF-8; name the file's encoding with --encoding")
    if text.count("<") > MAX_TAGS:
        raise ValueError(f"has more than {MAX_TAGS:,} tags; a post has fewer")
    # Versions of the export have namespaces of their own under the same prefixes, and plugins add others.
    prefixes = sorted({*_PREFIX.findall(text), "wp"} - {"xml", "xmlns"})
    spaces = " ".join(f'xmlns:{prefix}="{prefix}"' for prefix in prefixes)
    try:
        root: Element = fromstring(f"<rss {spaces}>{_CONTROL.sub('', text)}</rss>", forbid_dtd=True)
    except (ParseError, DefusedXmlException) as error:
        raise ValueError(f"is not valid XML ({error})") from error
    return root[0]


def _items(stream: IO[bytes]) -> Iterator[tuple[int, str]]:
    """What stands above the items, as line 0, and then each item with its line."""
    reader = _Reader(stream)
    parts, line, inside = list[str](), 0, False
    while True:
        text, mark = reader.until(_MARK)
        if inside or line == 0:
            parts.append(text)
        if mark in _ENDS:
            text, end = reader.until(_ENDS[mark])
            if (inside or line == 0) and mark != "<!--":
                parts += [mark, text, end]
        elif mark == "<item":
            if line == 0:
                yield 0, "".join(parts)
            parts, line, inside = [mark], reader.line, True
        else:
            if inside:  # at its end, or at that of a file that ends within an item
                yield line, "".join([*parts, mark])
            elif line == 0:
                yield 0, "".join(parts)
                line = reader.line
            inside, parts = False, []
            if not mark:
                return


class _Reader:
    """Reads a stream on from mark to mark."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._buffer, self._place = "", 0
        self._ended = False
        self.line = 1

    def until(self, mark: re.Pattern[str]) -> tuple[str, str]:
        """The text before a mark, and the mark; empty at the end of the stream.

        Of a text that is too long to be an item only as much is kept as shows it.
        """
        parts, size = list[str](), 0
        while True:
            match = mark.search(self._buffer, self._place)
            safe = match.start() if match else len(self._buffer) - (0 if self._ended else _LONGEST_MARK)
            text = self._buffer[self._place : max(safe, self._place)]
            self.line += text.count("\n")
            if size <= MAX_LINE_BYTES:
                parts.append(text)
            size += len(text)
            self._place = match.end() if match else self._place + len(text)
            if match or self._ended:
                return "".join(parts), match[0] if match else ""
            chunk = self._stream.read(_CHUNK)
            self._ended = not chunk
            self._buffer = self._buffer[self._place :] + self._decoder.decode(chunk, final=self._ended)
            self._place = 0
