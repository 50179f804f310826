"""What the desk calls things of the service: parts of a score, reasons, obstacles, signals, flags."""

from flask_babel import format_decimal, lazy_gettext
from flask_babel import gettext as _

from recommender.curation.sensitivity import ANYTHING
from recommender.curation.signals import APART, BOOST, BURY, EXCLUDE, OFF, PIN, REJECT, Signal
from recommender.desk import queue, review
from recommender.desk.review import Obstacle
from recommender.ranking import facts, fallbacks, scoring
from recommender.serving.answers import Item

PARTS = {
    "dense": lazy_gettext("Meaning"),
    "lexical": lazy_gettext("Words"),
    "themes": lazy_gettext("Themes"),
    "names": lazy_gettext("Names"),
    "topics": lazy_gettext("Topics"),
    "tags": lazy_gettext("Tags"),
    "places": lazy_gettext("Countries"),
    "nearness": lazy_gettext("Time proximity"),
    scoring.READER: lazy_gettext("Reader"),
    scoring.SIGNALS: lazy_gettext("Boosts"),
}
ROLES = {
    facts.LATEST: lazy_gettext("newer report of the same story"),
    facts.BACKGROUND: lazy_gettext("background"),
    facts.ANGLE: lazy_gettext("another angle"),
}
SOURCES = {
    facts.PINNED: lazy_gettext("pinned"),
    fallbacks.FALLBACK_READ: lazy_gettext("not related: most read in the edition"),
    fallbacks.FALLBACK_EDITION: lazy_gettext("not related: latest in the edition"),
    fallbacks.FALLBACK_ANY: lazy_gettext("not related: latest of all"),
    fallbacks.FALLBACK_UNDATED: lazy_gettext("not related: without a date"),
}
FLAGS = {
    "legal_hold": lazy_gettext("legal hold"),
    "live_trial": lazy_gettext("live trial"),
    "hostage": lazy_gettext("hostage"),
    "victims_named": lazy_gettext("victims named"),
    "minor": lazy_gettext("minor"),
    "communal_violence": lazy_gettext("communal violence"),
    "sponsored": lazy_gettext("sponsored"),
    "opinion": lazy_gettext("opinion"),
    ANYTHING: lazy_gettext("any article"),
}
# Why a sidebar of the queue needs eyes, with the tone of the tag.
REASONS = {
    queue.CHANGED: (lazy_gettext("changed since approval"), "warn"),
    queue.NEW: (lazy_gettext("new"), "new"),
    queue.SENSITIVE: (lazy_gettext("sensitive"), "bad"),
    queue.EMPTY: (lazy_gettext("no box"), "warn"),
    queue.FALLBACK: (lazy_gettext("not related"), "warn"),
    queue.UNSURE: (lazy_gettext("unsure"), "warn"),
    queue.MUCH_READ: (lazy_gettext("much read"), ""),
}
STATES = {
    queue.OPEN: lazy_gettext("to be looked at"),
    queue.APPROVED: lazy_gettext("approved"),
    queue.EVERY: lazy_gettext("all"),
}
_OBSTACLES = {
    review.WITHDRAWN: lazy_gettext("It is not published any more."),
    review.HELD: lazy_gettext("It is under legal hold."),
    review.BOX_OFF: lazy_gettext("The box of this article is off."),
    review.FUTURE: lazy_gettext("Its date is in the future."),
    review.LANGUAGE: lazy_gettext("It is in another language."),
    review.UNLINKED: lazy_gettext("It has no address that a box could link to."),
    review.BEYOND: lazy_gettext("It is pinned to a place that this sidebar does not have."),
    review.REPORTED: lazy_gettext("It reports an event that the article or another teaser reports already."),
    review.WEAK: lazy_gettext("Its score is below the threshold."),
    review.LOWER: lazy_gettext("Others are better."),
}


def obstacle_text(obstacle: Obstacle) -> str:
    """What keeps a story out of a sidebar, as a sentence."""
    if obstacle.signal is not None:
        return signal_text(obstacle.signal)
    if obstacle.kind == review.RULED:
        return str(_("Kept out by the rule “%(rule)s”.", rule=obstacle.rule))
    if obstacle.kind == review.SENSITIVE and obstacle.cell is not None:
        source, target = obstacle.cell
        text = _(
            "Sensitive content: “%(story)s” may not stand beside “%(article)s”.",
            story=FLAGS[target],
            article=FLAGS[source],
        )
        return str(text)
    return str(_OBSTACLES.get(obstacle.kind, obstacle.kind))


def signal_text(signal: Signal) -> str:
    """What a signal does, in a few words."""
    if signal.kind == PIN:
        return str(_("Pinned to place %(slot)d", slot=signal.slot))
    if signal.kind == BOOST:
        return str(_("Boosted ×%(factor)s", factor=format_decimal(signal.factor)))  # noqa: RUF001  # a real sign
    if signal.kind == BURY:
        return str(_("Buried ×%(factor)s", factor=format_decimal(signal.factor)))  # noqa: RUF001
    kinds = {
        EXCLUDE: _("Excluded everywhere"),
        REJECT: _("Rejected"),
        APART: _("Never together"),
        OFF: _("The box is off"),
    }
    return str(kinds.get(signal.kind, signal.kind))


def parts_of(item: Item) -> list[tuple[str, str, float]]:
    """The parts of a story's score as the bar shows them: key, name, share."""
    return [(key, str(name), item.teaser.parts[key]) for key, name in PARTS.items() if item.teaser.parts.get(key)]
