"""Articles: writing is for publishing systems, behind an API key; what is public, all may read."""

import math
import time
from collections.abc import Sequence
from typing import Any

from apiflask import APIBlueprint
from flask import Response, after_this_request, request

from recommender.articles.article import Article
from recommender.articles.reading import Reading, Remark, read_article
from recommender.desk.keys import ARTICLES
from recommender.errors import ArticleNotFound, FieldProblem, InvalidArticle, Unavailable
from recommender.serving.document import Document, iso, make_card
from recommender.sources.files import JsonLines
from recommender.sources.ingest import Findings, Refusal, ingest
from recommender.sources.publishing import NotedShared, Publishing
from recommender.store.articles import MAX_NAMED, Selection, SharedAddress, Upserted
from recommender.store.generations import Stale
from recommender.web.api.problems import needs_json, problem
from recommender.web.api.schemas import (
    MAX_COUNTS,
    ArticleBody,
    ArticleFilter,
    ArticleList,
    ArticlePatch,
    ArticleRecord,
    Imported,
    ReadCounts,
    ReadsKept,
    Stored,
)
from recommender.web.api.security import KEY_RESPONSES, carries_key, needs, publisher, require_article_key, takes
from recommender.web.context import context
from recommender.worker.client import WAIT_SECONDS

bp = APIBlueprint("articles", __name__, url_prefix="/api/v1/articles", tag="Articles")
bp.before_request(require_article_key)
reads_bp = APIBlueprint("reads", __name__, url_prefix="/api/v1/reads", tag="Articles")
reads_bp.before_request(require_article_key)

NDJSON = "application/x-ndjson"
BY = "API"  # in the audit trail, with the name of the key
SHOWN_PROBLEMS = 100
PUBLISHING_SECONDS = 4.0  # that a call with one article waits for the index: editors wait for it to come back
_KEY_RESPONSES = {**KEY_RESPONSES, 403: "The API key lacks the scope, or there is no key, so no articles are taken."}


@bp.put("/<path:article_id>")
@needs_json
@bp.input(ArticleBody, location="json", arg_name="body")
@bp.output(Stored, description="The article was known.")
@bp.doc(
    summary="Publish or change an article",
    description="Answers when the article is in others' sidebars and has its own. When that takes longer than some "
    "seconds, `indexed` is false and the status 202: the article is stored, and appears there by itself. Sending the "
    "same again changes nothing. Without `read_count` the count stays. Where another article has one of its addresses, "
    "`warnings` says so.",
    security=needs(ARTICLES),
    responses={
        201: "The article is new.",
        202: "Stored; its neighbours are still being computed.",
        400: "The body is not JSON.",
        404: "The path holds no id that could be: it is empty, or has a line break.",
        413: "The body is too large.",
        415: "The body is not declared as JSON.",
        422: "The article is not valid.",
        503: "The database does not answer.",
        **_KEY_RESPONSES,
    },
)
def put_article(article_id: str, body: ArticleBody) -> tuple[dict[str, object], int]:
    """Stores one article and takes it into the index."""
    until = time.monotonic() + PUBLISHING_SECONDS
    reading = _read(article_id, body)
    outcome = _outcome(_publishing().put([reading.article]))
    indexed = _index(until)
    status = 202 if not indexed else 201 if outcome == "added" else 200
    return _kept(reading.article.id, outcome, indexed, reading.remarks), status


@bp.patch("/<path:article_id>")
@needs_json
@bp.input(ArticlePatch, location="json", arg_name="patch")
@bp.output(Stored, description="It has changed, or there was nothing to change.")
@bp.doc(
    summary="Change some fields of an article",
    description="A JSON merge patch (RFC 7396, `application/merge-patch+json` or `application/json`): fields that are "
    "left out stay, null takes one away. What comes out must be an article.",
    security=needs(ARTICLES),
    responses={
        202: "Stored; its neighbours are still being computed.",
        400: "The body is not JSON.",
        404: "There is no such article.",
        413: "The body is too large.",
        415: "The body is not declared as JSON.",
        422: "What comes out is not a valid article, or a field is not known.",
        503: "The database does not answer.",
        **_KEY_RESPONSES,
    },
)
def patch_article(article_id: str, patch: ArticlePatch) -> tuple[dict[str, object], int] | Response:
    """Changes some fields of one article."""
    if not isinstance(request.get_json(), dict):  # null, say, which would replace the article as a whole
        return problem(422, "Not a patch of an article", "Send a JSON object with the fields to change.")
    until = time.monotonic() + PUBLISHING_SECONDS
    upserted = _publishing().patch(article_id, patch.model_dump(exclude_unset=True))
    if upserted is None:
        raise ArticleNotFound(article_id)
    indexed = _index(until)
    return _kept(article_id, _outcome(upserted), indexed), 200 if indexed else 202


