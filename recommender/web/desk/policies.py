"""Rules, the sensitive matrix and the ranking between forms, words and proposals."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from babel.lists import format_list
from flask_babel import format_datetime, format_decimal, get_locale, lazy_gettext, ngettext
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from recommender.articles.article import FLAGS
from recommender.articles.text import one_line
from recommender.curation.rules import (
    AT_LEAST,
    AT_MOST,
    CONDITIONS,
    FORBID,
    LOWER,
    MAX_COUNT,
    MAX_DESCRIPTION,
    MAX_VALUE,
    MAX_VALUES,
    NO_BOX,
    NO_FALLBACK,
    RAISE,
    Condition,
    Labels,
    Rule,
)
from recommender.curation.sensitivity import FIXED, Cell, Matrix
from recommender.curation.signals import MATRIX, MAX_REASON, RANKING, RULE
from recommender.desk.proposals import Proposal
from recommender.errors import FieldProblem
from recommender.ranking.scoring import PARTS
from recommender.web.desk import ui_labels

Form = MultiDict[str, str]
Problems = dict[str, str]
Said = tuple[str, str, str]  # name, before, after

TYPED = tuple(kind for kind in CONDITIONS if kind != "flag")  # flags are ticked
OFFERED = 200  # values of one kind, the most frequent
TIME = "%Y-%m-%dT%H:%M"  # as browsers send and take it
LEARNED = 1.0  # the strength of a part as it was learned
# A value that holds a comma stands in quotation marks.
_VALUE = re.compile(r'\s*"([^"]*)"\s*(?:,|$)|([^,]+)')

# (value, what it does, what that means)
EFFECTS = (
    (FORBID, lazy_gettext("None of these stories"), lazy_gettext("They do not stand there, not even in free places.")),
    (
        AT_MOST,
        lazy_gettext("At most some of them"),
        lazy_gettext("So many, 0 to 10. The best ones stay; others take the places of the rest."),
    ),
    (
        AT_LEAST,
        lazy_gettext("At least some of them"),
        lazy_gettext("So many, 1 to 10. Where none of them is related, one that is not takes the last place."),
    ),
    (
        RAISE,
        lazy_gettext("Raise them"),
        lazy_gettext("The odds that they are related are multiplied by 1 to 10."),
    ),
    (
        LOWER,
        lazy_gettext("Lower them"),
        lazy_gettext("The odds that they are related are multiplied by 0 to 0.9."),
    ),
    (NO_BOX, lazy_gettext("No box"), lazy_gettext("These articles have no related stories at all.")),
    (
        NO_FALLBACK,
        lazy_gettext("Only related stories"),
        lazy_gettext("Places stay free where nothing is related, and are not filled with the latest stories."),
    ),
)
KINDS = {
    "edition": lazy_gettext("Edition"),
    "language": lazy_gettext("Language"),
    "flag": lazy_gettext("Flag"),
    "tag": lazy_gettext("Tag"),
    "country": lazy_gettext("Country"),
    "desk": lazy_gettext("Byline"),
}
FLAG_MEANINGS = {
    "legal_hold": lazy_gettext("Lawyers have stopped it: it has no box, and stands in none."),
    "live_trial": lazy_gettext("It reports a trial that goes on. What stands beside it may prejudice the court."),
    "hostage": lazy_gettext("A hostage is held. What is said beside it may cost a life."),
    "victims_named": lazy_gettext("It names victims, who did not choose the company of other stories."),
    "minor": lazy_gettext("It is about a child, whom two halves of a story may name."),
    "communal_violence": lazy_gettext("It reports violence between communities, which another story may inflame."),
    "sponsored": lazy_gettext("An advertiser has paid for it. It must not look like reporting."),
    "opinion": lazy_gettext("It says what its author thinks."),
    "anything": lazy_gettext("Every article, whatever its flags."),
}
PART_MEANINGS = {
    "dense": lazy_gettext("how similar the texts are in what they say, whatever their words"),
    "lexical": lazy_gettext("how many rare words they share"),
    "themes": lazy_gettext("how similar the broad themes of their words are"),
    "names": lazy_gettext("which people, groups and places both name"),
    "topics": lazy_gettext("which subjects of the table of names both name, such as coups"),
    "tags": lazy_gettext("which tags they share"),
    "places": lazy_gettext("which countries they share"),
    "nearness": lazy_gettext("how close they are in time"),
    "reader": lazy_gettext("what a reader of both texts says of them, where there is one"),
}
# What the core says is wrong, by field and problem, and its translation; the first of a field that fits.
_PROBLEMS = {
    ("description", "is required"): lazy_gettext("Say in a line what the rule is for."),
    ("description", "is too long"): lazy_gettext(
        "This is too long. Use up to %(most)s characters.", most=MAX_DESCRIPTION
    ),
    ("what", "would empty the box"): lazy_gettext("This would empty the box. Say which stories, or choose “No box”."),
    ("then", "is not an effect"): lazy_gettext("Choose what holds."),
    ("count", "is not a number of teasers"): lazy_gettext(
        "Type a number of stories: 0 to %(most)s for at most, 1 to %(most)s for at least.", most=MAX_COUNT
    ),
    ("factor", "is not a boost"): lazy_gettext("Type a number from 1 to 10."),
    ("factor", "does not bury"): lazy_gettext("Type a number from 0 to 0.9."),
    ("until", "is not after the beginning"): lazy_gettext("This is not after the beginning. Choose a later time."),
    ("until", "is over already"): lazy_gettext("This is over already. Choose a later time."),
    ("reason", "is too long"): lazy_gettext("This is too long. Use up to %(most)s characters.", most=MAX_REASON),
    ("matrix", "is not a pair of flags"): lazy_gettext("One of the cells is not in the table. Load the page again."),
    ("min_score", "is not a score"): lazy_gettext("Type a number from 0 to 1."),
    (MATRIX, "is in force already"): lazy_gettext("The matrix is like this already. Change something, or leave it."),
    (RANKING, "is in force already"): lazy_gettext("The ranking is like this already. Change something, or leave it."),
}
_ANYWHERE = {
    "is not a time": lazy_gettext("This is not a date with a time. Write it as 2026-06-01T12:00."),
    "is too much": lazy_gettext("The rule says too much. Use fewer values, or several rules."),
    "are too many": lazy_gettext("These are too many. Use up to %(most)s of each kind.", most=MAX_VALUES),
    "holds a value that is too long": lazy_gettext(
        "One of the values is too long. Use up to %(most)s characters.", most=MAX_VALUE
    ),
    "is not a strength": lazy_gettext("Type a number from 0 to 3. 1 is as learned."),
}


def messages(problems: Iterable[FieldProblem]) -> Problems:
    """What is wrong, by field, in the reader's language; of several problems of a field the first."""
    messages_by_field: Problems = {}
    for problem in problems:
        text = _PROBLEMS.get((problem.field, problem.problem)) or _ANYWHERE.get(problem.problem)
        messages_by_field.setdefault(problem.field, str(text or problem))
    return messages_by_field


