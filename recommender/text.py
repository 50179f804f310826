"""From what a site sends to what a model reads: HTML to plain text, and text to passages."""

import re
from html.parser import HTMLParser

PASSAGE_WORDS = 180  # with the title in front this stays under the 256 tokens that all-MiniLM-L6-v2 reads
MAX_PASSAGES = 64  # about 11,000 words: longer texts are archives or mistakes, and one must not stall a build

_HIDDEN = frozenset({"script", "style", "template", "noscript", "head", "iframe", "object", "svg", "math", "textarea"})
_BLOCKS = frozenset(
    "address article aside blockquote br caption dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 "
    "h4 h5 h6 header hr li main nav ol p pre section summary table td th tr ul".split()
)
_INLINE = frozenset("a abbr b body cite code del em font html i img ins mark q s small span strong sub sup u".split())
_LOOKS_LIKE_HTML = re.compile(r"<(/?[a-zA-Z][a-zA-Z0-9]*)(?=[\s/>])|<!--|&(?:[a-zA-Z]{2,8}|#\d{1,7}|#x[0-9a-fA-F]{1,6});")
_SPACES = re.compile(r"\s+")
# Control and format characters that no reader sees; PostgreSQL refuses NUL, browsers reorder text at U+202E.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufffe\uffff]")


class _TextCollector(HTMLParser):
    """Collects what a reader would see: paragraphs, without scripts, styles and hidden parts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.paragraphs: list[list[str]] = [[]]
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden.append(tag)
        elif tag in _BLOCKS:
            self.paragraphs.append([])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self.paragraphs.append([])

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            while self._hidden.pop() != tag:
                pass
        elif tag in _BLOCKS:
            self.paragraphs.append([])

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.paragraphs[-1].append(data)


def plain_text(value: str) -> str:
    """Text without markup: paragraphs separated by an empty line, each on one line.

    Plain text passes unchanged but for white space: only a known tag, a comment or an entity makes it HTML, so
    "5 < 6" and "<MNLA>" stay as they are.
    """
    value = _UNSEEN.sub("", value)
    if _is_html(value):
        collector = _TextCollector()
        collector.feed(value)
        collector.close()
        paragraphs = ["".join(parts) for parts in collector.paragraphs]
    else:
        paragraphs = re.split(r"\n\s*\n", value)
    lines = (_SPACES.sub(" ", _UNSEEN.sub("", paragraph)).strip() for paragraph in paragraphs)
    return "\n\n".join(line for line in lines if line)


def one_line(value: str) -> str:
    """The same on a single line, for titles, summaries and labels."""
    return plain_text(value).replace("\n\n", " ")


def _is_html(value: str) -> bool:
    for match in _LOOKS_LIKE_HTML.finditer(value):
        tag = match.group(1)
        if tag is None or tag.lstrip("/").lower() in _HIDDEN | _BLOCKS | _INLINE:
            return True
    return False


def passages(title: str, summary: str, body: str, words: int = PASSAGE_WORDS) -> list[str]:
    """The texts that are embedded for one article, at least one: the title stands in front of each.

    Summary and body are read as one text and cut into windows of `words` words; a last window of less than a quarter
    is joined to the one before it.
    """
    tokens = f"{summary} {body}".split()
    starts = list(range(0, max(len(tokens), 1), words))[:MAX_PASSAGES]
    if len(starts) > 1 and len(tokens) - starts[-1] < words // 4:
        starts.pop()
    ends = [*starts[1:], min(len(tokens), starts[-1] + words + words // 4)]
    return [f"{title}. {' '.join(tokens[start:end])}".strip() for start, end in zip(starts, ends, strict=True)]
