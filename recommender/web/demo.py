"""The demonstration site: a small news journal whose sidebars come from the public endpoint.

It shows what is in the archive to everybody who reaches it, and so is off unless the setting `demonstration` asks for
it. What is not public is on none of its pages.
"""

import unicodedata
from collections.abc import Callable
from typing import Any

from apiflask import APIBlueprint
from flask import abort, render_template, request, url_for
from markupsafe import Markup

from recommender.articles.article import Article
from recommender.errors import ArticleNotFound
from recommender.serving.document import iso
from recommender.web.api.recommend import document_for, render_fragment
from recommender.web.api.schemas import Wishes
from recommender.web.context import context

bp = APIBlueprint("site", __name__, enable_openapi=False)  # a plain one may have no check before its requests

PAGE = 24


def _in_words(name: str) -> Callable[..., str | None]:
    """A filter that says something as the boxes do."""

    def words(*values: Any) -> str | None:
        said: str | None = getattr(context().recommender.wording, name)(*values)
        return said

    return words


for _name in ("day", "number", "direction", "reads"):
    bp.add_app_template_filter(_in_words(_name), _name)


@bp.before_request
def _only_where_asked_for() -> None:
    if not context().settings.demonstration and request.endpoint != f"{bp.name}.{front.__name__}":
        abort(404)


@bp.get("/")
def front() -> str:
    """The newest stories of all editions; where the demonstration is off, what this service is."""
    return _page(None, 1) if context().settings.demonstration else render_template("site/landing.html", **frame())


@bp.get("/editions/<slug>")
@bp.get("/editions/<slug>/<int:page>")
def edition(slug: str, page: int = 1) -> str:
    """The newest stories of one edition; `all` is every edition."""
    names = {slugify(name): name for name in context().store.articles.public_editions(context().now())}
    if slug != "all" and slug not in names:
        abort(404)
    return _page(None if slug == "all" else names[slug], page)


def _page(name: str | None, page: int) -> str:
    articles, now = context().store.articles, context().now()
    sizes = articles.public_editions(now)
    total = sum(sizes.values()) if name is None else sizes.get(name, 0)
    pages = max(1, -(-total // PAGE))
    if not 1 <= page <= pages:
        abort(404)
    cards = [card(article) for article in articles.public_listing(name, PAGE, (page - 1) * PAGE, now)]
    lead = cards.pop(0) if cards and page == 1 else None
    return render_template(
        "site/front.html", edition=name, lead=lead, cards=cards, page=page, pages=pages, **frame(name or "all")
    )


@bp.get("/articles/<path:article_id>")
def article(article_id: str) -> str:
    """One story with its sidebar: filled by the script, and without scripts by the fragment."""
    store = context().store
    with store.reading():
        row = store.articles.public_by_id(article_id, context().now())
        if row is None:
            abort(404)
        article = store.articles.get([row[0]])[row[0]]
        document = document_for(article_id, Wishes(unlinked=True))
    fragment = render_fragment(
        document, context().settings.sidebar_heading, lambda item: url_for("site.article", article_id=item["id"])
    )
    return render_template(
        "site/article.html",
        article={**card(article), "paragraphs": article.body.split("\n\n") if article.body else []},
        fragment=Markup(fragment),  # noqa: S704  # made by our own template, which escapes
        reports=_reports(article_id),
        recommend_url=url_for("recommend.sidebar"),
        **frame(article.edition),
    )


@bp.get("/stories/<path:article_id>")
def story(article_id: str) -> str:
    """A running story: what has been reported on it, in the order of time. Any of its articles finds it."""
    reports = _reports(article_id)
    if not reports:
        abort(404)
    return render_template("site/story.html", reports=reports, **frame(reports[0]["edition"]))


def _reports(article_id: str) -> list[dict[str, Any]]:
    """The articles of a running story, the oldest first; none where there is no such article to be shown."""
    try:
        return [card(report) for report in context().recommender.story(article_id).articles]
    except ArticleNotFound:
        return []


def message_page(status: int) -> str | None:
    """A page for readers who followed an old link; None for other errors."""
    if status != 404:
        return None
    text = "The address may be old, or what it named is gone."
    return render_template("site/message.html", heading="Page not found", text=text, **frame())


def frame(current: str | None = None) -> dict[str, Any]:
    """What every page shows around its content."""
    settings = context().settings
    if not settings.demonstration:
        return {"demonstration": False, "site_name": "Related-article service"}
    sizes = context().store.articles.public_editions(context().now())
    return {
        "demonstration": True,
        "site_name": settings.site_name,
        "editions": [{"name": name or "Other", "slug": slugify(name), "count": size} for name, size in sizes.items()],
        "current_edition": slugify(current) if current is not None else None,
    }


def card(article: Article) -> dict[str, Any]:
    """An article as the templates show it."""
    return {
        "id": article.id,
        "url": article.url,
        "title": article.title,
        "summary": article.summary,
        "posted_on": iso(article.posted_on),
        "read_count": article.read_count,
        "edition": article.edition,
        "language": article.language,
        "author": article.author,
        "countries": list(article.countries),
    }


def slugify(name: str) -> str:
    """An edition's name in an address: lower case, without accents, words joined by hyphens."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return "-".join("".join(character if character.isalnum() else " " for character in plain).split()) or "other"
