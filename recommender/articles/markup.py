"""What publishing systems leave in texts: shortcodes, template tags, Markdown, and lines that only point elsewhere."""

import re

_ROUNDS = 4  # what stands inside what has gone may be code again
_SUSPECT = re.compile(r"[\[{*#`_]|&\w|^>", re.MULTILINE)

# {{ site.url }}, {% image "a.jpg" %}, {{< figure src="a.jpg" >}}, {# note #}, and the attributes of kramdown, {: .wide}
_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}|\{[%#][^{}]*[%#]\}|\{:[^{}\n]*\}")
_BRACKET = re.compile(r"\[(/?)([A-Za-z][\w-]*)((?:[\s=][^\[\]]{0,4000})?)\]")
# Shortcodes whose content is no text of the article: addresses and numbers.
_PLAYER = re.compile(
    r"\[(embed|video|audio|playlist|gallery|youtube|vimeo|soundcloud|contact-form|googlemaps)\b[^\[\]]{0,4000}\]"
    r"[^\[\]]{0,2000}\[/\1\]"
)
_BUILDERS = ("et_pb_", "vc_", "fusion_", "av_", "tatsu_", "siteorigin_", "cs_", "mk_", "wpv-")
_SHORTCODES = frozenset(
    "audio button caption column contact-form contact-form-7 embed gallery jetpack-related-posts layerslider "
    "mc4wp_form newsletter playlist poll row soundcloud toc tweet video vimeo wp_caption youtube".split()
)
_HAS_VALUE = re.compile(r"[\w-]\s?=\s?[\"'\w\u201c\u201d\u2033&]")

_MARKDOWN = (
    (re.compile(r"!\[[^\[\]]*\](?:\([^()\s]*(?:\s[^()]*)?\)|\[[^\[\]]*\])"), ""),  # an image
    (re.compile(r"\[([^\[\]]+)\]\((?:[^()\s]|\([^()\s]*\))*(?:\s+[\"'][^\"'()]*[\"'])?\)"), r"\1"),  # a link
    (re.compile(r"\*\*(?=\S)([^*\n]+)(?<=\S)\*\*"), r"\1"),  # bold
    (re.compile(r"(?<!\w)__(?=\S)([^_\n]+)(?<=\S)__(?!\w)"), r"\1"),
    (re.compile(r"^[ ]{0,3}#{1,6}[ ]+(.*?)(?:[ ]+#+)?[ ]*$", re.MULTILINE), r"\1"),  # a heading
    (re.compile(r"^[ ]{0,3}(?:```|~~~)[\w-]*[ ]*$", re.MULTILINE), ""),  # the ends of a block of code
    (re.compile(r"`([^`\n]+)`"), r"\1"),
    (re.compile(r"^[ ]{0,3}\[[^\[\]]+\]:[ ]+\S+(?:[ ]+[\"'(].*)?$", re.MULTILINE), ""),  # where a link leads
)

# Lines such as "Lire aussi : Un forage neuf à Dori", in the languages that the service has texts of.
_LEADS = (
    r"(?:(?:à|a) lire(?: aussi| également)?|(?:lire|voir|écouter|regarder) (?:aussi|également)|"
    r"sur le même (?:sujet|thème)|notre dossier|"
    r"read (?:also|more|next)|also read|see also|related(?: stories| articles| posts| coverage)?|"
    r"more on this(?: story)?|"
    r"اقرأ أيضا|اقرأ أيضاً|إقرأ أيضا|karin bayani|karanta kuma)"
)
_POINTER = re.compile(
    rf"[^\w\s]{{0,3}}\s*{_LEADS}\s*(?:[:：>»→|–—-]\s*.{{0,250}}|)",  # noqa: RUF001  # colons of any width and dashes are meant
    re.IGNORECASE | re.DOTALL,
)
# The same behind the last sentence of a paragraph; there a colon must follow, as sentences begin with such words too.
_POINTER_AT_THE_END = re.compile(
    rf"(?<=[.!?…»”؟])\s+[(\[►▶→👉]?\s*{_LEADS}\s*[:：][^.!?…؟]{{1,250}}[.!?…؟]?[)\]]?\s*$",  # noqa: RUF001  # as above
    re.IGNORECASE,
)
# An address alone on a line, which publishing systems show as a player or as the box of another site.
_EMBEDDED = re.compile(r"https?://\S+", re.IGNORECASE)
_SENTENCES = re.compile(r"[.!?…]\s+\w.*[.!?…]\s*$", re.DOTALL)


def without_code(text: str) -> str:
    """A text without shortcodes, template tags and Markdown's marks; what a reader is meant to read stays.

    Brackets of authors, such as "[sic]" and "[…]", stay: a shortcode has a value, an end, or a name known as one.
    """
    if not _SUSPECT.search(text):
        return text
    for _ in range(_ROUNDS):
        cleaner = _TEMPLATE.sub(" ", text)
        cleaner = _without_shortcodes(cleaner)
        for form, kept in _MARKDOWN:
            cleaner = form.sub(kept, cleaner)
        if cleaner == text:
            break
        text = cleaner
    return text


def _without_shortcodes(text: str) -> str:
    if "]" not in text:
        return text
    text = _PLAYER.sub(" ", text)
    closed = {match[2].lower() for match in _BRACKET.finditer(text) if match[1]}

    def replaced(match: re.Match[str]) -> str:
        name = match[2].lower()
        is_code = (
            name in closed
            or name.startswith(_BUILDERS)
            or (name in _SHORTCODES and (match[1] or match[3] or "_" in name or "-" in name or name in _BARE))
            or bool(match[3] and _HAS_VALUE.search(match[3]))
        )
        return " " if is_code else match[0]

    return _BRACKET.sub(replaced, text)


_BARE = frozenset({"gallery", "playlist", "toc", "embed"})


def without_pointer(line: str) -> str:
    """A paragraph without the sentence at its end that only leads elsewhere."""
    return _POINTER_AT_THE_END.sub("", line)


def is_pointer(line: str) -> bool:
    """Whether a line only leads elsewhere: "Lire aussi : …", or an address and nothing else."""
    text = line.strip()
    return bool(_EMBEDDED.fullmatch(text)) or (bool(_POINTER.fullmatch(text)) and not _SENTENCES.search(line))
