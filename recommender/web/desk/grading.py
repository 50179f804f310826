"""Grading: panels of sampled sidebars, one article after another, and what the grades say."""

import re
import secrets
from datetime import UTC, date, datetime, time
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from markupsafe import Markup

from recommender.desk.permissions import GRADE, PANELS
from recommender.errors import Forbidden, InvalidInput
from recommender.grading import panels
from recommender.grading.grading import Sheet
from recommender.grading.panels import MAX_NAME, MAX_POOL, MAX_SIZE, POOL, SIZE, VERSION, Sample, Values
from recommender.serving.document import make_card
from recommender.store import grading
from recommender.store.grading import INAPPROPRIATE, SATISFACTORY, UNACCEPTABLE
from recommender.web.api.recommend import render_fragment
from recommender.web.context import context
from recommender.web.desk.access import allows, may, request_key, who
from recommender.web.headers import DESK

bp = Blueprint("grading", __name__, url_prefix=f"{DESK}/grading")

WHOLE = "sidebar"  # the field of the verdict; those of stories are `story-` and a number
SEEDS = 2**31
NOWHERE = -2  # not the number of any story, and not on any scale

# (value, key, word, meaning); keys act on the story that is current.
SCALE = (
    (4, "4", lazy_gettext("Must appear"), lazy_gettext("What this story led to, or what it goes back to.")),
    (
        3,
        "3",
        lazy_gettext("Essential"),
        lazy_gettext(
            "The same running story, background without which it is hard to follow, or the same report in the other "
            "language."
        ),
    ),
    (2, "2", lazy_gettext("Significant"), lazy_gettext("Real context, or a clear parallel.")),
    (
        1,
        "1",
        lazy_gettext("Some use"),
        lazy_gettext("The same broad subject or place. You would take it only for want of a better one."),
    ),
    (0, "0", lazy_gettext("None"), lazy_gettext("It helps this reader little or not at all.")),
    (
        VERSION,
        "v",
        lazy_gettext("Another version"),
        lazy_gettext(
            "The same report once more: same language and facts, same or next day. It must not stand beside this one."
        ),
    ),
)
VERDICT_SCALE = (
    (SATISFACTORY, "2", lazy_gettext("Satisfactory"), lazy_gettext("You would let it stand as it is.")),
    (
        INAPPROPRIATE,
        "1",
        lazy_gettext("Inappropriate"),
        lazy_gettext("A story in it does not belong here or is out of date; you would change it."),
    ),
    (
        UNACCEPTABLE,
        "0",
        lazy_gettext("Unacceptable"),
        lazy_gettext("It offends, misleads or harms people; it must not be published."),
    ),
)
# The messages of the core, which know no language, and their translations. A test holds both to the same English.
PHRASES = {
    panels.WRONG_NAME: lazy_gettext("The name of a panel has 1 to 100 characters that can be read. Choose another."),
    grading.TAKEN: lazy_gettext("There is a panel with this name already. Choose another name."),
    panels.WRONG_SIZE: lazy_gettext("A panel has 1 to 500 articles."),
    panels.WRONG_POOL: lazy_gettext("0 to 20 further stories can be graded beside a sidebar."),
    panels.WRONG_SEED: lazy_gettext("The seed is a whole number from 0 on."),
    panels.NO_ARTICLES: lazy_gettext("No published article has a date in this time. Choose another edition or time."),
    panels.NOTHING_GRADED: lazy_gettext("Nothing is graded yet. Choose a grade for at least one story."),
    panels.NOT_ASKED: lazy_gettext("One of the stories is not to be graded beside this article. Load the page again."),
    panels.NOT_ON_SCALE: lazy_gettext("One of the grades is not on its scale. Load the page again."),
}


def _phrase(error: InvalidInput) -> str:
    return str(PHRASES.get(str(error), error))


# -- panels


@bp.get("")
@allows(GRADE)
def overview() -> str:
    """All panels, and how far each grader is."""
    return render_template("desk/grading.html", panels=context().grading.progress(), me=who().name)


@bp.get("/new")
@allows(PANELS)
def new() -> str:
    """A form to draw a panel."""
    return _new({"size": SIZE, "pool": POOL}, None)


def _new(values: Any, problem: str | None) -> str:
    return render_template(
        "desk/grading_new.html",
        typed=values,
        problem=problem,
        editions=[name for name in context().store.articles.editions() if name],
        limits={"name": MAX_NAME, "size": MAX_SIZE, "pool": MAX_POOL},
    )


@bp.post("/new")
@allows(PANELS)
def create() -> ResponseReturnValue:
    """Draws a panel."""
    key = request_key()
    try:
        panel = context().grading.create(request.form.get("name", ""), who().name, _sample(), key)
    except InvalidInput as error:
        return _new(request.form, _phrase(error)), 422
    flash(_("The panel %(name)s has %(count)d articles.", name=panel.name, count=len(panel.sidebars)))
    return redirect(url_for("grading.overview"), 303)