@bp.get("/<path:article_id>")
@bp.output(ArticleRecord, description="The article.")
@bp.doc(
    summary="One article",
    description="A public article, without its text. A program whose key has the scope `articles` gets all that is "
    "kept, of any status.",
    security=takes(ARTICLES),
    responses={404: "No public article is known so.", 503: "The database does not answer.", **KEY_RESPONSES},
)
def get_article(article_id: str) -> Document:
    """One article as it is kept."""
    articles = context().store.articles
    if _reads_all():
        with context().store.reading():
            number = articles.numbers([article_id]).get(article_id)
            article = None if number is None else articles.get([number]).get(number)
            updated = articles.updated(article_id)
        if article is None or updated is None:
            raise ArticleNotFound(article_id)
        return _record(article) | {"updated_on": iso(updated), "body": article.body}
    public = articles.public_by_id(article_id, context().now())
    if public is None:
        raise ArticleNotFound(article_id)
    return _public_record(public[1])


@bp.get("")
@bp.input(ArticleFilter, location="query", arg_name="wanted")
@bp.output(ArticleList, description="One page of them, in the order in which they came.")
@bp.doc(
    summary="The articles",
    description="All of them page by page, so that a site can compare its archive with what is kept here: ask again "
    "with `cursor` until `next` is null. An article that changes meanwhile keeps its place. Strangers get what is "
    "public; a program whose key has the scope `articles` gets every article.",
    security=takes(ARTICLES),
    responses={422: "A parameter is wrong.", 503: "The database does not answer.", **KEY_RESPONSES},
)
def get_articles(wanted: ArticleFilter) -> Document:
    """One page of the list of articles."""
    reads_all = _reads_all()
    selection = Selection(
        wanted.status,
        wanted.updated_since,
        wanted.language,
        wanted.edition,
        public_at=None if reads_all else context().now(),
        after=int(wanted.cursor or 0),
    )
    listed = context().store.articles.select(selection, wanted.limit + 1)
    page = listed[: wanted.limit]
    items = [
        _record(line.article) | {"updated_on": iso(line.updated)} if reads_all else _public_record(line.article)
        for line in page
    ]
    return {"items": items, "next": str(page[-1].number) if len(listed) > len(page) else None}


