"""From what a site sends to what an embedding model reads: HTML to plain text, and text to passages."""

import re
from collections import Counter
from html import unescape
from html.parser import HTMLParser

PASSAGE_WORDS = 180  # with title and summary in front, four of five passages fit into all-MiniLM-L6-v2's 256 tokens
MAX_PASSAGES = 64  # about 11,000 words: longer texts are archives or mistakes, and one must not stall a build

_HIDDEN = frozenset({"script", "style", "template", "noscript", "title", "iframe", "object", "svg", "math", "textarea"})
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
# Control and format characters that no reader sees; PostgreSQL refuses NUL, browsers reorder text at U+202E.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufffe\uffff]"
)


class _TextCollector(HTMLParser):
    """Collects what a reader would see: paragraphs, without scripts, styles and hidden parts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.paragraphs: list[list[str]] = [[]]
        self._hidden: list[str] = []
        self._count: Counter[str] = Counter()  # of each tag in the list, which may be long

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
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


def plain_text(value: str) -> str:
    """Text without markup: paragraphs separated by an empty line, each on one line.

    Plain text passes unchanged but for white space: only a known tag, a comment or an entity makes it HTML, so
    "5 < 6" and "<MNLA>" stay as they are.
    """
    value = _UNSEEN.sub("", value)
    if _is_html(value):
        collector = _TextCollector()
        # After the last ">" no tag ends. Looking for one takes html.parser minutes where "<a " is repeated.
        end = value.rfind(">") + 1
        collector.feed(value[:end])
        collector.close()
        collector.handle_data(unescape(value[end:]))
        paragraphs = ["".join(parts) for parts in collector.paragraphs]
    else:
        paragraphs = re.split(r"\n\s*\n", value)
    lines = (_SPACES.sub(" ", _UNSEEN.sub("", paragraph)).strip() for paragraph in paragraphs)
    return "\n\n".join(line for line in lines if line)


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