# -- rules -------------------------------------------------------------------------------------------------------------


def read_rule(form: Form, seen: int) -> tuple[Proposal, list[FieldProblem]]:
    """The rule that a form asks for instead of another (0: a new one), and the fields that cannot be read."""
    problems: list[FieldProblem] = []
    then = form.get("then", "")
    data = {
        "description": one_line(form.get("description", "")),
        "when": _read_condition(form, "when"),
        "then": then,
        "what": {} if then in (NO_BOX, NO_FALLBACK) else _read_condition(form, "what"),
        "count": _whole(form.get("count", "")) if then in (AT_MOST, AT_LEAST) else None,
        "factor": _number(form.get("factor", "")) if then in (RAISE, LOWER) else None,
        "enabled": form.get("enabled") == "yes",
    }
    since, until = (_time(form, name, problems) for name in ("since", "until"))
    return Proposal(RULE, data, seen, since, until, one_line(form.get("reason", ""))), problems


def _read_condition(form: Form, side: str) -> dict[str, list[str]]:
    values = {kind: split(form.get(f"{side}_{kind}", "")) for kind in TYPED}
    values["flag"] = [flag for flag in form.getlist(f"{side}_flag") if flag in FLAGS]
    return {kind: values[kind] for kind in CONDITIONS if values[kind]}


def split(text: str) -> list[str]:
    """The values of a field, which stand between commas."""
    values = [(quoted or plain).strip() for quoted, plain in _VALUE.findall(one_line(text))]
    return list(dict.fromkeys(value for value in values if value))


def joined(values: Iterable[str]) -> str:
    """Values as `split` reads them."""
    return ", ".join(map(quoted, values))


def quoted(value: str) -> str:
    """One value as `split` reads it."""
    return f'"{value}"' if "," in value else value


