"""`exposure`: how the sidebars use the archive."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from recommender import metrics
from recommender.errors import InvalidInput, NotBuilt
from recommender.settings import load_settings
from recommender.wiring import opened_store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recommender.articles.article import Article

SHOWN = 10


@click.command(short_help="Show how often each article is shown beside others.")
@click.pass_obj
def exposure(config: Path | None) -> None:
    """Show which articles stand in most sidebars, how many stand in none, and how even it is.

    As of the last `recommender build` that made the neighbours anew.
    """
    settings = load_settings(config)
    with opened_store(settings) as store, store.reading():
        generation = store.state().generation
        if generation is None:
            raise NotBuilt
        shown = store.generations.exposure(generation)
        total = len(shown)
        if not total:
            raise InvalidInput("The live generation holds no article any more. Run `recommender ingest` first.")
        hubs = sorted(shown, key=lambda number: (-shown[number], number))[:SHOWN]
        orphans = sorted(number for number, count in shown.items() if not count)
        articles = store.articles.get([*hubs, *orphans[-SHOWN:]], texts=False)
    click.echo(f"articles    {total:,}")
    click.echo(
        f"shown       {1 - len(orphans) / total:.1%} of them stand in at least one sidebar, {len(orphans):,} in none"
    )
    click.echo(f"gini        {metrics.gini(list(shown.values())):.3f} (0: all alike, 1: one article has it all)")
    click.echo("\nin most sidebars")
    for number in hubs:
        click.echo(f"  {shown[number]:>6,}  {shown[number] / total:>6.2%}  {_name(articles, number)}")
    click.echo("\nin none, the newest")
    for number in reversed(orphans[-SHOWN:]):
        click.echo(f"  {_name(articles, number)}")


def _name(articles: "Mapping[int, Article]", number: int) -> str:
    # An article withdrawn since the build is in its generation until the next update.
    return articles[number].id if number in articles else "(withdrawn)"
