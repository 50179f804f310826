"""What a form of the article page asks for: its fields as they were typed, and the wishes that they mean."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from apiflask import abort
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.datastructures import MultiDict

from recommender.curation.signals import (
    APART,
    BOOST,
    BURY,
    EXCLUDE,
    EXPIRES_AFTER_DAYS,
    EXPIRING,
    MAX_REASON,
    MAX_SLOT,
    OFF,
    PIN,
    REJECT,
)
from recommender.desk.decisions import APPROVE, END, Sent, Wish
from recommender.errors import InvalidSignal

REORDER = "reorder"
ACTIONS = (APPROVE, REJECT, PIN, REORDER, BOOST, BURY, EXCLUDE, APART, OFF, END)
ON_A_STORY = frozenset({REJECT, PIN, BOOST, BURY, EXCLUDE, APART})
AT_ONCE = frozenset({APPROVE, REJECT})  # saved without a preview: one key, and undo is there
ENDING = frozenset({PIN, REORDER, BOOST, BURY, REJECT, EXCLUDE, APART, OFF})  # may end by themselves
FACTORS = {BOOST: (1.0, 10.0, 2.0), BURY: (0.0, 0.9, 0.5)}  # least, most, what is offered
EVERYWHERE = "everywhere"
MAX_DAYS = 3650
MAX_FIELD = 4_000  # characters of any field but the reason
MAX_DIGITS = 10
FIELDS = ("action", "story", "slot", "factor", "scope", "days", "reason", "number", "seen", "digest", "next", "onwards")

# What the core says of a signal, and its translation.
_CORE = {
    "is the article itself": lazy_gettext("This is the article itself. Choose another story."),
    "is given twice": lazy_gettext("Two stories are to stand in one place. Load the page again."),
}


@dataclass(frozen=True)
class TypedForm:
    """The fields of a form, by name, and the order of teasers that it gives."""

    values: Mapping[str, str]
    order: tuple[str, ...]
    preview: bool

    @property
    def action(self) -> str:
        """One of ACTIONS."""
        return self.values["action"]

    @property
    def story(self) -> str:
        """The id of the story that it is about; empty where it is about none."""
        return self.values.get("story", "")

    @property
    def seen(self) -> int:
        """The latest entry of the audit trail that the page had seen."""
        return int(self.values["seen"])

    @property
    def number(self) -> int:
        """The signal that is to be ended."""
        return int(self.values["number"])

    def sent(self, by: str, key: str | None, seconds: int = 0) -> Sent:
        """Who sends it, and with which words. The key holds for exactly these fields: other ones are other wishes."""
        content = json.dumps([{**self.values, "next": "", "onwards": ""}, self.order]).encode()
        name = None if key is None else f"{key}-{hashlib.blake2b(content, digest_size=8).hexdigest()}"
        return Sent(by, name, self.seen, seconds, self.values.get("reason", ""))


def read(form: MultiDict[str, str]) -> TypedForm:
    """What a form asks for. Ends the request with 400 where no page of the desk has such a form.

    A button named `reject` holds the story besides the action, one named `preview` asks for a preview of its action.
    """
    values = {name: form[name] for name in FIELDS if name in form}
    if "reject" in form:
        values |= {"action": REJECT, "story": form["reject"]}
    elif "preview" in form:
        values["action"] = form["preview"]
    action = values.get("action", "")
    step = form.get("step", "preview" if "preview" in form or action not in AT_ONCE else "save")
    order = tuple(form.getlist("order"))
    values["reason"] = _line(values.get("reason", ""))
    complete = (
        action in ACTIONS
        and is_number(values.get("seen", ""))
        and (action not in ON_A_STORY or values.get("story"))
        and (action != APPROVE or values.get("digest"))
        and (action != END or is_number(values.get("number", "")))
        and (action != REORDER or 1 < len(set(order)) == len(order) <= MAX_SLOT)
        and all(len(value) <= MAX_FIELD for name, value in values.items() if name != "reason")
    )
    if not complete:
        abort(400, _("The form was not complete. Load the page again and repeat the last step."))
    return TypedForm(values, order, step == "preview" and action != APPROVE)


def completed(form: TypedForm, slot: int) -> TypedForm:
    """The same with what is offered for fields that the form did not have; `slot` is for a pin."""
    offered = {"days": str(EXPIRES_AFTER_DAYS) if form.action in (*EXPIRING, REORDER) else ""}
    if form.action == PIN:
        offered["slot"] = str(slot)
    if form.action in FACTORS:
        offered |= {"factor": str(FACTORS[form.action][2]), "scope": "here"}
    return TypedForm({**offered, **form.values}, form.order, form.preview)


def wishes(form: TypedForm, now: datetime) -> tuple[list[Wish], dict[str, str]]:
    """The wishes of a form, and what is wrong with it by field: without problems the wishes are complete."""
    problems: dict[str, str] = {}

    def value(name: str, parse: Callable[[str], float | None], wrong: str) -> float | None:
        number = parse(form.values.get(name, "").strip())
        if number is None:
            problems[name] = wrong
        return number

    until = None
    if form.action in ENDING and form.values.get("days", "").strip():
        days = value("days", lambda text: _whole(text, MAX_DAYS), _("Use 1 to %(most)s days.", most=f"{MAX_DAYS:,}"))
        until = None if days is None else now + timedelta(days=days)
    if len(form.values["reason"]) > MAX_REASON:
        problems["reason"] = _("Use up to %(most)s characters.", most=f"{MAX_REASON:,}")
    if form.action == REORDER:
        return [Wish(PIN, story, slot, until=until) for slot, story in enumerate(form.order, start=1)], problems
    slot = factor = None
    if form.action == PIN:
        slot = value("slot", lambda text: _whole(text, MAX_SLOT), _("Use a place from 1 to %(most)d.", most=MAX_SLOT))
    if form.action in FACTORS:
        least, most, _offered = FACTORS[form.action]
        wrong = _("Use a number from %(least)g to %(most)g.", least=least, most=most)
        factor = value("factor", lambda text: _between(text, least, most), wrong)
    everywhere = form.values.get("scope") == EVERYWHERE and form.action in FACTORS
    target = None if form.action == OFF else form.story
    wish = Wish(form.action, target, None if slot is None else int(slot), factor, until, everywhere)
    return [wish], problems


def messages(error: InvalidSignal) -> dict[str, str]:
    """What the core says is wrong, by field."""
    return {problem.field: str(_CORE.get(problem.problem, problem)) for problem in error.problems}


def is_number(text: str) -> bool:
    """Whether a field holds the number of something."""
    return text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS


def _line(text: str) -> str:
    """A text on one line, without invisible characters."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def _whole(text: str, most: int) -> int | None:
    return int(text) if is_number(text) and 1 <= int(text) <= most else None


def _between(text: str, least: float, most: float) -> float | None:
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return None
    return number if least <= number <= most else None
