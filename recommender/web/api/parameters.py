"""Which parameters of a question count: others change no answer, and are no part of what caches know it by."""

from collections.abc import Sequence
from difflib import get_close_matches
from urllib.parse import quote, unquote_plus

from recommender.articles.addresses import CACHE_BUSTER, is_campaign, without_campaign
from recommender.web.api.problems import MAX_ERRORS, MAX_TEXT
from recommender.web.api.schemas import SidebarQuery

KNOWN = tuple(SidebarQuery.model_fields)


def what_counts(query: str) -> tuple[str, list[str]]:
    """A query string without the parameters that are ignored, and the names of those that may be mistyped.

    A cache buster and campaign parameters are not among these: they are appended to addresses everywhere, also to one
    that was put into `url` without being escaped.
    """
    kept, ignored = [], []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        name = unquote_plus(name)
        if name == "url":
            address = unquote_plus(value)
            shorter = without_campaign(address)
            kept.append(part if shorter == address else f"url={quote(shorter, safe='')}")
        elif name in KNOWN:
            kept.append(part)
        elif name and name != CACHE_BUSTER and not is_campaign(name):
            ignored.append(name)
    return "&".join(kept), ignored


def warnings(ignored: Sequence[str]) -> list[str]:
    """What the answer says of ignored parameters."""
    return [_warning(name[:MAX_TEXT]) for name in dict.fromkeys(ignored[:MAX_ERRORS])]


def _warning(name: str) -> str:
    close = get_close_matches(name, KNOWN, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"{name} is not a parameter, and was ignored{hint}"
