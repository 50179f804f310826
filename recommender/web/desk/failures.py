"""What the holder of an account is told of failed attempts to sign in."""

from collections.abc import Sequence

from flask import flash
from flask_babel import format_datetime, ngettext
from flask_babel import gettext as _

from recommender.store.accounts import Account
from recommender.store.failures import FailuresFrom
from recommender.web.context import context

MOST_NAMED = 3  # addresses in one message


def tell_failures(account: Account) -> None:
    """Says on the next page what has failed since the holder was last told."""
    found = context().accounts.news(account)
    if found:
        flash(in_words(found), "problem")


def in_words(found: Sequence[FailuresFrom]) -> str:
    """How many attempts failed, since when, and from where; and whether somebody knows the password."""
    count, codes = sum(one.count for one in found), sum(one.codes for one in found)
    places = ", ".join(one.address or _("an unknown place") for one in found[:MOST_NAMED])
    more = len(found) - MOST_NAMED
    if more > 0:
        places = ngettext(
            "%(places)s and %(num)d other place", "%(places)s and %(num)d other places", more, places=places
        )
    text = ngettext(
        "%(num)d attempt to sign in with your name has failed since %(since)s UTC, from %(places)s.",
        "%(num)d attempts to sign in with your name have failed since %(since)s UTC, from %(places)s.",
        count,
        since=format_datetime(min(one.first for one in found), "d MMM y, HH:mm"),
        places=places,
    )
    if codes:
        text += " " + ngettext(
            "With %(num)d of them the password was right: if that was not you, change it.",
            "With %(num)d of them the password was right: if that was not you, change it.",
            codes,
        )
    return str(text)
