"""The page for drafts: what a text should link to before it is published, and what to beware of. Nothing is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from recommender.articles.addresses import canonical_url
from recommender.articles.article import FLAGS, HOLD_FLAG, MAX_LINE, Article, parse_article
from recommender.articles.reasons import reason
from recommender.articles.text import links
from recommender.curation.sensitivity import BITS, FIXED, ROWS
from recommender.desk.draft_advice import LATELY, Advice, advise
from recommender.desk.permissions import READ
from recommender.errors import FieldProblem, InvalidArticle, NotBuilt, Unavailable
from recommender.serving.answers import Item
from recommender.web.api.problems import RETRY_SECONDS
from recommender.web.api.recommend import MAX_LINKS
from recommender.web.api.schemas import MAX_DRAFT
from recommender.web.context import context
from recommender.web.desk import ui_labels
from recommender.web.desk.access import allows
from recommender.web.headers import DESK
from recommender.worker.client import WorkerBusy

LINES = ("title", "summary", "language", "edition", "countries", "tags")
WAIT_SECONDS = 25.0  # for the embedding model; the editor waits before the page, and can send it again
LOOK = "look"  # the step that takes an article of the archive

bp = Blueprint("drafts", __name__, url_prefix=DESK)


@dataclass(frozen=True)
class Typed:
    """The form as it was filled in; `known_as` is the id of the article of the archive that it was taken from."""

    values: Mapping[str, str] = field(default_factory=lambda: {"language": "en"})
    flags: tuple[str, ...] = ()
    known_as: str = ""
    asked: str = ""


@dataclass(frozen=True)
class Link:
    """A story to link: the HTML that does it, None for one without an address, and whether the draft does already."""

    item: Item
    html: str | None
    linked: bool
    reason: str | None


@bp.get("/draft")
@allows(READ)
def form() -> str:
    """An empty form."""
    return _page(Typed())


@bp.post("/draft")
@allows(READ)
def check() -> ResponseReturnValue:
    """The advice on a draft. What was typed stays in the form in any case."""
    typed = _typed()
    try:
        if request.form.get("step") == LOOK:
            typed, article = _taken(typed)
        else:
            article = _article(typed)
    except InvalidArticle as error:
        return _page(typed, problems=error.problems), 422
    try:
        context().recommender.require_build()
        candidates = context().worker.candidates(article, WAIT_SECONDS)
    except NotBuilt:
        return _later(typed, _("Nothing has been built yet, so there is nothing to compare with."), 503)
    except Unavailable:
        return _later(typed, _("The embedding model is still being loaded, or does not answer."), 503)
    except WorkerBusy:
        return _later(typed, _("Other drafts are being read just now."), 429)
    # Each address once, in whatever ways it is written.
    addresses = list({canonical_url(link): link for link in links(typed.values.get("body", ""))}.values())[:MAX_LINKS]
    advice = advise(
        context().store, context().recommender, article, candidates, addresses, known_as=typed.known_as or None
    )
    return _page(typed, draft=article, advice=advice, links=_links(advice, article), sensitive=_sensitive(article))


def _typed() -> Typed:
    form = request.form
    return Typed(
        values={name: form.get(name, "") for name in (*LINES, "body")},
        flags=tuple(flag for flag in FLAGS if flag in form.getlist("flags")),
        known_as=form.get("known_as", ""),
        asked=form.get("asked", "").strip(),
    )


def _taken(typed: Typed) -> tuple[Typed, Article]:
    """The form filled in from an article of the archive, whatever its status. Raises InvalidArticle."""
    articles = context().store.articles
    row = articles.find(typed.asked) or articles.by_url(typed.asked)
    if row is None:
        raise InvalidArticle([_problem("asked", _("There is no article with this id, and none is published there."))])
    article = articles.get([row[0]])[row[0]]
    values = {name: getattr(article, name) for name in ("title", "summary", "language", "edition", "body")}
    values |= {name: ", ".join(getattr(article, name)) for name in ("countries", "tags")}
    return Typed(values, article.flags, article.id, typed.asked), article


def _article(typed: Typed) -> Article:
    """The draft as an article. Raises InvalidArticle with every field that is wrong."""
    values = {name: text.strip() for name, text in typed.values.items()}
    problems = [
        _problem(name, _("This is longer than %(most)d characters. Shorten it.", most=most))
        for name, most in ((*((line, MAX_LINE) for line in LINES), ("body", MAX_DRAFT)))
        if len(values[name]) > most
    ]
    if problems:
        raise InvalidArticle(problems)
    body = values["body"] or values["summary"] or values["title"]
    values["language"] = context().reader.conventions.language_code(values["language"]) or values["language"]
    try:
        article = parse_article({**values, "id": "draft", "body": body, "flags": list(typed.flags)})
    except InvalidArticle as error:
        raise InvalidArticle([_translated(problem) for problem in error.problems]) from error
    row = context().store.articles.find(typed.known_as) if typed.known_as else None
    return article if row is None else replace(article, posted_on=row[1].posted_on, author=row[1].author)


def _translated(problem: FieldProblem) -> FieldProblem:
    texts = {
        "title": _("A headline is needed, with words in it."),
        "language": _("This is not a language code. Write two letters, such as en or fr."),
    }
    return _problem(problem.field, texts.get(problem.field, str(problem)))


def _problem(name: str, text: str) -> FieldProblem:
    return FieldProblem(name, "", text, "")


def _links(advice: Advice, draft: Article) -> list[Link]:
    linked = {article.id for article in advice.linked}
    gazetteer = context().recommender.gazetteer
    return [
        Link(item, _html(item.article), item.article.id in linked, reason(item.shared, gazetteer, draft.language))
        for item in advice.related
    ]


def _html(article: Article) -> str | None:
    """A link to copy into the text."""
    return None if article.url is None else str(Markup('<a href="{}">{}</a>').format(article.url, article.title))


def _sensitive(draft: Article) -> list[tuple[str, list[str], list[str]]]:
    """For each flag of a draft, which flags may not stand beside it, and beside which it may not stand itself."""
    matrix = context().recommender.snapshot().directives.matrix
    cells = matrix.forbidden | FIXED
    return [
        (
            flag,
            [other for other in ROWS if matrix.mask(BITS[flag]) & BITS[other]],
            [other for other in ROWS if (other, flag) in cells],
        )
        for flag in draft.flags
        if flag != HOLD_FLAG
    ]


def _later(typed: Typed, text: str, status: int) -> Response:
    response = make_response(_page(typed, later=text), status)
    response.headers["Retry-After"] = RETRY_SECONDS
    return response


def _page(typed: Typed, *, problems: list[FieldProblem] | None = None, **values: Any) -> str:
    return render_template(
        "desk/draft.html",
        typed=typed,
        problems={problem.field: problem.problem for problem in problems or []},
        flags={flag: ui_labels.FLAGS[flag] for flag in FLAGS},
        held=HOLD_FLAG,
        words=ui_labels,
        lately=LATELY,
        max_line=MAX_LINE,
        max_draft=MAX_DRAFT,
        editions=[name for name in context().store.articles.editions() if name],
        **values,
    )
