"""The public endpoint: the sidebar of an article or a draft, as JSON or as a ready HTML fragment."""

from collections.abc import Callable
from typing import Any

from apiflask import APIBlueprint
from flask import Response, render_template, request

from recommender.article import parse_article
from recommender.document import Document, make_document, to_json
from recommender.service import Recommendation
from recommender.web.cache import HTML, JSON, Answer, make_answer
from recommender.web.fastlane import wants_html
from recommender.web.parts import parts
from recommender.web.problems import needs_json
from recommender.web.schemas import Draft, Sidebar, SidebarQuery, Wishes

bp = APIBlueprint("recommend", __name__, url_prefix="/api/v1", tag="Sidebars")


@bp.get("/recommend")
@bp.input(SidebarQuery, location="query", arg_name="query")
@bp.output(Sidebar, description="The sidebar. `Accept: text/html` gives the ready fragment.")
@bp.doc(
    summary="The sidebar of an article",
    description="Answers from a table, without a model. An answer carries an ETag; send it back as `If-None-Match`.",
    responses={404: "The article is not known.", 422: "A parameter is wrong.", 503: "The database does not answer."},
)
def sidebar(query: SidebarQuery) -> Response:
    """The sidebar of the article with an id or at an address."""
    key = (request.query_string.decode(), _wants_html())
    recommender = parts().recommender
    ready = parts().cache.get(key, recommender.state())
    if ready is not None:
        return _respond(ready)
    if query.article_id is not None:
        found = recommender.for_article(query.article_id, query.query())
    else:
        found = recommender.for_url(query.url or "", query.query())
    answer = _answer(found, query, found.article.language if found.article else "en")
    parts().cache.put(key, found.basis, answer)
    return _respond(answer)


@bp.post("/recommend")
@needs_json
@bp.input(Draft, location="json", arg_name="draft")
@bp.output(Sidebar, description="The sidebar. `Accept: text/html` gives the ready fragment.")
@bp.doc(
    summary="The sidebar of a draft",
    description="For a text that is not in the archive. The first call loads the model, which takes some seconds.",
    responses={
        400: "The body is not JSON.",
        413: "The body is too large.",
        415: "The body is not declared as JSON.",
        422: "A field is wrong.",
        429: "Too many drafts at once; try again after the seconds in Retry-After.",
        503: "The model or the database does not answer.",
    },
)
def draft_sidebar(draft: Draft) -> Response:
    """The sidebar of a text that is not in the archive."""
    article = parse_article(
        {
            "id": "draft",
            "title": draft.title,
            "summary": draft.summary,
            "body": draft.body or draft.summary or draft.title,
            "language": draft.language,
            "countries": draft.countries,
            "tags": draft.tags,
            "edition": draft.draft_edition,
        }
    )
    parts().recommender.require_build()
    candidates = parts().desk.candidates(article)
    found = parts().recommender.for_draft(article, candidates, draft.query())
    response = _respond(_answer(found, draft, article.language, known=False))
    response.headers["Cache-Control"] = "no-store"
    return response


def _wants_html() -> bool:
    return wants_html(request.headers.get("Accept", ""))


def _answer(found: Recommendation, wishes: Wishes, language: str, *, known: bool = True) -> Answer:
    document = make_document(found, language, explain=wishes.explain, known=known)
    settings = parts().settings
    sources = tuple(item.teaser.source for item in found.items)
    if _wants_html():
        body = render_fragment(document, heading=settings.sidebar_heading).encode()
        return make_answer(body, f"{HTML}; charset=utf-8", sources, settings)
    return make_answer(to_json(document), JSON, sources, settings)


def render_fragment(
    document: Document, heading: str, link: Callable[[dict[str, Any]], str | None] | None = None
) -> str:
    """The box as HTML; empty where there is nothing to show."""
    return render_template("fragment.html", **document, heading=heading, heading_level=2, link=link)


def document_for(article_id: str, wishes: Wishes) -> Document:
    """The same answer for the pages of this service. Raises ArticleNotFound."""
    found = parts().recommender.for_article(article_id, wishes.query())
    return make_document(found, found.article.language if found.article else "en", explain=wishes.explain)


def _respond(answer: Answer) -> Response:
    parts().metrics.count_teasers(answer.sources)
    response = Response(answer.body, headers=answer.headers)
    response.make_conditional(request)
    return response
