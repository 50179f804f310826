"""From what a site sends to what an embedding model reads: HTML to plain text, and text to passages."""

import re
import unicodedata
from collections import Counter
from html import unescape
from html.parser import HTMLParser

from recommender.articles.markup import is_pointer, without_code, without_pointer

PASSAGE_WORDS = 180  # with title and summary in front, four of five passages fit into all-MiniLM-L6-v2's 256 tokens
MAX_PASSAGES = 64  # about 11,000 words: longer texts are archives or mistakes, and one must not stall a build

_HIDDEN = frozenset(
    "script style template noscript title iframe object svg math textarea nav form button select".split()
)
# Boxes of other sites and of the page around, by the classes that the tools which make them give.
_BOXES = frozenset(
    "twitter-tweet twitter-video instagram-media fb-post fb-video tiktok-embed bluesky-embed reddit-embed-bq "
    "wp-embedded-content wp-block-embed jp-relatedposts sharedaddy sd-sharing yarpp yarpp-related crp_related "
    "rp4wp-related-posts addtoany_share_save_container addtoany_content mc4wp-form kg-bookmark-card kg-signup-card "
    "kg-embed-card related-posts related-articles newsletter-signup outbrain taboola OUTBRAIN".split()
)
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_BLOCKS = frozenset(
    "address article aside blockquote br caption dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 "
    "h4 h5 h6 header hr li main nav ol p pre section summary table td th tr ul".split()
)
_INLINE = frozenset("a abbr b body cite code del em font html i img ins mark q s small span strong sub sup u".split())
_LOOKS_LIKE_HTML = re.compile(
    r"<(/?[a-zA-Z][a-zA-Z0-9]*)(?=[\s/>])|<!--|&(?:[a-zA-Z]{2,8}|#\d{1,7}|#x[0-9a-fA-F]{1,6});"
)
_NAME = re.compile(r"(?<![.!?…:] )(?<=[ («\"“'’-])[A-ZÀ-Ý]\w+")  # noqa: RUF001  # typographic quotes are meant
_SPACES = re.compile(r"\s+")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
# Letters that are written without their hook, bar or shape where a keyboard lacks them, and that Unicode does not take
# apart: Hausa and Fulfulde, Bambara and Tamasheq, then those of Europe.
_PLAIN_LETTERS = str.maketrans(
    {
        **dict(zip("ɓɗƙƴɖŋɛɔǝəƁƊƘƳƉŊƐƆƎƏ", "bdkydneoeeBDKYDNEOEE", strict=True)),
        **dict(zip("łøđıħŁØĐĦ", "lodihLODH", strict=True)),
        "ɲ": "ny",
        "Ɲ": "Ny",
        "ß": "ss",
        "æ": "ae",
        "Æ": "AE",
        "œ": "oe",
        "Œ": "OE",
        "þ": "th",
        "Þ": "Th",
    }
)
# What was escaped twice still shows an entity as text, and what was escaped as a whole its tags.
_ESCAPED_TWICE = 3
_ENTITY = re.compile(
    r"&(?:amp|lt|gt|quot|apos|nbsp|[lr][sd]quo|[lr]aquo|hellip|[mn]dash|euro|shy|"
    r"[aeiouycnAEIOUCN](?:acute|grave|circ|uml|cedil|tilde)|#\d{2,6}|#x[0-9a-fA-F]{2,5});"
)
_ESCAPED_BLOCK = re.compile(r"</(?:p|div|h[1-6]|li|ul|ol|blockquote|figure)>|<br ?/?>")
# Control and format characters that no reader sees; PostgreSQL refuses NUL, browsers reorder text at U+202E.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufffe\uffff]"
)


