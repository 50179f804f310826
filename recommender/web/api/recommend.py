"""The public endpoint: the sidebar of an article or a draft, as JSON or as a ready HTML fragment."""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from apiflask import APIBlueprint
from flask import Response, render_template, request

from recommender.articles.addresses import canonical_url
from recommender.articles.article import FALLBACK_LANGUAGE, parse_article
from recommender.articles.text import links
from recommender.desk.keys import DRAFTS
from recommender.errors import ArticleNotFound, StoreUnavailable
from recommender.release.interleaving import NO_RUN
from recommender.serving.answers import ANY_LANGUAGE, SAME_LANGUAGE, Query, Recommendation
from recommender.serving.document import Document, make_card, make_document, make_draft_document, to_json
from recommender.web.api.parameters import warnings, what_counts
from recommender.web.api.problems import needs_json
from recommender.web.api.schemas import Draft, DraftSidebar, Sidebar, SidebarQuery, Story, Wishes
from recommender.web.api.security import KEY_RESPONSES, carries_key, checks_key, takes
from recommender.web.cache import HTML, JSON, Answer, Key, make_answer
from recommender.web.context import context
from recommender.web.fastlane import wants_html

MAX_LINKS = 100  # of a draft: more is a list, and each is looked up

bp = APIBlueprint("recommend", __name__, url_prefix="/api/v1", tag="Sidebars")


@bp.get("/recommend")
@bp.input(SidebarQuery, location="query", arg_name="query")
@bp.output(Sidebar, description="The sidebar. `Accept: text/html` gives the ready fragment.")
@bp.doc(
    summary="The sidebar of an article",
    description="Answers from a table, without an embedding model. "
    "An answer carries an ETag; send it back as `If-None-Match`. One that is given from memory while the database does "
    "not answer has no ETag, and in `X-Recommender-Stale` the seconds since it last did. A program whose key has the "
    "scope `drafts` also gets the sidebars of articles that are not public yet.",
    security=takes(DRAFTS),
    responses={
        **KEY_RESPONSES,
        404: "No public article is known so.",
        422: "A parameter is wrong.",
        503: "The database does not answer.",
    },
)
def sidebar(query: SidebarQuery) -> Response:
    """The sidebar of the article with an id or at an address."""
    question, ignored = what_counts(request.query_string.decode())
    key = (question, _wants_html())
    try:
        return _sidebar(query, key, ignored)
    except StoreUnavailable:
        stale = context().cache.stale(key)
        if stale is None:
            raise
        context().metrics.count_stale(stale.answer.sources)
        return Response(stale.answer.body, headers=stale.headers())


def _sidebar(query: SidebarQuery, key: Key, ignored: Sequence[str]) -> Response:
    recommender, interleaving = context().recommender, context().interleaving
    state = recommender.state()
    ready = context().cache.get(key, state)
    if ready is not None:
        return _respond(ready, ignored)
    turn = interleaving.turn(state)
    recommendation = _for_reader(query)
    if recommendation is None or recommendation.article is None:
        ahead = _not_public_yet(query, ignored)
        if ahead is not None:
            return ahead
    if recommendation is None:
        raise ArticleNotFound(query.article_id or query.url or "")
    # A page that links by id sees the same box where all articles have an address.
    plain = recommendation.article is not None and replace(query.query(), unlinked=False) == Query()
    interleaved, until = None, math.inf
    # Only the script reports clicks, and it asks for JSON.
    if recommendation.article is not None and plain and turn != NO_RUN and not (query.explain or _wants_html()):
        interleaved = interleaving.answer(recommendation.article.id)
        recommendation = recommendation if interleaved is None else interleaved.recommendation
    document = _document(recommendation, query, _language(recommendation, query))
    if interleaved is not None and interleaved.picks:
        document |= {"request_id": interleaved.request(document["request_id"]), "trial": True}
        interleaving.note(document["request_id"], interleaved)
        until = interleaved.until
    answer = _answer(document, until)
    context().cache.put(key, turn, recommendation.basis, answer)
    if plain:
        context().recorder.note(recommendation)
    return _respond(answer, ignored)


def _for_reader(query: SidebarQuery) -> Recommendation | None:
    """The sidebar of a public article, or what unknown ones get; None where that is nothing."""
    recommender = context().recommender
    try:
        if query.article_id is not None:
            return recommender.for_reader(query.article_id, query.query())
        return recommender.for_reader_at(query.url or "", query.query())
    except ArticleNotFound:
        return None


