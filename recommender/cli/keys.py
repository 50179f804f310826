"""`keys`: which programs may use the API, and for what."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from recommender.desk.keys import SCOPES, Keys
from recommender.settings import Settings, load_settings
from recommender.store.keys import ApiKey
from recommender.wiring import make_keys, opened_store, utc_now
from recommender.workflows.operator import operator


@dataclass(frozen=True)
class _Cabinet:
    """The keys, the settings, and who changes them."""

    keys: Keys
    settings: Settings
    by: str


@contextmanager
def _cabinet(config: Path | None) -> Iterator[_Cabinet]:
    settings = load_settings(config)
    with opened_store(settings) as store:
        yield _Cabinet(make_keys(store, settings), settings, operator())


@click.group(short_help="Keep the keys of programs that use the API.")
def keys() -> None:
    """Keep the keys of programs that use the API. Every change leaves an entry in the audit trail."""


@keys.command(short_help="Make a key.")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(list(SCOPES)),
    multiple=True,
    required=True,
    help=f"What the program may do; may be given several times. {'; '.join(f'{k}: {v}' for k, v in SCOPES.items())}.",
)
@click.option("--expires", type=click.DateTime(["%Y-%m-%d"]), help="The day, in UTC, that the key ends on.")
@click.pass_obj
def add(config: Path | None, name: str, scopes: tuple[str, ...], expires: datetime | None) -> None:
    """Make a key for the program NAME, such as cms, and print it. It is not shown again."""
    until = None if expires is None else expires.replace(tzinfo=UTC)
    with _cabinet(config) as cabinet:
        click.echo(cabinet.keys.add(name, scopes, cabinet.by, until))


@keys.command("list", short_help="Show all keys.")
@click.pass_obj
def list_(config: Path | None) -> None:
    """Show all keys with their ids, scopes, state, and when they were made and last used; never the keys themselves."""
    with _cabinet(config) as cabinet:
        kept, now, unnamed = cabinet.keys.listing(), utc_now(), len(cabinet.settings.api_keys)
    width = max((len(key.name) for key in kept), default=0)
    for key in kept:
        used = "never used" if key.used is None else f"used {key.used:%Y-%m-%d}"
        scopes = ",".join(key.scopes)
        click.echo(
            f"{key.name:<{width}}  {key.id}  {scopes:<22}  {_state(key, now):<18}  made {key.created:%Y-%m-%d}  {used}"
        )
    if unnamed:
        click.echo(f"The setting api_keys has {unnamed} more, without names; each may do everything.", err=True)
    if not kept and not unnamed:
        click.echo("There is no key yet: run `recommender keys add NAME --scope articles`.", err=True)


def _state(key: ApiKey, now: datetime) -> str:
    if key.ended is not None:
        return f"ended {key.ended:%Y-%m-%d}"
    if key.until is None:
        return "without an end"
    return f"until {key.until:%Y-%m-%d}" if key.holds(now) else f"over {key.until:%Y-%m-%d}"


@keys.command(short_help="End a key.")
@click.argument("name")
@click.pass_obj
def end(config: Path | None, name: str) -> None:
    """End all keys of NAME. They are refused from the next request on."""
    with _cabinet(config) as cabinet:
        ended = cabinet.keys.end(name, cabinet.by)
    click.echo(f"{name}: {ended} {'key has' if ended == 1 else 'keys have'} ended.")


@keys.command(short_help="Replace a key by a new one.")
@click.argument("name")
@click.option(
    "--keep",
    type=click.IntRange(0, 8760),
    default=24,
    show_default=True,
    help="For how many hours the old key holds beside the new one.",
)
@click.pass_obj
def rotate(config: Path | None, name: str, keep: int) -> None:
    """Make a new key for NAME with the scopes of the old one, and print it. It is not shown again."""
    with _cabinet(config) as cabinet:
        click.echo(cabinet.keys.rotate(name, cabinet.by, timedelta(hours=keep)))
