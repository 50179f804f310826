"""`related`: a sidebar on the terminal."""

import json
from pathlib import Path
from typing import Any

import click

from recommender.articles.article import Article
from recommender.articles.text import plain_text
from recommender.errors import InvalidInput
from recommender.ranking.facts import SIDEBAR_PLACES
from recommender.serving.answers import Query
from recommender.serving.document import Document, make_document
from recommender.settings import load_settings
from recommender.wiring import make_live_builder, make_recommender, opened_store


@click.command(short_help="Show the stories related to an article or a draft.")
@click.argument("article_id", metavar="ID", required=False)
@click.option("--text", type=click.File("r", encoding="utf-8"), help="A draft; its first line is the title.")
@click.option("--language", default="en", show_default=True, help="The language of the draft.")
@click.option("--n", default=SIDEBAR_PLACES, show_default=True, type=click.IntRange(1, 50), help="How many stories.")
@click.option(
    "--explain",
    is_flag=True,
    help="Show the parts of each score, what the two stories share, and their closest sentences.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def related(  # noqa: PLR0917  # click passes every option by name
    config: Path | None, article_id: str | None, text: Any, language: str, n: int, explain: bool, as_json: bool
) -> None:
    """Show the stories related to the article ID, or to the draft in a text file."""
    if (article_id is None) == (text is None):
        raise click.UsageError("Give the id of an article, or --text FILE with a draft.")
    settings = load_settings(config)
    with opened_store(settings) as store:
        recommender = make_recommender(store, settings)
        if article_id is not None:
            recommendation = recommender.for_article(article_id, Query(n=n))
        else:
            draft = _draft(text.read(), language)
            candidates = make_live_builder(store, settings).draft_candidates(draft)
            recommendation = recommender.for_draft(draft, candidates, Query(n=n, fallback="none"))
        language = recommendation.article.language if recommendation.article else language
        verdicts = recommender.verdicts(recommendation) if explain else {}
        explained = recommender.closest_sentences(recommendation) if explain else None
        document = make_document(
            recommendation,
            recommender.gazetteer,
            language,
            wording=recommender.wording,
            explained=explained,
            verdicts=verdicts,
            in_archive=article_id is not None,
        )
        click.echo(_as_json(document) if as_json else _as_text(document), nl=False)
        if recommendation.state.generation is None:
            click.echo("No neighbours have been computed yet. Run `recommender build`.", err=True)


def _draft(text: str, language: str) -> Article:
    title, _, body = plain_text(text).partition("\n\n")
    if not title:
        raise InvalidInput("The draft is empty; its first line is the title.")
    return Article(id="draft", title=title, body=body, language=language)


def _as_text(document: Document) -> str:
    lines = [f"{document['article']['title']}\n"] if document["article"] else []
    for place, item in enumerate(document["items"], start=1):
        date = (item["posted_on"] or "no date")[:10]
        role = f" · {item['role']}" if item["role"] else ""
        lines.append(f"{place}. {item['title']}\n   {date} · {item['score']:.4f} · {item['source']}{role}")
        lines.append(f" · {item['id']}\n")
        if item["reason"]:
            lines.append(f"   {item['reason']}\n")
        if item.get("parts"):
            lines += _explanation(item)
    if not document["items"]:
        lines.append("No related story reaches the threshold.\n")
    return "".join(lines)


def _explanation(item: Document) -> list[str]:
    parts = " + ".join(f"{name} {value:.4f}" for name, value in item["parts"].items())
    shared = [f"{kind}: {', '.join(names)}" for kind, names in item["shared"].items() if names]
    lines = [f"   = {parts}\n", f"   shared {'; '.join(shared) or 'labels: none'}\n"]
    if item["sentences"]:
        lines.append(f"   source  “{item['sentences']['source']}”\n   teaser  “{item['sentences']['teaser']}”\n")
    if "reader" in item:
        lines.append(f"   reader  {item['reader']['grade']:g} of 4  {item['reader']['reason'] or ''}\n")
    return lines


def _as_json(document: Document) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
