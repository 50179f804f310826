"""The audit trail: who did what, when and why, as a page and as CSV."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import Blueprint, Response, render_template, request, stream_with_context
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from recommender.desk.permissions import READ
from recommender.errors import InvalidInput
from recommender.store.audit import AuditEntry, AuditQuery
from recommender.store.base import Store
from recommender.web.context import context
from recommender.web.desk.access import allows
from recommender.web.desk.csv_export import BOM, row
from recommender.web.desk.messages import ACTIONS
from recommender.web.headers import DESK

PAGE = 50
BATCH = 500  # of the file
SHOWN = 600  # characters of a value on the page; the file has all of it
COLUMNS = ("number", "at", "by", "action", "article", "subject", "before", "after", "why", "seconds")
FILTERS = ("by", "action", "article", "since", "until")

bp = Blueprint("trail", __name__, url_prefix=DESK)


@dataclass(frozen=True)
class AuditLine:
    """An entry as the page shows it: with its article's id, and what changed as (name, before, after)."""

    entry: AuditEntry
    article: str | None
    changes: list[tuple[str, str, str]]


@bp.get("/audit")
@allows(READ)
def audit() -> ResponseReturnValue:
    """The entries that fit the filters, the latest first."""
    problem: str | None = None
    entries: list[AuditEntry] = []
    try:
        entries = _entries(context().store, _query(), PAGE + 1)
    except InvalidInput as error:
        problem = str(error)
    page = render_template(
        "desk/audit.html",
        lines=_lines(context().store, entries[:PAGE]),
        older=entries[PAGE - 1].number if len(entries) > PAGE else None,
        filters={name: request.args[name] for name in FILTERS if request.args.get(name)},
        actions=ACTIONS,
        people=[account.name for account in context().accounts.everyone()],
        problem=problem,
    )
    return page, 422 if problem else 200


@bp.get("/audit.csv")
@allows(READ)
def audit_csv() -> Response:
    """All entries that fit the filters, as a file for spreadsheets."""
    query = _query()
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return Response(stream_with_context(_file(context().store, query)), headers=headers, mimetype="text/csv")


def _query() -> AuditQuery | None:
    """What the address asks for; None where it asks for an article that is not there. Raises InvalidInput."""
    store, article = context().store, request.args.get("article", "").strip()
    hit = store.articles.find(article) if article else None
    if article and hit is None:
        return None
    before = request.args.get("before", "")
    if before and not (before.isascii() and before.isdigit() and len(before) < 19):
        raise InvalidInput(_("“%(text)s” is not the number of an entry.", text=before))
    return AuditQuery(
        article=hit[0] if hit else None,
        by=request.args.get("by", "").strip() or None,
        action=request.args.get("action") or None,
        since=_day("since"),
        until=_day("until", after=1),
        before=int(before) if before else None,
    )


def _day(name: str, after: int = 0) -> datetime | None:
    """The beginning of the day of a filter, or of a day after it."""
    text = request.args.get(name, "").strip()
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) + timedelta(days=after)
    except (ValueError, OverflowError):
        raise InvalidInput(_("“%(text)s” is not a date. Write it as 2026-06-01.", text=text)) from None


def _entries(store: Store, query: AuditQuery | None, limit: int) -> list[AuditEntry]:
    return [] if query is None else store.audit.entries(query, limit)


def _lines(store: Store, entries: Iterable[AuditEntry]) -> list[AuditLine]:
    listed = list(entries)
    articles = store.articles.get([entry.article for entry in listed if entry.article is not None], texts=False)
    return [
        AuditLine(
            entry,
            articles[entry.article].id if entry.article in articles else None,
            _changes(entry.before, entry.after),
        )
        for entry in listed
    ]


def _changes(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[tuple[str, str, str]]:
    old, new = before or {}, after or {}
    names = [*old, *(name for name in new if name not in old)]
    return [(name, _shown(old.get(name)), _shown(new.get(name))) for name in names if old.get(name) != new.get(name)]


def _shown(value: Any) -> str:
    if value is None or value in ([], {}, ""):
        return "\N{EN DASH}"
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, dict):
        text = ", ".join(f"{name} {_shown(inner)}" for name, inner in value.items())
    elif isinstance(value, list):
        text = "; ".join(map(_shown, value))
    else:
        text = str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _file(store: Store, query: AuditQuery | None) -> Iterator[str]:
    yield BOM + row(COLUMNS)
    while batch := _entries(store, query, BATCH):
        for line in _lines(store, batch):
            yield row(_cells(line))
        query = replace(query or AuditQuery(), before=batch[-1].number)


def _cells(line: AuditLine) -> list[str]:
    entry = line.entry
    sides = [json.dumps(side, ensure_ascii=False) if side else "" for side in (entry.before, entry.after)]
    at = entry.at.isoformat(timespec="seconds")
    return [
        str(entry.number),
        at,
        entry.by,
        entry.action,
        line.article or "",
        entry.subject,
        *sides,
        entry.why,
        str(entry.seconds),
    ]
