"""`export`: sidebars as static files."""

from pathlib import Path

import click

from recommender.cli.articles import progress
from recommender.serving.export import export as write_all
from recommender.settings import load_settings
from recommender.wiring import make_files, make_fragment_of, make_recommender, opened_store


@click.command(short_help="Write every sidebar as static files.")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.pass_obj
def export(config: Path | None, directory: Path) -> None:
    """Write the sidebar of every published article into DIRECTORY, as JSON and as HTML.

    The files are as old as the last export: run it after decisions, or every minute. Files that hold the same already
    are left alone, and those of articles that are gone are removed. The folder must be new, empty, or of an earlier
    export.
    """
    settings = load_settings(config)
    with opened_store(settings) as store:
        recommender = make_recommender(store, settings)
        done = write_all(store, recommender, make_fragment_of(), make_files(directory), progress)
    click.echo(f"{done.articles:,} sidebars; {done.written:,} files written, {done.removed:,} removed")
