"""What the desk says when something fails, in the reader's language."""

from flask import render_template
from flask_babel import lazy_gettext

from recommender.curation.signals import APART, BOOST, BURY, EXCLUDE, MATRIX, OFF, PIN, RANKING, REJECT, RULE
from recommender.desk import accounts, decisions, keys
from recommender.store import audit
from recommender.web.api import problems

# The messages of the use cases, which know no language, and their translations. A test holds both to the same English.
PHRASES = {
    accounts.REFUSED: lazy_gettext(
        "Signing in failed. Check the name and the password. After five failures in a row wait for 15 minutes, or use "
        "a browser in which you have signed in before; an administrator can make a one-time link."
    ),
    accounts.LINK_REFUSED: lazy_gettext("This link has been used, or is too old. Ask an administrator for a new one."),
    accounts.OLD_IS_WRONG: lazy_gettext("The old password is not right."),
    accounts.TOO_SHORT: lazy_gettext(
        "The password is too short. Choose 12 characters or more; several words are easy to remember."
    ),
    accounts.TOO_LONG: lazy_gettext("The password is too long. Choose 200 characters or fewer."),
    accounts.NO_TEXT: lazy_gettext("The password holds characters that are not text. Choose others."),
    accounts.WRONG_NAME: lazy_gettext("A name has 1 to 60 letters, digits, spaces, and . - _ ' @ among them."),
    accounts.TAKEN: lazy_gettext("There is an account with this name already. Choose another name."),
    accounts.WRONG_ROLE: lazy_gettext("There is no such role."),
    problems.STALE_FORM: lazy_gettext(
        "The page was older than your session, or did not come from this service; nothing was changed. Go back, load "
        "the page again, and repeat the last step."
    ),
    accounts.LAST_ADMINISTRATOR: lazy_gettext(
        "This is the last administrator who can sign in. Make another one first."
    ),
    accounts.WRONG_CODE: lazy_gettext(
        "The code is not right, or was used before. Wait for the next one; after five failures in a row wait for 15 "
        "minutes."
    ),
    accounts.TOO_LATE: lazy_gettext("Signing in took too long. Begin again."),
    accounts.HAS_FACTOR: lazy_gettext("There is a second factor already. Turn it off first."),
    accounts.MUST_HAVE_FACTOR: lazy_gettext("Your account must have a second factor."),
}
ROLES = {
    "viewer": lazy_gettext("viewer"),
    "editor": lazy_gettext("editor"),
    "data-scientist": lazy_gettext("data scientist"),
    "administrator": lazy_gettext("administrator"),
}
# Actions of the audit trail, in the order in which the trail offers them.
ACTIONS = {
    decisions.APPROVE: lazy_gettext("sidebar approved"),
    REJECT: lazy_gettext("teaser rejected"),
    PIN: lazy_gettext("pinned"),
    BOOST: lazy_gettext("boosted"),
    BURY: lazy_gettext("buried"),
    EXCLUDE: lazy_gettext("excluded everywhere"),
    APART: lazy_gettext("kept apart"),
    OFF: lazy_gettext("box turned off"),
    "change": lazy_gettext("several changes"),
    decisions.END: lazy_gettext("decision ended"),
    decisions.UNDO: lazy_gettext("undone"),
    RULE: lazy_gettext("rule changed"),
    MATRIX: lazy_gettext("sensitive matrix changed"),
    RANKING: lazy_gettext("ranking changed"),
    "panel": lazy_gettext("panel made"),
    "grade": lazy_gettext("graded"),
    audit.PROMOTE: lazy_gettext("model version promoted"),
    audit.ROLL_BACK: lazy_gettext("model version rolled back"),
    audit.START_SHADOW: lazy_gettext("model version put into the shadow"),
    audit.END_SHADOW: lazy_gettext("model version taken out of the shadow"),
    audit.START_TRIAL: lazy_gettext("interleaving started"),
    audit.END_TRIAL: lazy_gettext("interleaving ended"),
    audit.CHANGE_ARTICLE: lazy_gettext("article changed"),
    audit.WITHDRAW: lazy_gettext("article withdrawn"),
    accounts.ADD: lazy_gettext("account added"),
    accounts.ROLE: lazy_gettext("role changed"),
    accounts.DISABLE: lazy_gettext("account disabled"),
    accounts.ENABLE: lazy_gettext("account enabled"),
    accounts.MAKE_LINK: lazy_gettext("one-time link made"),
    accounts.CHOOSE: lazy_gettext("password chosen"),
    accounts.SIGN_IN: lazy_gettext("signed in"),
    accounts.END_SESSIONS: lazy_gettext("signed out everywhere"),
    accounts.SLOW_DOWN: lazy_gettext("unknown browsers slowed down"),
    accounts.SET_UP: lazy_gettext("second factor set up"),
    accounts.RENEW_CODES: lazy_gettext("recovery codes made"),
    accounts.TURN_OFF: lazy_gettext("second factor turned off"),
    accounts.RESET: lazy_gettext("second factor reset"),
    accounts.LOCK_ACCOUNT: lazy_gettext("account locked"),
    keys.ADD_KEY: lazy_gettext("API key made"),
    keys.END_KEY: lazy_gettext("API key ended"),
    keys.ROTATE_KEY: lazy_gettext("API key replaced"),
}
HEADINGS = {
    400: lazy_gettext("Please send it again"),
    403: lazy_gettext("Not allowed"),
    404: lazy_gettext("Page not found"),
    405: lazy_gettext("This page does not take such a request"),
    409: lazy_gettext("Another editor was faster"),
    413: lazy_gettext("That is too much at once"),
    422: lazy_gettext("Something is wrong with what was sent"),
    429: lazy_gettext("Please wait a moment"),
    500: lazy_gettext("The service made a mistake"),
    503: lazy_gettext("Not available at the moment"),
}
# What is said of these whatever the reason: their own message is for programs, or for the log.
TEXTS = {
    404: lazy_gettext("The address may be old, or what it named is gone."),
    405: lazy_gettext("Go back, load the page again, and repeat the last step."),
    413: lazy_gettext("Send less, in several steps."),
    429: lazy_gettext("Others are being served. Try again in some seconds."),
    500: lazy_gettext("It has been logged. What you sent may not have been saved."),
}


def phrase(error: Exception) -> str:
    """What an error says, translated where it is one of the phrases."""
    return str(PHRASES.get(str(error), error))


def page(status: int, title: str, detail: str) -> str:
    """A page of the desk that says what went wrong."""
    text = TEXTS.get(status) or PHRASES.get(detail, detail)
    return render_template("desk/message.html", heading=HEADINGS.get(status, title), text=text)
