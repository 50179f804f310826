"""The queue: which sidebars need eyes, with one key for each decision."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from recommender.desk.permissions import READ
from recommender.desk.queue import OPEN, STATES, Listing, QueueFilter, QueueLine
from recommender.errors import InvalidInput
from recommender.store.accounts import Account
from recommender.web.context import context
from recommender.web.desk import ui_labels
from recommender.web.desk.access import allows, who
from recommender.web.desk.forms import is_number
from recommender.web.headers import DESK

PAGE = 20
PRESENT = timedelta(minutes=2)  # who has opened an article in the last minutes is looking at it
FILTERS = ("edition", "since", "until", "state")
MAX_DIGITS = 6

bp = Blueprint("worklist", __name__, url_prefix=DESK)


@dataclass(frozen=True)
class Row:
    """A line with who else looks at it now, and the addresses to go on to: after approving, and after all else."""

    line: QueueLine
    looking: list[str]
    onwards: str
    here: str


@bp.get("/")
@allows(READ)
def queue() -> ResponseReturnValue:
    """A page of the queue."""
    problem: str | None = None
    page, listing = 1, Listing([], 0, 0, 0)
    try:
        page = _page()
        listing = context().worklist.listing(wanted(), PAGE, (page - 1) * PAGE)
    except InvalidInput as error:
        problem = str(error)
    moved = _moved(listing)
    if moved is not None and problem is None:
        return redirect(url_for("review.article", article_id=moved, **carried()), 303)
    pages = max(1, -(-listing.total // PAGE))
    if page > pages and problem is None:
        return redirect(_address(pages), 303)
    shown = render_template(
        "desk/queue.html",
        rows=_rows(listing, page, who()),
        listing=listing,
        effort=context().store.audit.effort(datetime.combine(context().now().date(), time(), UTC)),
        editions=[(name, name) for name in context().worklist.editions()],
        carried=carried(),
        newer=_address(page - 1) if page > 1 else "",
        older=_address(page + 1) if page < pages else "",
        problem=problem,
        words=ui_labels,
    )
    return shown, 422 if problem else 200


def _moved(listing: Listing) -> str | None:
    """The id of the article that was just decided about, if that has moved it to another page.

    With another sidebar it is more or less urgent. The next key is meant for it, and must not meet another article.
    """
    text = request.args.get("at", "")
    if not is_number(text) or int(text) in {line.number for line in listing.lines}:
        return None
    article = context().store.articles.get([int(text)], texts=False).get(int(text))
    return article.id if article is not None and article.status == "published" else None


def _rows(listing: Listing, page: int, me: Account) -> list[Row]:
    """The lines with where to go after a decision: an approved one leaves the queue of open ones, and the next comes
    up; everywhere else the next is on this page or the one after it.
    """
    looking = context().store.reviews.looking([line.number for line in listing.lines], context().now() - PRESENT)
    leaves = request.args.get("state", OPEN) == OPEN
    rows = []
    for place, line in enumerate(listing.lines):
        below = listing.lines[place + 1].number if place + 1 < len(listing.lines) else listing.after
        turn = page if leaves or place + 1 < len(listing.lines) else page + 1
        others = [name for name in looking.get(line.number, []) if name != me.name]
        onwards = _address(page) if below is None else _address(turn, below)
        rows.append(Row(line, others, onwards, _address(page, line.number, at=line.number)))
    return rows


def _address(page: int, number: int | None = None, at: int | None = None) -> str:
    """A page of the queue that is asked for, at the line of an article; with `at` it leads to that article anyway."""
    anchor = None if number is None else f"line-{number}"
    return url_for("worklist.queue", **carried(), page=page if page > 1 else None, at=at, _anchor=anchor)


def carried() -> dict[str, Any]:
    """The queue's filter as this request carries it, for links that keep it."""
    return {name: request.args[name] for name in FILTERS if request.args.get(name)}


def wanted() -> QueueFilter:
    """The filter of this request. Raises InvalidInput."""
    state = request.args.get("state") or OPEN
    if state not in STATES:
        raise InvalidInput(_("“%(text)s” is not a state of a sidebar.", text=state))
    return QueueFilter(request.args.get("edition", ""), _day("since"), _day("until", after=1), state)


def _day(name: str, after: int = 0) -> datetime | None:
    """The beginning of the day of a filter, or of a day after it."""
    text = request.args.get(name, "").strip()
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) + timedelta(days=after)
    except (ValueError, OverflowError):
        raise InvalidInput(_("“%(text)s” is not a date. Write it as 2026-06-01.", text=text)) from None


def _page() -> int:
    text = request.args.get("page", "1")
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS and int(text) > 0):
        raise InvalidInput(_("“%(text)s” is not the number of a page.", text=text))
    return int(text)