def _reads_all() -> bool:
    """Whether a program asks that may read every article; what it gets is kept nowhere."""
    allowed = carries_key(ARTICLES)

    @after_this_request
    def kept_nowhere(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        return response

    return allowed


def _public_record(article: Article) -> Document:
    labels = {"countries": list(article.countries), "tags": list(article.tags), "author": article.author}
    return make_card(article) | labels


def _record(article: Article) -> Document:
    rest = {"aliases": list(article.aliases), "status": article.status, "flags": list(article.flags)}
    return _public_record(article) | rest


@reads_bp.post("")
@needs_json
@reads_bp.input(ReadCounts, location="json", arg_name="counts")
@reads_bp.output(ReadsKept, description="What became of the counts.")
@reads_bp.doc(
    summary="Counts of reads",
    description=f"How often articles have been read, up to {MAX_COUNTS:,} at once, and nothing else of them. A count "
    "replaces the one before.",
    security=needs(ARTICLES),
    responses={
        400: "The body is not JSON.",
        413: "The body is too large.",
        415: "The body is not declared as JSON.",
        422: "A count is wrong, or there are too many.",
        503: "The database does not answer.",
        **_KEY_RESPONSES,
    },
)
def post_reads(counts: ReadCounts) -> dict[str, object]:
    """Keeps counts of reads."""
    counted = _publishing().count(counts.reads)
    return {
        "changed": counted.changed,
        "unchanged": counted.unchanged,
        "unknown": len(counted.unknown),
        "unknown_ids": list(counted.unknown[:SHOWN_PROBLEMS]),
    }


@bp.delete("/<path:article_id>")
@bp.output({}, status_code=204, description="Gone from every sidebar.")
@bp.doc(
    summary="Withdraw an article",
    description="Takes effect with the next request of any reader. Its text is forgotten.",
    security=needs(ARTICLES),
    responses={404: "There is no such article.", 503: "The database does not answer.", **_KEY_RESPONSES},
)
def delete_article(article_id: str) -> Response:
    """Takes one article out of every sidebar."""
    if not _publishing().withdraw(article_id):
        raise ArticleNotFound(article_id)
    return Response(status=204)


@bp.post("")
@bp.output(Imported, description="What became of the lines. Refused ones are listed; the others went in.")
@bp.doc(
    summary="Publish many articles",
    description=f"One JSON object a line (`{NDJSON}`), each as for PUT with its `id`.",
    security=needs(ARTICLES),
    responses={
        202: "Stored; neighbours are still being computed.",
        413: "The body is too large.",
        422: "No line could be taken.",
        503: "The database does not answer.",
        **_KEY_RESPONSES,
    },
)
def post_articles() -> tuple[dict[str, object], int] | Response:
    """Stores many articles, reading the body line by line."""
    refusals: list[Refusal] = []
    findings = Findings()
    noted = NotedShared(_publishing())
    lines = JsonLines(request.stream, "body")
    report = ingest(noted.put, lines, refusals.append, context().reader, findings)
    refused = [{"line": refusal.line, "reason": refusal.reason} for refusal in refusals[:SHOWN_PROBLEMS]]
    if refused and not report.added + report.changed + report.unchanged:
        detail = f"{report.refused} lines were refused, and none went in; `problems` says why."
        return problem(422, "No line could be taken", detail, problems=refused)
    indexed = _index()
    shared = [_shared(address) for address in noted.addresses]
    body = {
        **vars(report),
        "problems": refused,
        "indexed": indexed,
        "notes": findings.lines(),
        "shared": len(shared),
        "shared_addresses": shared[:SHOWN_PROBLEMS],
    }
    return body, 200 if indexed else 202


def _publishing() -> Publishing:
    """In the name of the program that asks."""
    return context().publishing.on_behalf_of(publisher().by)


def _index(until: float = math.inf) -> bool:
    """Whether all that was published is in the index, by a moment of the monotonic clock or within a minute.

    What is not goes in by itself a little later, or with the next update or build.
    """
    wait = min(max(until - time.monotonic(), 0), WAIT_SECONDS)
    generations, live = context().store.generations, context().store.state().generation
    if live is not None and generations.stale(live) == Stale([], []):
        return True
    try:
        return context().worker.update(wait) is not None
    except Unavailable:
        # Stored is stored: the answer says that the index lags, and readiness and `recommender status` say why.
        return False


def _read(article_id: str, body: ArticleBody) -> Reading:
    record = body.model_dump(exclude_unset=True)
    if record.get("id") not in (None, article_id):
        raise InvalidArticle(
            [FieldProblem("id", repr(record["id"]), "differs from the id in the path", "leave it out of the body")]
        )
    reading = read_article(record | {"id": article_id}, context().reader.conventions)
    if any(remark.field == "title" for remark in reading.remarks):  # an archive may lack titles, a call may not
        raise InvalidArticle(
            [FieldProblem("title", repr(record["title"]), "is required", "give the article a non-empty title")]
        )
    return reading


def _kept(article_id: str, outcome: str, indexed: bool, remarks: Sequence[Remark] = ()) -> dict[str, object]:
    warnings = [str(address) for address in _publishing().shared([article_id])]
    notes = [str(remark) for remark in remarks]
    return {"id": article_id, "outcome": outcome, "indexed": indexed, "warnings": warnings, "notes": notes}


def _shared(address: SharedAddress) -> dict[str, Any]:
    return {"url": address.url, "count": len(address.ids), "ids": list(address.ids[:MAX_NAMED])}


def _outcome(upserted: Upserted) -> str:
    return "added" if upserted.added else "changed" if upserted.changed else "unchanged"
