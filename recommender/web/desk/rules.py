"""Rules, the matrix of sensitive content and the ranking: shown, tried on the whole archive, and put in force."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from itsdangerous import BadData, URLSafeSerializer
from werkzeug.datastructures import MultiDict

from recommender.articles.text import one_line
from recommender.curation.rules import MAX_DESCRIPTION, Rule, rule_of
from recommender.curation.sensitivity import DEFAULT_MATRIX, FIXED, ROWS, Matrix, parse_matrix
from recommender.curation.signals import MATRIX, MAX_REASON, RANKING, RULE, Signal
from recommender.desk.decisions import END, Sent
from recommender.desk.impact import Status
from recommender.desk.permissions import READ, RULES, TUNE
from recommender.desk.proposals import Overtaken, Proposal
from recommender.errors import Conflict, FieldProblem, Forbidden, InvalidSignal, NotFound, Unavailable
from recommender.ranking.scoring import PARTS
from recommender.web.context import context
from recommender.web.desk import policies, ui_labels
from recommender.web.desk.access import allows, may, request_key, who
from recommender.web.desk.forms import is_number
from recommender.web.desk.policies import Form
from recommender.web.headers import DESK

bp = Blueprint("rules", __name__, url_prefix=DESK)

EARLIER = 20  # rules that are over, and versions of others
MAX_NUMBER = 2**31  # no number of a rule is larger
MAX_CARRIED = 6_000  # characters of a proposal: addresses of 8,000 pass every server
PAGES = {RULE: "rules.rules", END: "rules.rules", MATRIX: "rules.sensitive", RANKING: "rules.ranking"}
ON, OFF, LATER, OVER, ENDED = "on", "off", "later", "over", "ended"


@dataclass(frozen=True)
class RuleLine:
    """A rule as the list shows it."""

    signal: Signal
    rule: Rule
    words: str
    state: str


# -- rules -------------------------------------------------------------------------------------------------------------


@bp.get("/rules")
@allows(READ)
def rules() -> str:
    """All rules, and those that are over."""
    return _rules()


def _rules(problem: str = "", other: Overtaken | None = None) -> str:
    kept = context().recommender.snapshot().directives.signals.values()
    lines = sorted(map(_line, (signal for signal in kept if signal.kind == RULE)), key=lambda line: -line.signal.number)
    standing = [line for line in lines if line.state != OVER]
    past = map(_line, context().store.signals.of_kinds([RULE], EARLIER + len(standing)))
    earlier = [line for line in past if line.state in (OVER, ENDED)][:EARLIER]
    return render_template("desk/rules.html", standing=standing, earlier=earlier, problem=problem, other=other)


def _line(signal: Signal) -> RuleLine:
    rule, now = rule_of(signal), context().now()
    if signal.ended is not None:
        state = ENDED
    elif signal.until is not None and signal.until <= now:
        state = OVER
    elif not rule.enabled:
        state = OFF
    else:
        state = LATER if signal.since > now else ON
    return RuleLine(signal, rule, policies.rule_words(rule), state)


@bp.get("/rules/new")
@allows(RULES)
def new() -> ResponseReturnValue:
    """A form for a new rule; `like` names one to begin with."""
    carried = _carried(RULE)
    if carried is not None:
        return _rule_page(policies.rule_form(_trusted(carried), carried.reason, carried.since), 0)
    like = request.args.get("like", "")
    if is_number(like):
        return _rule_page(policies.rule_form(replace(rule_of(_rule_signal(int(like))), until=None)), 0)
    return _rule_page(MultiDict({"then": "", "enabled": "yes"}), 0)


@bp.post("/rules/new")
@allows(RULES)
def propose_new() -> ResponseReturnValue:
    """Tries a new rule."""
    return _propose_rule(0)


@bp.get("/rules/<int:number>/edit")
@allows(RULES)
def edit(number: int) -> ResponseReturnValue:
    """A form that changes a rule."""
    signal, carried = _rule_signal(number), _carried(RULE)
    if carried is not None:
        return _rule_page(policies.rule_form(_trusted(carried), carried.reason, carried.since), number)
    if signal.ended is not None:
        other = context().proposals.overtaken(Proposal(END, seen=number))
        flash(_("This rule has been changed or ended by %(name)s.", name=signal.ended_by), "problem")
        here = url_for("rules.edit", number=other.now) if other and other.now else url_for("rules.rules")
        return redirect(here, 303)
    since = signal.since if signal.since > context().now() else None
    return _rule_page(policies.rule_form(rule_of(signal), "", since), number)


@bp.post("/rules/<int:number>/edit")
@allows(RULES)
def propose_edit(number: int) -> ResponseReturnValue:
    """Tries another version of a rule."""
    _rule_signal(number)
    return _propose_rule(number)


def _rule_signal(number: int) -> Signal:
    if number >= MAX_NUMBER:
        raise NotFound(f"There is no rule {number}.")
    return context().proposals.rule(number)


def _trusted(proposal: Proposal) -> Rule:
    """The rule of a proposal that has been checked once."""
    signal = Signal(
        RULE, None, None, "", since=proposal.since or context().now(), until=proposal.until, data=proposal.data
    )
    return rule_of(signal)


def _propose_rule(number: int) -> ResponseReturnValue:
    proposal, unread = policies.read_rule(request.form, number)
    return _propose(proposal, unread, request.form)


def _rule_page(
    form: Form, number: int, problems: policies.Problems | None = None, other: Overtaken | None = None
) -> str:
    return render_template(
        "desk/rules_edit.html",
        typed=form,
        number=number,
        problems=problems or {},
        other=other,
        effects=policies.EFFECTS,
        kinds=policies.KINDS,
        flags={flag: ui_labels.FLAGS[flag] for flag in ROWS if flag != "anything"},
        offered=policies.offered(context().store.articles.editions(), list(context().recommender.columns().labels)),
        quoted=policies.quoted,
        limits={"description": MAX_DESCRIPTION, "reason": MAX_REASON},
    )


@bp.post("/rules/<int:number>/switch")
@allows(RULES)
def switch(number: int) -> ResponseReturnValue:
    """Tries a rule switched off, or on again."""
    signal = _rule_signal(number)
    rule = rule_of(signal)
    data = {**rule.to_data(), "enabled": not rule.enabled}
    since = signal.since if signal.since > context().now() else None
    return _propose(Proposal(RULE, data, number, since, signal.until), [])


@bp.post("/rules/<int:number>/end")
@allows(RULES)
def end(number: int) -> ResponseReturnValue:
    """Tries the archive without a rule."""
    _rule_signal(number)
    return _propose(Proposal(END, seen=number), [])


# -- the matrix and the ranking ----------------------------------------------------------------------------------------


@bp.get("/sensitive")
@allows(READ)
def sensitive() -> str:
    """The matrix of sensitive content."""
    carried, standing = _carried(MATRIX), context().proposals.in_force(MATRIX)
    matrix = _matrix_of(standing) if carried is None else carried.matrix
    seen = _seen(standing) if carried is None else carried.seen
    return _sensitive_page(matrix, seen, carried.reason if carried else "")


def _sensitive_page(
    matrix: Matrix,
    seen: int,
    reason: str = "",
    problems: policies.Problems | None = None,
    other: Overtaken | None = None,
) -> str:
    return render_template(
        "desk/sensitive.html",
        rows=ROWS,
        fixed=FIXED,
        forbidden=matrix.forbidden,
        flags=ui_labels.FLAGS,
        meanings=policies.FLAG_MEANINGS,
        standing=context().proposals.in_force(MATRIX),
        seen=seen,
        reason=reason,
        problems=problems or {},
        other=other,
    )


@bp.post("/sensitive")
@allows(TUNE)
def propose_sensitive() -> ResponseReturnValue:
    """Tries another matrix."""
    return _propose(policies.read_matrix(request.form, _seen_field()), [])


@bp.get("/ranking")
@allows(READ)
def ranking() -> str:
    """The threshold, and how strongly each part of the score counts."""
    carried, standing = _carried(RANKING), context().proposals.in_force(RANKING)
    shown = carried or Proposal(RANKING, {} if standing is None else standing.data, _seen(standing))
    return _ranking_page(policies.ranking_form(shown), shown.seen)


def _ranking_page(
    form: Form, seen: int, problems: policies.Problems | None = None, other: Overtaken | None = None
) -> str:
    outlooks = context().store.ledger.outlooks()
    standing = context().proposals.in_force(RANKING)
    data: Mapping[str, Any] = {} if standing is None else standing.data
    return render_template(
        "desk/ranking.html",
        typed=form,
        seen=seen,
        problems=problems or {},
        other=other,
        standing=standing,
        threshold=data.get("min_score", context().settings.min_score),
        usual=context().settings.min_score,
        teasers=sum(outlook.teasers for outlook in outlooks),
        fallbacks=sum(outlook.fallbacks for outlook in outlooks),
        parts_of_score=[(part, ui_labels.PARTS[part], policies.PART_MEANINGS[part]) for part in PARTS],
    )


@bp.post("/ranking")
@allows(TUNE)
def propose_ranking() -> ResponseReturnValue:
    """Tries another threshold and other strengths; `reset` tries those that were learned."""
    if "reset" in request.form:
        reason = one_line(request.form.get("reason", ""))
        return _propose(Proposal(RANKING, {}, _seen_field(), reason=reason), [])
    proposal, unread = policies.read_ranking(request.form, _seen_field())
    return _propose(proposal, unread, request.form)


def _seen(standing: Signal | None) -> int:
    return 0 if standing is None else standing.number


def _seen_field() -> int:
    text = request.form.get("seen", "")
    if not is_number(text) or int(text) >= MAX_NUMBER:
        abort(400, _("The form was not complete. Load the page again and repeat the last step."))
    return int(text)


def _matrix_of(standing: Signal | None) -> Matrix:
    return DEFAULT_MATRIX if standing is None else parse_matrix(standing.data)


# -- trying ------------------------------------------------------------------------------------------------------------


def _signer() -> URLSafeSerializer:
    # Signed, so that a link from elsewhere cannot put a change in front of an editor who may apply it.
    return URLSafeSerializer(current_app.secret_key or "", salt="proposal")


def _token(proposal: Proposal) -> str:
    """A proposal as addresses and hidden fields carry it: nothing is lost if the worker ends."""
    return str(_signer().dumps(proposal.to_data()))


def _read_token(text: str) -> Proposal:
    try:
        return Proposal.from_data(_signer().loads(text))
    except BadData:
        if request.method != "POST":
            abort(404)
        abort(400, _("The form was not complete. Load the page again and repeat the last step."))


def _carried(kind: str) -> Proposal | None:
    """The proposal that an address carries back into its form."""
    text = request.args.get("change")
    proposal = None if text is None else _read_token(text)
    return proposal if proposal is not None and proposal.kind == kind else None


def _propose(proposal: Proposal, unread: list[FieldProblem], form: Form | None = None) -> ResponseReturnValue:
    """Begins to work out the reach of a proposal; back to its form where something is wrong with it."""
    _require(proposal)
    problems = list(unread)
    try:
        context().proposals.check(proposal)
    except InvalidSignal as error:
        problems += error.problems
    if len(_token(proposal)) > MAX_CARRIED:
        problems.append(FieldProblem("when", f"{len(_token(proposal))} characters", "is too much", "use fewer values"))
    if problems:
        return _form_again(proposal, policies.messages(problems), form=form), 422
    other = context().proposals.overtaken(proposal)
    if other is not None:
        return _form_again(proposal, {}, other, form=form), 409
    return _begin(proposal)


def _require(proposal: Proposal) -> None:
    if proposal.kind in (MATRIX, RANKING) and not may(TUNE):
        raise Forbidden(_("Your role does not allow this."))


def _begin(proposal: Proposal) -> ResponseReturnValue:
    """Starts the work, and leads to the page that shows how far it is."""
    job = None
    try:
        job = context().worker.start_reach(context().proposals.change(proposal, who().name))
        if job is None:
            flash(_("Two other changes are being worked out. Try again in some seconds."), "problem")
    except Unavailable:
        flash(_("The process that works it out does not answer. Try again in some seconds."), "problem")
    return redirect(url_for("rules.reach", change=_token(proposal), job=job), 303)


def _form_again(
    proposal: Proposal, problems: policies.Problems, other: Overtaken | None = None, form: Form | None = None
) -> str:
    """The form of a proposal once more, as it was filled in. With `other` it replaces what that has put in force."""
    seen = proposal.seen if other is None else other.now
    if proposal.kind == MATRIX:
        forbidden = frozenset((cell[0], cell[-1]) for cell in proposal.data["forbidden"])
        return _sensitive_page(Matrix(forbidden | FIXED), seen, proposal.reason, problems, other)
    if proposal.kind == RANKING:
        return _ranking_page(form or policies.ranking_form(proposal), seen, problems, other)
    if proposal.kind == RULE:
        form = form or policies.rule_form(_trusted(proposal), proposal.reason, proposal.since)
        return _rule_page(form, seen, problems, other)
    return _rules(" ".join(problems.values()), other)


@bp.get("/rules/reach")
@allows(RULES)
def reach() -> str:
    """What a proposal would change, or how far the work is."""
    return _reach_page(_read_token(request.args.get("change", "")), request.args.get("job", ""))


def _reach_page(proposal: Proposal, job: str, problem: str = "", *, stale: bool = False) -> str:
    token = _token(proposal)
    status = _status(job)
    return render_template(
        "desk/reach.html",
        proposal=proposal,
        change=token,
        job=job,
        status=status,
        here=url_for("rules.reach", change=token, job=job),
        poll=url_for("rules.progress", change=token, job=job),
        form=_form_address(proposal, token),
        page=url_for(PAGES[proposal.kind]),
        said=_said(proposal),
        unknown=_unknown(proposal),
        problem=problem,
        stale=stale,
        applies=proposal.kind in (RULE, END) or may(TUNE),
        limits={"reason": MAX_REASON},
    )


def _status(job: str) -> Status | None:
    """How far a job is; None too where the worker does not answer: then the page asks again."""
    if not job:
        return None
    try:
        return context().worker.reach(job)
    except Unavailable:
        return None


def _form_address(proposal: Proposal, token: str) -> str:
    if proposal.kind == RULE and proposal.seen:
        return url_for("rules.edit", number=proposal.seen, change=token)
    if proposal.kind in (RULE, END):
        return url_for("rules.new", change=token) if proposal.kind == RULE else url_for("rules.rules")
    return url_for(PAGES[proposal.kind], change=token)


def _said(proposal: Proposal) -> list[tuple[str, str, str]]:
    """What a proposal says, as (name, before, after)."""
    if proposal.kind in (RULE, END):
        old = rule_of(_rule_signal(proposal.seen)) if proposal.seen else None
        return policies.rule_changes(old, _trusted(proposal) if proposal.kind == RULE else None, proposal.since)
    standing = context().proposals.in_force(proposal.kind)
    if proposal.kind == MATRIX:
        return policies.matrix_changes(_matrix_of(standing), proposal.matrix)
    return policies.ranking_changes(
        {} if standing is None else standing.data, proposal.data, context().settings.min_score
    )


def _unknown(proposal: Proposal) -> list[str]:
    if proposal.kind != RULE:
        return []
    return policies.unknown(_trusted(proposal), list(context().recommender.columns().labels))


@bp.get("/rules/reach/progress")
@allows(RULES)
def progress() -> ResponseReturnValue:
    """How far the work is, as JSON; `ready` is the page that shows what has come of it."""
    status = _status(request.args.get("job", ""))
    if status is not None and status.reach is None and not status.failed:
        return {"done": status.done, "total": status.total, "ready": None}
    here = url_for("rules.reach", change=request.args.get("change", ""), job=request.args.get("job", ""))
    return {"done": 0, "total": 0, "ready": here}


@bp.post("/rules/reach")
@allows(RULES)
def begin() -> ResponseReturnValue:
    """Works out a proposal, again or after all."""
    return _propose(_read_token(request.form.get("change", "")), [])


@bp.post("/rules/reach/cancel")
@allows(RULES)
def cancel() -> ResponseReturnValue:
    """Drops a proposal; nothing has been changed."""
    proposal = _read_token(request.form.get("change", ""))
    with suppress(Unavailable):  # then the work ends by itself
        context().worker.cancel_reach(request.form.get("job", ""))
    flash(_("Cancelled; nothing has been changed."))
    return redirect(url_for(PAGES[proposal.kind]), 303)


# -- deciding ----------------------------------------------------------------------------------------------------------


@bp.post("/rules/apply")
@allows(RULES)
def apply() -> ResponseReturnValue:
    """Puts a proposal in force, unless rules have changed since its reach was worked out."""
    key, proposal = request_key(), _read_token(request.form.get("change", ""))
    _require(proposal)
    proposal = replace(proposal, reason=one_line(request.form.get("reason", "")))
    if _is_stale(key):
        return _reach_page(proposal, request.form.get("job", ""), stale=True), 409
    try:
        entry = context().proposals.apply(proposal, Sent(who().name, key, why=proposal.reason))
    except Conflict:
        return _form_again(proposal, {}, context().proposals.overtaken(proposal)), 409
    except InvalidSignal as error:
        return _form_again(proposal, policies.messages(error.problems)), 422
    page = url_for(PAGES[proposal.kind])
    flash(_done(proposal), f"undo {url_for('review.undo', entry=entry.number, next=page)}")
    return redirect(page, 303)


def _is_stale(key: str) -> bool:
    """Whether a rule, the matrix or the ranking has changed after the revision that the form names, if it does."""
    computed, store = request.form.get("revision", ""), context().store
    if not is_number(computed) or store.audit.by_key(key) is not None:
        return False
    return store.signals.policy_revision() > int(computed)


def _done(proposal: Proposal) -> str:
    if proposal.kind == END:
        return str(_("The rule is ended."))
    if proposal.kind != RULE:
        return str(_("This is in force from now on."))
    if not proposal.data["enabled"]:
        return str(_("The rule is saved, and is off."))
    later: datetime | None = proposal.since if proposal.since is not None and proposal.since > context().now() else None
    return str(_("The rule is in force from now on.") if later is None else _("The rule is saved, and begins later."))
