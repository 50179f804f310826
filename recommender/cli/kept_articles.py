"""`articles`: what is kept, one by one; and out with what should not be there."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recommender.articles.article import STATUSES, Article
from recommender.errors import ArticleNotFound, InvalidInput
from recommender.settings import load_settings
from recommender.sources.files import FORMAT_NAMES, open_source
from recommender.store.articles import Listed, Selection
from recommender.wiring import code_of_language, make_publishing, opened_store
from recommender.workflows.operator import operator
from recommender.workflows.sample import sample_ids

if TYPE_CHECKING:
    from recommender.store.base import Store

PAGE = 500
_SHOWN = 10


@click.group(short_help="List, show and remove articles.")
def articles() -> None:
    """List, show and remove the articles that are kept."""


@articles.command("list", short_help="List articles.")
@click.option("--edition", help="Only articles of this edition.")
@click.option("--language", default="", help="Only articles in this language, such as fr.")
@click.option("--status", type=click.Choice(STATUSES), help="Only those of this status.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="How many.")
@click.pass_obj
def list_(config: Path | None, edition: str | None, language: str, status: str | None, limit: int) -> None:
    """List articles in the order in which they came: id, status, day, edition, language and title."""
    with opened_store(load_settings(config)) as store:
        for place, line in enumerate(_selected(store, edition, code_of_language(language) or language, status)):
            if place == limit:
                click.echo(f"… further articles; --limit shows more than {limit:,}", err=True)
                break
            item = line.article
            day = item.posted_on.date().isoformat() if item.posted_on else "-"
            click.echo("\t".join((item.id, item.status, day, item.edition or "-", item.language, item.title)))


@articles.command(short_help="Show one article.")
@click.argument("article_id", metavar="ID")
@click.pass_obj
def show(config: Path | None, article_id: str) -> None:
    """Show all that is kept of the article ID, as JSON, and which others stand at its addresses."""
    with opened_store(load_settings(config)) as store:
        number = store.articles.numbers([article_id]).get(article_id)
        if number is None:
            raise ArticleNotFound(article_id)
        item = store.articles.get([number])[number]
        shared = store.articles.shared([article_id])
    click.echo(json.dumps(_fields(item), ensure_ascii=False, indent=2))
    for address in shared:
        click.echo(f"shared: {address}", err=True)


@articles.command(short_help="Withdraw articles.")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--file", "file", type=click.Path(exists=True, dir_okay=False), help="Those that a file names.")
@click.option(
    "--format", "format_", type=click.Choice(FORMAT_NAMES), help="Format of the file, if its name does not say."
)
@click.option("--edition", help="Those of an edition.")
@click.option("--sample", is_flag=True, help="The sample stories that come with the package.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(  # noqa: PLR0917  # click passes every option by name
    config: Path | None,
    ids: tuple[str, ...],
    file: str | None,
    format_: str | None,
    edition: str | None,
    sample: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Withdraw articles: those with the given IDs, those that a file names, those of an edition, or the sample.

    They leave every sidebar with the next request of any reader, their texts are forgotten, and each leaves an entry in
    the audit trail.
    """
    if sum((bool(ids), file is not None, edition is not None, sample)) != 1:
        raise click.UsageError("Give ids, --file, --edition or --sample, and only one of them.")
    with opened_store(load_settings(config)) as store:
        if sample:
            wanted = list(store.articles.numbers(sample_ids()))
        elif edition is not None:
            wanted = [line.article.id for line in _selected(store, edition, "", None)]
        else:
            wanted = list(ids) if file is None else list(_ids_in(file, format_))
        numbers = store.articles.numbers(wanted)
        unknown = [article_id for article_id in dict.fromkeys(wanted) if article_id not in numbers]
        if unknown:
            click.echo(f"not there: {len(unknown):,} ids, such as {', '.join(unknown[:_SHOWN])}", err=True)
        sidebars = len(store.ledger.sources_showing(list(numbers.values())))
        what = f"{len(numbers):,} articles, which stand in {sidebars:,} sidebars"
        if dry_run:
            click.echo(f"would be removed: {what}")
            return
        if not numbers:
            raise InvalidInput("There is nothing to remove.")
        if not yes:
            click.confirm(f"Remove {what}?", abort=True)
        publishing = make_publishing(store, operator())
        for article_id in numbers:
            publishing.withdraw(article_id)
    click.echo(f"removed: {what}")


def _selected(store: "Store", edition: str | None, language: str, status: str | None) -> Iterator[Listed]:
    after = 0
    while page := store.articles.select(Selection(status, None, language, edition, after=after), PAGE):
        yield from page
        after = page[-1].number


def _ids_in(file: str, format_: str | None) -> Iterator[str]:
    """The ids that a file names; a record without one, or that cannot be read, names none."""
    with Path(file).open("rb") as stream:
        for record in open_source(stream, file, format_):
            if not record.unreadable and record.fields.get("id") is not None:
                yield str(record.fields["id"]).strip()


def _fields(item: Article) -> dict[str, object]:
    posted_on = item.posted_on.isoformat() if item.posted_on else None
    values = {name: getattr(item, name) for name in Article.__dataclass_fields__}
    return values | {"posted_on": posted_on}
