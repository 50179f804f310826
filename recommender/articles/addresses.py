"""When two web addresses are one: the form under which an article is found by its address."""

import re
import string
import unicodedata
from collections.abc import Callable
from urllib.parse import quote, unquote, urlsplit

# What analytics, advertising and mailing services append to a link; each name is theirs and tells no two pages apart.
# Most stand in three lists that are kept for this purpose: ClearURLs' global rules, AdGuard's general_url.txt and
# Firefox's query stripping; those of Matomo and of Piano (AT Internet) in their documentation; a few are what Google,
# Snapchat, Pinterest, Reddit and comScore's customers, the BBC among them, put into addresses. What a site may have
# given a meaning stays out, though some of those lists name it: `ref`, `source`, `campaign`, `cid`, `__s`.
# The database keeps the form of every article's address: a change needs a migration that makes it anew, as 0016 does.
CAMPAIGN = frozenset(
    (
        "_ga _gl gclid gclsrc gbraid wbraid gad_source gad_campaignid dclid srsltid "  # Google
        "fbclid fb_action_ids fb_action_types fb_ref fb_source mibextid igsh igshid "  # Facebook, Instagram
        "msclkid twclid ttclid li_fat_id sccid epik rdt_cid __twitter_impression "  # other networks
        "yclid ysclid _openstat "  # Yandex
        "mc_cid mc_eid mc_tc mkt_tok vero_id vero_conv oly_anon_id oly_enc_id rb_clickid wickedid "  # mailings
        "ml_subscriber ml_subscriber_hash _hsenc _hsmi __hsfp __hssc __hstc hsctatracking _kx "
        "xtor cmpid s_cid wt_mc wt_zmc ns_campaign ns_mchannel ns_source ns_linkname ns_fee"  # analytics
    ).split()
)
CACHE_BUSTER = "_"  # what scripts append with a number, so that no cache answers
CAMPAIGN_PREFIXES = ("utm_", "mtm_", "matomo_", "pk_", "piwik_", "at_", "itm_", "hsa_")

# The unreserved characters of RFC 2396. RFC 3986 has since reserved !*'() without giving them a meaning in the web, and
# of browsers and content management systems some escape them and some don't.
_UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~!*'()")
_RESERVED = ":/?[]@!$&'()*+,;=%"
_ESCAPE = re.compile("%([0-9A-Fa-f]{2})?")
_ESCAPES_BEYOND_ASCII = re.compile("(?:%[89A-Fa-f][0-9A-Fa-f])+")
# An ampersand as HTML and XML write it, where an address was copied out of a page's source; once or several times.
_NUMBERED_AMPERSAND = re.compile("&(?:amp;)*#0*38;", re.IGNORECASE)
_NAMED_AMPERSAND = re.compile("(^|&)(?:amp;)+")

# Hosts and ends of paths under which a site gives the same page for phones, as AMP, or as the index of a folder.
_SAME_HOST = ("www.", "m.", "amp.")
_INDEXES = frozenset({"index.html", "index.htm", "index.php"})
_AMP = "amp"  # the first or the last part of a path, or a parameter
# Of a page's name. An AMP page is story.amp or story.amp.html, whichever of story and story.html the other is.
_ENDINGS = (".html", ".htm", ".amp")
_AMP_VALUES = frozenset({"", "1", "true"})
# Letters that IDNA 2003, which Python knows, changes into others, and that browsers keep today (RFC 5892, 2.6).
_KEPT_IN_HOSTS = frozenset("\u00df\u03c2\u200c\u200d")


def canonical_url(url: str) -> str:
    """The form under which an article is found by URL: two addresses of equal form are one.

    Scheme, default port, fragment and closing slash are left out, and so are a leading `www.`, `m.` or `amp.` of the
    host, `/amp` and `index.html` at the end of the path, `/amp` at its beginning, the endings `.html` and `.amp`, the
    parameter `amp`, repeated slashes, and what HTML makes of an ampersand. The query stays, since many sites tell their
    articles apart by nothing else; only campaign parameters, which are appended to article addresses everywhere, are
    dropped. Its parameters are sorted by name, those of one name in their order. Escapes are written as RFC 3986,
    section 6.2.2, says, letters composed (NFC), and host names in ASCII. The table of cases is in the tests and in
    docs/reference/addresses.md.
    """
    text = _NUMBERED_AMPERSAND.sub("&", _unescaped_beyond_ascii(url.strip()))
    try:
        parts = urlsplit(text)
        port = f":{parts.port}" if parts.port and parts.port not in (80, 443) else ""
        host = _host(parts.hostname or "")
    except ValueError:
        return url  # not an address, so no article has it
    query = sorted(filter(_counts, _parameters(parts.query)), key=_name)
    return f"{host}{port}{_path(parts.path)}{'?' * bool(query)}{'&'.join(query)}"