def _not_public_yet(query: SidebarQuery, ignored: Sequence[str]) -> Response | None:
    """The sidebar of an article that is published, and not public: for programs with a key. It is kept nowhere."""
    if not carries_key(DRAFTS):
        return None
    recommender = context().recommender
    if query.article_id is not None:
        recommendation = recommender.for_article(query.article_id, query.query())
    else:
        recommendation = recommender.for_url(query.url or "", query.query())
    response = _respond(_answer(_document(recommendation, query, _language(recommendation, query))), ignored)
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.post("/recommend")
@checks_key(DRAFTS)
@needs_json
@bp.input(Draft, location="json", arg_name="draft")
@bp.output(DraftSidebar, description="The sidebar. `Accept: text/html` gives the ready fragment.")
@bp.doc(
    summary="The sidebar of a draft",
    description="For a text that is not in the archive: related stories, those it links to already, and what has been "
    "reported before in much the same words. The first call loads the embedding model, which takes some seconds. No "
    "key is needed; a program that sends one needs the scope `drafts`.",
    security=takes(DRAFTS),
    responses={
        **KEY_RESPONSES,
        400: "The body is not JSON.",
        413: "The body is too large.",
        415: "The body is not declared as JSON.",
        422: "A field is wrong.",
        429: "Too many drafts at once; try again after the seconds in Retry-After.",
        503: "The embedding model or the database does not answer.",
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
            "flags": draft.flags,
            "edition": draft.draft_edition,
        }
    )
    context().recommender.require_build()
    recommender = context().recommender
    candidates = context().worker.candidates(article)
    document = _document(
        recommender.for_draft(article, candidates, draft.query()), draft, article.language, known=False
    )
    # Each address once, in whatever ways it is written.
    addresses = list({canonical_url(link): link for link in links(draft.body)}.values())[:MAX_LINKS]
    coverage = recommender.coverage(article, candidates)
    document = make_draft_document(document, recommender.linked(addresses), coverage, article.language)
    response = _respond(_answer(document))
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.get("/stories/<path:article_id>")
@bp.output(Story, description="The running story.")
@bp.doc(
    summary="The running story of an article",
    description="The articles that report one running story, in the order of time. `id` is that of the first; any of "
    "the articles finds it. An article that stands alone is a story of one.",
    responses={404: "No public article is known so.", 503: "The database does not answer."},
)
def story(article_id: str) -> Document:
    """The articles of the running story that an article belongs to."""
    running_story = context().recommender.story(article_id)
    first = running_story.articles[0]
    return {
        "id": first.id,
        "title": first.title,
        "articles": [make_card(article) for article in running_story.articles],
    }


def _wants_html() -> bool:
    return wants_html(request.headers.get("Accept", ""))


def _document(recommendation: Recommendation, wishes: Wishes, language: str, *, known: bool = True) -> Document:
    recommender = context().recommender
    verdicts = recommender.verdicts(recommendation) if wishes.explain else {}
    explained = recommender.closest_sentences(recommendation) if wishes.explain else None
    return make_document(
        recommendation,
        recommender.gazetteer,
        language,
        wording=recommender.wording,
        explained=explained,
        verdicts=verdicts,
        in_archive=known,
    )


def _language(recommendation: Recommendation, wishes: Wishes) -> str:
    """What the box speaks: as its article, else the one language that is asked for."""
    if recommendation.article is not None:
        return recommendation.article.language
    asked = wishes.query().languages
    return asked[0] if len(asked) == 1 and asked[0] not in (SAME_LANGUAGE, ANY_LANGUAGE) else FALLBACK_LANGUAGE


def _answer(document: Document, until: float = math.inf) -> Answer:
    settings = context().settings
    sources = tuple(item["source"] for item in document["items"])
    if _wants_html():
        body = render_fragment(document, heading=settings.sidebar_heading).encode()
        return make_answer(body, f"{HTML}; charset=utf-8", sources, settings)
    return make_answer(to_json(document), JSON, sources, settings, until)


def render_fragment(
    document: Document, heading: str, link: Callable[[dict[str, Any]], str | None] | None = None
) -> str:
    """The box as HTML; empty where there is nothing to show. `heading` is for a document that has none."""
    return render_template("fragment.html", **{"heading": heading, **document, "heading_level": 2, "link": link})


def document_for(article_id: str, wishes: Wishes) -> Document:
    """The same answer for the pages of this service. Raises ArticleNotFound."""
    recommendation = context().recommender.for_reader(article_id, wishes.query())
    return _document(recommendation, wishes, _language(recommendation, wishes))


def _respond(answer: Answer, ignored: Sequence[str] = ()) -> Response:
    context().metrics.count_teasers(answer.sources)
    if ignored and not _wants_html():
        body = answer.body.removesuffix(b"}") + b',"warnings":' + json.dumps(warnings(ignored)).encode() + b"}"
        answer = make_answer(body, JSON, answer.sources, context().settings, answer.until)
    response = Response(answer.body, headers=answer.headers_at(time.time()))
    response.make_conditional(request)
    return response
