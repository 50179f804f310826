"""Writing articles: for publishing systems, behind an API key."""

from apiflask import APIBlueprint
from flask import Response, request

from recommender.articles.reading import Reading, read_article
from recommender.desk.keys import ARTICLES
from recommender.errors import ArticleNotFound, FieldProblem, InvalidArticle, Unavailable
from recommender.sources.files import JsonLines
from recommender.sources.ingest import Findings, Refusal, ingest
from recommender.sources.publishing import Publishing
from recommender.store.articles import Upserted
from recommender.store.generations import Stale
from recommender.web.api.problems import needs_json, problem
from recommender.web.api.schemas import ArticleBody, Imported, Stored
from recommender.web.api.security import KEY_RESPONSES, needs, publisher, require_article_key
from recommender.web.context import context

bp = APIBlueprint("articles", __name__, url_prefix="/api/v1/articles", tag="Articles")
bp.before_request(require_article_key)

NDJSON = "application/x-ndjson"
BY = "API"  # in the audit trail, with the name of the key
SHOWN_PROBLEMS = 100
_KEY_RESPONSES = {**KEY_RESPONSES, 403: "The API key lacks the scope, or there is no key, so no articles are taken."}


@bp.put("/<path:article_id>")
@needs_json
@bp.input(ArticleBody, location="json", arg_name="body")
@bp.output(Stored, description="The article was known.")
@bp.doc(
    summary="Publish or change an article",
    description="Answers when the article is in others' sidebars and has its own; `indexed` is false, with status 202, "
    "when that takes longer than a minute. Sending the same again changes nothing.",
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
    reading = _read(article_id, body)
    outcome = _outcome(_publishing().put([reading.article]))
    indexed = _index()
    status = 202 if not indexed else 201 if outcome == "added" else 200
    notes = [str(remark) for remark in reading.remarks]
    return {"id": reading.article.id, "outcome": outcome, "indexed": indexed, "notes": notes}, status


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
    lines = JsonLines(request.stream, "body")
    report = ingest(_publishing().put, lines, refusals.append, context().reader, findings)
    refused = [{"line": refusal.line, "reason": refusal.reason} for refusal in refusals[:SHOWN_PROBLEMS]]
    if refused and not report.added + report.changed + report.unchanged:
        detail = f"{report.refused} lines were refused, and none went in; `problems` says why."
        return problem(422, "No line could be taken", detail, problems=refused)
    indexed = _index()
    body = {**vars(report), "problems": refused, "indexed": indexed, "notes": findings.lines()}
    return body, 200 if indexed else 202


def _publishing() -> Publishing:
    """In the name of the program that asks."""
    return context().publishing.on_behalf_of(publisher().by)


def _index() -> bool:
    """Whether all that was published is in the index now; what is not is taken up by the next update or build."""
    generations, live = context().store.generations, context().store.state().generation
    if live is not None and generations.stale(live) == Stale([], []):
        return True
    try:
        return context().worker.update() is not None
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


def _outcome(upserted: Upserted) -> str:
    return "added" if upserted.added else "changed" if upserted.changed else "unchanged"
