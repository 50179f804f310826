"""When two web addresses are one: the form under which an article is found by its address."""

import re
import string
from collections.abc import Callable
from urllib.parse import quote, urlsplit

# What analytics, advertising and mailing services append to a link; each name is theirs and tells no two pages apart.
# Most stand in three lists that are kept for this purpose: ClearURLs' global rules, AdGuard's general_url.txt and
# Firefox's query stripping; those of Matomo and of Piano (AT Internet) in their documentation; a few are what Google,
# Snapchat, Pinterest, Reddit and comScore's customers, the BBC among them, put into addresses. What a site may have
# given a meaning stays out, though some of those lists name it: `ref`, `source`, `campaign`, `cid`, `__s`.
# The database keeps the form of every article's address: a change needs a migration that makes it anew, as 0008 does.
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


def canonical_url(url: str) -> str:
    """The form under which an article is found by URL: host in lower case, no fragment, no closing slash.

    Scheme and a leading `www.` are left out, so that http/https and www variants find the same article. The query
    stays, since many sites tell their articles apart by nothing else; only campaign parameters, which are appended to
    article addresses everywhere, are dropped. Its parameters are sorted by name, those of one name in their order.
    Escapes are written as RFC 3986, section 6.2.2, says, and host names in ASCII.
    """
    try:
        parts = urlsplit(url.strip())
        port = f":{parts.port}" if parts.port and parts.port not in (80, 443) else ""
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError:
        return url  # not an address, so no article has it
    path = _same_escapes(parts.path.rstrip("/"))
    parameters = filter(None, _same_escapes(parts.query).split("&"))
    query = "&".join(sorted((parameter for parameter in parameters if not is_campaign(_name(parameter))), key=_name))
    return f"{host.removeprefix('www.')}{port}{path}{'?' * bool(query)}{query}"


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


def _same_escapes(text: str) -> str:
    """Escapes in upper case, only where they are needed, and everywhere they are."""
    return quote(_ESCAPE.sub(_escape, text), safe=_RESERVED, errors="replace")


def _escape(match: re.Match[str]) -> str:
    if match[1] is None:
        return "%25"  # a percent sign that escapes nothing
    character = chr(int(match[1], 16))
    return character if character in _UNRESERVED else match[0].upper()


def _name(parameter: str) -> str:
    return parameter.partition("=")[0]


def is_campaign(name: str) -> bool:
    """Whether a parameter of this name is a campaign's, and tells no two pages apart."""
    return name.lower() in CAMPAIGN or name.lower().startswith(CAMPAIGN_PREFIXES)