class _TextCollector(HTMLParser):
    """Collects what a reader would see: paragraphs, without scripts, styles and hidden parts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.paragraphs: list[list[str]] = [[]]
        self._hidden: list[str] = []
        self._count: Counter[str] = Counter()  # of each tag in the list, which may be long

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN or (tag not in _VOID and (self._count[tag] or _is_box(attrs))):
            self._hidden.append(tag)
            self._count[tag] += 1
        elif tag in _BLOCKS:
            self.paragraphs.append([])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self.paragraphs.append([])

    def handle_endtag(self, tag: str) -> None:
        if self._count[tag]:
            self._count[tag] -= 1
            while (closed := self._hidden.pop()) != tag:
                self._count[closed] -= 1
        elif tag in _BLOCKS:
            self.paragraphs.append([])

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.paragraphs[-1].append(data)

    def parse_html_declaration(self, i: int) -> int:
        try:
            return super().parse_html_declaration(i)
        except AssertionError:  # how older Pythons answer "<![if IE]>", which word processors write
            return self.parse_bogus_comment(i)


def _is_box(attrs: list[tuple[str, str | None]]) -> bool:
    return any(name == "class" and value and not _BOXES.isdisjoint(value.split()) for name, value in attrs)


def plain_text(value: str) -> str:
    """Text without markup: paragraphs separated by an empty line, each on one line.

    Plain text passes unchanged but for white space: only a known tag, a comment or an entity makes it HTML, so
    "5 < 6" and "<MNLA>" stay as they are. Code of publishing systems goes, and so do paragraphs that only lead
    elsewhere, unless there are no others.
    """
    paragraphs = _paragraphs(without_code(_UNSEEN.sub("", value)))
    for _ in range(_ESCAPED_TWICE):
        text = "\n\n".join(paragraphs)
        if _ESCAPED_BLOCK.search(text):
            paragraphs = _paragraphs(text)
        elif _ENTITY.search(text):
            paragraphs = [unescape(paragraph) for paragraph in paragraphs]
        else:
            break
    lines = (_on_one_line(without_code(_on_one_line(paragraph))) for paragraph in paragraphs)
    found = [line for line in lines if line]
    return "\n\n".join([without_pointer(line) for line in found if not is_pointer(line)] or found)


def _on_one_line(paragraph: str) -> str:
    return _SPACES.sub(" ", _UNSEEN.sub("", paragraph)).strip()


def _paragraphs(value: str) -> list[str]:
    if _is_html(value):
        collector = _TextCollector()
        # After the last ">" no tag ends. Looking for one takes html.parser minutes where "<a " is repeated.
        end = value.rfind(">") + 1
        collector.feed(value[:end])
        collector.close()
        collector.handle_data(unescape(value[end:]))
        return ["".join(parts) for parts in collector.paragraphs]
    return [_without_pointers(paragraph) for paragraph in re.split(r"\n\s*\n", value)]


def _without_pointers(paragraph: str) -> str:
    lines = paragraph.split("\n")
    return "\n".join(line for line in lines if not is_pointer(line)) if len(lines) > 1 else paragraph


def without_marks(text: str) -> str:
    """The text without accents and other marks, and with hooked and barred letters as their plain ones: Ƙ is K."""
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text.translate(_PLAIN_LETTERS))
    # Only these may be marks; few letters of most texts are asked so.
    return _NOT_ASCII.sub(lambda found: "" if unicodedata.combining(found[0]) else found[0], decomposed)


def one_line(value: str) -> str:
    """The same on a single line, for titles, summaries and labels."""
    return plain_text(value).replace("\n\n", " ")


def links(value: str) -> list[str]:
    """The addresses that an HTML text links to, in their order, each once."""
    collector = _LinkCollector()
    collector.feed(value[: value.rfind(">") + 1])
    return list(dict.fromkeys(collector.found))


class _LinkCollector(HTMLParser):
    """Collects the targets of links."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [target.strip() for name, target in attrs if name == "href" and target and target.strip()]

    def parse_html_declaration(self, i: int) -> int:
        try:
            return super().parse_html_declaration(i)
        except AssertionError:  # as in _TextCollector
            return self.parse_bogus_comment(i)


def _is_html(value: str) -> bool:
    for match in _LOOKS_LIKE_HTML.finditer(value):
        tag = match.group(1)
        if tag is None or tag.lstrip("/").lower() in _HIDDEN | _BLOCKS | _INLINE:
            return True
    return False


def passages(title: str, summary: str, body: str, words: int = PASSAGE_WORDS) -> list[str]:
    """The texts that are embedded for one article, at least one: title and summary stand in front of each.

    Paragraphs are packed into passages of at most `words` words; a longer paragraph is cut into even windows.
    """
    teaser = " ".join(map(_as_sentence, filter(None, (title, summary))))
    pieces = [piece for paragraph in body.split("\n") for piece in _windows(paragraph.split(), words)]
    packed: list[list[str]] = [[]]
    for piece in pieces:
        if packed[-1] and len(packed[-1]) + len(piece) > words:
            packed.append([])
        packed[-1] += piece
    return [f"{teaser} {' '.join(passage)}".strip() for passage in packed[:MAX_PASSAGES]]


def _as_sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _windows(tokens: list[str], words: int) -> list[list[str]]:
    count = max(1, -(-len(tokens) // words))
    size = -(-len(tokens) // count)
    return [tokens[start : start + size] for start in range(0, len(tokens), size)] if tokens else []


def names(text: str) -> list[str]:
    """The words written with a capital inside a sentence, each once, sorted: for the most part proper names."""
    return sorted(set(_NAME.findall(text)))