def _host(host: str) -> str:
    """A host name in ASCII, without its closing dot and what stands for the same site. Raises ValueError."""
    name = ".".join(map(_label, host.removesuffix(".").split(".")))
    while shorter := [name.removeprefix(start) for start in _SAME_HOST if name.startswith(start)]:
        if "." not in shorter[0]:  # `m.example` may be a name of its own
            break
        name = shorter[0]
    return name


def _label(label: str) -> str:
    if _KEPT_IN_HOSTS.isdisjoint(label):
        return label.encode("idna").decode()
    return "xn--" + unicodedata.normalize("NFKC", label).lower().encode("punycode").decode()


def _path(path: str) -> str:
    names = [name for name in _same_escapes(path).split("/") if name]
    while (shorter := _shorter(names)) != names:
        names = shorter
    return "".join(f"/{name}" for name in names)


def _shorter(names: list[str]) -> list[str]:
    """A path without one of the marks of an index, of AMP, or of HTML; the same where it has none."""
    if names[-1:] and names[-1] in _INDEXES:
        return names[:-1]
    if len(names) > 1 and _AMP in (names[0], names[-1]):
        return names[:-1] if names[-1] == _AMP else names[1:]
    for ending in _ENDINGS:
        if names and names[-1].endswith(ending) and names[-1] != ending:
            return [*names[:-1], names[-1].removesuffix(ending)]
    return names


def _parameters(query: str) -> list[str]:
    return [_NAMED_AMPERSAND.sub("", parameter) for parameter in _same_escapes(query).split("&")]


def without_campaign(url: str) -> str:
    """An address without its campaign parameters, otherwise as it is written."""
    return _without(url, is_campaign)


def without_cache_buster(url: str) -> str:
    """An address without the parameter `_`, otherwise as it is written."""
    return _without(url, lambda name: name == CACHE_BUSTER)


def _without(url: str, dropped: Callable[[str], bool]) -> str:
    address, separator, query = url.partition("?")
    query, mark, fragment = query.partition("#")
    kept = "&".join(parameter for parameter in query.split("&") if not dropped(_name(parameter)))
    return f"{address}{separator if kept else ''}{kept}{mark}{fragment}"


def without_query(url: str) -> str:
    """An address without query and fragment, for one whose query is part of no article's address."""
    return url.partition("#")[0].partition("?")[0]


def _unescaped_beyond_ascii(text: str) -> str:
    """Escapes of UTF-8 as characters, so that hosts are read and letters composed; others stay."""
    return _ESCAPES_BEYOND_ASCII.sub(_decoded, text)


def _decoded(match: re.Match[str]) -> str:
    try:
        return unquote(match[0], errors="strict")
    except UnicodeDecodeError:
        return match[0]


def _same_escapes(text: str) -> str:
    """Escapes in upper case, only where they are needed, and everywhere they are; letters composed."""
    composed = unicodedata.normalize("NFC", _ESCAPE.sub(_escape, text))
    return _NAMED_AMPERSAND.sub(r"\1", quote(composed, safe=_RESERVED, errors="replace"))


def _escape(match: re.Match[str]) -> str:
    if match[1] is None:
        return "%25"  # a percent sign that escapes nothing
    character = chr(int(match[1], 16))
    return character if character in _UNRESERVED else match[0].upper()


def _name(parameter: str) -> str:
    return parameter.partition("=")[0]


def _counts(parameter: str) -> bool:
    """Whether a parameter tells pages apart."""
    name, _, value = parameter.partition("=")
    amp = name.lower() == _AMP and value.lower() in _AMP_VALUES
    return bool(parameter) and not amp and not is_campaign(name)


def is_campaign(name: str) -> bool:
    """Whether a parameter of this name is a campaign's, and tells no two pages apart."""
    return name.lower() in CAMPAIGN or name.lower().startswith(CAMPAIGN_PREFIXES)