def rule_form(rule: Rule, reason: str = "", since: datetime | None = None) -> Form:
    """The fields of a form that asks for a rule."""
    fields: list[tuple[str, str]] = [
        ("description", rule.description),
        ("then", rule.then),
        ("count", "" if rule.count is None else str(rule.count)),
        ("factor", "" if rule.factor is None else f"{rule.factor:g}"),
        ("since", since.strftime(TIME) if since else ""),
        ("until", rule.until.strftime(TIME) if rule.until else ""),
        ("reason", reason),
    ]
    for side, condition in (("when", rule.when), ("what", rule.what)):
        fields += [(f"{side}_{kind}", joined(condition.wanted.get(kind, ()))) for kind in TYPED]
        fields += [(f"{side}_flag", flag) for flag in condition.wanted.get("flag", ())]
    if rule.enabled:
        fields.append(("enabled", "yes"))
    return MultiDict(fields)


def offered(editions: Iterable[str], archive: Sequence[Labels]) -> dict[str, list[str]]:
    """What the archive's articles have, by kind of condition: what a form offers to be chosen."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in TYPED}
    for label, count in Counter(label for labels in archive for label in labels).items():
        kind, _colon, value = label.partition(":")
        if kind in counts:
            counts[kind][value] = count
    values = {kind: sorted(value for value, _count in counts[kind].most_common(OFFERED)) for kind in TYPED}
    return {**values, "edition": [edition for edition in editions if edition]}


def rule_words(rule: Rule) -> str:
    """What a rule says, as a sentence."""
    return str(_("Beside %(articles)s: %(effect)s.", articles=_articles(rule.when), effect=_effect(rule)))


def _articles(condition: Condition) -> str:
    if not condition.wanted:
        return str(_("every article"))
    return str(_("articles %(conditions)s", conditions=condition_words(condition)))


def _effect(rule: Rule) -> str:
    which = condition_words(rule.what) or _("of any kind")
    count, factor = rule.count or 0, format_decimal(rule.factor or 0)
    texts: dict[str, Callable[[], str]] = {
        FORBID: lambda: _("no stories %(which)s", which=which),
        AT_MOST: lambda: ngettext(
            "at most %(num)d story %(which)s", "at most %(num)d stories %(which)s", count, which=which
        ),
        AT_LEAST: lambda: ngettext(
            "at least %(num)d story %(which)s", "at least %(num)d stories %(which)s", count, which=which
        ),
        RAISE: lambda: _("stories %(which)s are raised, odds times %(factor)s", which=which, factor=factor),
        LOWER: lambda: _("stories %(which)s are lowered, odds times %(factor)s", which=which, factor=factor),
        NO_BOX: lambda: _("no box"),
        NO_FALLBACK: lambda: _("only related stories"),
    }
    return str(texts[rule.then]())


def condition_words(condition: Condition) -> str:
    """A condition in words, without the noun it belongs to; empty where everything fits."""
    phrases: dict[str, Callable[[str], str]] = {
        "edition": lambda values: _("of the edition %(values)s", values=values),
        "language": lambda values: _("in the language %(values)s", values=values),
        "flag": lambda values: _("flagged %(values)s", values=values),
        "tag": lambda values: _("tagged %(values)s", values=values),
        "country": lambda values: _("about %(values)s", values=values),
        "desk": lambda values: _("by %(values)s", values=values),
    }
    values_by_kind = condition.wanted
    words = [phrases[kind](_either(kind, values_by_kind[kind])) for kind in CONDITIONS if kind in values_by_kind]
    return ", ".join(map(str, words))


def _either(kind: str, values: Iterable[str]) -> str:
    labels = [str(ui_labels.FLAGS.get(value, value)) if kind == "flag" else value for value in values]
    return format_list(labels, style="or", locale=get_locale())


def unknown(rule: Rule, archive: Sequence[Labels]) -> list[str]:
    """Values that a rule asks for and no article has: perhaps they are misspelt."""
    labels = frozenset().union(*archive)
    return [
        f"{KINDS[kind]}: {value}"
        for condition in (rule.when, rule.what)
        for kind, values in condition.wanted.items()
        for value in values
        if not Condition({kind: (value,)}).fits(labels)
    ]


def rule_changes(old: Rule | None, new: Rule | None, since: datetime | None) -> list[Said]:
    """What a rule says instead of another; `since` is when it begins, unless that is at once."""
    before = {} if old is None else _aspects(old, None)
    after = {} if new is None else _aspects(new, since)
    names = [name for name in after or before if before.get(name) != after.get(name)]
    return [(name, before.get(name, ""), after.get(name, "")) for name in names or after]


def _aspects(rule: Rule, since: datetime | None) -> dict[str, str]:
    aspects = {
        str(_("Rule")): rule_words(rule),
        str(_("Description")): rule.description,
        str(_("State")): str(_("on") if rule.enabled else _("off")),
    }
    if since is not None:
        aspects[str(_("From"))] = _moment(since)
    aspects[str(_("Until"))] = _moment(rule.until) if rule.until else str(_("it is ended"))
    return aspects


def _moment(at: datetime) -> str:
    return str(format_datetime(at, "d MMM y, HH:mm 'UTC'"))


# -- the matrix and the ranking ----------------------------------------------------------------------------------------


def read_matrix(form: Form, seen: int) -> Proposal:
    """The matrix that a form asks for; a cell is `SOURCE:TARGET`."""
    cells = sorted({tuple(cell.split(":")) for cell in form.getlist("cell")} - FIXED)
    return Proposal(
        MATRIX, {"forbidden": [list(cell) for cell in cells]}, seen, reason=one_line(form.get("reason", ""))
    )


def matrix_changes(before: Matrix, after: Matrix) -> list[Said]:
    """What another matrix changes."""
    free, kept_apart = str(_("may stand there")), str(_("must not stand there"))
    come, go = sorted(after.forbidden - before.forbidden), sorted(before.forbidden - after.forbidden)
    return [(cell_words(cell), free, kept_apart) for cell in come] + [
        (cell_words(cell), kept_apart, free) for cell in go
    ]


def cell_words(cell: Cell) -> str:
    """A cell of the matrix as a phrase."""
    source, target = cell
    return str(_("“%(story)s” beside “%(article)s”", story=ui_labels.FLAGS[target], article=ui_labels.FLAGS[source]))


def read_ranking(form: Form, seen: int) -> tuple[Proposal, list[FieldProblem]]:
    """The ranking that a form asks for, and the fields that cannot be read. What is as learned is left out."""
    problems: list[FieldProblem] = []
    typed = form.get("min_score", "").strip()
    least = _number(typed)
    if typed and least is None:
        problems.append(FieldProblem("min_score", repr(typed), "is not a score", "use 0 to 1"))
    weights = {}
    for part in PARTS:
        typed = form.get(part, "").strip()
        strength = _number(typed) if typed else LEARNED
        if strength is None:
            problems.append(FieldProblem(part, repr(typed), "is not a strength", "use 0 to 3"))
        elif strength != LEARNED:
            weights[part] = strength
    data = {**({} if least is None else {"min_score": least}), **({"weights": weights} if weights else {})}
    return Proposal(RANKING, data, seen, reason=one_line(form.get("reason", ""))), problems


def ranking_changes(before: Mapping[str, Any], after: Mapping[str, Any], usual: float) -> list[Said]:
    """What another ranking changes; `usual` is the threshold of the settings."""
    changes: list[Said] = []
    old, new = (data.get("min_score", usual) for data in (before, after))
    if old != new:
        changes.append((str(_("Threshold")), format_decimal(old), format_decimal(new)))
    for part in PARTS:
        old, new = (data.get("weights", {}).get(part, LEARNED) for data in (before, after))
        if old != new:
            changes.append((str(ui_labels.PARTS[part]), format_decimal(old), format_decimal(new)))
    return changes


def ranking_form(proposal: Proposal) -> Form:
    """The fields of a form that asks for a ranking."""
    data = proposal.data
    weights = data.get("weights", {})
    fields = [(part, f"{weights.get(part, LEARNED):g}") for part in PARTS]
    least = "" if data.get("min_score") is None else f"{data['min_score']:g}"
    return MultiDict([("min_score", least), ("reason", proposal.reason), *fields])


# -- fields ------------------------------------------------------------------------------------------------------------


def _whole(text: str) -> int | None:
    text = text.strip()
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def _number(text: str) -> float | None:
    """A number as people type it, in French with a comma."""
    text = text.strip().replace(",", ".")
    return float(text) if re.fullmatch(r"[0-9]{0,9}(\.[0-9]{0,9})?", text) and text.strip(".") else None


def _time(form: Form, name: str, problems: list[FieldProblem]) -> datetime | None:
    text = form.get(name, "").strip()
    if not text:
        return None
    try:
        return datetime.strptime(text, TIME).replace(tzinfo=UTC)
    except ValueError:
        problems.append(FieldProblem(name, repr(text), "is not a time", "write it as 2026-06-01T12:00"))
        return None
