"""What stood beside an article at a time, where an article is shown, how much of the archive is shown."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, redirect, render_template, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_timedelta, lazy_gettext, ngettext
from flask_babel import gettext as _
from markupsafe import Markup

from recommender.articles.article import Article
from recommender.desk.history import (
    CORRECTED,
    EXCLUDED,
    HELD,
    PUBLISHED,
    RELEASED,
    UNPUBLISHED,
    WITHDRAWN,
    Appearance,
    DisplayHistory,
    Past,
)
from recommender.desk.permissions import READ
from recommender.errors import InvalidInput
from recommender.serving.document import Document
from recommender.store.audit import AuditEntry
from recommender.web.api.recommend import render_fragment
from recommender.web.cache import STALE_SECONDS
from recommender.web.context import context
from recommender.web.desk import ui_labels
from recommender.web.desk.access import allows
from recommender.web.desk.csv_export import BOM, row
from recommender.web.desk.messages import ACTIONS
from recommender.web.headers import DESK

HITS = 20  # of a search
FEW_SECONDS = 120  # up to here a time is shown to the second
COLUMNS = ("article", "title", "place", "since", "until", "seconds")
STATUSES = {
    "published": (lazy_gettext("published"), "good"),
    "draft": (lazy_gettext("draft"), ""),
    "unpublished": (lazy_gettext("unpublished"), "bad"),
    "deleted": (lazy_gettext("withdrawn"), "bad"),
}
TURNS = {
    WITHDRAWN: lazy_gettext("withdrawn"),
    UNPUBLISHED: lazy_gettext("unpublished"),
    PUBLISHED: lazy_gettext("published again"),
    HELD: lazy_gettext("put under legal hold"),
    RELEASED: lazy_gettext("released"),
    EXCLUDED: lazy_gettext("excluded everywhere"),
    CORRECTED: lazy_gettext("corrected"),
}

bp = Blueprint("history", __name__, url_prefix=DESK)


def _display_history() -> DisplayHistory:
    return DisplayHistory(context().store, context().recommender)


@bp.get("/history/<path:article_id>")
@allows(READ)
def history(article_id: str) -> ResponseReturnValue:
    """What stood beside an article, and with `as_of` its sidebar at a time, and why."""
    typed, problem, past = request.args.get("as_of", "").strip(), "", None
    history = _display_history().history(article_id)
    if typed:
        try:
            past = _display_history().as_of(article_id, _moment(typed))
        except InvalidInput as error:
            problem = str(error)
    page = render_template(
        "desk/history.html",
        history=history,
        typed=past.at.strftime("%Y-%m-%dT%H:%M:%S") if past else typed,
        problem=problem,
        past=past,
        fragment=_fragment(past),
        named=_named,
        parts_of=_parts_of,
        actions=ACTIONS,
        cache_seconds=context().settings.cache_seconds,
        stale_hours=STALE_SECONDS // 3600,
        **_common(),
    )
    return page, 422 if problem else 200


@bp.get("/shown/<path:article_id>")
@allows(READ)
def shown(article_id: str) -> str:
    """Where an article is and was shown, and how fast it left or was corrected."""
    whereabouts = _display_history().whereabouts(article_id)
    return render_template("desk/shown.html", whereabouts=whereabouts, turns=TURNS, lasting=_lasting, **_common())


@bp.get("/stays/<path:article_id>")
@allows(READ)
def stays(article_id: str) -> Response:
    """All places of an article as a file for spreadsheets."""
    places, now = _display_history().every_place(article_id), context().recommender.now()
    name = quote(f"shown-{article_id}.csv", safe="")
    headers = {"Content-Disposition": f"attachment; filename=shown.csv; filename*=UTF-8''{name}"}
    return Response(stream_with_context(_file(places, now)), headers=headers, mimetype="text/csv")


@bp.get("/exposure")
@allows(READ)
def exposure() -> ResponseReturnValue:
    """What of the archive is shown, and a way to the articles."""
    text, edition = request.args.get("q", "").strip(), request.args.get("edition", "")
    hits: list[Article] = []
    if text:
        exact = _exact(text)
        if exact is not None:
            return redirect(url_for("history.shown", article_id=exact), 303)
        articles = context().store.articles
        hits = list(articles.get(articles.search(text, HITS), texts=False).values())
    return render_template(
        "desk/exposure.html",
        exposure=context().exposures.now(edition or None),
        edition=edition,
        choices=[("", _("all")), *((name, name) for name in context().store.articles.editions() if name)],
        text=text,
        hits=hits,
        **_common(),
    )


def _exact(text: str) -> str | None:
    """The id of the article that has or had an id or address."""
    articles = context().store.articles
    trace = articles.trace(text)
    if trace is not None:
        return trace.id
    hit = articles.by_url(text)
    return None if hit is None else hit[1].id


def _common() -> dict[str, Any]:
    return {"words": ui_labels, "statuses": STATUSES}


def _moment(text: str) -> datetime:
    """A time that has passed, taken as UTC where it names no zone. Raises InvalidInput."""
    try:
        # An unescaped + in an address arrives as a space.
        moment = datetime.fromisoformat(text.replace(" ", "+") if text.count(":") > 2 else text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(_("“%(text)s” is not a time. Write it as 2026-06-01T12:00.", text=text)) from None
    if moment > context().recommender.now():
        raise InvalidInput(_("This time is still to come. Choose one that has passed."))
    return moment


def _fragment(past: Past | None) -> Markup:
    if past is None or past.sidebar is None:
        return Markup("")
    box = render_fragment(past.sidebar.document, context().settings.sidebar_heading)
    return Markup(box)  # noqa: S704  # made by our own template, which escapes


def _parts_of(item: Document) -> list[tuple[str, str, float]]:
    """The parts of a score that was written down: key, name, share."""
    return [
        (key, str(name), item["parts"][key]) for key, name in ui_labels.PARTS.items() if item.get("parts", {}).get(key)
    ]


def _named(entry: AuditEntry) -> list[str]:
    """The stories that a decision names, by id."""
    signals = [signal for side in (entry.before, entry.after) for signal in (side or {}).get("signals", ())]
    return list(dict.fromkeys(signal["story"] for signal in signals if "story" in signal))


def _lasting(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    if seconds < FEW_SECONDS:
        return str(ngettext("%(num)d second", "%(num)d seconds", seconds))
    return str(format_timedelta(span, threshold=2))


# -- the file


def _file(places: Iterable[Appearance], now: datetime) -> Iterator[str]:
    yield BOM + row(COLUMNS)
    for place in places:
        stay = place.stay
        until = stay.until.isoformat(timespec="seconds") if stay.until else ""
        seconds = round(((stay.until or now) - stay.since).total_seconds())
        since = stay.since.isoformat(timespec="seconds")
        yield row((place.source.id, place.title, stay.slot, since, until, seconds))
