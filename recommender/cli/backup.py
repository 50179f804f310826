"""`backup`, `restore` and `check`: what is kept, as one file, and whether it is whole."""

import sys
import time
from functools import partial
from pathlib import Path

import click

from recommender.cli.audit import in_line
from recommender.operations.backup import back_up
from recommender.operations.current import opened_current
from recommender.operations.files import in_words
from recommender.operations.restore import restore as restore_from
from recommender.settings import load_settings

_TYPED = "replace"
_FILE = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.command(short_help="Write database and models into one file.")
@_FILE
@click.pass_obj
def backup(config: Path | None, file: Path) -> None:
    """Write the database and the models' folder into FILE, which must be new, while the service goes on.

    The file is the same for SQLite and PostgreSQL. Before it gets its name it is restored into a scratch database and
    compared, table by table. It holds hashes of passwords and sessions, and secrets of second factors: only its owner
    can read it (mode 0600).
    """
    started = time.monotonic()
    made = back_up(load_settings(config), file, partial(click.echo, err=True))
    click.echo(
        f"{made.path}: {made.manifest.rows:,} rows of {len(made.manifest.tables)} tables, "
        f"{len(made.manifest.models())} files of models, {in_words(made.bytes)}, restored and compared in "
        f"{time.monotonic() - started:.1f} s. Keep it private: it holds hashes of passwords and sessions, and "
        "secrets of second factors."
    )


@click.command(short_help="Bring a backup back.")
@_FILE
@click.option("--replace", is_flag=True, help="Replace what is there; asks for the word to be typed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def restore(config: Path | None, file: Path, replace: bool, yes: bool) -> None:
    """Bring the backup FILE back into the database and the models' folder that the settings name.

    Stop the service first. A database that holds data stays as it is, unless --replace is given. All is made and
    compared beside what is there before it takes its place; a command that is killed leaves what was there before.
    """

    def confirm(there: list[str]) -> bool:
        if not replace:
            return False
        for line in there:
            click.echo(f"To be replaced: {line}.", err=True)
        return yes or click.prompt(f"Type {_TYPED} to go on", err=True) == _TYPED

    restored = restore_from(load_settings(config), file, confirm, partial(click.echo, err=True))
    click.echo(f"Restored {restored.manifest.rows:,} rows of {len(restored.manifest.tables)} tables.")
    click.echo(in_line(restored.trail))
    for path in restored.kept:
        click.echo(f"What was there before is {path}; remove it when all is well.")
    click.echo("Start the service, and run `recommender doctor`.")


@click.command(short_help="Look for damage in the database, row by row.")
@click.pass_obj
def check(config: Path | None) -> None:
    """Look for damage in the database: of its file, and of what its tables say of each other. Changes nothing.

    A line for each problem, and what to do. The exit code is 1 if there is a problem, else 0.
    """
    settings = load_settings(config)
    with opened_current(settings) as inspection:
        problems = 0
        for flaw in inspection.flaws():
            problems += 1
            click.echo(str(flaw))
    click.echo(f"{problems:,} problems." if problems else "Whole.", err=bool(problems))
    if problems:
        sys.exit(1)