def _sample() -> Sample:
    seed = request.form.get("seed", "").strip()
    return Sample(
        seed=_number(seed, panels.WRONG_SEED) if seed else secrets.randbelow(SEEDS),
        size=_number(request.form.get("size", ""), panels.WRONG_SIZE),
        pool=_number(request.form.get("pool", ""), panels.WRONG_POOL),
        edition=request.form.get("edition") or None,
        since=_day("since", time()),
        until=_day("until", time.max),
    )


def _number(text: str, wrong: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text.strip()):
        raise InvalidInput(wrong)
    return int(text)


def _day(name: str, at: time) -> datetime | None:
    text = request.form.get(name, "").strip()
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), at, UTC)
    except ValueError as error:
        raise InvalidInput(_("“%(text)s” is not a date. Write it as 2026-06-01.", text=text)) from error


@bp.get("/<int:panel>")
@allows(GRADE)
def go_on(panel: int) -> ResponseReturnValue:
    """Leads to the first article that this grader has not finished."""
    return _onwards(panel, 0)


def _onwards(panel: int, after: int) -> ResponseReturnValue:
    """To the next article that is not finished, those after one before the others; to all panels if there is none."""
    place = context().grading.next_place(panel, who().name, after - 1)
    if place is not None:
        return redirect(url_for("grading.article", panel=panel, place=place + 1), 303)
    flash(_("You have graded everything in this panel."))
    return redirect(url_for("grading.overview"), 303)


@bp.get("/<int:panel>/report")
@allows(GRADE)
def report(panel: int) -> str:
    """What the grades say. Before their own are in, graders do not see it: it would lead them."""
    report = context().grading.report(panel)
    if not (may(PANELS) or report.progress.done_by(who().name)):
        raise Forbidden(_("You can see what others say when you have graded the whole panel."))
    return render_template(
        "desk/grading_report.html",
        report=report,
        unacceptable=context().grading.ids(report.unacceptable),
        words={value: word for value, _key, word, _meaning in VERDICT_SCALE},
        bars={
            SATISFACTORY: _("%(share)s or more", share="85 %"),
            INAPPROPRIATE: _("%(share)s or less", share="15 %"),
            UNACCEPTABLE: _("none"),
        },
    )


# -- one article


@bp.get("/<int:panel>/<int:place>")
@allows(GRADE)
def article(panel: int, place: int) -> ResponseReturnValue:
    """One article, the stories to be graded beside it, and its sidebar."""
    sheet = context().grading.sheet(panel, place - 1, who().name)
    if sheet is None:
        flash(_("Article %(place)d has been withdrawn since, and is skipped.", place=place))
        return _onwards(panel, place)
    return _article(sheet, sheet.graded, None)


def _article(sheet: Sheet, grades: Values, problem: str | None) -> str:
    cards = [make_card(sheet.stories[number]) for number in sheet.sidebar]
    places = {sheet.stories[number].id: f"#story-{number}" for number in sheet.sidebar}
    heading = context().settings.sidebar_heading
    fragment = render_fragment({"items": cards}, heading, lambda item: places[item["id"]])
    return render_template(
        "desk/grading_article.html",
        sheet=sheet,
        chosen=grades,
        problem=problem,
        fragment=Markup(fragment),  # noqa: S704  # made by our own template, which escapes
        paragraphs=_paragraphs,
        scale_of_stories=SCALE,
        scale_of_sidebars=VERDICT_SCALE,
    )


def _paragraphs(text: str) -> list[str]:
    return text.split("\n\n") if text else []


@bp.post("/<int:panel>/<int:place>")
@allows(GRADE)
def grade(panel: int, place: int) -> ResponseReturnValue:
    """Keeps what was graded, also where something is still missing, and leads to the next article."""
    key, grading, me, values = request_key(), context().grading, who().name, _values()
    try:
        grading.grade(panel, place - 1, me, values, key)
    except InvalidInput as error:
        sheet = grading.sheet(panel, place - 1, me)
        if sheet is None:
            raise
        return _article(sheet, {**sheet.graded, **values}, _phrase(error)), 422
    saved = grading.sheet(panel, place - 1, me)
    if saved is not None and not saved.finished:
        flash(_("Article %(place)d is saved. Some of its grades are still missing; it will come again.", place=place))
    return _onwards(panel, place)


def _values() -> dict[int | None, int]:
    """The grades of the form. What no page of ours sends becomes NOWHERE, and is refused with the rest."""
    values: dict[int | None, int] = {}
    for name, text in request.form.items():
        if name == WHOLE:
            values[None] = _sent(text)
        elif name.startswith("story-"):
            values[_sent(name.removeprefix("story-"))] = _sent(text)
    return values


def _sent(text: str) -> int:
    return int(text) if re.fullmatch(r"-1|[0-9]{1,10}", text) else NOWHERE
