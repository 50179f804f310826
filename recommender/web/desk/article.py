"""One article: its text beside its sidebar, the candidates below, and everything that editors can decide about it."""

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from recommender.curation.signals import APART, BOOST, BURY, EXCLUDE, MATRIX, OFF, PIN, RANKING, REJECT, RULE
from recommender.desk.decisions import APPROVE, END, Sent
from recommender.desk.permissions import DECIDE, READ, RULES, TUNE
from recommender.errors import ArticleNotFound, Conflict, Forbidden, InvalidSignal, NotFound
from recommender.ranking.facts import PINNED
from recommender.serving.answers import Query
from recommender.store.audit import AuditEntry
from recommender.web.context import context
from recommender.web.desk.access import allows, local_path, may, request_key, who
from recommender.web.desk.article_pages import (
    address,
    conflict,
    known,
    not_undone,
    preview,
    published,
    shown,
    signal_of,
)
from recommender.web.desk.forms import ON_A_STORY, REORDER, TypedForm, completed, is_number, messages, read, wishes
from recommender.web.desk.messages import ACTIONS
from recommender.web.desk.queue import PRESENT, carried, wanted
from recommender.web.headers import DESK

bp = Blueprint("review", __name__, url_prefix=DESK)

MAX_SEARCH = 2_000  # characters; an address may be as long
# Which permission the undo of a decision for the whole site needs.
_NEEDS = {RULE: RULES, MATRIX: TUNE, RANKING: TUNE}

DONE = {
    APPROVE: lazy_gettext("Approved."),
    REJECT: lazy_gettext("Rejected."),
    PIN: lazy_gettext("Pinned."),
    REORDER: lazy_gettext("The order is kept."),
    BOOST: lazy_gettext("Boosted."),
    BURY: lazy_gettext("Buried."),
    EXCLUDE: lazy_gettext("Excluded everywhere."),
    APART: lazy_gettext("They will not stand together."),
    OFF: lazy_gettext("The box is off."),
    END: lazy_gettext("Taken back."),
}


# -- looking


@bp.get("/article/<path:article_id>")
@allows(READ)
def article(article_id: str) -> str:
    """The page of an article. For two minutes it shows others who has opened it."""
    page, now = context().reviewing.page(article_id), context().now()
    return shown(
        "desk/article.html", page, looking=context().store.reviews.look(page.number, who().name, now, now - PRESENT)
    )


@bp.get("/search/<path:article_id>")
@allows(READ)
def search(article_id: str) -> str:
    """Stories that could be added to the sidebar of an article, by words, id or address."""
    text = request.args.get("q", "").strip()[:MAX_SEARCH]
    page, candidates = context().reviewing.search(article_id, text)
    return shown("desk/article_search.html", page, text=text, candidates=candidates)


@bp.get("/next/<path:article_id>")
@allows(READ)
def following(article_id: str) -> ResponseReturnValue:
    """Leads to the article that comes after one in the queue."""
    after = context().worklist.following(article_id, wanted())
    if after is None:
        flash(_("Nothing is left in this queue."))
        return redirect(url_for("worklist.queue", **carried()), 303)
    return redirect(url_for("review.article", article_id=after, **carried()), 303)


# -- deciding


@bp.post("/article/<path:article_id>")
@allows(DECIDE)
def decide(article_id: str) -> ResponseReturnValue:
    """Keeps a decision about an article, or shows first what it would change."""
    form = read(request.form)
    if form.preview:
        return preview(article_id, completed(form, _slot(article_id, form.story) if form.action == PIN else 1))
    key = request_key()
    try:
        entry = _keep(article_id, form, key)
    except InvalidSignal as error:
        return preview(article_id, form, messages(error))
    except Conflict as error:
        return conflict(article_id, form, error)
    except NotFound as error:
        if form.action != END or isinstance(error, ArticleNotFound):
            raise
        flash(_("That is not in force any more."), "problem")
        return redirect(address(article_id, form), 303)
    if entry is None:
        return preview(article_id, form)
    context().reviewing.note(article_id)
    here = local_path(form.values["next"]) if form.values.get("next") else address(article_id, form)
    flash(
        f"{DONE[form.action]} {_about(article_id, form)}",
        f"undo {url_for('review.undo', entry=entry.number, next=here)}",
    )
    onwards = form.values.get("onwards") if form.action == APPROVE else None
    return redirect(local_path(onwards) if onwards else here, 303)


def _keep(article_id: str, form: TypedForm, key: str) -> AuditEntry | None:
    """The entry of a decision; None where its fields are wrong. Raises Conflict, InvalidSignal, NotFound."""
    decisions, sent = context().decisions, form.sent(who().name, key, _seconds())
    if form.action == APPROVE:
        return decisions.approve(article_id, form.values["digest"], context().reviewing.digest(article_id), sent)
    if form.action == END:
        return decisions.end(article_id, [signal_of(article_id, form).number], sent)
    wished, problems = wishes(form, context().now())
    return None if problems else decisions.decide(article_id, wished, sent)


def _seconds() -> int:
    text = request.form.get("seconds", "")
    return int(text) if is_number(text) else 0


def _about(article_id: str, form: TypedForm) -> str:
    """The title of what a decision was about."""
    return known(form.story if form.action in ON_A_STORY else article_id)[1].title


@bp.post("/undo/<int:entry>")
@allows(READ)
def undo(entry: int) -> ResponseReturnValue:
    """Takes a decision back, if the editor may decide such things."""
    key, back = request_key(), local_path(request.args.get("next"))
    decision = context().store.audit.get(entry)
    if decision is None:
        raise NotFound(f"There is no entry {entry}.")
    kinds = {signal["kind"] for side in (decision.before, decision.after) for signal in (side or {}).get("signals", ())}
    if not all(may(_NEEDS.get(kind, DECIDE)) for kind in kinds or {APPROVE}):
        raise Forbidden(_("Your role does not allow this."))
    try:
        if context().store.audit.by_key(key) is None and not context().reviewing.can_undo(decision):
            latest = entry if decision.article is None else context().store.audit.latest(decision.article)
            raise Conflict("This decision has been changed since, so it cannot be undone.", latest)
        context().decisions.undo(entry, Sent(who().name, key, seconds=_seconds()))
    except Conflict as error:
        return not_undone(decision, error)
    article = published(decision)
    if article is not None:
        context().reviewing.note(article.id)
    flash(_("Undone: %(action)s.", action=ACTIONS.get(decision.action, decision.action)))
    return redirect(back, 303)


def _slot(article_id: str, story: str) -> int:
    """The place that is offered for a pin: where the story stands already, else the first that has no pin."""
    items = context().recommender.for_article(article_id, Query()).items
    places = {item.article.id: place for place, item in enumerate(items, start=1)}
    pinned = {place for place, item in enumerate(items, start=1) if item.teaser.source == PINNED}
    free = (place for place in range(1, Query().n + 1) if place not in pinned)
    return places.get(story) or next(free, 1)
