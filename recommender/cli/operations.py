"""`status` and `settings`: what is there, and what is in force."""

from pathlib import Path

import click

from recommender.embedding.pooling import Geometry
from recommender.settings import load_settings, masked_url, origins
from recommender.wiring import opened_store


@click.command(short_help="Show what the database holds.")
@click.pass_obj
def status(config: Path | None) -> None:
    """Show how many articles there are, which generation is live, and what waits for the next build."""
    settings = load_settings(config)
    with opened_store(settings) as store:
        state = store.state()
        counts = store.articles.counts()
        click.echo(f"database    {masked_url(settings.database_url.get_secret_value())}")
        click.echo(f"articles    {', '.join(f'{count:,} {name}' for name, count in sorted(counts.items())) or 'none'}")
        unlinked = sum(facts.published and not facts.linked for facts in store.articles.facts_since(-1))
        if unlinked:
            click.echo(f"no address  {unlinked:,} published: no box links to them; give them a url")
        live = store.generations.live()
        if live is None:
            click.echo("generation  none yet: run `recommender build`")
            return
        stale = store.generations.stale(live.number)
        click.echo(f"generation  {live.number}, {store.generations.size(live.number):,} articles, {live.model}")
        trust = Geometry.from_bytes(live.geometry).trust
        for language in sorted(trust):
            click.echo(f"language    {language}: {_counts_by(trust[language])}")
        click.echo(f"built       {live.built_on:%Y-%m-%d %H:%M:%S} UTC")
        if live.reranker is not None:
            read, size = store.generations.graded(live.number), store.generations.size(live.number)
            click.echo(f"reader      {live.reranker}, {read:,} of {size:,} boxes read")
            failure = store.verdicts.last_failure(live.reranker)
            if failure is not None:
                click.echo(f"no answer   {failure.at:%Y-%m-%d %H:%M:%S} UTC: {failure.message}")
        click.echo(f"waiting     {len(stale.changed):,} new or changed, {len(stale.left):,} to leave")
        click.echo(f"revision    {state.revision}")


def _counts_by(trust: float) -> str:
    """What decides in a language, in words."""
    if not trust:
        return "words and names decide, the embedding model was not measured there"
    return "the embedding counts fully" if trust == 1 else f"the embedding counts by {trust:.0%}"


@click.command(short_help="Show every setting and where its value comes from.")
@click.pass_obj
def settings(config: Path | None) -> None:
    """Show every setting in force and where its value comes from. Passwords and keys are masked."""
    in_force = origins(load_settings(config), config)
    width = max(len(setting.name) for setting in in_force)
    for setting in in_force:
        click.echo(f"{setting.name:<{width}}  {setting.value}  ({setting.origin})")
